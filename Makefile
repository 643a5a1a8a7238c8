# The commands to remember. `make audit` and `make test` do everything from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
WORKERS ?= 1

.PHONY: audit test test-slow lint format bench eval setup demo-corpus constraints clean

audit: setup  ## run the audit on the bundled demo corpus and say where the results are
	$(BIN)/corpus-audit demo --out $(OUT) --workers $(WORKERS)

test: setup  ## the whole test suite
	$(BIN)/python -m pytest -n 2

test-slow: setup  ## also the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m "slow or not slow"

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## throughput and memory beside the naive script, in one run
	$(BIN)/python -m benchmarks.bench

eval: setup  ## detection quality on ../shared/data, where it is
	$(BIN)/python -m benchmarks.evaluate

demo-corpus: setup  ## write demo/corpus again
	$(BIN)/python -m demo.make

constraints: setup  ## freeze what is installed
	$(BIN)/python -m pip freeze --exclude-editable | grep -v "^pip=\|^setuptools=\|^wheel=\| @ " > constraints.txt

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,bench]"
	touch $@

clean:
	rm -rf $(VENV) out
