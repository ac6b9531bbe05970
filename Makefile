# Everything this repository does, by name. Each target does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
DISTRIBUTIONS := proto agent server verify
SOURCES := proto/kashi agent/kashi_agent server/kashi_server verify/kashi_verify
DEMO_FLAGS := $(if $(ONCE),--once,)

.PHONY: help setup demo test check lint types contract walls bench soak packages agent-size generate lock \
  baseline clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## The virtual environment with everything pinned

$(INSTALLED): requirements.lock pyproject.toml $(DISTRIBUTIONS:%=%/pyproject.toml)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Kashi needs Python 3.11 or later; name it: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv (a few minutes the first time) ..."
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	  --no-deps $(DISTRIBUTIONS:%=--editable ./%)
	@touch $@

demo: $(INSTALLED)  ## The whole way once, with generated workloads (ONCE=1: verify and exit)
	@$(BIN)/python -m deploy.demo $(DEMO_FLAGS)

test: $(INSTALLED)  ## Every test; those whose tool is absent skip and name the package
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

check: lint types contract walls  ## Format, lint, types, contract, generated code, import rules

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy $(SOURCES) deploy tests

contract: $(INSTALLED)
	cd proto && ../$(BIN)/buf lint && ../$(BIN)/buf breaking --against baseline.binpb
	$(BIN)/python -m deploy.generate --check

walls: $(INSTALLED)
	$(BIN)/python -m pytest -q tests/test_architecture.py

packages: $(INSTALLED)  ## The agent's .deb, .rpm and aarch64 bundle, in build/packages/
	$(BIN)/python -m deploy.packages

agent-size: $(INSTALLED)  ## Lines of code of the agent, by part
	@$(BIN)/python -m deploy.agent_size

generate: $(INSTALLED)  ## Python from the .proto files
	$(BIN)/python -m deploy.generate

baseline: $(INSTALLED)  ## Freeze the contract: what later changes are compared with
	cd proto && ../$(BIN)/buf build --output baseline.binpb

bench: $(INSTALLED)  ## Figures, printed and written to build/bench.json (ARGS="ledger": one group)
	PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

soak: $(INSTALLED)  ## Kills, power cuts, outages for hours (ARGS="kills=200 cuts=50000": some of it)
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

lock: $(INSTALLED)  ## Resolve requirements.lock anew
	@test -x build/uv/bin/uv || { "$(PYTHON)" -m venv build/uv && build/uv/bin/pip install -q uv==0.13.9; }
	build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --no-emit-package kashi-proto \
	  requirements.in $(DISTRIBUTIONS:%=%/pyproject.toml) --output-file requirements.lock
	build/uv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate deploy/packages/tools.in --output-file deploy/packages/tools.lock

clean:  ## Remove what was made
	rm -rf build dist .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
