# make demo   the practice system with a fault in it, and the console on it
# make test   every test, the slow ones too
# make check  the gates without the slow tests
# make bench  measurements beside the peers that are installed; ARGS=screen, logs or diagnosis: only that group
.PHONY: demo test check bench lint types style layers compiled requirements clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Bytecode is kept also where the shell says otherwise: without it the program compiles itself anew at every start.
export PYTHONDONTWRITEBYTECODE :=

demo: $(VENV)/.run
	$(BIN)/incident demo $(SCENARIO)

# Four at once on two cores: half of the time tests wait for a terminal, a server or a minute to pass.
# What fails beside other work runs once more alone: tests of time and of real terminals need the machine to themselves.
test: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS) || $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS)

check: $(VENV)/.dev lint
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

# Two at once: the types take as long as all the rest. Who collects the tests first compiles them for all who run them.
lint: $(VENV)/.dev
	@$(MAKE) --no-print-directory -j 2 types style layers compiled

types:
	$(BIN)/mypy

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers:
	$(BIN)/lint-imports --no-logo

compiled:
	@$(BIN)/python -m pytest --collect-only -qq > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# What the program needs; hash-pinned. The editable install is made without a network: its build backend is pinned too.
$(VENV)/.run: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 console sources widgets
	touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 console sources widgets
	touch $@

requirements:
	uv pip compile pyproject.toml --extra fast --universal --generate-hashes --no-annotate --no-header --python-version 3.11 -o requirements.txt
	uv pip compile --group pyproject.toml:build --universal --generate-hashes --no-annotate --no-header --python-version 3.11 -o requirements-build.txt
	uv pip compile pyproject.toml --extra fast --group dev --universal --generate-hashes --no-annotate --no-header --python-version 3.11 -o requirements-dev.txt

clean:
	rm -rf $(VENV) .cache build dist
