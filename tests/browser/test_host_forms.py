"""The whole way on hosts of other shapes: check, sync, train, suggest, the form in a browser, find and decide."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.utils import translation

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue, SuggestionEvent
from ad_autocategorize.sources import using_source
from tests.hosts.bolsa.models import Job, Listing, Section, Trade
from tests.hosts.etiquetas.ad_source import PlacedOffers
from tests.hosts.etiquetas.models import Notice, Offer, Placement, Topic
from tests.hosts.lejos.models import Shelf, Thing
from tests.hosts.test_several_sources import SOURCES
from tests.plugin.test_checks import messages

pytestmark = [
    pytest.mark.browser,
    pytest.mark.database,
    pytest.mark.django_db(transaction=True, databases=["default", "far"]),
]
WORDS = {"Chairs": ("chair", "stool"), "Tables": ("table", "desk"), "Drills": ("drill", "screwdriver")}
SPANISH = {"Chairs": ("silla", "banco"), "Tables": ("mesa", "escritorio"), "Drills": ("taladro", "destornillador")}


class OffersInRows(PlacedOffers):
    category_form_field = "placement_set-0-topic"


def topics():
    home = Topic.objects.add_root({"name": "Home"})
    return {name: Topic.objects.add_child(home, {"name": name}) for name in WORDS}


def fill(add, categories, words=WORDS):
    """Twenty ads per category, and a drill at the tables, which is returned."""
    for number in range(20):
        for name, category in categories.items():
            add(f"{words[name][number % 2]} {number % 5}", category)
    return add(f"{' '.join(words['Drills'])} 3", categories["Tables"])


def notices():
    def add(title, topic):
        notice = Notice.objects.create(title=title)
        notice.topics.add(topic)
        return notice

    return fill(add, topics())


def offers():
    def add(title, topic):
        offer = Offer.objects.create(title=title)
        Placement.objects.create(offer=offer, topic=topic, paid=True)
        return offer

    return fill(add, topics())


def things():
    shelves = {name: Shelf.objects.create(code=name.lower(), name=name) for name in WORDS}
    return fill(lambda title, shelf: Thing.objects.create(title=title, shelf=shelf), shelves)


def listings():
    sections = {name: Section.objects.create(name=name) for name in WORDS}
    return fill(lambda title, section: Listing.objects.create(title=title, section=section), sections)


def jobs():
    trades = {name: Trade.objects.create(label=name) for name in WORDS}
    return fill(lambda title, trade: Job.objects.create(headline=title, trade=trade), trades)


def jobs_and_listings():
    listings()
    return jobs()


def listings_and_jobs():
    jobs()
    return listings()


def listings_in_two_languages():
    named = {SPANISH[name][0].title(): name for name in WORDS}
    sections = {english: Section.objects.create(name=own, name_en=english) for own, english in named.items()}
    fill(lambda title, section: Listing.objects.create(title=title, section=section), sections, SPANISH)
    add = lambda title, section: Listing.objects.create(title=title, section=section, language="en-GB")  # noqa: E731
    return fill(add, sections)


@dataclass
class Host:
    settings: dict
    page: str
    make: Callable
    category: str
    title: str = "title"
    language: str = "es"
    source: str = ""


OFFERS = f"{__name__}.OffersInRows"
TOPICS = "tests.hosts.etiquetas.ad_source.TopicAds"
FAR = "tests.hosts.lejos.ad_source.FarAds"
HOSTS = {
    "several categories": Host({"SOURCE": TOPICS}, "notices/", notices, "topics__name"),
    "a category in a row of a formset": Host({"SOURCE": OFFERS}, "offers/", offers, "topics__name"),
    "prefixed keys in a second database": Host({"SOURCE": FAR}, "things/", things, "shelf__name"),
    "jobs beside listings": Host(
        {"SOURCE": None, "SOURCES": SOURCES}, "jobs/", jobs_and_listings, "trade__label", "headline", source="jobs"
    ),
    "listings beside jobs": Host(
        {"SOURCE": None, "SOURCES": SOURCES}, "listings/", listings_and_jobs, "section__name", source="listings"
    ),
    "the second of two languages": Host(
        {"SOURCE": SOURCES["listings"], "LANGUAGES": ["es", "en"]},
        "listings/",
        listings_in_two_languages,
        "section__name_en",
        language="en",
    ),
    "a view that saves twice": Host({"SOURCE": SOURCES["listings"]}, "listings/twice/", listings, "section__name"),
}


def run(*command):
    call_command(*command, stdout=io.StringIO(), stderr=io.StringIO())


def names(host, ad):
    return set(type(ad).objects.filter(pk=ad.pk).values_list(host.category, flat=True))


@pytest.fixture(params=HOSTS)
def host(request, settings):
    cache.clear()
    host = HOSTS[request.param]
    settings.ROOT_URLCONF = "tests.browser.host_forms"
    setattr(settings, SETTING, {**getattr(settings, SETTING), **host.settings})
    return host


@pytest.fixture
def open_page(chromium, live_server, client):
    """Open pages as a moderator, with or without JavaScript; nothing may be reported in the console."""
    client.force_login(get_user_model().objects.create_superuser("eva"))
    contexts, reports = [], []

    def open_one(language, **options):
        context = chromium.new_context(locale=language, base_url=live_server.url, **options)
        contexts.append(context)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([cookie])
        page = context.new_page()
        page.on("console", lambda message: reports.append(message.text))
        page.on("pageerror", lambda error: reports.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert reports == []


def place_by_keyboard(page, host):
    page.focus(f"#id_{host.title}")
    page.keyboard.type("screwdriver ")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def place_without_javascript(page, host):
    page.fill(f"#id_{host.title}", "screwdriver")
    page.click("[name=suggest_category]")
    page.click("[name=take_category] >> nth=0")


@pytest.mark.parametrize("place", [place_by_keyboard, place_without_javascript])
def test_the_whole_way(host, place, open_page, settings):
    wrong = host.make()
    assert messages(settings) == ""
    run("sync_taxonomy")
    run("retrain_classifiers")
    with translation.override(host.language), using_source(host.source):
        assert suggest_categories("screwdriver").suggestions[0].path[-1].name == "Drills"

    page = open_page(host.language, java_script_enabled=place is place_by_keyboard)
    page.goto(f"/ad/{host.page}")
    place(page, host)
    page.click("#send")
    ad = type(wrong).objects.get(pk=int(page.inner_text("#saved")))
    assert ad.pk > wrong.pk
    assert names(host, ad) == {"Drills"}
    event = SuggestionEvent.objects.get()
    assert (event.ad_id, event.rank, event.handling) == (str(ad.pk), 1, "taken")

    run("find_mislabels")
    issue = LabelIssue.objects.get(ad_id=str(wrong.pk), source=host.source)
    page.goto(f"/admin/ad_autocategorize/labelissue/review/?issue={issue.pk}")
    page.click("[name=decision][value=accept]")
    page.wait_for_selector(".review-toast[data-level=success], .messagelist .success")
    assert names(host, wrong) == {"Drills"}
