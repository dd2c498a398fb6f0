# Two commands for a stranger: `make run` and `make test`. Everything else is for people who change healgate.
# Nothing is expected of the machine but Python 3.11 or newer, make and the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= healgate-out
WORKERS ?= auto

# Compiled once and kept: otherwise each pytest process rewrites the assertions of all its plugins again, 1.5 s long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check lint fidelity bench bench-api bench-scale clients kind agree bench-kind clean

run: $(VENV)/ready  ## the whole catalogue with the reference healer on the embedded cluster
	$(BIN)/pytest -q -n $(WORKERS) --out $(OUT)

test: $(VENV)/ready  ## healgate's own tests
	$(BIN)/pytest -q -n $(WORKERS) tests

check: test lint  ## what CI runs, but for `make kind`

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy healgate healers fixtures
	$(BIN)/lint-imports
	$(BIN)/healgate lint

# Without TRACES, the recordings of this project.
fidelity: $(VENV)/ready  ## every recording of a real cluster, played on an embedded one
	$(BIN)/python -m tests.fidelity $(TRACES)

bench: $(VENV)/ready  ## what a trial costs
	$(BIN)/python -m tests.benchmarks.trial

bench-api: $(VENV)/ready  ## the API behind its HTTP door under load, beside a real one; needs wrk
	$(BIN)/python -m tests.benchmarks.api

bench-scale: $(VENV)/ready  ## 1,000, 3,000 and 10,000 pods that crash for an hour of the cluster
	$(BIN)/python -m tests.benchmarks.scale

clients: $(VENV)/ready  ## kubectl, helm, client-go and the Python clients into the user's cache, for tests/clients
	$(BIN)/python -m tests.clients.fetch

# Real clusters. With Docker, kind and kubectl on PATH they are used as they are; without, .ci/kind builds them.
KIND_ARGS ?=

kind: $(VENV)/ready  ## the core scenarios on kind: the reference healer passes, the null healer fails
	.ci/with-kind $(BIN)/python -m tests.kind.controls $(KIND_ARGS)

test-kind: $(VENV)/ready  ## the tests that need an engine: kills, a frozen node, the fixtures on kind
	.ci/with-kind $(BIN)/python -m tests.kind.controls --tests $(KIND_ARGS)

agree: $(VENV)/ready  ## the embedded cluster and kind: the same verdicts for the same reasons
	.ci/with-kind $(BIN)/python -m tests.kind.agree $(KIND_ARGS)

bench-kind: $(VENV)/ready  ## what a real cluster costs, and what many trials at once save
	.ci/with-kind $(BIN)/python -m tests.benchmarks.kind $(KIND_ARGS)

# The environment is made again whenever what it is made from changes.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("healgate needs Python 3.11 or newer; this is %d.%d. Say which: make PYTHON=python3.12" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,kind]'
	touch $@

clean:
	rm -rf $(VENV) $(OUT) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
