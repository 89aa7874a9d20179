# The commands of this project: `make` alone prints them. CI runs `make check`, then the demo.
#
# Set-up is stamped: .venv/.demo and .venv/.dev are renewed only when their lock or pyproject.toml changed.

PYTHON ?= python3
CONFIG ?= regulars.toml
SEGMENT ?= at_risk
BENCH_DATA ?= ../shared/data

VENV := .venv
BIN := $(VENV)/bin
REGULARS := $(BIN)/regulars
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL_SELF := $(PIP) install --quiet --no-deps --no-build-isolation --editable .

# What is given reaches a command letter by letter: `value` keeps make from expanding it, the quotes the shell.
quoted = '$(subst ','\'',$(1))'
# Of these short names only what stands on make's own command line counts: an exported VERSION may mean anything.
given = $(if $(findstring command,$(origin $(1))),$(value $(1)))
argument = $(if $(call given,$(1)),$(call quoted,$(call given,$(1))))

# `make train FACTORS=128 SET="blend.window_days=14"` runs `regulars train --set 'als.factors=128' --set …`.
override = $(if $(call given,$(1)),--set $(call quoted,$(2)=$(call given,$(1))))
SETTINGS = $(strip \
	$(call override,FACTORS,als.factors) \
	$(call override,REGULARIZATION,als.regularization) \
	$(call override,ALPHA,confidence.alpha) \
	$(call override,ITERATIONS,als.iterations) \
	$(call override,SEED,als.seed) \
	$(foreach pair,$(call given,SET),--set $(call quoted,$(pair))))
OPTIONS = --config $(call quoted,$(value CONFIG)) $(SETTINGS)

# `make tune TRIALS=20 MINUTES=10 SEARCH="als.factors als.regularization" MIX=all=0.3,new=0.7 APPLY=1`
option = $(if $(call given,$(1)),--$(2) $(call argument,$(1)))
SEARCHING = $(strip \
	$(call option,TRIALS,trials) \
	$(call option,MINUTES,minutes) \
	$(call option,PATIENCE,patience) \
	$(call option,MIX,mix) \
	$(foreach key,$(call given,SEARCH),--search $(call quoted,$(key))) \
	$(if $(APPLY),--apply))

# The locks are universal: one file for every supported Python, platform and machine.
LOCK := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" $(LOCK_ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

##@ Start here

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\n%s\n' 'Settings: make train FACTORS=128 SEED=7, or any: make train SET="confidence.alpha=5 als.iterations=30".'
	@printf '%s\n\n' 'Another Python or config file: make setup PYTHON=python3.13, make train CONFIG=shop.toml.'

.PHONY: setup
setup: $(VENV)/.dev ## install everything a contributor needs into .venv

.PHONY: setup-spark
setup-spark: $(VENV)/.spark ## add the Spark training backend to .venv (needs a JVM)

.PHONY: setup-fast
setup-fast: $(VENV)/.fast ## add the compiled training backend to .venv, for als.backend = "numba"

.PHONY: setup-mlflow
setup-mlflow: $(VENV)/.mlflow ## add the MLflow client to .venv, for [mlflow] in the settings

.PHONY: setup-otel
setup-otel: $(VENV)/.otel ## add OpenTelemetry to .venv, for [otel] in the settings

.PHONY: demo
demo: $(VENV)/.demo ## learn from a real purchase log and open a demo shop (DEMO_EXIT=1: stop when it answers)
	$(REGULARS) demo $(if $(DEMO_EXIT),--exit) $(OPTIONS)

##@ Train

.PHONY: train
train: $(VENV)/.demo ## train an artifact from the purchase log
	$(REGULARS) train $(OPTIONS)

.PHONY: evaluate
evaluate: $(VENV)/.demo ## measure the artifact beside its baselines
	$(REGULARS) evaluate $(call argument,VERSION) $(OPTIONS)

.PHONY: tune
tune: $(VENV)/.demo $(VENV)/.tune ## search for better settings (TRIALS=20 MINUTES=10 APPLY=1)
	$(REGULARS) tune $(SEARCHING) $(OPTIONS)

.PHONY: compare
compare: $(VENV)/.demo ## compare two versions (A=… B=…; without them, the latest with the served one; REPORT=1: as a page)
	$(REGULARS) compare $(call argument,A) $(call argument,B) $(if $(call given,REPORT),--report) $(OPTIONS)

.PHONY: report
report: $(VENV)/.demo ## write the report a person reads before publishing
	$(REGULARS) report $(call argument,VERSION) $(OPTIONS)

.PHONY: gate
gate: $(VENV)/.demo ## say whether a version may be published, and why not (VERSION=…)
	$(REGULARS) gate $(call argument,VERSION) $(OPTIONS)

##@ Serve

.PHONY: publish
publish: $(VENV)/.demo ## make the trained version the one that is served (FORCE=1: whatever the gate says)
	$(REGULARS) publish $(call argument,VERSION) $(if $(call given,FORCE),--force) $(OPTIONS)

.PHONY: rollback
rollback: $(VENV)/.demo ## serve the version before it again
	$(REGULARS) rollback $(OPTIONS)

.PHONY: versions
versions: $(VENV)/.demo ## list the trained versions and the one that is served
	$(REGULARS) versions $(OPTIONS)

.PHONY: serve
serve: $(VENV)/.demo ## answer storefront widgets over HTTP
	$(REGULARS) serve $(OPTIONS)

.PHONY: campaign
campaign: $(VENV)/.demo ## write the mailing file of a segment (SEGMENT="at risk")
	$(REGULARS) campaign export --segment $(call quoted,$(value SEGMENT)) $(OPTIONS)

##@ Check

.PHONY: check
check: lint types contracts test ## lint, types, contracts and test: what CI runs

.PHONY: lint
lint: $(VENV)/.dev ## look for mistakes and for unformatted code
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(VENV)/.dev ## check the types
	$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.dev ## check which package may import which
	$(BIN)/lint-imports

.PHONY: test
test: $(VENV)/.dev ## run the tests (ARGS="-k slate": some of them)
	$(BIN)/python -m pytest -m "not browser" -n auto --dist loadfile $(ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -m browser $(ARGS) || [ $$? -eq 5 ] # by themselves: a busy machine makes a browser late

.PHONY: test-browser
test-browser: $(VENV)/.dev ## run the tests that drive a real Chromium
	$(BIN)/python -m pytest -m browser $(ARGS)

.PHONY: format
format: $(VENV)/.dev ## format the code and mend what can be mended safely
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/.dev ## run every benchmark beside its peer
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-serving
bench-serving: $(VENV)/.dev ## measure page views beside a bare server and a plain one (QUICK=1: in minutes)
	$(BIN)/python -m benchmarks serving $(ARGS)

.PHONY: bench-loop
bench-loop: $(VENV)/.dev ## measure how soon an event changes the next slate, and what it costs to keep it (QUICK=1: in a minute)
	$(BIN)/python -m benchmarks loop $(ARGS)

.PHONY: bench-widget
bench-widget: $(VENV)/.dev ## weigh the widget and open pages with it: size, requests, layout shift, time (QUICK=1: in a minute)
	$(BIN)/python -m benchmarks widget $(ARGS)

.PHONY: bench-loyalty
bench-loyalty: $(VENV)/.dev ## measure forecasts of customers beside naive ones, and what audiences would have found (QUICK=1: in a minute)
	$(BIN)/python -m benchmarks loyalty coupons $(ARGS)

.PHONY: bench-faults
bench-faults: $(VENV)/.dev ## break what can break, and see what shoppers notice (QUICK=1: in five minutes)
	$(BIN)/python -m benchmarks.faults $(ARGS)

.PHONY: bench-quality
bench-quality: $(VENV)/.dev ## measure the rankings on public data (DATA=tafeng: one set; BENCH_DATA: their folder)
	BENCH_DATA=$(call quoted,$(value BENCH_DATA)) $(BIN)/python -m benchmarks.quality $(call argument,DATA) $(ARGS)

##@ Keep house

.PHONY: lock
lock: $(VENV)/.dev ## resolve the locks in requirements/ again (LOCK_ARGS=--upgrade: newest versions)
	$(LOCK) pyproject.toml --group build --extra demo --extra tune --extra mlflow --extra fast --extra otel --extra dev --output-file requirements/dev.lock
	$(LOCK) pyproject.toml --group build --extra demo --constraint requirements/dev.lock \
		--output-file requirements/demo.lock
	$(LOCK) requirements/spark.in --constraint requirements/dev.lock --output-file requirements/spark.lock
	$(LOCK) requirements/tune.in --constraint requirements/dev.lock --output-file requirements/tune.lock
	$(LOCK) requirements/mlflow.in --constraint requirements/dev.lock --output-file requirements/mlflow.lock
	$(LOCK) requirements/otel.in --constraint requirements/dev.lock --output-file requirements/otel.lock
	$(LOCK) requirements/fast.in --constraint requirements/dev.lock --output-file requirements/fast.lock

.PHONY: sbom
sbom: $(VENV)/.dev ## write what the demo installs as a CycloneDX bill of materials, dist/regulars.cdx.json
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements/demo.lock --pyproject pyproject.toml --output-reproducible --output-file dist/regulars.cdx.json

.PHONY: clean
clean: ## remove what the tools leave behind
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## remove .venv too
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "$(PYTHON) is missing or not Python 3.11, 3.12 or 3.13: name one, as in make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: requirements/%.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement $<
	$(INSTALL_SELF)
	@touch $@

# Beside .venv/.demo; what .venv/.dev has installed already, pip finds there.
$(VENV)/.tune $(VENV)/.mlflow $(VENV)/.fast $(VENV)/.otel: $(VENV)/.%: requirements/%.lock | $(BIN)/python
	$(PIP) install --quiet --require-hashes --requirement $<
	@touch $@

# pyspark is published as source only: it is built with the locked setuptools of .venv/.dev.
$(VENV)/.spark: requirements/spark.lock $(VENV)/.dev
	$(PIP) install --quiet --require-hashes --no-build-isolation --requirement $<
	@touch $@
