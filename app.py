"""Opens the page: `python app.py`. Everything else is in coach/ui.py."""

from coach.cli import main

if __name__ == "__main__":
    import sys

    sys.argv[1:1] = ["app"]
    main()
