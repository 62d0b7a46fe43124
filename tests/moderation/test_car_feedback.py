"""The figures of the car fields that photos answered, on the feedback page and in the admin's list."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ad_autocategorize.models import CarFieldEvent, FieldState, SuggestionEvent
from ad_autocategorize.moderation.feedback.car_figures import VERSIONS, car_figures
from ad_autocategorize.statistics.proportions import Proportion

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE = "/admin/ad_autocategorize/suggestionevent/feedback/"
LIST = "/admin/ad_autocategorize/carfieldevent/"


def event(state, rank, *, sure=True, empty=False, **values):
    """Record what became of one field, as a form would."""
    row = {"model_version": "photos-a", "field": "brand", "answered": 3, "from_form": True, **values}
    outcome = CarFieldEvent.outcome_of(rank, empty=empty)
    handling = CarFieldEvent.handling_of(FieldState(state), rank, sure=sure)
    return CarFieldEvent.objects.create(sure=sure, rank=rank, outcome=outcome, handling=handling, **row)


@pytest.fixture
def told(db):
    """Ten answers about brands, two about years."""
    for rank in (1, 1, 1, 2):
        event("filled", rank)
    event("filled", None, empty=True)
    # Seen by nobody: right, right among three, wrong, and right though not sure.
    for state, rank, sure in (("stated", 1, True), ("stated", 3, True), ("empty", None, True), ("empty", 1, False)):
        event(state, rank, sure=sure)
    # These say nothing: what the ad had before, and what nobody stated.
    event("held", 1)
    event("empty", None, sure=False, empty=True, field="year")
    event("stated", 4, field="year", sure=False, model_version="photos-b")


def figures(row):
    return row.filled, row.kept, row.changed, row.first, row.three


def test_what_was_filled_in_and_what_confirms_it_are_told_apart(told):
    found = car_figures()
    brand, year = found.by_field
    assert (brand.name, year.name) == ("Marca", "Año")
    assert figures(brand) == (
        Proportion(5, 10),
        Proportion(3, 5),
        Proportion(2, 5),
        Proportion(2, 4),
        Proportion(3, 4),
    )
    assert figures(year) == (Proportion(0, 2), *2 * [Proportion(0, 0)], Proportion(0, 1), Proportion(0, 1))
    assert brand.sure == Proportion(1, 3)
    (everything,) = found.totals
    assert (everything.filled, everything.first, everything.sure) == (
        Proportion(5, 12),
        Proportion(2, 5),
        Proportion(1, 3),
    )
    assert [(row.name, row.filled.whole) for row in found.by_version] == [("photos-b", 1), ("photos-a", 11)]


def test_what_anybody_may_tell_the_api_stands_apart(told):
    event("filled", 1, from_form=False)
    forms, clients = car_figures().totals
    assert [row.filled for row in (forms, clients)] == [Proportion(5, 12), Proportion(1, 1)]
    assert sum(row.filled.whole for row in car_figures().by_version) == 12


def test_of_many_versions_the_newest_are_shown_and_all_are_counted(told, admin_client):
    for day in range(10):
        event("filled", 1, model_version=f"photos-c{day}")
    found = car_figures()
    assert [row.name for row in found.by_version] == [f"photos-c{9 - day}" for day in range(VERSIONS)]
    assert found.totals[0].filled.whole == 22
    html = admin_client.get(PAGE).content.decode()
    assert "photos-c9" in html
    assert "photos-a" not in html


def test_one_query_however_many_events(told, django_assert_num_queries):
    with django_assert_num_queries(1):
        car_figures()


def test_the_page_shows_a_table_each_and_nothing_inline(told, admin_client):
    html = admin_client.get(PAGE).content.decode()
    section = html[html.index("<h2>Campos del auto</h2>") : html.index("<h2>Cuánto guían")]
    assert section.count("<table>") == 3
    assert '<tr><th scope="row">Marca</th><td>10</td><td>5&nbsp;(50&nbsp;%)</td>' in section
    assert "y 1 eran el mismo: 33 % (6–79)" in section
    assert "style=" not in section
    assert "<script" not in section
    # Not a share of nothing.
    assert section.count("<td>–</td><td>–</td>") == 2
    # Of categories there is nothing yet, and the page does not say that nothing is recorded.
    assert "Todavía no se registró nada" not in html


def test_nothing_is_shown_where_no_photo_was_read(admin_client):
    SuggestionEvent.objects.create(model_version="titles-a", outcome="accepted", rank=1)
    html = admin_client.get(PAGE).content.decode()
    assert car_figures().groups == []
    assert "Campos del auto" not in html


def test_the_list_is_for_reading(told, admin_client, client, moderators, django_user_model):
    row = CarFieldEvent.objects.filter(handling="changed", outcome="empty").get()
    client.force_login(moderators[0])
    for reader in (admin_client, client):
        html = reader.get(f"{LIST}?handling=changed&field=brand").content.decode()
        assert html.count("photos-a") == 2
        assert PAGE in html
        assert 'name="_save"' not in reader.get(f"{LIST}{row.pk}/change/").content.decode()
        assert reader.post(f"{LIST}{row.pk}/change/", {"field": "year"}).status_code == 403
        assert reader.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert reader.get(f"{LIST}add/").status_code == 403
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(LIST).status_code == 403


def test_old_events_are_purged_by_the_same_setting(told):
    old = CarFieldEvent.objects.first()
    CarFieldEvent.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=400))
    SuggestionEvent.objects.create(model_version="titles-a", outcome="accepted", rank=1)
    out = io.StringIO()
    call_command("purge_suggestion_events", stdout=out)
    assert "0 of categories, 1 of car fields" in out.getvalue()
    assert not CarFieldEvent.objects.filter(pk=old.pk).exists()
    call_command("purge_suggestion_events", "--days", "0", stdout=out)
    assert "1 of categories, 11 of car fields" in out.getvalue()
    assert not CarFieldEvent.objects.exists()
