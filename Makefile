# Everything that people run. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo up test bench chaos check programs readers token lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/ready readers ## start everything, tag a batch of real PDFs, show it live, stop
	@$(BIN)/python stack.py demo

up: $(VENV)/ready ## start everything and stay up (PORT=8000, REDIS_URL=...)
	@$(BIN)/python stack.py up

test: check ## lint, types and all tests, against a real Redis
	@$(BIN)/python -m pytest

check: $(VENV)/ready ## lint and types only
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

# Debian's packages, each with the program, or the language among Tesseract's, by which it is known to be there.
READERS := tesseract-ocr:tesseract tesseract-ocr-eng:eng tesseract-ocr-hin:hin tesseract-ocr-osd:osd
PROGRAMS := $(READERS) chromium:chromium iproute2:ip

programs: ## install what reads scans, and what some tests drive: a browser, network namespaces (apt, as root)
	@$(call install,$(PROGRAMS))

readers:
	@$(call install,$(READERS))

# Says what to do where it may not. A mirror that does not answer holds nobody up for long.
APT := timeout 600 apt-get -qq -o Acquire::http::Timeout=15 -o Acquire::Retries=1 -o DPkg::Lock::Timeout=60
define install
lacking=; languages=$$(tesseract --list-langs 2>/dev/null); for each in $(1); do known=$${each#*:}; \
	{ command -v $$known || echo "$$languages" | grep -x $$known; } >/dev/null || lacking="$$lacking $${each%:*}"; done; \
if [ -z "$$lacking" ]; then exit 0; fi; \
if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "as root: apt-get install$$lacking"; exit 0; fi; \
echo "installing$$lacking (once)" >&2; export DEBIAN_FRONTEND=noninteractive; \
{ $(APT) update && $(APT) install -y --no-install-recommends $$lacking; } </dev/null >/dev/null \
	|| echo "this failed: apt-get install$$lacking" >&2
endef

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
	@test ! -e $(VENV)/ready || $(BIN)/python stack.py idle
	rm -rf $(VENV) .tagstream build protocol/build *.egg-info protocol/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
