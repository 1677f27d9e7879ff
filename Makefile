PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KB := $(BIN)/kb --home .demo
INSTALLED := $(VENV)/.installed
SECONDS ?= 600
SERVERS ?= $(or $(KB_TEST_SERVERS),$(HOME)/.cache/kb-test-servers)

.DEFAULT_GOAL := help
.PHONY: help demo test test-servers fuzz check format bench lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): .ci/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "kb needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement .ci/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

demo: $(INSTALLED)  ## ingest sample_docs, ask three questions, show what failed
	@rm -rf .demo
	@echo '$$ kb ingest sample_docs/'
	@$(KB) ingest sample_docs/ || test $$? -eq 1
	@echo; echo '$$ kb search "how to refund" -k 1'
	@$(KB) search "how to refund" -k 1
	@echo; echo '$$ kb search "怎么退款?" -k 1'
	@$(KB) search "怎么退款?" -k 1
	@echo; echo '$$ kb search "第3.2条" -k 1'
	@$(KB) search "第3.2条" -k 1
	@echo; echo '$$ kb failures'
	@$(KB) failures

test: $(INSTALLED)  ## run the tests
	@$(BIN)/python -m pytest -n 4 --dist worksteal

test-servers: $(INSTALLED)  ## install real embedding servers (5 GB, once) and test with them
	@KB_TEST_SERVERS="$(SERVERS)" $(BIN)/python -m pytest tests/servers

fuzz: $(INSTALLED)  ## read damaged files of every format for SECONDS (600)
	@$(BIN)/python -m tests.extract.fuzz --seconds $(SECONDS) $(FUZZ)

check: $(INSTALLED)  ## lint, types and layers alone, in seconds; the tests run them too
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)  ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## measure speed and memory; the README's figures come from here
	$(BIN)/python -m benchmarks

lock: $(INSTALLED)  ## write the lock file anew from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --group dev pyproject.toml --output-file .ci/requirements.lock

clean:  ## remove everything that make made
	rm -rf $(VENV) .demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
