"""Every page of the marketplace through axe-core, as a visitor, a seller and a moderator; light on a desk, dark on a phone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from ad_autocategorize.models import CarFieldEvent, CarIssue, LabelIssue, ModelVersion, ReviewDecision, SuggestionEvent
from marketplace.models import Ad
from taxonomy.models import Category
from tests.browser.test_review_queue import TOAST, press
from tests.moderation.cars import state_cars
from tests.moderation.conftest import attach_photo, find_mislabels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS = {
    "desk": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True, "is_mobile": True},
}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}


@pytest.fixture
def axe():
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


def faults(axe, page, without=()):
    """What axe calls serious or critical: rule and element; parts of the page are left out by selector."""
    context = {"exclude": [[selector] for selector in without]} if without else None
    found = axe.run(page, context=context, options=RULES).response["violations"]
    return [
        f"{page.url} {rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_has_a_serious_fault(open_page, log_in, axe, screen):
    ad = Ad.objects.filter(seller__username="ana").first()
    visitor = open_page(**SCREENS[screen])
    seller = open_page(**SCREENS[screen])
    log_in(seller, "ana")
    visits = [
        (
            visitor,
            (
                "/",
                f"/category/{ad.category_id}/",
                f"/ads/{ad.pk}/",
                "/?q=sofa",
                "/?q=nothing-of-the-kind",
                "/start/",
                "/login/",
            ),
        ),
        (seller, ("/ads/mine/", "/ads/new/", f"/ads/{ad.pk}/edit/")),
    ]
    found = []
    for page, paths in visits:
        for path in paths:
            page.goto(path)
            found += faults(axe, page)
            assert fits(page), path
    assert found == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_form_stays_sound_with_suggestions_and_with_errors(open_page, log_in, axe, screen):
    page = open_page(**SCREENS[screen])
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.locator("#id_title").press_sequentially("sofá futón")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("ArrowDown")
    assert faults(axe, page) == []
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('form.stacked').noValidate = true")
    page.click("form.stacked > button.button")
    page.wait_for_selector(".errorlist")
    assert faults(axe, page) == []
    assert fits(page)


def test_right_to_left(open_page, log_in, axe):
    page = open_page(**SCREENS["phone"])
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.locator("#id_title").press_sequentially("sofá futón")
    page.wait_for_selector("[role=option]")
    assert fits(page)
    box = page.locator("[role=option]").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert faults(axe, page) == []


ADMIN = "/admin/ad_autocategorize"
# What Django's admin puts on every page of its kind, as it is on sites without the plugin.
DJANGO_S_OWN = [".breadcrumbs", "#changelist-filter", "#toolbar .quiet", ".select2", ".datetime"]


@pytest.fixture
def moderation(site):
    """Something for every page of the moderators: doubtful ads and cars, findings about the tree, an event."""
    seller, motorbikes = Ad.objects.first().seller, Category.objects.get(name="Motos")
    for title in ("mesa ratona modelo 1", "sillon sofa modelo 3"):
        ad = Ad.objects.create(title=title, category=motorbikes, seller=seller, status=Ad.Status.PUBLISHED)
    Category.objects.create(name="Sin avisos")
    state_cars(Ad.objects.filter(category__name="Autos")[:3])
    find_mislabels()
    same, doubted = Ad.objects.filter(category__name="Sillones")[0], LabelIssue.objects.get(ad_id=str(ad.pk))
    attach_photo(same, Image.new("RGB", (80, 60), "teal"))
    doubted.opinions = [["photos", doubted.suggested_id, 0.81], ["title", doubted.given_id, 0.4]]
    doubted.same_photos = [str(same.pk)]
    doubted.save()
    version = ModelVersion.objects.get(is_active=True)
    for weeks in range(3):
        event = SuggestionEvent.objects.create(model_version=version.name, outcome="accepted", rank=1)
        SuggestionEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - timedelta(weeks=weeks))
    for rank, handling in ((1, "kept"), (1, "stated")):
        values = {"model_version": "photos-x", "field": "color", "answered": 3, "sure": True, "from_form": True}
        CarFieldEvent.objects.create(rank=rank, handling=handling, outcome="accepted", **values)
    for blind in (True, False):
        values = {"ad_id": f"{blind}", "action": "accepted", "model": "m", "suggested_probability": 0.9}
        ReviewDecision.objects.create(moderator_name="eva", blind=blind, **values)
    return ad


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_of_the_moderators_has_a_serious_fault(open_page, log_in, axe, moderation, screen):
    page = open_page(**SCREENS[screen])
    log_in(page, "eva")
    issue = LabelIssue.objects.get(ad_id=str(moderation.pk))
    motorbikes, cars = moderation.category, Category.objects.get(name="Autos")
    active = ModelVersion.objects.get(is_active=True)
    idle = ModelVersion.objects.create(kind="titles", name="idle", taxonomy_version=0, ad_count=0, is_refused=True)
    paths = [
        f"{ADMIN}/moderation/",
        f"{ADMIN}/labelissue/",
        f"{ADMIN}/labelissue/review/?issue={issue.pk}",
        f"{ADMIN}/labelissue/review/",
        f"{ADMIN}/reviewdecision/",
        f"{ADMIN}/suggestionevent/",
        f"{ADMIN}/suggestionevent/feedback/",
        f"{ADMIN}/carfieldevent/",
        f"{ADMIN}/taxonomyfinding/",
        f"{ADMIN}/taxonomyfinding/merge/{motorbikes.pk}/",
        f"{ADMIN}/taxonomyfinding/merge/{motorbikes.pk}/{cars.pk}/",
        f"/admin/ad_taxonomy/category/{motorbikes.pk}/change/",
        f"{ADMIN}/carissue/",
        *(f"{ADMIN}/carissue/review/?issue={pk}" for pk in CarIssue.objects.values_list("pk", flat=True)),
        f"{ADMIN}/cardecision/",
        f"{ADMIN}/modelversion/",
        f"{ADMIN}/modelversion/{active.pk}/change/",
        f"{ADMIN}/modelversion/{idle.pk}/activate/",
        f"{ADMIN}/modelversion/compare/?first={idle.pk}&second={active.pk}",
        f"{ADMIN}/modelactivation/",
        f"/admin/marketplace/ad/{moderation.pk}/change/",
        "/admin/marketplace/ad/",
    ]
    found = []
    for path in paths:
        assert page.goto(path).ok, path
        # Not led elsewhere with an error.
        assert page.url.endswith(path), path
        found += faults(axe, page, DJANGO_S_OWN)
        assert fits(page), path
        if path.endswith(f"labelissue/review/?issue={issue.pk}"):
            assert page.is_visible(".review-opinions") and page.is_visible(".review-same-photos img")
    # One is decided, and asked to be undone.
    for queue in ("labelissue", "carissue"):
        page.goto(f"{ADMIN}/{queue}/review/")
        for key in "ku":
            press(page, key, TOAST)
            found += faults(axe, page, DJANGO_S_OWN)
    assert found == []


@pytest.mark.parametrize("screen", SCREENS)
def test_the_page_that_confirms_a_bulk_action_has_no_serious_fault(open_page, log_in, axe, moderation, screen):
    page = open_page(**SCREENS[screen])
    log_in(page, "eva")
    for queue in ("labelissue", "carissue"):
        page.goto(f"{ADMIN}/{queue}/")
        page.check("#action-toggle")
        page.select_option("select[name=action]", "accept_selected")
        page.click("button[name=index]")
        page.wait_for_selector("input[name=confirmed]", state="attached")
        assert faults(axe, page, DJANGO_S_OWN) == []
