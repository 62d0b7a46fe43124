"""Headless Chromium on the demo marketplace. Skipped, with the reason, where there is no Chromium; CI requires it."""

import os

import pytest
from django.core.cache import cache

from tests.conftest import make_marketplace

# Playwright's own loop runs in the test's thread, where Django would refuse synchronous queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def site(transactional_db, live_server, django_user_model):
    """A trained marketplace with a seller "ana" and a moderator "eva"."""
    from django.core.management import call_command

    cache.clear()
    make_marketplace()
    for name, superuser in (("ana", False), ("eva", True)):
        user, _ = django_user_model.objects.get_or_create(username=name, is_staff=superuser, is_superuser=superuser)
        user.set_password("secret")
        user.save()
    call_command("retrain_classifiers")
    return live_server


@pytest.fixture
def open_page(chromium, site):
    """Open pages in Spanish; everything the console reports is an error of the test."""
    contexts, reports = [], []

    def open_one(**options):
        context = chromium.new_context(locale="es-AR", base_url=site.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: reports.append(message.text))
        page.on("pageerror", lambda error: reports.append(str(error)))
        page.reports = reports
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def log_in():
    def log_in(page, name):
        page.goto("/login/")
        page.fill("#id_username", name)
        page.fill("#id_password", "secret")
        page.click("main button.button")
        page.wait_for_url("**/ads/mine/")

    return log_in


@pytest.fixture
def open_report(chromium):
    """Open a report's file without a network; ``page.said`` is what the console reports, ``page.asked`` what the page loads."""
    contexts = []

    def open_one(file, width, scheme):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()
