.PHONY: demo test lint format reference lock
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
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

# torch comes first and by itself: its build, for processors or for CUDA, brings the packages that it needs (the
# lock has none of CUDA's). The lock is complete and is installed as it is: pip would refuse its numpy (see [tool.uv]
# in pyproject.toml). With an index of its own: make TORCH_INDEX=https://download.pytorch.org/whl/cu126
PIP := $(VENV)/bin/pip --quiet --disable-pip-version-check
$(STAMP): requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' || \
	  { echo "idbias needs Python 3.11 or 3.12 (the lock pins packages for these); '$(PYTHON)' is another version. Name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(VENV)/bin/pip || "$(PYTHON)" -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python cannot make a virtual environment here; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@"$(VENV)/bin/python" -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2>/dev/null && \
	  command -v cc >/dev/null || { echo "dadapy comes as source and is compiled: that needs gcc and Python's headers; on Debian or Ubuntu: apt install gcc python3-dev, on RHEL: dnf install gcc python3.11-devel"; exit 1; }
	$(PIP) install --constraint requirements.lock $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX) --extra-index-url https://pypi.org/simple) torch
	$(PIP) install --no-deps -r requirements.lock
	@rm -f $(VENV)/installed-* && touch $@

# Newest versions that requirements.in and [tool.uv] of pyproject.toml allow, the same for Python 3.11 and 3.12.
lock:
	"$(PYTHON)" -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv==0.13.9
	{ echo "# Resolved by 'make lock' from requirements.in, for Python 3.11 and 3.12: every package, exactly. How to"; \
	  echo "# install it: Makefile, or docs/installation.md. CUDA's packages come with torch, which is installed first."; \
	  .venv-lock/bin/uv pip compile --quiet requirements.in --upgrade --universal --python-version 3.11 \
	    --fork-strategy fewest --no-header --annotation-style line | \
	  sed "s/ ; python_full_version < '3.13' and platform_machine == 'x86_64' and sys_platform == 'linux'//" | \
	  grep --invert-match --extended-regexp '^(nvidia|cuda|triton)\b'; } > requirements.lock
	rm -rf .venv-lock
