# make run    installs what a run needs into .venv, then runs the pipeline
# make test   installs what the tests need too, then runs them
# make report  writes report.md and report.html: what the workspace changed against main (REV=...)
# make check  lint, format and types
# make web    builds the page with the present model, and serves it on localhost; needs node and npm
# make android  builds deploy/android/facemask.apk with it; needs what deploy/android/README.md says

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run test check report web android deploy/web/dist

run: $(BIN)/installed-run
	dvc repro

test: $(BIN)/installed-dev
	pytest

check: $(BIN)/installed-dev
	ruff check
	ruff format --check
	mypy

report: $(BIN)/installed-run
	python -m tools.report $(REV)

web: deploy/web/dist
	npm --prefix deploy/web run preview

deploy/web/dist:
	npm --prefix deploy/web ci --no-audit --no-fund
	npm --prefix deploy/web run build

android: $(BIN)/installed-run
	deploy/android/build

$(BIN)/installed-run: requirements.txt constraints.txt | $(BIN)/pip
	pip install --quiet -r requirements.txt
	python -m tools.plots_page
	touch $@

$(BIN)/installed-dev: requirements-dev.txt $(BIN)/installed-run
	pip install --quiet -r requirements-dev.txt
	pip install --quiet --no-deps mediapipe==1.2.2 # for the code of the metadata's standard alone
	touch $@

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.version_info[:2] in ((3, 11), (3, 12)) or \
		sys.exit("make: Python 3.11 or 3.12 is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
