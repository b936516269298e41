# make demo | make test: each sets everything up by itself. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test quick bench soak screenshots check format lock torch clean

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# The package is compiled once: where Python is told to write no bytecode, each process would do it again.
$(VENV)/.ready: .ci/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'grader needs Python 3.11 or newer: make PYTHON=python3.12 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q grader
	@touch $@

demo: $(VENV)/.ready ## grade the demo course in this folder: a class of 24, feedback pages, a weighted gradebook
	$(BIN)/grader demo

test: $(VENV)/.ready ## every test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

quick: $(VENV)/.ready ## the tests that take seconds
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not slow and not browser'

bench: $(VENV)/.ready ## how fast it is on this machine, beside nbgrader; BENCH=--quick or --full
	$(BIN)/python -m benchmarks.grading $(BENCH)
	$(BIN)/python -m benchmarks.cluster $(BENCH)
	$(BIN)/python -m benchmarks.database

soak: $(VENV)/.ready ## grade under random kills and bombs; SOAK='--minutes 30'
	$(BIN)/python -m benchmarks.soak $(SOAK)

screenshots: $(VENV)/.ready ## pictures of the review pages, into docs/screenshots (needs a Chromium)
	$(BIN)/python -m benchmarks.screenshots

check: $(VENV)/.ready ## lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.ready ## rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

torch: $(VENV)/.ready ## PyTorch for the demo's training loop (2.13.0, the release that is tested)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --group dev pyproject.toml -o .ci/requirements.lock

clean: ## remove what the demo made and the environment
	rm -rf $(VENV) .grader roster.csv gradebook.db* gradebook.csv nbgrader_config.py
	find release submitted autograded feedback -mindepth 1 ! -name .gitkeep -delete
