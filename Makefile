# Everything a contributor runs. `make install` needs Python 3.11 or newer and nothing else.

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The first of these that is new enough makes the environment; PYTHON=... names another.
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3)

.DEFAULT_GOAL := help
.PHONY: help install install-dev run test lint format law fuzz storms mutations rollback bench lock

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install: $(STAMPS)/project ## Make .venv and install contactfold into it
install-dev: $(STAMPS)/dev

$(STAMPS)/venv:
	@for python in $(CANDIDATES); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "contactfold needs Python 3.11 or newer, and none of these is: $(CANDIDATES)." >&2; \
	  echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or run make PYTHON=/path/to/python." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV) && mkdir -p $(STAMPS) && touch $@

# The lock holds every version and every hash; the project itself is then installed without asking for anything more.
$(STAMPS)/project: requirements.lock pyproject.toml $(STAMPS)/venv
	@echo "Installing contactfold into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/project
	@echo "Installing what tests and checks need ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: install ## Start everything in one process, on this machine's disk
	@exec $(BIN)/contactfold up

# Kafka's broker runs on Java and comes from Maven; without them its tests are left out, and the last lines say so.
test: install-dev ## Run every test, on real servers
	@missing=; for tool in java mvn; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	$(BIN)/python -m pytest $(PYTEST_ARGS); code=$$?; \
	if [ -n "$$missing" ] && [ -z "$$CONTACTFOLD_TEST_KAFKA" ]; then \
	  echo "There is no$$missing here: unless Docker answered, every test that needs Kafka was left out." >&2; \
	  echo "To bring them (Debian, Ubuntu): apt install openjdk-17-jre-headless maven" >&2; \
	fi; exit $$code

lint: install-dev ## Check style, types and import directions
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: install-dev ## Put the code into shape
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

law: install-dev ## Play random histories against the law, for SECONDS=60, ON=memory, sqlite or mongo (SEED=... to repeat)
	@cd tests && ../$(BIN)/python -m oracle.law --seconds $(or $(SECONDS),60) --on $(or $(ON),memory) $(if $(SEED),--seed $(SEED))

fuzz: install-dev ## Let Schemathesis send every route up to EXAMPLES=200 requests drawn at random
	@CONTACTFOLD_TEST_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest tests/integration/openapi/test_schemathesis.py

storms: install-dev ## Kill, stop and restart everything again and again, for ROUNDS=3 (CONTACTFOLD_TEST_SEED=... to repeat)
	@CONTACTFOLD_TEST_STORMS=$(or $(ROUNDS),3) $(BIN)/python -m pytest --durations=10 tests/e2e/test_storms.py tests/integration/faults

mutations: install-dev ## Take out what the law rests on, one thing at a time, and see a test fail (NAME="..." for some)
	@cd tests && ../$(BIN)/python -m mutations $(NAME)

rollback: install-dev ## Take an import of ROWS=200000 back on MongoDB while live events flow, and tell how fast
	@CONTACTFOLD_TEST_ROLLBACK=$(or $(ROWS),200000) $(BIN)/python -m pytest tests/e2e/test_rollback.py

bench: install-dev ## Measure us and others side by side, a few minutes (BENCH_ARGS="--long", "--only NAME")
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Needs uv. No registry's address goes into a lock file: whoever installs chooses their own.
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
  --python-version 3.11 --no-header

lock: ## Resolve the dependencies anew into both lock files
	$(COMPILE) --extra build --extra remote pyproject.toml -o requirements.lock
	$(COMPILE) --extra build --extra remote --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
