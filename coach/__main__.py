"""`python -m coach`: the command, for where no script folder is on the path."""

from coach.cli import main

main()
