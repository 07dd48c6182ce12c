PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps

.PHONY: demo test quick lint types contracts docs bench clean help

help:
	@echo "make demo    set up, run turncoat on the built-in study, say where the report is"
	@echo "make test    set up and run all tests"
	@echo "make quick   the tests that take seconds;  make lint types contracts docs: the other gates"

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "turncoat needs Python 3.11 or newer; $(PYTHON) is older. Try: make demo PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/core pyproject.toml
	$(BIN)/python -m pip install --quiet --no-compile --group dev -e ".[dask]"
	@touch $@

demo: $(STAMPS)/core
	$(BIN)/turncoat demo --out demo

test: $(STAMPS)/dev
	$(BIN)/python -m pytest

quick: $(STAMPS)/dev
	$(BIN)/python -m pytest -m "not slow"

lint: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMPS)/dev
	$(BIN)/mypy

contracts: $(STAMPS)/dev
	$(BIN)/lint-imports

docs: $(STAMPS)/dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

clean:
	rm -rf $(VENV) demo docs/_build
