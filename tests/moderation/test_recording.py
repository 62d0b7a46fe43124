"""What forms tell of their suggestions, and what the server makes of it."""

import json

import pytest
from django.urls import reverse

from ad_autocategorize.categories.recording import SuggestionReport
from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.moderation.feedback import figures
from ad_autocategorize.statistics.proportions import Proportion
from marketplace.forms import AdForm
from marketplace.models import Ad

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FORM = {"title": "sofa futon", "price": "10", "currency": "ARS", "payment": "cash", "description": "x"}
EVENTS = "/api/v1/suggestions/events/"


@pytest.fixture
def seller(client, django_user_model):
    user = django_user_model.objects.get(username="ana")
    client.force_login(user)
    return user


@pytest.fixture
def version(trained):
    return ModelVersion.objects.get().name


def told(version, shown, taken=None, rank=None):
    report = {"model_version": version, "shown": [str(pk) for pk in shown]}
    return json.dumps({**report, "taken": taken and str(taken), "taken_rank": rank})


def publish(client, category, report):
    data = {**FORM, "category": category, "category_suggestions": report}
    return client.post(reverse("ad-create"), data)


@pytest.mark.parametrize(
    ("taken", "chosen", "expected"),
    [
        # Taken unedited, taken and corrected, found in the tree on one's own, filed elsewhere.
        ("sofas", "sofas", ("accepted", 2, "taken", 2)),
        ("sofas", "tables", ("accepted", 1, "changed", 2)),
        (None, "sofas", ("accepted", 2, "ignored", None)),
        (None, "kitchen", ("overruled", None, "ignored", None)),
    ],
)
def test_one_row_a_saved_form_says_what_was_shown_and_what_was_done(
    client, trained, version, seller, taken, chosen, expected
):
    names = {"tables": ["Hogar", "Muebles", "Mesas"], "sofas": ["Hogar", "Muebles", "Sillones"]}
    keys = {name: trained.find(path) for name, path in {**names, "kitchen": ["Hogar", "Cocina"]}.items()}
    report = told(version, [keys["tables"], keys["sofas"]], keys.get(taken), 2 if taken else None)
    assert publish(client, keys[chosen], report).status_code == 302
    event = SuggestionEvent.objects.get()
    assert event.category_id == keys[chosen]
    assert (event.outcome, event.rank, event.handling, event.taken_rank) == expected
    assert (event.ad_id, event.shown, event.from_form) == (str(Ad.objects.latest("pk").pk), 2, True)
    assert event.model_version == version


def test_a_suggestion_taken_from_an_earlier_list_keeps_its_place():
    report = SuggestionReport("titles-x", ("1", "2"), taken="7", taken_rank=3)
    event = report.event("7", "1", held=False)
    assert (event.rank, event.handling, event.outcome) == (3, "taken", "accepted")


def test_a_form_that_is_not_saved_records_nothing_and_forgets_nothing(client, trained, version, seller):
    sofas = trained.find(["Hogar", "Muebles", "Sillones"])
    report = told(version, [sofas], sofas, 1)
    response = client.post(
        reverse("ad-create"), {**FORM, "price": "abc", "category": sofas, "category_suggestions": report}
    )
    assert not SuggestionEvent.objects.exists()
    kept = response.context["form"]["title"].field.widget.report
    assert kept == SuggestionReport(version, (str(sofas),), str(sofas), 1)


def test_an_ad_that_is_edited_and_stays_where_it_was_says_nothing_of_the_suggestions(client, trained, version, seller):
    sofas, kitchen = trained.find(["Hogar", "Muebles", "Sillones"]), trained.find(["Hogar", "Cocina"])
    publish(client, sofas, told(version, [sofas], sofas, 1))
    ad = Ad.objects.latest("pk")
    counted = figures.totals(), figures.by_branch(), figures.by_handling(), figures.by_version(), figures.by_week()
    # New titles, which bring up the same category and others.
    for title, shown in (("sofa futon azul", [sofas]), ("silla", [kitchen])):
        report = told(version, shown)
        data = {**FORM, "title": title, "category": sofas, "category_suggestions": report}
        assert client.post(reverse("ad-update", args=[ad.pk]), data).status_code == 302
    handlings = SuggestionEvent.objects.filter(ad_id=ad.pk).order_by("pk").values_list("handling", flat=True)
    assert list(handlings) == ["taken", "held", "held"]
    assert counted == (
        figures.totals(),
        figures.by_branch(),
        figures.by_handling(),
        figures.by_version(),
        figures.by_week(),
    )
    data = {**FORM, "category": kitchen, "category_suggestions": told(version, [sofas])}
    client.post(reverse("ad-update", args=[ad.pk]), data)
    assert SuggestionEvent.objects.latest("pk").handling == "ignored"


def test_forms_that_showed_nothing_have_no_row(client, trained, seller):
    assert publish(client, trained.find(["Hogar", "Cocina"]), "").status_code == 302
    assert not SuggestionEvent.objects.exists()


@pytest.mark.parametrize(
    "report",
    [
        "nonsense",
        "[" * 2000,
        "null",
        '{"shown": "12"}',
        '{"model_version": "VERSION", "shown": []}',
        '{"model_version": "VERSION", "shown": [1, 2]}',
        '{"model_version": "VERSION", "shown": ["1"], "taken": "1"}',
        '{"model_version": "VERSION", "shown": ["1"], "taken": "1", "taken_rank": true}',
        '{"model_version": "VERSION", "shown": ["1"], "taken": "1", "taken_rank": 11}',
        '{"model_version": "titles-of-nobody", "shown": ["1"]}',
        '{"model_version": "a\\u0000b", "shown": ["1"]}',
        '{"model_version": "\\ud800", "shown": ["1"]}',
        '{"model_version": null, "shown": ["1"]}',
        json.dumps({"model_version": "VERSION", "shown": ["x" * 400] * 10}),
    ],
)
def test_what_no_form_of_ours_sends_is_passed_over_and_the_ad_saved(client, trained, version, seller, report):
    ads = Ad.objects.count()
    response = publish(client, trained.find(["Hogar", "Cocina"]), report.replace("VERSION", version))
    assert response.status_code == 302
    assert Ad.objects.count() == ads + 1
    assert not SuggestionEvent.objects.exists()


def test_without_javascript_the_buttons_carry_the_report(client, trained, version, seller):
    sofas = str(trained.find(["Hogar", "Muebles", "Sillones"]))
    asked = client.post(reverse("ad-create"), {**FORM, "suggest_category": "1"})
    report = asked.context["form"]["title"].field.widget.report
    assert sofas in report.shown
    assert report.taken is None
    sent = {**FORM, "category_suggestions": report.to_json()}
    taken = client.post(reverse("ad-create"), {**sent, "take_category": sofas})
    report = taken.context["form"]["title"].field.widget.report
    assert 'name="category_suggestions" value="{&quot;' in taken.content.decode()
    publish(client, sofas, report.to_json())
    event = SuggestionEvent.objects.get()
    assert (event.handling, event.rank, event.shown) == ("taken", 1, len(report.shown))


@pytest.mark.parametrize("title", ["sofa futon usado", "xyzzy"])
def test_without_javascript_what_was_taken_stays_taken_when_another_list_is_asked_for(
    client, trained, version, seller, title
):
    sofas = str(trained.find(["Hogar", "Muebles", "Sillones"]))
    before = told(version, [sofas], sofas, 1)
    sent = {**FORM, "title": title, "category": sofas, "category_suggestions": before, "suggest_category": "1"}
    report = client.post(reverse("ad-create"), sent).context["form"]["title"].field.widget.report
    publish(client, sofas, report.to_json())
    assert SuggestionEvent.objects.get().handling == "taken"


def test_a_host_that_saves_in_two_steps(trained, version, seller):
    sofas = trained.find(["Hogar", "Muebles", "Sillones"])
    form = AdForm({**FORM, "category": sofas, "category_suggestions": told(version, [sofas])})
    assert form.is_valid()
    form.instance.seller = seller
    ad = super(AdForm, form).save(commit=False)
    assert not SuggestionEvent.objects.exists()
    ad.save()
    form.save_m2m()
    assert SuggestionEvent.objects.get().ad_id == str(ad.pk)


@pytest.mark.parametrize(
    ("told_more", "handling"),
    [
        ({}, ""),
        ({"shown": 3}, "ignored"),
        ({"shown": 3, "taken_rank": 1}, "taken"),
        ({"shown": 3, "taken_rank": 2}, "changed"),
    ],
)
def test_clients_of_the_api_may_say_the_same(client, version, told_more, handling):
    data = json.dumps({"model_version": version, "rank": 1, **told_more})
    assert client.post(EVENTS, data, content_type="application/json").status_code == 204
    event = SuggestionEvent.objects.get()
    assert (event.handling, event.from_form) == (handling, False)


def test_the_page_keeps_echoes_apart_from_confirmations(trained, version, admin_client):
    assert figures.by_handling() == []
    for report, chosen in [
        (SuggestionReport(version, ("1", "2"), "1", 1), "1"),
        (SuggestionReport(version, ("1", "2"), "2", 2), "1"),
        (SuggestionReport(version, ("1", "2")), "1"),
        (SuggestionReport(version, ("1", "2")), "5"),
    ]:
        report.event(chosen, "1", held=False).save()
    # An API client that says nothing about it.
    SuggestionEvent.objects.create(model_version=version, rank=1, outcome="accepted")
    assert [row.share for row in figures.by_handling()] == [Proportion(1, 4)] * 4
    assert [(row.place, row.taken, row.changed) for row in figures.by_place()] == [(1, 1, 0), (2, 0, 1)]
    html = admin_client.get("/admin/ad_autocategorize/suggestionevent/feedback/").content.decode()
    assert '<rect width="25" height="6"/>' in html
    assert admin_client.get("/admin/ad_autocategorize/suggestionevent/?handling=taken").status_code == 200
