"""What the tests share: a model folder of each test's own, and a small marketplace with a trained model."""

import importlib.util
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.management import call_command
from django.utils import translation

from ad_autocategorize import registry
from ad_autocategorize.cars import services as car_services
from ad_autocategorize.cars.form_catalog import forget_catalog
from ad_autocategorize.categories import services
from ad_autocategorize.conf import SETTING
from ad_autocategorize.rates import rate_cache
from taxonomy import locking

HAS_TORCH = importlib.util.find_spec("torch") is not None
# Modules that draw toy cars train a network with them.
NEEDS_TORCH = re.compile(
    r"^(import|from) (torch|tests\.photos\.(toys|two_processes)|ad_autocategorize\.photos\.training\.(augment|dataset|network))",
    re.MULTILINE,
)


def pytest_ignore_collect(collection_path):
    """Leave out what trains a network where PyTorch is not installed, as in the matrix of Pythons and Djangos."""
    if HAS_TORCH or not collection_path.name.startswith("test_"):
        return None
    return bool(NEEDS_TORCH.search(collection_path.read_text(encoding="utf-8"))) or None


def pytest_report_header():
    return None if HAS_TORCH else "PyTorch is not installed: modules of tests that train a network are left out"


CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(autouse=True)
def fresh_throttles():
    """No test's calls count against the rates of the next one's users, who have the same keys."""
    cache.clear()
    rate_cache().clear()


@pytest.fixture
def spanish():
    """Messages in Spanish, whatever language a request of an earlier test has left behind."""
    with translation.override("es"):
        yield


@pytest.fixture(autouse=True)
def model_dir(settings, tmp_path):
    """Point the plugin at an empty folder and forget what earlier tests cached."""
    folder = tmp_path / "models"
    setattr(settings, SETTING, {**getattr(settings, SETTING), "MODEL_DIR": folder})
    registry.forget()
    services._taxonomy.cache_clear()
    car_services._car_category_values.cache_clear()
    forget_catalog()
    locking.forget_version()
    yield folder
    registry.forget()
    services._taxonomy.cache_clear()


def make_marketplace():
    """Categories and published ads of a few kinds, one filed at an inner node."""
    from django.contrib.auth import get_user_model

    from marketplace.models import Ad
    from taxonomy.bulk import CategoryRow, upsert_categories
    from taxonomy.tree import CategoryTree

    words = {
        ("Vehículos",): "vehiculo transporte rodado",
        ("Vehículos", "Autos"): "auto sedan nafta",
        ("Vehículos", "Motos"): "moto scooter casco",
        ("Hogar", "Muebles", "Sillones"): "sillon sofa futon",
        ("Hogar", "Muebles", "Mesas"): "mesa comedor ratona",
        ("Hogar", "Cocina"): "olla sarten heladera",
    }
    upsert_categories(CategoryRow(path) for path in words)
    tree = CategoryTree.load()
    seller, _ = get_user_model().objects.get_or_create(username="ana")
    for number in range(90):
        path, vocabulary = list(words.items())[number % len(words)]
        title = " ".join(
            [vocabulary.split()[number % 3], vocabulary.split()[(number // 3) % 3], f"modelo {number % 7}"]
        )
        Ad.objects.create(title=title, category_id=tree.find(path), seller=seller, status=Ad.Status.PUBLISHED)
    return tree


@pytest.fixture
def marketplace_tree(db):
    return make_marketplace()


@pytest.fixture
def trained(marketplace_tree):
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    return marketplace_tree


def pytest_collection_modifyitems(config, items):
    """On PostgreSQL, say why nothing runs where there is no server; CI sets REQUIRE_POSTGRESQL and fails instead."""
    if not config.getoption("ds") or "postgresql" not in config.getoption("ds"):
        return
    import psycopg

    database = django_settings.DATABASES["default"]
    server = {name: database[name.upper()] for name in ("user", "password", "host", "port")}
    try:
        psycopg.connect(**server, dbname="postgres").close()
    except psycopg.OperationalError as error:
        if os.environ.get("REQUIRE_POSTGRESQL"):
            raise
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"PostgreSQL cannot be reached: {error}"))


@pytest.fixture(scope="session")
def chromium():
    if not Path(CHROMIUM).exists():
        message = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
