.PHONY: demo test lint format reference lock
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
# The stamp carries the lock's checksum: a second run installs nothing, a new lock installs what changed,
# and an interrupted installation never counts as one.
STAMP := $(VENV)/installed-$(shell sha256sum requirements.lock | cut -c1-16)
CORES ?= $(shell nproc)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

demo: $(STAMP)
	snakemake --profile profiles/local --cores $(CORES)

test: $(STAMP)
	pytest -n 3 --dist worksteal tests

lint: $(STAMP)
	ruff check . && ruff format --check . && snakefmt --check Snakefile rules && snakemake --lint

format: $(STAMP)
	ruff check --fix . && ruff format . && snakefmt Snakefile rules

# Written from workflow_scripts/idbias/config/schema.py, whenever that changes.
reference: $(STAMP)
	PYTHONPATH=workflow_scripts python -m idbias.config.reference > docs/configuration.md
	PYTHONPATH=workflow_scripts python -m idbias.config.json_schema > config.schema.json

$(STAMP): requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "idbias needs Python 3.11 (the lock pins packages for it); '$(PYTHON)' is another version. Name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(VENV)/bin/pip || "$(PYTHON)" -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python cannot make a virtual environment here; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.lock
	@rm -f $(VENV)/installed-* && touch $@

lock:
	"$(PYTHON)" -m venv .venv-lock && .venv-lock/bin/pip install --quiet -r requirements.in
	{ echo "# Pinned by 'make lock' from requirements.in (Python 3.11). Every package, exactly."; \
	  .venv-lock/bin/pip freeze | sed 's/+cpu//'; } > requirements.lock
	rm -rf .venv-lock
