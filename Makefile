# One word per job. Everything is installed into .venv from hash-checked requirements; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SITE ?= demo-site
HISTORIES ?= 20000
OPERATIONAL := tests/api tests/browser tests/unit tests/acceptance/test_real_data.py tests/acceptance/test_unseen_shape.py

.PHONY: demo test test-postgresql serve check fix bench docs real-data equality tampering harm clean

demo: $(READY)  ## the main job, end to end, on invented data
	$(BIN)/crisisrisk demo --site $(SITE)

serve: $(READY)  ## the service, on the site that `make demo` made
	$(BIN)/crisisrisk serve --site $(SITE)

# Every program that tests start would compile this package again, where the environment says that bytecode is not kept.
test test-postgresql: export PYTHONDONTWRITEBYTECODE :=

# Files in the order in which they stand: the longest are among the first, so that neither worker ends alone with one.
test: $(READY)  ## what the tests need, then the whole suite
	tests/prepare.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

test-postgresql: $(READY)  ## what makes a site, with a PostgreSQL as its operational database
	tests/prepare.sh
	CRISISRISK_TEST_DATABASE=postgresql $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(or $(TESTS),$(OPERATIONAL))

check: $(READY)  ## lint, format, types, import direction, generated files fresh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m crisisrisk describe all --check

fix: $(READY)  ## mend what lint and format can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## write the generated pages again
	$(BIN)/python -m crisisrisk describe all --write

bench: $(READY)  ## what is fast, against whom, in one run
	$(BIN)/python -m benchmarks

real-data: $(READY)  ## the whole path on the open data sets; writes docs/explanation/real-data.md
	$(BIN)/python -m tests.acceptance.report

equality: $(READY)  ## invented histories through the feature engine and its slow definition, cell by cell
	$(BIN)/python -m tests.generative.equality --histories $(HISTORIES)

harm: $(READY)  ## 2,000 corruptions and 100 swaps of models under a running service
	$(BIN)/python -m tests.lib.corrupting 2000 1
	$(BIN)/python -m tests.lib.swapping 100

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("crisisrisk needs Python 3.11 or newer; say PYTHON=python3.x") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true  # not every installer leaves bytecode, and each start would compile it again
	@touch $(READY)

tampering: $(READY)  ## every kind of tampering with the audit trail, the service killed under load, and who sees what, 50,000 times
	CRISISRISK_TAMPERINGS=2000 CRISISRISK_KILLS=500 CRISISRISK_TRIPLES=50000 CRISISRISK_EXAMPLES=30 $(BIN)/python -m pytest tests/generative/test_audit_tampering.py tests/api/test_audit_failures.py tests/api/test_matrix.py tests/api/test_schemathesis.py

clean:
	rm -rf $(VENV) demo-site .cache build dist
