# make install | demo | test | test-slow | test-widths | lint | bench | docs | clean       needs python3 >= 3.11 (or PYTHON=...) and make
# The first target to run installs the locked packages into .venv; after that nothing touches the network.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n auto
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export HF_HUB_OFFLINE ?= 1

DOCS_VENV ?= .docs-venv
DOCS_STAMP := $(DOCS_VENV)/.installed

.PHONY: install demo test test-slow test-widths lint bench docs clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("wordline needs Python >= 3.11; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(STAMP)
	$(BIN)/wordline quickstart

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m slow

# Compiled kernels as written for each width of vector registers, whatever this processor has.
test-widths: $(STAMP)
	for bits in 128 256 512; do \
	  WORDLINE_VECTOR_BITS=$$bits $(BIN)/python -m pytest $(PYTEST_ARGS) tests/kernels tests/circuits/linear/compiled || exit 1; \
	done

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m pytest benchmarks -o python_files='bench_*.py' --benchmark-only

$(DOCS_STAMP): requirements-docs.lock
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	@touch $@

# The site in build/site: runs the tutorials that have changed, then looks at every page in a browser.
docs: $(STAMP) $(DOCS_STAMP)
	$(DOCS_VENV)/bin/python docs/site/build.py --python $(abspath $(BIN))/python
	SITE=build/site $(BIN)/python -m pytest -n 0 tests/docs/test_site.py

clean:
	rm -rf $(VENV) $(DOCS_VENV) .ci-venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
