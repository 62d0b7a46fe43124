"""Suggestions in the forms of hosts with several kinds of ads, and with several categories an ad."""

import io

import pytest
from django.core.management import call_command

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import SuggestionEvent
from tests.hosts.bolsa.models import Job, Listing, Section, Trade
from tests.hosts.etiquetas.models import Notice, Topic
from tests.hosts.test_several_sources import GOODS, SOURCES, TRADES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def run(*command):
    call_command(*command, stdout=io.StringIO(), stderr=io.StringIO())


def configure(settings, **changes):
    settings.ROOT_URLCONF = "tests.browser.host_forms"
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changes})


def send(page, field, words):
    page.locator(f"#id_{field}").press_sequentially(words)
    page.locator("[role=option]").first.click()
    page.click("#send")
    page.wait_for_selector("#saved")
    assert page.reports == []


def test_each_kind_of_ad_is_suggested_its_own_categories(open_page, settings):
    configure(settings, SOURCE=None, SOURCES=SOURCES)
    for number in range(12):
        for name, words in GOODS.items():
            section, _ = Section.objects.get_or_create(name=name)
            Listing.objects.create(title=f"{words} {number}", section=section)
        for name, words in TRADES.items():
            trade, _ = Trade.objects.get_or_create(label=name)
            Job.objects.create(headline=f"{words} {number}", trade=trade)
    run("sync_taxonomy")
    # Another site's ads than those of the model in service.
    run("retrain_classifiers", "--force")
    page = open_page()
    page.goto("/ad/jobs/")
    send(page, "headline", "contador")
    assert Job.objects.latest("pk").trade.label == "Oficina"
    page.goto("/ad/listings/")
    send(page, "title", "escritorio")
    assert Listing.objects.latest("pk").section.name == "Mesas"
    told = SuggestionEvent.objects.order_by("pk").values_list("source", "category__name", "handling")
    assert list(told) == [("jobs", "Oficina", "taken"), ("listings", "Mesas", "taken")]


def test_an_ad_with_several_categories_takes_a_suggestion(open_page, settings):
    configure(settings, SOURCE="tests.hosts.etiquetas.ad_source.TopicAds")
    home, tools = Topic.add_root(name="Home"), Topic.add_root(name="Tools")
    for number in range(12):
        Notice.objects.create(title=f"chair {number}").topics.add(home)
        Notice.objects.create(title=f"drill {number}").topics.add(tools)
    run("sync_taxonomy")
    # Another site's ads than those of the model in service.
    run("retrain_classifiers", "--force")
    page = open_page()
    page.goto("/ad/notices/")
    send(page, "title", "drill")
    notice = Notice.objects.latest("pk")
    assert [topic.name for topic in notice.topics.all()] == ["Tools"]
    event = SuggestionEvent.objects.get()
    assert (event.ad_id, event.outcome, event.handling) == (str(notice.pk), "accepted", "taken")
