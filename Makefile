# Everything is installed into .venv from hash-locked requirements; nothing else is needed:
# what runs for `up`, the rest as well for everything else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVICES := availability booking telehealth-rooms notifications billing calendar-sync gateway
PACKAGES := $(addprefix libs/,common local operator testing) $(addprefix services/,$(SERVICES))
PROTOS := $(shell find protos -name '*.proto')
STUBS := libs/common/src/attune/.made
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
NODE := tests/ecosystem/node_modules/.made
TOOLS := build/tools/.made
CHECKOV := build/tools/checkov/.made
CATALOGS := $(patsubst %.po,%.mo,$(wildcard services/*/src/*/locale/*/LC_MESSAGES/*.po))
INSTALL = sh requirements/install.sh $(PYTHON) $(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Zones come from the pinned tzdata wheel, never from the machine.
export PYTHONTZPATH :=
# Bytecode is kept: without it each of ten processes compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up test check format lint protos soak fuzz mutate bench chaos pictures reasons messages reqs lock setup clean chart chart-audit

help: ## Show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

up: $(RUNTIME) $(STUBS) $(CATALOGS) ## Run Attune here (ATTUNE_PORT, ATTUNE_DATA); Ctrl-C stops it
	@exec attune up

test: setup ## Run all tests
	@# Four processes for two cores, since many tests wait.
	@pytest -n 4 --durations=10

chart: setup ## Render, validate, lint and score the Helm chart
	@pytest tests/chart
	@python -m tests.chart.tools.scoreboard

chart-audit: setup $(CHECKOV) ## Audit the rendered Helm chart with checkov (290 MB the first time)
	@pytest tests/chart/test_audit.py -m soak

check: setup lint test ## What must hold before a commit: lint, types, tests

lint: setup ## ruff, import rules and mypy alone
	@ruff check .
	@ruff format --check .
	@lint-imports --no-cache
	@# One at a time: every service has a tests/conftest.py of its own.
	@set -e; for part in $(PACKAGES) tests conftest.py; do echo "mypy $$part"; mypy --no-error-summary $$part; done

format: setup ## Format and sort imports
	@ruff check --fix --quiet . || true
	@ruff format .

protos: $(STUBS) ## Generate the gRPC stubs

soak: setup ## The tests that take more than a minute each
	@pytest -n 2 -m soak --timeout=0 --durations=10

fuzz: setup ## Random slot cases, requests to every route, messages to every RPC for SECONDS (600)
	@ATTUNE_EXAMPLES=300 pytest services/availability/tests/domain --timeout=0
	@ATTUNE_FUZZ_SECONDS=$(or $(SECONDS),600) pytest services/gateway/tests/api/test_fuzz.py tests/integration/test_grpc_fuzz.py --timeout=0

bench: setup ## Measure the targets of docs/performance.md (ONLY=P2,P11: some of them)
	@python -m tests.bench $(if $(ONLY),--only $(ONLY))

chaos: setup ## Kill, stop and cut off parts while clients book (SECONDS, SEED, CLIENTS)
	@python -m tests.integration.chaos --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) \
		--clients $(or $(CLIENTS),6)

mutate: setup ## Change one thing at a time, list what no test notices (SEED, COUNT, ONLY=glob)
	@python -m tests.mutate --seed $(or $(SEED),1) --count $(or $(COUNT),40) --only '$(ONLY)'

pictures: setup ## Take the pictures of the README
	@python -m tests.pictures

reasons: setup ## Collect the reasons of all errors for the API reference
	@python -m tests.reasons

messages: setup ## Collect all texts for translation into build/messages (LANGUAGE=es: begin a language)
	@python -m tests.messages $(LANGUAGE)

reqs: test ## Print each requirement with the number of its passing tests
	@python tests/requirements.py

lock: setup ## Compile the locked requirements again
	@sh requirements/lock.sh

setup: $(DEV) $(STUBS) $(NODE) $(TOOLS) $(CATALOGS) ## Install everything, run nothing

clean: ## Remove what was made here (not the data in .attune)
	@rm -rf $(VENV) build $(dir $(STUBS)) $(dir $(NODE)) tests/chart/tools/node_modules

$(RUNTIME): requirements/runtime.txt requirements/installer.txt requirements/install.sh $(PACKAGES:=/pyproject.toml)
	@$(INSTALL) runtime $(filter-out libs/testing,$(PACKAGES))
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@$(INSTALL) dev $(PACKAGES)
	@touch $@

$(NODE): tests/ecosystem/package-lock.json $(DEV)
	@python -m tests.ecosystem.install
	@touch $@

# There is no marker if a tool cannot be had; then the next set-up tries again.
$(TOOLS): tests/chart/tools/install.py tests/chart/tools/package-lock.json $(DEV)
	@python -m tests.chart.tools.install

$(CHECKOV): requirements/audit.txt $(DEV)
	@uv venv --quiet --clear $(@D)
	@uv pip sync --quiet --require-hashes --python $(@D) requirements/audit.txt
	@touch $@

%.mo: %.po $(RUNTIME)
	@pybabel compile --input-file $< --output-file $@

$(STUBS): $(RUNTIME) $(PROTOS)
	@rm -rf $(dir $@) && mkdir -p $(dir $@)
	@python -m grpc_tools.protoc -Iprotos --python_out=libs/common/src --grpc_python_out=libs/common/src \
		--mypy_out=quiet:libs/common/src --mypy_grpc_out=quiet:libs/common/src $(PROTOS)
	@touch $@
