# The commands to remember. `make audit` and `make test` do everything from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
WORKERS ?= 1
S3_SERVER := build/s3/versitygw
VERSITYGW_PACKAGE := github.com/versity/versitygw/cmd/versitygw@v1.8.0

.PHONY: audit test test-slow test-flink flink browser test-kill lint format bench eval setup s3-server demo-corpus starter-model constraints clean

audit: setup  ## run the audit on the bundled demo corpus and say where the results are
	$(BIN)/corpus-audit demo --out $(OUT) --workers $(WORKERS)

test: setup s3-server flink browser  ## the whole test suite
	$(BIN)/python -m pytest -n 2 -rs

test-slow: setup s3-server flink browser  ## also the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m "slow or not slow"

test-kill: setup  ## kill real runs at 500 random points, with one worker and with two
	$(BIN)/python -m tests.kill_harness --points $(or $(POINTS),500)
	$(BIN)/python -m tests.kill_harness --points $(or $(POINTS),100) --workers 2

test-flink: setup s3-server flink  ## the same graph on Apache Flink, embedded and as a cluster, with all files in a bucket
	$(BIN)/python -m pytest -rs tests/test_flink.py tests/test_object_commits.py tests/test_posted_events.py -m "slow or not slow"

flink: build/flink/job-server.jar  ## Flink's job server, by Maven; without Java and Maven its tests are skipped

build/flink/job-server.jar: deploy/flink/pom.xml deploy/flink/SHA256SUMS
	@deploy/flink/fetch build/flink

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## speed, memory, two workers and nights beside their targets, about twenty minutes
	$(BIN)/python -m benchmarks.bench

eval: setup  ## detection quality on ../shared/data, where it is
	$(BIN)/python -m benchmarks.evaluate

starter-model: setup  ## train models/starter again from ../shared/data and the seed corpus
	$(BIN)/python -m models.starter --data ../shared/data --out models/starter

browser:  ## Chromium, for the tests of the review page; without it they are skipped
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] \
	  && { apt-get update -qq; apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; } \
	  || echo "no Chromium: the tests of the review page will be skipped (Debian: apt-get install chromium)" >&2

s3-server: $(S3_SERVER)  ## the S3 server of the tests, about two minutes the first time; without Go they are skipped

$(S3_SERVER):
	@mkdir -p build/s3; if command -v go >/dev/null; then \
	  echo "building $(VERSITYGW_PACKAGE) for the tests of object storage ..."; \
	  GOBIN=$(CURDIR)/build/s3 GOTOOLCHAIN=local go install -trimpath -ldflags "-s -w" $(VERSITYGW_PACKAGE) > build/s3/log 2>&1 \
	    && rm -f build/s3/log \
	    || echo "could not build it, the tests of object storage will be skipped: see build/s3/log" >&2; \
	else echo "no Go: the tests of object storage will be skipped (or set VERSITYGW to a versitygw)" >&2; fi

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
