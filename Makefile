# Daily work: make lint types unit. Everything: make test. `make` alone explains.
PYTHON ?= python3
BIN := .venv/bin
# `tests` is not installed.
IN_CHECKOUT := PYTHONPATH=$(CURDIR)
TRIAL := $(IN_CHECKOUT) $(BIN)/python -m twisted.trial

# Tests outside these folders need no service, no port and no real time.
WITH_SERVICES := tests/integration/ tests/contracts/
UNIT := $(filter-out $(WITH_SERVICES), $(wildcard tests/*/)) $(wildcard tests/test_*.py)
# tests/net/ tests/test_retry.py -> tests.net tests.test_retry
UNIT := $(subst /,.,$(patsubst %/,%,$(patsubst %.py,%,$(filter-out %__pycache__/,$(UNIT)))))

.NOTPARALLEL:
.PHONY: help run test provision lint types unit fuzz coverage bench clean distclean

help:
	@echo 'make run        start a router with its embedded catalog (Ctrl-C ends it)'
	@echo 'make test       get what the tests need, then lint, types and all tests'
	@echo 'make unit       the fast tests: no services, a few seconds'
	@echo 'make fuzz       millions of broken messages, about 20 minutes (FUZZ="--seed 1")'
	@echo 'make lint       ruff: rules and format'
	@echo 'make types      mypy, strict'
	@echo 'make coverage   the fast tests, with the branches they miss'
	@echo 'make bench      beside nginx, HAProxy and others; BENCH="--quick --cases a,e"'
	@echo 'make clean      remove what builds and tests left (distclean: the venv too)'

.venv/installed: setup.py pyproject.toml
	PYTHON='$(PYTHON)' tests/provision python
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade setuptools wheel
	@# compat: the finder of a modern editable install hides twisted/plugins
	$(BIN)/pip install --quiet --editable '.[dev]' --config-settings editable_mode=compat
	touch $@

run: .venv/installed
	$(BIN)/twistd --nodaemon --pidfile= router

test: provision lint types
	$(TRIAL) tests

provision:
	PYTHON='$(PYTHON)' tests/provision

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy -p twisted_router -p tests

unit: .venv/installed
	$(TRIAL) --jobs=2 --reporter=text $(UNIT)

# What fails is kept as a case for the fast tests.
fuzz: .venv/installed
	$(IN_CHECKOUT) $(BIN)/python -m tests.fuzz $(FUZZ)

coverage: .venv/installed
	$(IN_CHECKOUT) $(BIN)/coverage run -m twisted.trial --reporter=text $(UNIT)
	$(BIN)/coverage report

bench: .venv/installed
	$(IN_CHECKOUT) $(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf build dist .mypy_cache .ruff_cache .hypothesis .coverage _trial_temp*
	find twisted twisted_router tests -name __pycache__ -prune -exec rm -rf {} +
	-docker ps --all --quiet --filter label=twisted-router-test 2>/dev/null | \
		xargs --no-run-if-empty docker rm --force --volumes >/dev/null

distclean: clean
	rm -rf .venv var *.egg-info
