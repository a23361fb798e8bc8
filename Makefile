# Every target creates the environment in .venv when it is missing or older than its pins.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 0

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs-check clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(READY) ## train, evaluate, export and report on drawn faces, then read a photo; results in demo/
	$(BIN)/mien demo --out demo

test: lint ## lint, then all tests; with MIEN_FER2013=FILE also those on the real data, with WORKERS=auto on all cores
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs-check: $(READY) ## code in the docs runs, links resolve, generated tables are up to date
	$(BIN)/python -m pytest tests/docs
	$(BIN)/mien results tables --check

clean: ## delete the environment and what demo and tests leave
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

# torch goes first: a package that depends on it would otherwise choose its build. On Linux without a GPU,
# TORCH_INDEX=https://download.pytorch.org/whl/cpu saves gigabytes.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$$($(PYTHON) --version) found, 3.11 or newer needed: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[lab,timm,video,heic,serve,ray]' --group dev
	touch $@
