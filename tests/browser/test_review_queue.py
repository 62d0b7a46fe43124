"""The review queue by keyboard alone, under a strict content security policy."""

import pytest

from ad_autocategorize.models import LabelIssue, ReviewDecision
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import find_mislabels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REVIEW = "/admin/ad_autocategorize/labelissue/review/"


@pytest.fixture
def sofa(site):
    """A sofa filed under motorbikes, at the head of the queue."""
    seller = Ad.objects.first().seller
    motorbikes = Category.objects.get(name="Motos")
    ad = Ad.objects.create(title="sillon sofa modelo 3", category=motorbikes, seller=seller, status="published")
    helmet = Ad.objects.create(
        title="moto casco modelo 2", category=Category.objects.get(name="Cocina"), seller=seller, status="published"
    )
    find_mislabels()
    LabelIssue.objects.filter(ad_id=str(ad.pk)).update(priority=99)
    LabelIssue.objects.filter(ad_id=str(helmet.pk)).update(priority=98)
    return ad


def shown(page):
    return page.inner_text(".review h2")


def press(page, key, then):
    """Press a key and wait for the page that it leads to."""
    with page.expect_navigation():
        page.keyboard.press(key)
    page.wait_for_selector(then)


def test_a_moderator_works_through_the_queue_by_keyboard_alone(open_page, log_in, sofa):
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    assert shown(page) == "sillon sofa modelo 3"
    press(page, "s", ".review h2")
    assert shown(page) == "moto casco modelo 2"
    press(page, "k", ".messagelist")
    assert ReviewDecision.objects.get().action == "kept"

    page.goto(REVIEW)
    press(page, "a", ".messagelist")
    sofa.refresh_from_db()
    assert sofa.category.name == "Sillones"
    press(page, "u", "[type=submit][data-key=u]")
    press(page, "u", ".review h2")
    sofa.refresh_from_db()
    assert sofa.category.name == "Motos"
    assert shown(page) == "sillon sofa modelo 3"

    page.keyboard.press("o")
    assert page.evaluate("document.activeElement.id") == "id_category"
    # Typing is no decision, nor is it if it names no category alone.
    page.keyboard.type("sk coci")
    assert ReviewDecision.objects.count() == 3
    press(page, "Enter", ".messagelist")
    assert page.input_value("#id_category") == "sk coci"
    page.keyboard.press("Control+a")
    page.keyboard.type("coc")
    press(page, "Enter", ".review-choices button:has-text('Cocina')")
    assert ReviewDecision.objects.count() == 3
    # The button beside the field, then what was found.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    press(page, "Enter", ".messagelist .success")
    sofa.refresh_from_db()
    assert sofa.category.name == "Cocina"
    assert page.reports == []


def test_the_queue_works_without_javascript(open_page, log_in, sofa):
    page = open_page(java_script_enabled=False)
    log_in(page, "eva")
    page.goto(REVIEW)
    page.fill("#id_category", "Cocina")
    page.click("button[value=other]")
    sofa.refresh_from_db()
    assert sofa.category.name == "Cocina"
    page.goto(REVIEW)
    page.click("button[value=keep]")
    assert ReviewDecision.objects.count() == 2


def test_the_page_fits_a_phone(open_page, log_in, sofa):
    page = open_page(viewport={"width": 360, "height": 740})
    log_in(page, "eva")
    page.goto(REVIEW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
