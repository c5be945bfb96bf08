# The targets people and CI call; docs/how-to/develop.md explains them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: serve install test check bench fuzz soak clean

serve: $(VENV)/.base
	@exec $(BIN)/tradewatch serve $(ARGS)

install: $(VENV)/.dev

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/reference_pages.py --check
	$(BIN)/python tools/contracts.py

bench: $(VENV)/.dev
	$(BIN)/python -m bench

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz
	TRADEWATCH_FUZZ_REST_S=600 $(BIN)/python -m pytest tests/system/test_schemathesis.py

soak: $(VENV)/.dev
	$(BIN)/python -m bench --scenario soak

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tradewatch needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable .
	@touch $@ $(VENV)/.base
