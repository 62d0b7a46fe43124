# `make demo` and `make test` need Python 3.11 or later and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
FREE_PORT = $(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT))).close()' 2>/dev/null || { echo "Port $(PORT) is taken. Try another: PORT=8001"; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help demo serve demo-photos demo-network test test-postgresql test-wheel test-matrix test-mutants docs screenshots lint format lock messages clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# Files are compiled when they are first used, which saves a quarter of the disk space.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-compile

$(VENV)/.run: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV), once: some 500 MB ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.photos: requirements-photos.lock $(VENV)/.run
	@echo "Installing PyTorch into $(VENV), once: gigabytes ..."
	@$(INSTALL) --require-hashes -r requirements-photos.lock
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.photos
	$(INSTALL) --quiet -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.run ## Begin here: make a marketplace of made-up ads, train it and serve it on 127.0.0.1:8000 (PORT=8000)
	@$(FREE_PORT)
	@$(MANAGE) set_up_demo
	@$(MAKE) --no-print-directory serve

serve: $(VENV)/.run ## Another day: serve the demo marketplace as it is
	@$(FREE_PORT)
	@echo
	@echo "  Start here:       http://127.0.0.1:$(PORT)/start/    (what to try, and as whom; the marketplace itself is at /)"
	@echo "  Log in as         vendedora (sells), moderador (moderates) or operadora (runs the models); the password is demo."
	@echo "  Stop it with      Ctrl-C; make demo starts it again at once, and make clean deletes all of it."
	@echo
	@$(MANAGE) runserver --noreload 127.0.0.1:$(PORT)

demo-photos: $(VENV)/.photos ## Train the demo's photo network on its own pictures (installs PyTorch; some minutes)
	@# The network that comes with the demo has seen more pictures and may well be better: it was asked for all the same.
	@$(MANAGE) retrain_cnn --force --epochs 40

demo-network: $(VENV)/.photos ## Make anew the photo network that demos start with (marketplace/demo/network)
	rm -rf build/demo-network
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) migrate --verbosity 0
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) create_demo --ads 2500 --cars 3600 --seed 2
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) draw_textures build/demo-network/textures
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) import_car_photos build/demo-network/textures
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) retrain_cnn --epochs 12
	MARKETPLACE_DATA_DIR=build/demo-network $(MANAGE) keep_demo_network

test: $(VENV)/.dev ## After a change: run the tests
	$(BIN)/python -m pytest -n auto $(PYTEST)

test-postgresql: $(VENV)/.dev ## Run the tests that depend on the database, on PostgreSQL (PGHOST, PGUSER, ...)
	$(BIN)/python -m pytest -n auto --ds=tests.settings_postgresql -m database $(PYTEST)

test-wheel: $(VENV)/.dev ## Build the wheel, and install and try it with each extra in an empty environment
	$(BIN)/nox -s wheel

test-matrix: $(VENV)/.dev ## Run the tests on every Python that is found with every Django that supports it
	$(BIN)/nox -s tests

test-mutants: $(VENV)/.dev ## Change an area of the code in small ways, and list what no test notices (AREA="sources --sample 50")
	$(BIN)/python tests/mutants.py $(AREA)

docs: $(VENV)/.dev ## Build the documentation in build/docs
	$(BIN)/python docs/build.py build/docs

screenshots: $(VENV)/.dev ## After a page has changed: photograph every screen of the demo for the documentation (needs Chromium)
	$(BIN)/python docs/screenshots.py

lint: $(VENV)/.dev ## Before a commit: run ruff, mypy, import-linter, count circles of imports, and look for missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONPATH=. $(BIN)/python .ci/house.py
	$(MANAGE) makemigrations --check --dry-run

format: $(VENV)/.dev ## Before that: format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.11 --custom-compile-command "make lock"

lock: $(VENV)/.dev ## Pin what the demo and PyTorch install, with the hashes of every file (requirements.lock, requirements-photos.lock)
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-photos.txt --constraints requirements.lock -o requirements-photos.lock

messages: ## After a text has changed: collect and compile translations (needs gettext)
	for app in taxonomy ad_autocategorize marketplace; do \
	  (cd $$app && ../$(BIN)/python -P -m django makemessages -l es -l pt --no-location --no-wrap && ../$(BIN)/python -P -m django compilemessages) || exit 1; \
	done

clean: ## Delete the virtual environment and the demo's data
	rm -rf $(VENV) var
