# Each target installs what it needs into $(VENV), node_modules and caches, all of them ignored by git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
# Temporary files are in memory where that has room for them: a database on a disk waits for it at every commit.
SHM := $(shell df -kP /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 {print $$6}')
PYTEST := $(if $(SHM),TMPDIR=$(SHM)) $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
DEMO := $(BIN)/atpub
DEMO_MANIFEST := manifests/quickstart/atpub.yaml

# Tests and the commands that they start are compiled once, and not in each process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test test-fast check bench lint types generated docs reference clean

# Publish the quickstart manifest to a repository in a folder: validate, plan, apply, and plan again.
quickstart: $(VENV)/.run
	$(DEMO) validate -m $(DEMO_MANIFEST)
	$(DEMO) plan -m $(DEMO_MANIFEST)
	$(DEMO) apply -m $(DEMO_MANIFEST) --yes
	$(DEMO) plan -m $(DEMO_MANIFEST)

# Every test. ARGS goes to pytest: make test ARGS='tests/shards -k tar'
test: $(VENV)/.dev
	$(PYTEST) $(ARGS)

# The quick loop: no server, no type checker, and no test marked slow.
test-fast: $(VENV)/.dev
	$(PYTEST) -m 'not pds and not slow' $(ARGS)

# What continuous integration runs.
check: lint types generated docs test

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/basedpyright

generated: $(VENV)/.dev
	$(BIN)/atpub generate --check

# The documentation as a site: build/site/index.html. A warning, such as a link that leads nowhere, is an error.
docs: $(VENV)/.dev
	$(BIN)/python -m docs.reference_pages --check
	$(BIN)/sphinx-build --fail-on-warning --keep-going --fresh-env --quiet --doctree-dir build/doctrees docs build/site

# The pages in docs/reference from the code, and the manifest's JSON Schema from the lexicons.
reference: $(VENV)/.dev
	$(BIN)/python -m docs.reference_pages

# Benchmarks; ARGS names some: make bench ARGS=startup
bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks $(ARGS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("atpub needs Python 3.11 or newer; try make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build dist tests/*/*/node_modules manifests/*/.atpub
