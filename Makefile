# Daily work: make lint types unit. Everything: make test.
PYTHON ?= python3
BIN := .venv/bin

.venv/installed: setup.py pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade setuptools wheel
	$(BIN)/pip install --quiet --editable '.[dev]' --config-settings editable_mode=compat
	touch $@

.PHONY: lint types unit
lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy -p twisted_router -p tests

unit: .venv/installed
	PYTHONPATH=. $(BIN)/python -m twisted.trial --reporter=text tests
