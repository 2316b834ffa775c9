# The same commands for people, pre-commit and CI. Everything happens in .venv; the first call sets it up.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= runs/demo

.PHONY: setup demo test test-slow conform check format generate clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "zoo needs Python 3.11 or later; set it with: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup  ## pre-trained against from scratch on real handwriting, about 4 minutes on 4 cores
	$(BIN)/zoo bench digits --out $(OUT)

test: setup  ## one process a core, each with one thread
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: setup  ## re-makes the shipped checkpoints, about 8 minutes
	$(BIN)/python -m pytest -m slow

conform: setup  ## the smallest member of each family of each provider against the contract, about 5 minutes on 4 cores
	$(BIN)/zoo conform --families --max-params 60M --timeout 60 --against benchmarks/conformance/rows.jsonl

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m zoo.upkeep.catalog --check
	$(BIN)/python -m zoo.upkeep.parts --check
	$(BIN)/python -m zoo.upkeep.cards --check

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: setup  ## everything that is made from code or rows: the catalog (from the libraries in .venv), model cards, pages of benchmarks
	$(BIN)/python -m zoo.upkeep.catalog
	$(BIN)/python -m zoo.upkeep.parts
	$(BIN)/python -m zoo.upkeep.cards
	$(BIN)/python benchmarks/parity/compare.py

clean:
	rm -rf .venv runs build dist .mypy_cache .ruff_cache .pytest_cache
