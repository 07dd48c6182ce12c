PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
# Bytecode is made for what is used; compiling all that is installed takes time and 150 MB.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check

.PHONY: help demo test quick lint types contracts docs bench clean

help:
	@echo "make demo    set up, run turncoat on the built-in study, say where the report is"
	@echo "make test    set up and run all tests"
	@echo "make quick   the tests that take seconds"
	@echo "make lint types contracts docs    the other gates"
	@echo "make bench   start-up figures;  make clean    remove what was made here"

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "turncoat needs Python 3.11 or newer; $(PYTHON) is older. Try: make demo PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade "pip>=25.1"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/core: $(STAMPS)/venv pyproject.toml
	$(INSTALL) -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/core pyproject.toml
	$(INSTALL) --group dev -e ".[dask,hdf5plugin]"
	@touch $@

# Compiling the loops belongs to the set-up; their cache lies beside the sources.
$(STAMPS)/warm: $(STAMPS)/core
	$(BIN)/turncoat warmup
	@touch $@

demo: $(STAMPS)/warm
	$(BIN)/turncoat demo --out demo

test: $(STAMPS)/dev
	MPLBACKEND=Agg $(BIN)/python -m pytest

quick: $(STAMPS)/dev
	MPLBACKEND=Agg $(BIN)/python -m pytest -m "not slow"

lint: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMPS)/dev
	$(BIN)/mypy

contracts: $(STAMPS)/dev
	$(BIN)/lint-imports

docs: $(STAMPS)/dev
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: $(STAMPS)/dev
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/render.py

clean:
	rm -rf $(VENV) demo docs/_build docs/api/generated
