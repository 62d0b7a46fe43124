"""A web process that serves suggestions runs on NumPy and SciPy alone."""

import subprocess
import sys

import pytest
from django.core.management import call_command

SERVE = """
import sys, django
django.setup()
from django.db import connections
import ad_autocategorize.forms, ad_autocategorize.api.urls, ad_autocategorize.admin, ad_autocategorize.categories.retraining
from pathlib import Path
from ad_autocategorize.titles.scorer import TitleScorer
scorer = TitleScorer.load(Path(sys.argv[1]))
assert scorer.suggest("sofa futon") and scorer.suggest_many(["sofa", "moto"])
print(sorted({"sklearn", "torch", "torchvision", "tqdm", "num2words"} & set(sys.modules)))
"""


@pytest.mark.django_db
def test_serving_imports_nothing_of_the_training_side(trained, model_dir):
    folder = next(model_dir.glob("titles-*"))
    run = subprocess.run([sys.executable, "-c", SERVE, str(folder)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


WITHOUT_API = """
import sys, django
sys.modules["rest_framework"] = None
from django.conf import settings
from tests import settings as host
host.INSTALLED_APPS.remove("rest_framework")
django.setup()
import ad_autocategorize.forms
print("fine")
"""


def test_the_plugin_loads_without_rest_framework():
    run = subprocess.run([sys.executable, "-c", WITHOUT_API], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "fine"


@pytest.mark.django_db(databases="__all__")
def test_makemigrations_finds_nothing_to_do():
    call_command("makemigrations", "ad_taxonomy", "ad_autocategorize", "marketplace", check=True, dry_run=True)
