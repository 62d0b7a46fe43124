# `make demo` and `make test` need Python 3.11 or later and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-postgresql test-wheel test-matrix test-mutants docs screenshots lint format messages clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.run ## Set up a made-up marketplace, train it and serve it on 127.0.0.1:8000 (PORT=8000)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) create_demo
	@if $(MANAGE) shell --verbosity 0 -c "import sys; from ad_autocategorize.models import ModelVersion; sys.exit(ModelVersion.objects.filter(kind='titles', is_active=True).exists())"; then $(MANAGE) retrain_classifiers && $(MANAGE) find_mislabels; fi
	@if $(MANAGE) shell --verbosity 0 -c "import sys; from ad_autocategorize.models import ModelVersion; sys.exit(ModelVersion.objects.filter(kind='photos', is_active=True).exists())"; then \
	  echo "Training the photo network meanwhile (a minute or two; see var/retrain_cnn.log)."; $(MANAGE) retrain_cnn >var/retrain_cnn.log 2>&1 & fi
	@$(MAKE) --no-print-directory serve

serve: $(VENV)/.run ## Serve the demo marketplace as it is
	@$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT))).close()' 2>/dev/null || { echo "Port $(PORT) is taken. Try: make serve PORT=8001"; exit 1; }
	@echo
	@echo "  The marketplace:  http://127.0.0.1:$(PORT)/"
	@echo "  A seller:         vendedora / demo    a moderator: moderador / demo    (administration: /admin/)"
	@echo "  Try:              log in, publish an ad, type \"vendo bici rodado 29\", press arrow down and Enter; or choose a car's photo."
	@echo "                    as the moderator: /admin/ad_autocategorize/labelissue/review/, keys A, K, O, S and U;"
	@echo "                    the same for car fields: /admin/ad_autocategorize/carissue/review/"
	@echo
	@$(MANAGE) runserver --noreload 127.0.0.1:$(PORT)

test: $(VENV)/.dev ## Run the tests
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

screenshots: $(VENV)/.dev ## Photograph every screen of the demo for the documentation (needs Chromium)
	$(BIN)/python docs/screenshots.py

lint: $(VENV)/.dev ## Run ruff, mypy, import-linter, count circles of imports, and look for missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONPATH=. $(BIN)/python .ci/house.py
	$(MANAGE) makemigrations --check --dry-run

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: ## Collect and compile translations (needs gettext)
	for app in taxonomy ad_autocategorize marketplace; do \
	  (cd $$app && ../$(BIN)/python -m django makemessages -l es -l pt --no-location --no-wrap && ../$(BIN)/python -m django compilemessages) || exit 1; \
	done

clean: ## Delete the virtual environment and the demo's data
	rm -rf $(VENV) var
