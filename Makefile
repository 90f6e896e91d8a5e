# make demo    set up everything and run both main jobs on the embedded local cloud
# make test    set up everything and run the project's own tests
# make pytest  the tests alone, where all is set up
# make check   formatting, lint and types
# make ui      set up everything and open the web UI on the records in reports/
# make check-web  types and lint of the pages' scripts, and whether the vendored ones are as pinned; needs Node
# make nightly what `make test` has no time for, hours of it; each part is a target of its own:
# make fresh        both commands of the README in bare Debian 12 and 13 roots
# make campaign     300 runs with a fault each: nothing leaks, no verdict is wrong
# make fuzz         10,000 cases of each kind of wild input: scenario files, messages, reports, journals
# make slow         longer ways of what a shorter test of make test shows
# make wrong-servers  servers that answer wrongly in all ways we know are red, true ones green
# make pairings     kb cleanup by every entry of clouds.yaml after a run of every other one
# make watched      a session that 64 shells follow at once is as one that nobody watches
# make web-nightly  kb ui asked from outside: a cloud driven by requests alone, and what takes it long
# make error-rates  how often the shipped verdicts err, by simulation
# make neighbours   sessions beside pytest plugins that rerun, repeat, reorder and time out tests
# make readme       the pages' commands that take over half a minute, in a fresh clone and from a wheel
# make browser      the web UI in Chromium on all screens, from nothing to a verdict, and make check-web; brings Node
# make openstack    the acceptance on a real OpenStack of this machine's own

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest

# Containers' images like to set these. The tests start some hundred processes, each of which would compile everything
# anew; and what prints into a pipe without buffers works there alone.
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONUNBUFFERED

FUZZED := tests/unit/scenario tests/unit/agent/test_protocol.py tests/unit/agent/test_resp.py \
	tests/unit/agent/test_fio_output.py tests/unit/agent/test_http_response.py tests/unit/fleet/test_hostile.py \
	tests/unit/cloud/test_journal.py tests/unit/measure/test_storage.py tests/unit/measure/test_histogram.py \
	tests/unit/sla/test_wild.py tests/unit/cloud/test_wild_answers.py

# One after the other, each whatever came before; another line here and a target below add a part.
NIGHTLY := \
	fresh \
	campaign \
	fuzz \
	slow \
	wrong-servers \
	watched \
	web-nightly \
	pairings \
	error-rates \
	neighbours \
	readme \
	browser \
	openstack

.PHONY: demo ui test pytest check check-web nightly $(NIGHTLY) setup setup-dev clean

demo: setup
	$(BIN)/pytest kb_tests --kb-scenario scenarios/demo-http.yaml \
		--kb-scenario scenarios/demo-storage.yaml --html reports/demo.html --junitxml reports/demo.xml

ui: setup
	$(BIN)/kb ui

# The HTTP generator's own tests run alone, fio's and whole sessions that are judged by time two at a time; the rest waits,
# so that four at a time share two cores well, whole sessions first, since they take longest.
ENGINES := tests/functional/agent tests/functional/fleet/test_clocks.py
JUDGED := tests/functional/storage/test_gate.py tests/functional/storage/test_verify.py \
	tests/functional/storage/test_fio_engine.py tests/functional/storage/test_fio_volume.py \
	tests/functional/session/test_red_cloud.py \
	tests/functional/session/test_red_instruments.py \
	tests/functional/session/test_coordinated_omission.py tests/functional/session/test_recovery.py \
	tests/functional/session/test_storage_faults.py \
	tests/functional/localcloud/test_netns_faults.py tests/functional/localcloud/test_whole_links.py
SPREAD := --dist loadfile --no-loadscope-reorder
# What takes long is said, so that weight is seen when it comes.
WEIGHT := --durations 20 --durations-min 5
# An ordinary user leaves out what only root can have, and all what is left to the night; the tests' last lines name it.
ALLOWED := $(if $(filter 0,$(shell id -u)),,and not root_only)
CHOICE := -m "not nightly $(ALLOWED)"

test: check
	@$(MAKE) --no-print-directory pytest

pytest:
	$(PYTEST) -n 4 $(SPREAD) $(WEIGHT) $(CHOICE) $(addprefix --ignore=,$(ENGINES) $(JUDGED)) \
		tests/functional/session tests/functional tests/unit
	$(PYTEST) $(WEIGHT) $(CHOICE) $(ENGINES)
	$(PYTEST) -n 2 $(SPREAD) $(WEIGHT) $(CHOICE) $(JUDGED)

nightly: setup-dev
	@code=0; for part in $(NIGHTLY); do \
		echo "nightly: $$part begins"; began=$$(date +%s); outcome=passed; \
		$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) $$part || { outcome=FAILED; code=1; }; \
		line=$$(printf '%-12s %s %6d s' $$part $$outcome $$(( $$(date +%s) - began ))); \
		summary="$${summary}nightly: $$line\n"; \
	done; printf "$$summary"; exit $$code

fresh:
	python3 -m tests.fresh

campaign: setup-dev
	$(BIN)/python -m tests.campaign

error-rates: setup-dev
	@code=0; for program in benchmarks/*_error_rates.py; do \
		echo "$$program"; $(BIN)/python $$program || code=1; \
	done; exit $$code

neighbours: setup-dev
	$(BIN)/tox -e neighbours

# Root makes an ordinary user of itself, and runs them as that one, too.
readme: setup-dev
	@code=0; $(PYTEST) tests/readme || code=1; \
	[ "$$(id -u)" != 0 ] || $(BIN)/python -m tests.rootless tests/readme || code=1; exit $$code

openstack: setup-dev
	$(BIN)/tox -e openstack

browser:
	@PYTHON=$(PYTHON) VENV=$(VENV) PROFILE=browser ./setup.sh dev
	@$(MAKE) --no-print-directory check-web
	$(BIN)/tox -e browser

slow: setup-dev
	$(PYTEST) -m "nightly $(ALLOWED)" tests/functional tests/unit

wrong-servers: setup-dev
	$(PYTEST) tests/nightly/test_wrong_servers.py

web-nightly: setup-dev
	$(PYTEST) tests/nightly/web
	$(BIN)/tox -e openapi

watched: setup-dev
	$(PYTEST) tests/nightly/test_watched.py

pairings: setup-dev
	$(PYTEST) tests/nightly/test_every_pairing.py

fuzz: setup-dev
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest -n auto $(FUZZED)

check: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Where the bundle is made anew, it has to be the one that is checked in.
check-web:
	cd tools/web && npm ci --silent && npm run --silent types && npm run --silent lint && npm run --silent test && npm run --silent vendor
	git diff --exit-code -- kb_tests/web/static/vendor tests/browser/vendor

setup:
	@PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh

setup-dev:
	@PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh dev

clean:
	rm -rf $(VENV) .tox .mypy_cache .pytest_cache .ruff_cache .hypothesis
