"""What forms tell of the car fields that photos answered, and what the server makes of it."""

import json
import logging

import pytest
from django import forms
from django.db import connection
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from ad_autocategorize.api.car_serializers import CarFieldsToldSerializer
from ad_autocategorize.cars.forms import CarPhotoMixin
from ad_autocategorize.cars.recording import CarReport, FieldReport
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarFieldEvent, FieldState, ModelVersion, SuggestionEvent
from ad_autocategorize.sources.cars import CAR_FIELDS
from marketplace.forms import AdForm
from marketplace.models import Ad
from taxonomy.models import Color
from tests.hosts.coches.models import Notice, Rubric, Vehicle

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def publish(client, ad_data):
    """Send the ad form with a report, as text or still to be written as JSON, and with fields of the car."""

    def publish(report, **car):
        report = report if isinstance(report, str) else json.dumps(report)
        return client.post(reverse("ad-create"), {**ad_data, **car, "photos_suggestions": report})

    return publish


@pytest.fixture
def version(db):
    return ModelVersion.objects.create(kind="photos", name="photos-x", taxonomy_version=0, ad_count=0).name


@pytest.fixture
def colors(db):
    return [str(Color.objects.create(name=name).pk) for name in ("red", "blue", "green")]


def told(version, state, options, *, sure=True):
    return {"model_version": version, "options": [str(option) for option in options], "sure": sure, "state": state}


@pytest.mark.parametrize(
    ("state", "sure", "saved", "expected"),
    [
        # Places in the answer, which had red and blue; green was none of it.
        ("filled", True, 1, ("accepted", 1, "kept")),
        ("filled", True, 2, ("accepted", 2, "changed")),
        ("filled", True, 3, ("overruled", None, "changed")),
        ("filled", True, None, ("empty", None, "changed")),
        ("stated", True, 1, ("accepted", 1, "stated")),
        ("stated", False, 3, ("overruled", None, "stated")),
        ("empty", False, 2, ("accepted", 2, "unsure")),
        ("empty", False, None, ("empty", None, "unsure")),
        ("empty", True, 1, ("accepted", 1, "unfit")),
    ],
)
def test_one_row_a_field_says_what_was_done(publish, version, colors, state, sure, saved, expected):
    report = {"color": told(version, state, colors[:2], sure=sure)}
    assert publish(report, color=colors[saved - 1] if saved else "").status_code == 302
    event = CarFieldEvent.objects.get()
    assert (event.outcome, event.rank, event.handling) == expected
    assert (event.field, event.answered, event.sure, event.from_form) == ("color", 2, sure, True)
    assert (event.model_version, event.ad_id) == (version, str(Ad.objects.latest("pk").pk))
    # Nothing of it says which colour.
    assert not {*colors, "red"} & {event.field, event.outcome, event.handling, event.model_version}


def test_the_fields_are_called_as_everywhere_else():
    assert (
        tuple(dict(CarFieldEvent._meta.get_field("field").choices))
        == CAR_FIELDS
        == tuple(CarFieldsToldSerializer().fields)
    )


def test_a_row_has_neither_values_nor_persons():
    assert {field.name for field in CarFieldEvent._meta.get_fields()} == {
        *("id", "model_version", "ad_id", "field", "answered", "sure", "rank", "outcome", "handling", "from_form"),
        *("created_at", "source"),
    }


def test_what_an_edited_ad_had_before_is_not_what_its_seller_states(ad_data, client, seller, version, colors):
    ad = Ad.objects.create(seller=seller, title="auto", category_id=ad_data["category"], color_id=colors[0], year=2001)
    report = {"color": told(version, "stated", colors), "year": told(version, "stated", ["2001"])}
    data = {**ad_data, "color": colors[0], "year": "2010", "photos_suggestions": json.dumps(report)}
    assert client.post(reverse("ad-update", args=[ad.pk]), data).status_code == 302
    assert dict(CarFieldEvent.objects.values_list("field", "handling")) == {"color": "held", "year": "stated"}
    assert set(CarFieldEvent.objects.values_list("ad_id", flat=True)) == {str(ad.pk)}


def test_a_form_that_is_not_saved_records_nothing_and_forgets_nothing(publish, version, colors):
    report = {"color": told(version, "filled", colors)}
    response = publish(report, price="abc", color=colors[0])
    assert response.status_code == 200
    assert not CarFieldEvent.objects.exists()
    kept = response.context["form"]._car_widget.report
    assert kept == CarReport({"color": FieldReport(version, tuple(colors), True, FieldState.FILLED)})
    assert 'name="photos_suggestions" value="{&quot;color' in response.content.decode()


@pytest.mark.parametrize(
    "report",
    [
        "",
        "nonsense",
        "[" * 5000,
        '{"color": ' * 2000,
        "null",
        "[]",
        '{"color": null}',
        '{"color": {"model_version": "VERSION"}}',
        '{"wheels": {"model_version": "VERSION", "options": ["1"], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "photos-of-nobody", "options": ["1"], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "a\\u0000b", "options": ["1"], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "\\ud800", "options": ["1"], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": ["VERSION"], "options": ["1"], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "VERSION", "options": [], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "VERSION", "options": [1], "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "VERSION", "options": "12", "sure": true, "state": "filled"}}',
        '{"color": {"model_version": "VERSION", "options": ["1"], "sure": 1, "state": "filled"}}',
        '{"color": {"model_version": "VERSION", "options": ["1"], "sure": false, "state": "filled"}}',
        # What only the server may say.
        '{"color": {"model_version": "VERSION", "options": ["1"], "sure": true, "state": "held"}}',
        '{"color": {"model_version": "VERSION", "options": ["1"], "sure": true, "state": ["filled"]}}',
        json.dumps({"color": told("VERSION", "filled", range(11))}),
        json.dumps({"color": told("VERSION", "filled", ["x" * 20_000])}),
    ],
    ids=lambda report: report[:90],
)
def test_what_no_form_of_ours_sends_is_passed_over_and_the_ad_saved(publish, version, report):
    ads = Ad.objects.count()
    assert publish(report.replace("VERSION", version)).status_code == 302
    assert Ad.objects.count() == ads + 1
    assert not CarFieldEvent.objects.exists()


def test_one_field_that_makes_no_sense_takes_no_other_with_it(publish, version, colors):
    report = {"color": told(version, "filled", colors), "brand": 7, "year": told("photos-of-nobody", "stated", ["1"])}
    publish(report, color=colors[0])
    assert [event.field for event in CarFieldEvent.objects.all()] == ["color"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "model_version": st.just("photos-x") | json_values,
        "options": st.lists(st.text(max_size=3), max_size=12) | json_values,
        "sure": st.booleans() | json_values,
        "state": st.sampled_from([state.value for state in FieldState]) | json_values,
    },
)


@hypothesis_settings(max_examples=300, deadline=None)
@given(
    sent=st.text()
    | json_values.map(json.dumps)
    | st.dictionaries(st.sampled_from(CAR_FIELDS), near_misses).map(json.dumps),
    value=st.text(max_size=4),
    held=st.booleans(),
)
def test_whatever_is_sent_is_read_or_passed_over(sent, value, held):
    report = CarReport.parse(sent)
    assert CarReport.parse(report.to_json()) == report
    for name, field in report.fields.items():
        event = field.event(name, value, "1", held=held)
        event.clean_fields()
        assert (event.handling in ("kept", "changed")) == (field.state == FieldState.FILLED)
        assert event.rank is None or event.rank <= event.answered <= 10


def test_only_photo_models_answer_car_fields_and_only_versions_that_there_are(publish, version, colors):
    titles = ModelVersion.objects.create(kind="titles", name="titles-x", taxonomy_version=0, ad_count=0).name
    publish({"color": told(titles, "filled", colors)}, color=colors[0])
    assert not CarFieldEvent.objects.exists()
    report = {"color": told(version, "filled", colors)}
    publish(report, color=colors[0])
    ModelVersion.objects.all().delete()
    # The figures outlive the version; what is told of one that has gone cannot be checked.
    publish(report, color=colors[0])
    assert [event.model_version for event in CarFieldEvent.objects.all()] == [version]


def test_a_record_that_fails_never_loses_the_ad(publish, version, colors, caplog):
    ads = Ad.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ad_autocategorize_carfieldevent RENAME TO out_of_reach")
    try:
        with caplog.at_level(logging.ERROR, "ad_autocategorize"):
            response = publish({"color": told(version, "filled", colors)}, color=colors[0])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE out_of_reach RENAME TO ad_autocategorize_carfieldevent")
    assert response.status_code == 302
    assert Ad.objects.count() == ads + 1
    assert "could not be recorded" in caplog.text
    assert not CarFieldEvent.objects.exists()


def test_what_became_of_each_field_is_counted(publish, version, colors):
    def kept():
        labels = {"kind": "photos", "outcome": "accepted", "rank": "1"}
        return REGISTRY.get_sample_value("ad_autocategorize_filed_total", labels) or 0.0

    before = kept()
    publish({"color": told(version, "filled", colors)}, color=colors[0])
    assert kept() == before + 1


def test_the_category_s_event_stands_beside_those_of_the_car(publish, ad_data, version, colors, marketplace_tree):
    titles = ModelVersion.objects.create(kind="titles", name="titles-x", taxonomy_version=0, ad_count=0).name
    category = json.dumps({"model_version": titles, "shown": [str(ad_data["category"])]})
    publish({"color": told(version, "filled", colors)}, color=colors[0], category_suggestions=category)
    assert (SuggestionEvent.objects.get().ad_id, CarFieldEvent.objects.get().ad_id) == (
        2 * (str(Ad.objects.latest("pk").pk),)
    )


def test_a_host_that_saves_in_two_steps(ad_data, seller, version, colors):
    report = json.dumps({"color": told(version, "filled", colors)})
    form = AdForm({**ad_data, "color": colors[0], "photos_suggestions": report})
    assert form.is_valid()
    form.instance.seller = seller
    ad = super(AdForm, form).save(commit=False)
    assert not CarFieldEvent.objects.exists()
    ad.save()
    form.save_m2m()
    assert CarFieldEvent.objects.get().ad_id == str(ad.pk)


def test_a_prefixed_form_reads_its_own_report_only(ad_data, seller, version, colors):
    reports = {"a": told(version, "filled", colors), "b": told(version, "stated", colors[:1])}
    data = {}
    for prefix, report in reports.items():
        values = {**ad_data, "color": colors[0], "photos_suggestions": json.dumps({"color": report})}
        data |= {f"{prefix}-{name}": value for name, value in values.items()}
    for prefix, handling, answered in (("a", "kept", 3), ("b", "stated", 1)):
        form = AdForm(data, prefix=prefix)
        form.instance.seller = seller
        form.save()
        event = CarFieldEvent.objects.latest("pk")
        assert (event.handling, event.answered) == (handling, answered)
        assert f'name="{prefix}-photos_suggestions"' in str(form["photos"])
    assert CarFieldEvent.objects.count() == 2


class PlainForm(CarPhotoMixin, forms.Form):
    photos = forms.FileField(required=False)
    color = forms.CharField(required=False)


class OwnBase(forms.Form):
    def save(self, buyer):
        return f"saved for {buyer}"


class OwnSaveForm(CarPhotoMixin, OwnBase):
    photos = forms.FileField(required=False)
    color = forms.CharField(required=False)


def test_a_form_without_a_model_records_nothing_and_saves_in_its_own_way(version):
    data = {"color": "red", "photos_suggestions": json.dumps({"color": told(version, "filled", ["red"])})}
    assert PlainForm(data).is_valid()
    assert OwnSaveForm(data).save("eva") == "saved for eva"
    assert not CarFieldEvent.objects.exists()


def test_the_car_s_own_record_is_no_ad(version, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    notice = Notice.objects.create(heading="Ibiza", rubric=Rubric.objects.create(name="Autos"))

    class VehicleForm(CarPhotoMixin, forms.ModelForm):
        photos = forms.FileField(required=False)
        car_form_fields = {"color": "paint"}

        class Meta:
            model = Vehicle
            fields = ["notice", "paint"]

    # A text: written in small letters it is the same.
    report = json.dumps({"color": told(version, "stated", ["Blue", "Red"])})
    form = VehicleForm({"notice": notice.pk, "paint": " red", "photos_suggestions": report})
    form.save()
    event = CarFieldEvent.objects.get()
    assert (event.rank, event.ad_id) == (2, "")
