# The suite's commands. Every target explains itself in `make help`.
#   make run                   the demo company on http://127.0.0.1:8100
#   make run DATA=DIR          a real RFID3 export: a folder of <table>.csv or <table>.csv.gz
.DEFAULT_GOAL := help
.PHONY: help setup dev run test check bench chaos clean
.SILENT:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-warn-script-location -c constraints.txt
MEMBERS := shared $(patsubst %/pyproject.toml,%,$(sort $(wildcard services/*/pyproject.toml))) gateway deploy
SETUP := $(VENV)/.setup
DEV := $(VENV)/.dev
# options of `rfid3 up`: ITEMS, MONTHS and SEED shape the demo company
UP := $(if $(DATA),--data "$(DATA)") $(if $(ITEMS),--items $(ITEMS)) $(if $(MONTHS),--months $(MONTHS)) $(if $(SEED),--seed $(SEED))

help: ## Show this list
	awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Make .venv with the exact versions of constraints.txt

run: $(SETUP) ## Start everything and stay in the foreground: make run [DATA=DIR]
	exec $(BIN)/rfid3 up $(UP)

test: $(DEV) ## Run the tests; those that need MariaDB run where mariadbd is installed
	exec $(BIN)/python -m pytest -q -n 2 --dist loadgroup $(ARGS)

check: $(DEV) ## Check style, types, import contracts and the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(DEV) ## Measure, and print the peer's figure beside ours: make bench [ONLY="processes twin"]
	$(BIN)/python -m bench $(ONLY)

chaos: $(DEV) ## Kill workers, work, Redis and MariaDB at random, 300 times: make chaos [KILLS=1000] [SEED=7]
	$(BIN)/python -m bench.chaos $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

clean: ## Delete .venv and what tools leave behind; var (data, models, keys) stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build
	find . -name __pycache__ -o -name '*.egg-info' | grep -v '^./var/' | xargs rm -rf

# Python 3.11 or newer that can make virtual environments
$(BIN)/python:
	for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "setup: $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "setup: needs Python 3.11, 3.12 or 3.13 with its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 2

$(SETUP): requirements.txt constraints.txt $(MEMBERS:%=%/pyproject.toml) | $(BIN)/python
	echo "setup: installing the suite and its libraries (a minute or two)"
	$(PIP) setuptools
	$(PIP) --no-build-isolation -r requirements.txt
	touch $@

$(DEV): pyproject.toml $(SETUP)
	echo "setup: installing the tools for tests and checks"
	$(PIP) $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"])')
	touch $@
