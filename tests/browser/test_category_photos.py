"""Suggestions that a chosen photo refines, calmly."""

import io

import numpy as np
import pytest
from django.core.management import call_command

from ad_autocategorize import registry
from taxonomy.models import Category
from tests.item_photos.ads import make_ads
from tests.item_photos.toys import photo_of, tiny_backbone

pytest.importorskip("onnx")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def photo_site(site, settings, tmp_path, model_dir):
    settings.MEDIA_ROOT = tmp_path / "media"
    make_ads()
    tiny_backbone(model_dir)
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    registry.forget()
    return site


def photo(color):
    content = io.BytesIO()
    photo_of(color, np.random.default_rng(3), size=(600, 450)).save(content, "PNG")
    return {"name": "foto.png", "mimeType": "image/png", "buffer": content.getvalue()}


def test_a_photo_refines_the_suggestions_and_changes_nothing_that_was_taken(photo_site, open_page, log_in):
    page = open_page(viewport={"width": 390, "height": 844})
    sent = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/suggestions/category/") else None)
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.locator("#id_title").press_sequentially("objeto usado ")
    page.wait_for_selector(".aac-status:not(:empty)", state="attached")
    page.focus("#id_photos")
    page.set_input_files("#id_photos", photo("green"))
    page.wait_for_selector(".aac-status:has-text('Jardín')", state="attached")
    # Nothing pops up while the seller is elsewhere; it is there where they look for it.
    assert page.locator("[role=option]:visible").count() == 0 and page.input_value("#id_category") == ""
    uploads = [request for request in sent if "multipart" in request.headers["content-type"]]
    # The photo goes out small.
    assert len(uploads) == 1 and 0 < int(uploads[0].all_headers()["content-length"]) < 200_000
    page.focus("#id_title")
    page.wait_for_selector("[role=option]")
    assert page.locator("[role=option]").first.inner_text().startswith("Jardín")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    garden = str(Category.objects.get(name="Jardín").pk)
    assert page.input_value("#id_category") == garden
    said = page.inner_text(".aac-status")
    page.set_input_files("#id_photos", photo("red"))
    page.wait_for_timeout(1500)
    assert page.input_value("#id_category") == garden and page.inner_text(".aac-status") == said
    assert len([request for request in sent if "multipart" in request.headers["content-type"]]) == 1
    assert page.reports == []


def test_without_javascript_the_button_looks_at_the_photo(photo_site, open_page, log_in):
    page = open_page(java_script_enabled=False)
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.fill("#id_title", "objeto usado")
    page.set_input_files("#id_photos", photo("green"))
    page.click("button[name=suggest_category]")
    assert page.locator("button[name=take_category]").first.inner_text().startswith("Jardín")
