VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --without-pip and pip's --python: Debian's Python may lack ensurepip.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --require-hashes -r requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: setup
setup: $(STAMP) ## Create the virtual environment from requirements.lock

.PHONY: run
run: $(STAMP) ## Start everything locally and send the samples (ARGS=--once: then exit)
	@$(BIN)/python -m deploy.local $(ARGS)

.PHONY: test
test: $(STAMP) ## Run the tests, random cases sampled (ARGS=tests/unit: some of them)
	$(BIN)/python -m pytest $(ARGS)

.PHONY: test-all
test-all: $(STAMP) ## Run all tests, with twenty times the examples and more kills
	WAYBILL_TEST_ALL=1 $(BIN)/python -m pytest $(ARGS)

.PHONY: mutate
mutate: $(STAMP) ## Take guards away one by one: tests must notice (ARGS=--help)
	$(BIN)/python -m tools.mutations $(ARGS)

.PHONY: schema-guards
schema-guards: $(STAMP) ## List every constraint and policy: tools/schema_guards/listed/
	$(BIN)/python -m tools.schema_guards

.PHONY: check
check: $(STAMP) ## Format, lint, types, import arrows, protos, generated code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.protos check

.PHONY: format
format: $(STAMP) ## Format the code and sort its imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: protos
protos: $(STAMP) ## Generate gen/ from protos/
	$(BIN)/python -m tools.protos generate

.PHONY: bench
bench: $(STAMP) ## Measure; writes bench/results.md
	$(BIN)/python -m bench $(ARGS)

.PHONY: lock
lock: $(STAMP) ## Resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --all-extras --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	  pyproject.toml -o requirements.lock

.PHONY: clean
clean: ## Remove the virtual environment and the local state (not while it runs)
	@$(PYTHON) -m deploy.local.clean .waybill
	rm -rf $(VENV)
