.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
TEST_STAMP := .venv/.installed-for-tests
# Byte code halves the time that every command takes to start.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with everything the platform needs

demo: $(STAMP) ## land a sample, run the pipeline, show the first query
	@$(BIN)/event-platform demo

ui: $(STAMP) ## the Dagster UI with sensors and daemon on http://127.0.0.1:3000
	@$(BIN)/dagster dev -h 127.0.0.1 -p 3000

test: $(TEST_STAMP) ## the tests that need Python alone
	$(BIN)/python -m pytest -m "not long and not java and not server"

test-long: $(TEST_STAMP) ## the tests that take long: 200 kills
	$(BIN)/python -m pytest -m long

test-all: $(TEST_STAMP) ## all tests, also those that need Java or a server
	$(BIN)/python -m pytest -m "not long"

check: $(TEST_STAMP) ## linter, formatter, type checker, borders between the folders
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TEST_STAMP) ## the benchmarks beside raw DuckDB, dlt, pandas, Polars and Spark
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks

clean: ## remove the environment; the platform's home stays
	rm -rf .venv *.egg-info

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with: make PYTHON=python3.11 ...")'
	@echo "Making .venv (a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@$(BIN)/python -m compileall -q .venv/lib > /dev/null || true
	@touch $@

$(TEST_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -q .venv/lib > /dev/null || true
	@touch $@

.PHONY: help setup demo ui test test-long test-all check bench clean
