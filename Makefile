# make demo    set up everything and run both main jobs on the embedded local cloud
# make test    set up everything and run the project's own tests
# make check   formatting, lint and types

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check setup setup-dev clean

demo: setup
	$(BIN)/pytest kb_tests --kb-scenario scenarios/demo-http.yaml \
		--kb-scenario scenarios/demo-storage.yaml --html reports/demo.html --junitxml reports/demo.xml

test: check
	$(BIN)/pytest

check: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup:
	@PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh

setup-dev:
	@PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh dev

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
