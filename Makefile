.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 3000
BIN := .venv/bin
STAMP := .venv/.installed
DEMO_STAMP := .venv/.installed-for-the-demo
TEST_STAMP := .venv/.installed-for-tests
ALL_STAMP := .venv/.installed-for-all-tests
BENCH_STAMP := .venv/.installed-for-benchmarks
DOCS_STAMP := .venv/.installed-for-docs
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e
# Byte code halves the time that every command takes to start.
export PYTHONDONTWRITEBYTECODE :=
COMPILE := $(BIN)/python -m compileall -q .venv/lib event_platform > /dev/null || true

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with everything the platform needs

demo: $(DEMO_STAMP) ## land a sample of each feed, run the pipeline, show first answers
	@$(BIN)/event-platform demo

explore: $(DEMO_STAMP) ## plots and SQL over the lake in the browser
	@$(BIN)/event-platform explore

ui: $(STAMP) ## the Dagster UI with sensors and daemon on http://127.0.0.1:3000 (another port: make ui PORT=3001)
	@$(BIN)/event-platform ui --port $(PORT)

services: $(TEST_STAMP) ## servers to try things with, such as: make services NAMES="postgres trino"; without NAMES it lists them
	@$(BIN)/python -m infra $(NAMES)

kafka: $(TEST_STAMP) ## a Kafka broker and a registry of schemas on this machine
	@$(BIN)/python -m infra kafka registry

test: $(TEST_STAMP) ## the tests that need Python alone, in less than ten minutes
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long and not slow and not java and not server and not terraform"

test-long: $(TEST_STAMP) ## the tests that take long: kills at 200 random moments
	$(BIN)/python -m pytest -n 2 --dist worksteal -m long

test-all: $(ALL_STAMP) ## all tests, also those that need Java or a server
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

check: $(ALL_STAMP) ## linter, formatter, type checker, borders between the folders, Dockerfiles
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	! git grep -nE '^(<{7}|>{7}) '
	$(BIN)/hadolint docker/*Dockerfile docker/superset/Dockerfile

check-infra: .venv-infra/.installed ## checkov over Terraform, Dockerfiles and workflows, and the scripts, in an environment of its own
	.venv-infra/bin/checkov --directory terraform --directory docker --directory .github --framework terraform dockerfile github_actions --quiet --compact --skip-download
	.venv-infra/bin/shellcheck terraform/deploy docker/postgres/databases.sh docker/superset/start.sh

secrets: ## docker/.env with a value of its own for each password of the containers
	@$(PYTHON) docker/make_secrets.py

deploy: ## build, plan and apply this commit on AWS; see docs/deploying.md
	@terraform/deploy

docs: $(DOCS_STAMP) ## the documentation as a site in site/, with its links checked
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

bench: $(BENCH_STAMP) ## the benchmarks beside raw DuckDB, dlt, pandas, Polars and Spark
	$(BIN)/python -m benchmarks

clean: ## remove the environment; the platform's home stays
	rm -rf .venv *.egg-info

$(STAMP): setup.py constraints.txt
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON) here; install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "$(PYTHON) is Python %d.%d; 3.11 or newer is needed. Say which: make PYTHON=python3.11 ..." % sys.version_info[:2])'
	@echo "Making .venv: packages from PyPI, about 600 MB once installed (a minute or two, on a slow network many) ..."
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(INSTALL) .
	@$(COMPILE)
	@touch $@

$(DEMO_STAMP): $(STAMP)
	@echo "Installing what the demo and its notebook need ..."
	@$(INSTALL) '.[demo]'
	@$(COMPILE)
	@touch $@

$(TEST_STAMP): $(STAMP)
	@echo "Installing what tests and services need (some minutes) ..."
	@$(INSTALL) '.[dev]'
	@$(COMPILE)
	@touch $@

$(ALL_STAMP): $(TEST_STAMP)
	@echo "Installing Spark and the clients of other servers (some minutes) ..."
	@$(INSTALL) '.[dev,aws,hive,spark,trino]'
	@$(COMPILE)
	@touch $@

.venv-infra/.installed: infra/check-infra.txt
	@$(PYTHON) -m venv --clear .venv-infra
	@.venv-infra/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(DOCS_STAMP): $(STAMP)
	@$(INSTALL) '.[docs]'
	@touch $@

$(BENCH_STAMP): $(TEST_STAMP)
	@$(INSTALL) '.[bench]'
	@$(COMPILE)
	@touch $@

.PHONY: help setup demo explore ui services kafka test test-long test-all check check-infra secrets deploy docs bench clean
