"""Two kinds of ads on one site, each with its own tree, model, form and queue; and one model per language."""

import io

import pytest
from django import forms
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone, translation

from ad_autocategorize.categories.services import active_tree, suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.data_checks import check_mirror
from ad_autocategorize.forms import CarPhotoMixin, CategorySuggestionMixin
from ad_autocategorize.models import CarIssue, LabelIssue, ModelVersion, ReviewDecision, SuggestionEvent
from ad_autocategorize.moderation.cars.review import accept as accept_car
from ad_autocategorize.moderation.forgetting import forget
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.tree.merging import MergeRefused, plan_merge
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.registered import source_of
from taxonomy.models import Brand, CarModel, Category
from tests.hosts.bolsa.ad_source import Jobs
from tests.hosts.bolsa.models import Job, Listing, Section, Trade
from tests.hosts.coches.models import Maker, Notice, Rubric, Vehicle
from tests.plugin.test_checks import messages

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SOURCES = {"listings": "tests.hosts.bolsa.ad_source.Listings", "jobs": "tests.hosts.bolsa.ad_source.Jobs"}
CARS = {"cars": "tests.hosts.coches.ad_source.NoticeAds"}
QUEUE = "/admin/ad_autocategorize/labelissue/"
GOODS = {"Sillas": "silla banco", "Mesas": "mesa escritorio", "Otros": "libro disco"}
TRADES = {"Cocina": "cocinero pastelero", "Oficina": "secretaria contador", "Otros": "jardinero sereno"}


def configure(settings, **changes):
    own = {"SOURCE": None, "SOURCES": SOURCES, **changes}
    setattr(settings, SETTING, {**getattr(settings, SETTING), **own})


def run(command, *options):
    out = io.StringIO()
    call_command(command, *options, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def site(settings):
    """Both kinds of ads, with overlapping keys of ads and categories; one job and one listing with the same key lie wrongly."""
    configure(settings)
    sections = {name: Section.objects.create(name=name) for name in GOODS}
    trades = {name: Trade.objects.create(label=name) for name in TRADES}
    for number in range(20):
        for name, words in GOODS.items():
            Listing.objects.create(title=f"{words.split()[number % 2]} {number % 5}", section=sections[name])
        for name, words in TRADES.items():
            Job.objects.create(headline=f"{words.split()[number % 2]} {number % 5}", trade=trades[name])
    # A key that neither has yet: not every database numbers two tables alike.
    key = 10_000
    listing = Listing.objects.create(pk=key, title="mesa escritorio 3", section=sections["Sillas"])
    job = Job.objects.create(pk=key, headline="secretaria contador 3", trade=trades["Cocina"])
    assert messages(settings) == ""
    run("sync_taxonomy")
    return listing, job


class ListingForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Listing
        fields = ["title", "section"]


class JobForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Job
        fields = ["headline", "trade"]


def test_each_kind_has_its_tree_and_another_mirror_leaves_it_alone(site):
    assert dict(Category.objects.order_by().values_list("scope", "name").distinct().filter(name="Otros")) == {
        "listings": "Otros",
        "jobs": "Otros",
    }
    assert check_mirror() == []
    Trade.objects.create(label="Campo")
    assert "jobs. Categories: 1 created, 0 updated, 3 unchanged, 0 deactivated" in run("sync_taxonomy")
    with using_source("jobs"):
        assert {active_tree().name(pk) for pk in active_tree()} == {"Campo", "Cocina", "Oficina", "Otros"}
    with pytest.raises(MergeRefused):
        plan_merge(Category.objects.get(name="Mesas").pk, Category.objects.get(name="Oficina").pk)


def test_each_kind_has_its_model_and_form(site, client):
    assert "jobs" in run("retrain_classifiers")
    assert set(ModelVersion.objects.filter(is_active=True).values_list("source", flat=True)) == {"listings", "jobs"}
    with using_source("jobs"):
        best = suggest_categories("contador").suggestions[0]
    assert (best.path_text, best.value) == ("Oficina", str(Trade.objects.get(label="Oficina").pk))
    assert suggest_categories("escritorio").suggestions[0].path_text == "Mesas"
    url = reverse("ad_autocategorize:suggest-category") + "?source=jobs"
    answer = client.post(url, {"title": "pastelero"}, content_type="application/json").json()
    assert answer["suggestions"][0]["path"][-1]["name"] == "Cocina"
    names = client.get(reverse("ad_autocategorize:categories"), {"source": "jobs"}).json()["categories"]
    assert {category["name"] for category in names} == set(TRADES)
    assert client.get(reverse("ad_autocategorize:categories"), {"source": "nothing"}).status_code == 404
    assert "source=jobs" in str(JobForm())
    form = JobForm({"headline": "jardinero", "trade": "", "suggest_category": "1"})
    assert not form.is_valid()
    assert "Otros" in str(form)
    assert "Oficina" in run("suggest_category", "secretaria", "--source", "jobs")
    with pytest.raises(CommandError, match="There is no source 'cars'"):
        run("retrain_classifiers", "--source", "cars")
    with pytest.raises(SourceError), using_source("cars"):
        pass


def test_events_tell_which_kind_of_ad_they_are_about(site):
    run("retrain_classifiers")
    with using_source("jobs"):
        best = suggest_categories("contador")
    report = {
        "model_version": best.model_version,
        "shown": [best.suggestions[0].value],
        "taken": None,
        "taken_rank": None,
    }
    data = {"headline": "contador", "trade": best.suggestions[0].value}
    form = JobForm(data | {"trade_suggestions": str(report).replace("'", '"').replace("None", "null")})
    assert form.is_valid(), form.errors
    form.save()
    event = SuggestionEvent.objects.get()
    assert (event.source, event.category.name, event.outcome) == ("jobs", "Oficina", "accepted")


def test_the_queue_has_both_kinds_and_each_ad_moves_in_its_own_table(site, admin_client):
    listing, job = site
    run("find_mislabels")
    found = {issue.source: issue for issue in LabelIssue.objects.filter(ad_id=str(job.pk))}
    assert set(found) == {"listings", "jobs"}
    html = admin_client.get(QUEUE).content.decode()
    assert str(listing) in html
    assert str(job) in html
    html = admin_client.get(QUEUE, {"source": "jobs"}).content.decode()
    assert str(listing) not in html
    assert str(job) in admin_client.get(f"{QUEUE}review/", {"issue": found["jobs"].pk}).content.decode()
    admin_client.post(f"{QUEUE}{found['jobs'].pk}/decide/", {"version": found["jobs"].version, "decision": "accept"})
    assert Job.objects.get(pk=job.pk).trade.label == "Oficina"
    assert Listing.objects.get(pk=listing.pk).section.name == "Sillas"
    decision = ReviewDecision.objects.get()
    assert decision.source == "jobs"
    admin_client.post(f"{QUEUE}undo/{decision.pk}/")
    assert Job.objects.get(pk=job.pk).trade.label == "Cocina"
    data = {"action": "accept_selected", "_selected_action": [issue.pk for issue in found.values()], "confirmed": "1"}
    versions = LabelIssue.objects.filter(ad_id=str(job.pk)).values_list("pk", "version")
    admin_client.post(QUEUE, data | {"seen": ",".join(f"{pk}:{version}" for pk, version in versions)})
    assert Job.objects.get(pk=job.pk).trade.label == "Oficina"
    assert Listing.objects.get(pk=listing.pk).section.name == "Mesas"


def test_one_model_a_language_and_categories_named_in_it(settings):
    configure(settings, SOURCES={}, SOURCE=SOURCES["listings"], LANGUAGES=["es", "en"])
    words = {"Sillas": ("Chairs", "silla banco", "chair bench"), "Mesas": ("Tables", "mesa escritorio", "table desk")}
    for name, (name_en, spanish, english) in words.items():
        section = Section.objects.create(name=name, name_en=name_en)
        for number in range(20):
            Listing.objects.create(title=f"{spanish.split()[number % 2]} {number % 5}", section=section)
            Listing.objects.create(
                title=f"{english.split()[number % 2]} {number % 5}", section=section, language="en-GB"
            )
    assert messages(settings) == ""
    run("sync_taxonomy")
    run("retrain_classifiers")
    assert set(ModelVersion.objects.filter(is_active=True).values_list("language", "ad_count")) == {
        ("es", 40),
        ("en", 40),
    }
    with translation.override("en"):
        best = suggest_categories("desk").suggestions[0]
        assert best.path_text == "Tables"
        assert not suggest_categories("escritorio").suggestions
    with translation.override("pt-br"):
        # No model of its own: that of the title settings' language, and the site's own names.
        assert suggest_categories("escritorio").suggestions[0].path_text == "Mesas"
    assert "Tables" in run("suggest_category", "desk", "--language", "en")
    assert "Judged 80 ads" in run("find_mislabels")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SOURCES": ["x"]}, "E016"),
        ({"SOURCES": {"Jobs!": "x"}}, "E016"),
        ({"SOURCE": SOURCES["jobs"]}, "has both SOURCE and SOURCES"),
        ({"SOURCES": {**SOURCES, "more": "nowhere.Ads"}}, "E009"),
        ({"LANGUAGES": "es"}, "E017"),
        ({"SOURCES": {**SOURCES, **CARS, "far": "tests.hosts.lejos.ad_source.FarAds"}}, "W008"),
    ],
)
def test_wrong_settings_are_explained(settings, changes, expected):
    configure(settings, **changes)
    assert expected in messages(settings)


class CarForm(CarPhotoMixin, forms.ModelForm):
    maker = forms.CharField(required=False)
    built = forms.IntegerField(required=False)
    car_form_fields = {"brand": "maker", "year": "built"}

    class Meta:
        model = Notice
        fields = ["heading", "rubric"]


def test_the_cars_are_those_of_the_source_that_describes_them(settings, client):
    """It comes last here, and the forms, the API and the queue find it."""
    configure(settings, SOURCES={**SOURCES, **CARS})
    assert "W008" not in messages(settings)
    maker = Maker.objects.create(name="Ford")
    CarModel.objects.create(brand=Brand.objects.create(name="Ford"), name="Ka")
    rubric = Rubric.objects.create(name="Autos")
    sent = {"heading": "Ford Ka 2008", "rubric": rubric.pk, "read_car_photo": "1"}
    form = CarForm(sent)
    assert not form.is_valid()
    assert form["built"].value() == "2008"
    read = reverse("ad_autocategorize:suggest-car-title")
    answer = client.post(read, {"title": "Ford Ka 2008", "car": True}, content_type="application/json")
    assert answer.json()["fields"]["brand"]["options"] == [{"value": str(maker.pk), "label": "Ford"}]
    ad = Notice.objects.create(heading="Ford Ka", rubric=rubric)
    Vehicle.objects.create(notice=ad, maker=maker, built=2099)
    issue = CarIssue.objects.create(
        ad_id=str(ad.pk), field="year", evidence="catalog", stated="2099", suggested={"year": "2008"}, found_at=timezone.now()
    )  # fmt: skip
    moderator = get_user_model().objects.create_superuser("jefa")
    with source_of(issue):
        accept_car(issue, Reviewer(moderator))
    ad.vehicle.refresh_from_db()
    assert ad.vehicle.built == 2008


class OwnedJobs(Jobs):
    seller = "headline"


def test_a_forgotten_user_is_forgotten_in_every_source(site, settings, django_user_model):
    listing, job = site
    user = django_user_model.objects.create_user(job.headline)
    found = {"level": 1, "priority": 1, "given_probability": 0.1, "suggested_probability": 0.9, "model": "m"}
    for name, ad in (("jobs", job), ("listings", listing)):
        category = Category.objects.filter(scope=name).first()
        LabelIssue.objects.create(
            ad_id=str(ad.pk), source=name, given=category, suggested=category, branch=category, found_at=timezone.now(),
            fingerprint="f", **found,
        )  # fmt: skip
        SuggestionEvent.objects.create(model_version="m", source=name, ad_id=str(ad.pk), outcome="accepted")
    configure(settings, SOURCES={"listings": SOURCES["listings"], "jobs": f"{__name__}.OwnedJobs"})
    assert forget(user).events == 1
    # The other kind's ad has the same key, and stays.
    assert list(LabelIssue.objects.values_list("source", flat=True)) == ["listings"]
    assert dict(SuggestionEvent.objects.values_list("source", "ad_id")) == {"jobs": "", "listings": str(listing.pk)}
