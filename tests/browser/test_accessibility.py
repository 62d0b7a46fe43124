"""Every page of the marketplace through axe-core, as a visitor, a seller and a moderator; light on a desk, dark on a phone."""

import pytest

from ad_autocategorize.models import LabelIssue, ModelVersion, SuggestionEvent
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import find_mislabels

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
            ("/", f"/category/{ad.category_id}/", f"/ads/{ad.pk}/", "/?q=sofa", "/?q=nothing-of-the-kind", "/login/"),
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
    """Something for every page of the moderators: doubtful ads, one decided, findings about the tree, an event."""
    seller, motorbikes = Ad.objects.first().seller, Category.objects.get(name="Motos")
    for title in ("mesa ratona modelo 1", "sillon sofa modelo 3"):
        ad = Ad.objects.create(title=title, category=motorbikes, seller=seller, status=Ad.Status.PUBLISHED)
    Category.objects.create(name="Sin avisos")
    find_mislabels()
    version = ModelVersion.objects.get(is_active=True)
    SuggestionEvent.objects.create(model_version=version.name, outcome="accepted", rank=1)
    return ad


@pytest.mark.parametrize("screen", SCREENS)
def test_no_page_of_the_moderators_has_a_serious_fault(open_page, log_in, axe, moderation, screen):
    page = open_page(**SCREENS[screen])
    log_in(page, "eva")
    issue = LabelIssue.objects.get(ad_id=str(moderation.pk))
    paths = [
        f"{ADMIN}/labelissue/",
        f"{ADMIN}/labelissue/{issue.pk}/change/",
        f"{ADMIN}/labelissue/review/",
        f"{ADMIN}/reviewdecision/",
        f"{ADMIN}/suggestionevent/",
        f"{ADMIN}/suggestionevent/feedback/",
        f"{ADMIN}/taxonomyfinding/",
        f"{ADMIN}/carissue/",
        f"{ADMIN}/modelversion/",
        f"/admin/marketplace/ad/{moderation.pk}/change/",
        "/admin/marketplace/ad/",
    ]
    found = []
    for path in paths:
        assert page.goto(path).ok, path
        found += faults(axe, page, DJANGO_S_OWN)
    # One is decided, and asked to be undone.
    page.goto(f"{ADMIN}/labelissue/review/")
    with page.expect_navigation():
        page.keyboard.press("k")
    found += faults(axe, page, DJANGO_S_OWN)
    with page.expect_navigation():
        page.keyboard.press("u")
    found += faults(axe, page, DJANGO_S_OWN)
    assert found == []
