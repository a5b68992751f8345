# CCPA Office. `make` prints what each target does; each is a line that anyone could type.
# Nothing but Python 3.11 or newer and make is needed. Paths are relative: the folder's own name
# may hold spaces.

.DEFAULT_GOAL := help
.PHONY: help setup run test check fix bench bench-peer rig mutants coverage reset lock docs screenshots
.SILENT: help reset

PY := .venv/bin/python
PICK := for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; p=; done
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r
sum = $(firstword $(shell cksum $(1)))
RUN := .venv/run-$(call sum,requirements.txt)
TEST := .venv/test-$(call sum,requirements-test.txt)
LINT := .venv/lint-$(call sum,requirements-lint.txt)

help: ## print this list
	grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(RUN) ## make the environment in .venv; quick when nothing changed

.venv/pyvenv.cfg:
	@$(PICK); test -n "$$p" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }; $$p -m venv .venv

$(RUN): .venv/pyvenv.cfg
	@echo "Installing the packages of requirements.txt into .venv (once)."
	@$(PIP) requirements.txt && rm -f .venv/run-* && touch $@

$(TEST): $(RUN)
	@$(PIP) requirements-test.txt && rm -f .venv/test-* && touch $@

$(LINT): $(RUN)
	@$(PIP) requirements-lint.txt && rm -f .venv/lint-* && touch $@

run: setup ## run the demo office on http://127.0.0.1:8000 (PORT, DATA_DIR, DATABASE_URL, REDIS_URL)
	@$(PY) manage.py office

test: $(TEST) ## run the whole suite on throw-away engines
	$(PY) -m pytest

check: $(TEST) $(LINT) ## format, lint, types, contracts, migrations, deploy check, translations, docs
	.ci/check

fix: $(LINT) ## format and mend what can be mended by machine
	$(PY) -m ruff check --fix-only --quiet . ; $(PY) -m ruff format .

SCALE := 100k

bench: $(TEST) ## the side-by-side benchmark; writes bench/report.md (SCALE=10k, 100k or 1m)
	$(PY) -m bench --scale $(SCALE)

bench-peer: $(TEST) ## the same with the open-source peer
	$(PY) -m bench --peer

rig: $(TEST) ## fault injection: kills, freezes, broker wipes; TIER=quick or full, or mass PEOPLE=100000
	$(PY) -m tests.rig

COVERED := ccpa_office/law/*,ccpa_office/ledger/*,ccpa_office/work.py,ccpa_office/lanes.py,ccpa_office/keeping.py,requests_app/workflow.py,requests_app/fulfillment/*
MEASURING := tests/law tests/fulfillment $(addprefix tests/office/test_,ledger.py \
	ledger_tampering.py work.py work_stories.py work_races.py keeper.py) $(addprefix \
	tests/requests/test_,workflow.py workflow_stories.py package_pages.py rehearse.py \
	second_chances.py batch_command.py casework.py)

coverage: $(TEST) ## measure lines and branches of the rooms that may hold nothing untried
	$(PY) -m pytest --cov=ccpa_office --cov=requests_app --cov-branch --cov-report= $(MEASURING)
	$(PY) -m coverage report --show-missing --skip-covered --fail-under=100 --include="$(COVERED)"

mutants: $(TEST) ## apply some seventy hand-made mistakes, one at a time; the suite must notice each
	$(PY) -m tests.mutants

docs: setup ## write the generated pages of the manual again
	$(PY) manage.py manual

screenshots: $(TEST) ## take the manual's pictures of a running demo office
	$(PY) -m docs.screenshots

reset: ## remove the demo's data after asking
	$(PY) manage.py reset

lock: $(LINT) ## compile the hashed locks anew from requirements*.in
	for part in requirements requirements-test requirements-lint; do $(PY) -m uv pip compile -q \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	$$part.in -o $$part.txt || exit 1; done
