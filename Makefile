# The two commands: `make tour` and `make test`. Each needs python3 >= 3.11 (with venv) and make, and nothing else:
# the first run builds .venv, later runs go straight to work.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq
# Workers of pytest: WORKERS=0 runs in one process.
WORKERS ?= auto
# More words for pytest, or for the tour: make tour ARGS="--story 3 --lang en"
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help tour test check lint types floors coverage-docs docs bench test-all exam clean

help:
	@echo "make tour      one message from write() to the signal on the cable and back (ARGS=\"--lang en --story 2\")"
	@echo "make test      all tests"
	@echo "make check     format, lint, types, floors, documents, then all tests"
	@echo "make bench     the benchmarks, beside a kernel veth pair of the same minute (needs root for the TAP part)"
	@echo "make test-all  all tests under every Python from 3.11 on that is installed"
	@echo "make exam      the long exam of integrity: hundreds of bad networks and long runs, hours; writes docs/integrity.md"
	@echo "make docs      write the generated documents anew (docs/rfc-coverage.md, pictures)"
	@echo "make graphs    draw the pictures of docs/congestion.md anew, in minutes"
	@echo "make mutants   break TCP in thousands of small ways: which ones do the tests find? (ARGS=\"--sample 60\")"
	@echo "make clean     remove what the others made"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "netarium needs Python 3.11 or later; $(PYTHON) is not. Try: make PYTHON=python3.12" >&2; exit 1; }
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "python3 has no venv module here. Try: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.installed-all $(VENV)/.installed-test $(VENV)/.installed-dev $(VENV)/.installed-mutation: $(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@echo "installing netarium[$*] into $(VENV) ..."
	@$(PIP) install --editable '.[$*]'
	@touch $@

tour: $(VENV)/.installed-all
	@$(BIN)/netarium tour $(ARGS)

test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: run $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(VENV)/.installed-dev
	@$(BIN)/mypy --no-error-summary

floors: $(VENV)/.installed-dev
	@$(BIN)/lint-imports --no-logo > $(VENV)/.floors 2>&1 || { cat $(VENV)/.floors; exit 1; }

coverage-docs: $(VENV)/.installed-dev
	@$(BIN)/python tools/rfc_coverage.py --check --holes
	@$(BIN)/python tools/profiles.py --check

check: lint types floors coverage-docs
	@$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

docs: $(VENV)/.installed-dev
	@$(BIN)/python tools/rfc_coverage.py
	@$(BIN)/python tools/profiles.py
	@$(BIN)/python tools/picture.py

graphs: $(VENV)/.installed-dev
	@$(BIN)/python tools/graphs.py $(ARGS)

mutants: $(VENV)/.installed-mutation
	@nice $(BIN)/python tools/mutation.py $(ARGS)

bench: $(VENV)/.installed-test
	@$(BIN)/python -m benchmarks $(ARGS)

exam: $(VENV)/.installed-test
	@$(BIN)/python tools/exam.py $(ARGS)

test-all:
	@tools/test_all.sh $(ARGS)

clean:
	@rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
