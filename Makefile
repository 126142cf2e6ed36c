PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
LOWEST := .venv-lowest
# What Ray's metrics agent needs. Beside the environment: in it, each Ray of the tests would start one.
METRICS := $(VENV)/metrics
# A file's tests share what its fixtures made, so a file goes to one process.
IN_PARALLEL := -n auto --maxprocesses 8 --dist loadfile
# Threads of torch that wait for work give the core to another process's threads.
export OMP_WAIT_POLICY ?= PASSIVE
# One thread in each of the processes, of which there is one for each core.
test test-lowest: export OMP_NUM_THREADS ?= 1
# The tests start many processes, each of which would compile the packages anew.
test test-slow test-lowest: export PYTHONDONTWRITEBYTECODE :=
WITH_EXTRAS := .[dev,cmaes,heif,huggingface,mlflow,onnx,postgres,tensorboard]

.DEFAULT_GOAL := help
.PHONY: help venv lint test test-slow test-lowest demo clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

venv: $(STAMP) ## Make or renew the environment, .venv

lint: $(STAMP) ## Check style, formatting, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(STAMP) ## Run the tests, but for the longer ones
	$(BIN)/pytest $(IN_PARALLEL)

test-slow: $(STAMP) ## Run the longer tests
	$(BIN)/pytest -m slow $(IN_PARALLEL)

test-lowest: $(LOWEST)/.stamp ## Run the tests with the lowest releases of pyproject.toml, in .venv-lowest
	$(LOWEST)/bin/pytest $(IN_PARALLEL)

demo: $(STAMP) ## Search, rank, export, train and report on the embedded data
	$(BIN)/python -m search.cli.demo

clean: ## Remove the environment, the caches and what a build or the demo left
	rm -rf $(VENV) $(LOWEST) build dist runs/demo *.egg-info
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A renewal that broke off leaves no stamp, so the next call does it again.
$(STAMP): pyproject.toml constraints.txt
	rm -f $@
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -e '$(WITH_EXTRAS)' -c constraints.txt
	$(BIN)/python .ci/metrics.py > $(METRICS).txt
	$(BIN)/pip install --disable-pip-version-check --upgrade --target $(METRICS) -r $(METRICS).txt -c constraints.txt
	touch $@

$(LOWEST)/.stamp: pyproject.toml .ci/lowest.py
	rm -f $@
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --disable-pip-version-check -e '$(WITH_EXTRAS)' -c $(LOWEST)/constraints.txt
	touch $@
