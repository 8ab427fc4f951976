# Everything that people run. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo up test bench chaos check programs token lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/ready ## start everything, tag a batch of real PDFs, show it live, stop
	@$(BIN)/python stack.py demo

up: $(VENV)/ready ## start everything and stay up (PORT=8000, REDIS_URL=...)
	@$(BIN)/python stack.py up

test: check ## lint, types and all tests, against a real Redis
	@$(BIN)/python -m pytest

check: $(VENV)/ready ## lint and types only
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

# Debian's packages, with the program of each by which it is known to be there.
PROGRAMS := chromium:chromium iproute2:ip

programs: ## install what some tests drive: a browser, and network namespaces (apt, as root)
	@lacking=; for each in $(PROGRAMS); do command -v $${each#*:} >/dev/null || lacking="$$lacking $${each%:*}"; done; \
	if [ -z "$$lacking" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "as root: apt-get install$$lacking"; exit 0; fi; \
	echo "installing$$lacking (once)" >&2; export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $$lacking </dev/null >/dev/null \
		|| echo "this failed: apt-get install$$lacking" >&2

bench: $(VENV)/ready ## measure speed against a baseline in the same run
	@$(BIN)/python -m bench

chaos: $(VENV)/ready ## kill, stop and cut everything off for 3 minutes: nothing lost, nothing twice (SEED=7)
	@$(BIN)/python -m bench.chaos $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

token: $(VENV)/ready ## print a token for the stack of `make up` (SUB=alice)
	@$(BIN)/python stack.py token '$(or $(SUB),$(error say whose token: make token SUB=alice))'

$(VENV)/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tagstream wants Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	@echo "preparing $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV) || { echo "Python has no venv module here; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m compileall -q api actors protocol
	@touch $@

# Every lock holds exact versions and hashes, and names no host to fetch from.
LOCK = $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade

lock: $(VENV)/ready ## resolve the dependencies anew
	@$(BIN)/python -m pip install --quiet uv
	@for role in api worker dev; do $(LOCK) --group $$role -o requirements-$$role.txt; done
	@$(LOCK) protocol/pyproject.toml --extra client -o protocol/requirements-client.txt

clean: ## remove the environment and what the stacks kept
	rm -rf $(VENV) .tagstream build protocol/build *.egg-info protocol/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
