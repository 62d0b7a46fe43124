"""The review queue by keyboard alone, under a strict content security policy."""

import sys
from statistics import median

import pytest
from PIL import Image

from ad_autocategorize.models import LabelIssue, ReviewDecision
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import asked_about, attach_photo, find_mislabels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REVIEW = "/admin/ad_autocategorize/labelissue/review/"
TOAST, ERROR = (f".review-toast[data-level={level}]" for level in ("success", "error"))


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


def press(page, key, then="[data-review]"):
    """Press a key, and wait until what it decides is written down and what comes next is there."""
    page.wait_for_selector("[data-review]:not([data-sending])")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.keyboard.press(key)
    page.wait_for_selector("[data-review]:not([data-sending])")
    page.wait_for_selector(then)


def test_a_moderator_works_through_the_queue_by_keyboard_alone(open_page, log_in, sofa):
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    assert shown(page) == "sillon sofa modelo 3"
    press(page, "s")
    assert shown(page) == "moto casco modelo 2"
    press(page, "k", TOAST)
    assert ReviewDecision.objects.get().action == "kept"

    page.goto(REVIEW)
    press(page, "a", TOAST)
    sofa.refresh_from_db()
    assert sofa.category.name == "Sillones"
    press(page, "u", TOAST)
    sofa.refresh_from_db()
    assert sofa.category.name == "Motos"
    assert shown(page) == "sillon sofa modelo 3"

    page.keyboard.press("o")
    assert page.evaluate("document.activeElement.id") == "id_category"
    # Typing is no decision, nor is it if it names no category alone.
    page.keyboard.type("sk coci")
    assert ReviewDecision.objects.count() == 3
    press(page, "Enter", ERROR)
    assert page.input_value("#id_category") == "sk coci"
    page.keyboard.press("Control+a")
    page.keyboard.type("coc")
    press(page, "Enter", ".review-choices button:has-text('Cocina')")
    assert ReviewDecision.objects.count() == 3
    # What was found has keys of its own, and the first of it the focus.
    assert "Cocina" in page.evaluate("document.activeElement.textContent")
    press(page, "1", TOAST)
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


def test_what_photos_say_stands_there_without_javascript(open_page, log_in, sofa):
    same = Ad.objects.filter(category__name="Sillones").first()
    for ad in (sofa, same):
        attach_photo(ad, Image.new("RGB", (80, 60), "teal"))
    issue = LabelIssue.objects.get(ad_id=str(sofa.pk))
    issue.opinions = [["photos", issue.suggested_id, 0.81], ["title", issue.given_id, 0.4]]
    issue.same_photos = [str(same.pk)]
    issue.save()
    for options in ({"java_script_enabled": False}, {"viewport": {"width": 360, "height": 740}}):
        page = open_page(**options)
        log_in(page, "eva")
        page.goto(REVIEW)
        assert "Sillones (81 %)" in page.inner_text(".review-opinions")
        assert "Motos (40 %)" in page.inner_text(".review-opinions")
        rows = page.locator(".review-same-photos tbody tr")
        assert rows.count() == 1 and same.title in rows.inner_text() and "Sillones" in rows.inner_text()
        rows.locator("img").scroll_into_view_if_needed()
        assert rows.locator("img").bounding_box()["width"] == pytest.approx(72, abs=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        assert page.reports == []


def test_the_page_fits_a_phone(open_page, log_in, sofa):
    page = open_page(viewport={"width": 360, "height": 740})
    log_in(page, "eva")
    page.goto(REVIEW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_javascript_undoing_asks_on_a_page_of_its_own(open_page, log_in, sofa):
    page = open_page(java_script_enabled=False)
    log_in(page, "eva")
    page.goto(REVIEW)
    page.click("button[value=accept]")
    page.click(".messagelist a[data-undo]")
    page.click("[type=submit][data-key=u]")
    sofa.refresh_from_db()
    assert sofa.category.name == "Motos"
    assert shown(page) == "sillon sofa modelo 3"


def test_an_entry_that_somebody_else_decided_meanwhile_is_not_decided_again(open_page, log_in, sofa):
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    page.wait_for_selector("[data-review]:not([data-sending])")
    # The next one, which waits in the browser.
    helmet = LabelIssue.objects.order_by("-priority")[1]
    LabelIssue.objects.filter(pk=helmet.pk).update(state="kept", version=helmet.version + 1)
    press(page, "a", TOAST)
    assert page.locator(".review h2").inner_text() != "moto casco modelo 2"
    assert ReviewDecision.objects.count() == 1


def test_what_was_sent_in_vain_is_shown_again(open_page, log_in, sofa):
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    page.wait_for_selector("[data-review]:not([data-sending])")
    page.route("**/decide/", lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_selector(ERROR)
    assert shown(page) == "sillon sofa modelo 3"
    page.unroute("**/decide/")
    press(page, "a", TOAST)
    sofa.refresh_from_db()
    assert sofa.category.name == "Sillones"


DECISIONS = 30
# So many without a pause, each as soon as the ad is there; before the others a person has looked at it.
HASTY = 15
# On an idle core 150 are the aim; a busy machine may take its time.
GENEROUS_MS = 1500
WATCH = """() => {
    window.times = [];
    addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
    new MutationObserver(() => requestAnimationFrame(() => window.times.push(performance.now() - window.pressed)))
        .observe(document.querySelector('[data-review]'), {childList: true});
}"""

MORE_THAN = """number => new Promise((done) => {
    const look = () => times.length > number ? done() : setTimeout(look, 5);
    look();
})"""


def test_thirty_decisions_by_keyboard_with_a_stopwatch(open_page, log_in, sofa, capsys):
    first = LabelIssue.objects.get(ad_id=str(sofa.pk))
    ads = Ad.objects.exclude(pk=sofa.pk)[: DECISIONS + 1]
    LabelIssue.objects.exclude(pk=first.pk).delete()
    for number, ad in enumerate(ads):
        values = {**asked_about(ad), "suggested_id": first.suggested_id, "priority": float(number)}
        first.pk = None
        for name, value in values.items():
            setattr(first, name, value)
        first.save(force_insert=True)
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    page.wait_for_selector("[data-review]:not([data-sending])")
    page.evaluate(WATCH)
    for number in range(DECISIONS):
        if number >= HASTY:
            page.wait_for_selector("[data-review]:not([data-sending])")
        page.keyboard.press("ka"[number % 2])
        page.evaluate(MORE_THAN, number)
    page.wait_for_selector("[data-review]:not([data-sending])")
    assert ReviewDecision.objects.count() == DECISIONS
    # One page all along: only its address follows.
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    times = page.evaluate("times")
    with capsys.disabled():
        for how, some in (("without a pause", times[:HASTY]), ("having looked", times[HASTY:])):
            sys.stdout.write(f"key to next ad, {how}: median {median(some):.0f} ms, slowest {max(some):.0f} ms\n")
    assert median(times) < GENEROUS_MS
    assert page.reports == []


WIDE = {"viewport": {"width": 1280, "height": 800}}


@pytest.mark.parametrize("path", ["ad_autocategorize/labelissue/", "ad_autocategorize/carissue/", "marketplace/ad/"])
def test_lists_fit_beside_the_sidebar(open_page, log_in, sofa, path):
    page = open_page(**WIDE)
    log_in(page, "eva")
    page.goto(f"/admin/{path}")
    assert page.locator("#nav-sidebar").is_visible()
    table = "document.querySelector('#changelist .results')"
    assert page.evaluate(f"!{table} || {table}.scrollWidth <= {table}.clientWidth")


def test_a_long_search_without_spaces_makes_no_page_wide(open_page, log_in, sofa):
    page = open_page()
    log_in(page, "eva")
    page.goto(f"{REVIEW}?q={'x' * 3000}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
