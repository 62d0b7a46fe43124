import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client
from django.urls import reverse

from ad_autocategorize.conf import SETTING
from ad_autocategorize.rates import rate_cache

pytestmark = pytest.mark.django_db
URL = "/api/v1/suggestions/category/"
BATCH, EVENTS = f"{URL}batch/", "/api/v1/suggestions/events/"


def post(client, data, url=URL, **kwargs):
    return client.post(url, json.dumps(data), content_type="application/json", **kwargs)


def test_the_answer_carries_paths_probabilities_and_versions(client, trained):
    answer = post(client, {"title": "sofa futon", "limit": 2}).json()
    assert reverse("ad_autocategorize:suggest-category") == URL
    assert set(answer) == {"model_version", "taxonomy_version", "stale", "suggestions"}
    assert len(post(client, {"title": "sofa mesa", "limit": 2}).json()["suggestions"]) == 2
    best = answer["suggestions"][0]
    assert [step["name"] for step in best["path"]] == ["Hogar", "Muebles", "Sillones"]
    assert best["value"] == str(best["category"])
    assert best["confidence"] == "very_likely"


def test_a_form_post_is_understood_too(client, trained):
    form = "application/x-www-form-urlencoded"
    assert len(client.post(URL, "title=sofa&limit=1", content_type=form).json()["suggestions"]) == 1
    assert client.post(URL, "title=sofa&limit=two", content_type=form).status_code == 400
    assert client.post(URL, "&".join(f"a{n}=1" for n in range(3000)), content_type=form).status_code == 400


def test_no_model_is_no_error(client, marketplace_tree):
    assert post(client, {"title": "sofa"}).json()["suggestions"] == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"title": None},
        {"title": ["a"]},
        {"title": "x" * 501},
        {"title": "a", "limit": 0},
        {"title": "a", "limit": 99},
        [],
    ],
)
def test_bad_requests_are_explained(client, trained, data):
    response = post(client, data)
    problem = response.json()
    assert response.status_code == problem["status"] == 400
    assert response["Content-Type"] == "application/problem+json"
    assert (problem["type"], problem["title"]) == ("urn:ad-autocategorize:problem:invalid", "Bad Request")
    assert all(set(error) == {"pointer", "detail", "code"} for error in problem["errors"])
    assert problem["errors"][0]["pointer"] == ("#" if data == [] else "#/limit" if "limit" in data else "#/title")


def test_broken_json_and_other_methods(client):
    assert client.post(URL, "{", content_type="application/json").status_code == 400


def test_permissions_and_rates_are_settings(client, trained, settings):
    changed = {"API_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"]}
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changed})
    assert post(client, {"title": "sofa"}).status_code == 403
    setattr(settings, SETTING, {**getattr(settings, SETTING), "API_PERMISSIONS": [], "API_ANONYMOUS_RATE": "2/min"})
    assert [post(client, {"title": "sofa"}).status_code for _ in range(3)] == [200, 200, 429]


def test_a_logged_in_client_needs_the_token(trained, django_user_model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.first())
    assert post(client, {"title": "sofa"}).status_code == 403


def problem(response, status):
    """Return the problem details of a response."""
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    details = response.json()
    assert details["status"] == status
    assert {"type", "title", "detail"} <= set(details)
    return details


def test_every_error_is_a_problem(client, trained, settings, monkeypatch, django_user_model):
    assert problem(client.get("/api/v1/nothing/here"), 404)["title"] == "Not Found"
    problem(client.get("/api/v1/nothing%0Ahere"), 404)
    assert "POST" in client.get(URL)["Allow"]
    problem(client.get(URL), 405)
    problem(client.post(URL, "{", content_type="application/json"), 400)
    problem(client.post(URL, "<a/>", content_type="application/xml"), 415)
    problem(client.get("/api/v1/categories/", headers={"accept": "text/html"}), 406)
    problem(client.get("/api/v1/categories/0/children/"), 404)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    problem(post(client, {"title": "x" * 200}), 413)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    setattr(settings, SETTING, {**getattr(settings, SETTING), "API_ANONYMOUS_RATE": "1/min"})
    rate_cache().clear()
    post(client, {"title": "sofa"})
    throttled = post(client, {"title": "sofa"})
    problem(throttled, 429)
    assert 0 < int(throttled["Retry-After"]) <= 60


def test_an_unforeseen_error_is_a_problem_without_details_and_is_reported(trained, monkeypatch, caplog):
    from ad_autocategorize.api import views

    def fail(*args, **kwargs):
        raise RuntimeError("the secret")

    monkeypatch.setattr(views, "suggest_categories", fail)
    details = problem(post(Client(raise_request_exception=False), {"title": "a private title"}), 500)
    assert "secret" not in json.dumps(details)
    assert "the secret" in caplog.text
    assert "a private title" not in caplog.text


def test_a_batch_answers_as_the_single_call_does(client, trained):
    titles = ["sofa futon", "", "moto scooter", "\x00 \ud800"]
    answer = post(client, {"titles": titles, "limit": 2}, url=BATCH).json()
    assert len(answer["results"]) == 4
    for title, result in zip(titles[:3], answer["results"], strict=False):
        assert result == post(client, {"title": title, "limit": 2}).json()


def test_a_batch_has_a_limit_and_a_rate_of_its_own(client, trained, settings):
    changed = {"API_BATCH_LIMIT": 3, "API_BATCH_RATE": "2/min", "API_ANONYMOUS_RATE": None}
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changed})
    assert "3" in problem(post(client, {"titles": ["sofa"] * 4}, url=BATCH), 400)["errors"][0]["detail"]
    assert post(client, {"titles": ["sofa"] * 3}, url=BATCH).status_code == 200
    problem(post(client, {"titles": ["sofa"]}, url=BATCH), 429)
    assert post(client, {"title": "sofa"}).status_code == 200


def test_users_and_visitors_are_counted_apart(client, trained, settings, django_user_model):
    changed = {"API_ANONYMOUS_RATE": "1/min", "API_USER_RATE": "2/min"}
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changed})
    assert [post(client, {"title": "sofa"}).status_code for _ in range(2)] == [200, 429]
    client.force_login(django_user_model.objects.first())
    assert [post(client, {"title": "sofa"}).status_code for _ in range(3)] == [200, 200, 429]


def test_the_tree_is_read_whole_or_level_by_level(client, trained, django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        whole = client.get("/api/v1/categories/").json()
    named = {category["name"]: category for category in whole["categories"]}
    assert set(named) >= {"Vehículos", "Autos", "Hogar", "Muebles", "Sillones"}
    home, furniture = named["Hogar"], named["Muebles"]
    assert furniture["parent"] == home["id"]
    assert home["parent"] is None
    assert furniture["id"] in home["children"]
    assert home["value"] == str(home["id"])
    main = client.get("/api/v1/categories/main/").json()["categories"]
    assert [category["name"] for category in main] == ["Hogar", "Vehículos"]
    below = client.get(f"/api/v1/categories/{furniture['id']}/children/").json()["categories"]
    assert [category["name"] for category in below] == ["Mesas", "Sillones"]


def test_a_copy_of_the_tree_is_good_until_the_tree_changes(client, trained):
    from taxonomy.models import Category

    first = client.get("/api/v1/categories/")
    held = {"if-none-match": first["ETag"]}
    again = client.get("/api/v1/categories/", headers=held)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    sofas = Category.objects.get(name="Sillones")
    sofas.name = "Sofás"
    sofas.save()
    changed = client.get("/api/v1/categories/", headers=held)
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]
    assert "Sofás" in {category["name"] for category in changed.json()["categories"]}


def test_an_inactive_category_is_not_told(client, trained):
    from taxonomy.models import Category

    hidden = Category.objects.get(name="Muebles")
    hidden.is_active = False
    hidden.save()
    names = {category["name"] for category in client.get("/api/v1/categories/").json()["categories"]}
    assert not {"Muebles", "Sillones"} & names
    problem(client.get(f"/api/v1/categories/{hidden.pk}/children/"), 404)


def test_models_of_a_brand_and_of_a_year(client, django_assert_max_num_queries):
    from taxonomy.models import BodyType, Brand, CarModel

    ford, audi = Brand.objects.create(name="Ford"), Brand.objects.create(name="Audi")
    hatchback = BodyType.objects.create(name="hatchback")
    for name, years in (
        ("Ka", (1997, 2020)),
        ("Falcon", (1962, 1991)),
        ("Taunus", (None, None)),
        ("Bronco", (2021, None)),
    ):
        car = CarModel.objects.create(brand=ford, name=name, first_year=years[0], last_year=years[1])
        car.body_types.add(hatchback)
    CarModel.objects.create(brand=audi, name="A3")
    assert [brand["name"] for brand in client.get("/api/v1/cars/brands/").json()["brands"]] == ["Audi", "Ford"]
    url = f"/api/v1/cars/brands/{ford.pk}/models/"

    def names(**query):
        return [car["name"] for car in client.get(url, query).json()["models"]]

    with django_assert_max_num_queries(3):
        assert names() == ["Bronco", "Falcon", "Ka", "Taunus"]
    assert names(year=1980) == ["Falcon", "Taunus"]
    assert names(year=2024) == ["Bronco", "Taunus"]
    assert problem(client.get(url, {"year": "soon"}), 400)["errors"][0]["pointer"] == "#/year"
    held = client.get(url)["ETag"]
    assert client.get(url, headers={"if-none-match": held}).status_code == 304
    assert client.get(url, {"year": 1980}, headers={"if-none-match": held}).status_code == 200
    problem(client.get(f"/api/v1/cars/brands/{10**30}/models/"), 404)


@pytest.fixture
def photo_version(db):
    from ad_autocategorize.models import ModelVersion

    return ModelVersion.objects.create(kind="photos", name="photos-x", taxonomy_version=0, ad_count=0).name


def test_what_became_of_a_suggestion_is_recorded_without_titles_or_persons(client, trained):
    from ad_autocategorize.models import SuggestionEvent
    from marketplace.models import Ad

    ad = Ad.objects.first()
    client.force_login(ad.seller)
    version = post(client, {"title": "sofa"}).json()["model_version"]
    assert post(client, {"model_version": version, "rank": 2, "ad_id": str(ad.pk)}, url=EVENTS).status_code == 204
    assert post(client, {"model_version": version, "rank": None}, url=EVENTS).status_code == 204
    events = list(SuggestionEvent.objects.order_by("pk").values_list("model_version", "outcome", "rank", "ad_id"))
    assert events == [(version, "accepted", 2, str(ad.pk)), (version, "overruled", None, "")]
    fields = {field.name for field in SuggestionEvent._meta.get_fields()}
    handling = {"shown", "taken_rank", "handling", "from_form", "category"}
    assert fields == {"id", "model_version", "ad_id", "source", "rank", "outcome", "created_at"} | handling
    problem(post(client, {"model_version": "titles-of-nobody", "rank": 1}, url=EVENTS), 404)
    problem(post(client, {"model_version": version, "rank": 1, "ad_id": "Ana Pérez, 4567-8901"}, url=EVENTS), 400)
    assert SuggestionEvent.objects.count() == 2


CAR_EVENTS = "/api/v1/suggestions/car/events/"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"state": "filled", "rank": 1}, ("kept", "accepted", 1)),
        ({"state": "filled", "rank": 2}, ("changed", "accepted", 2)),
        ({"state": "filled", "rank": None, "left_empty": True}, ("changed", "empty", None)),
        ({"state": "stated", "rank": 1}, ("stated", "accepted", 1)),
        ({"state": "held", "rank": None}, ("held", "overruled", None)),
        ({"state": "empty", "rank": 3}, ("unfit", "accepted", 3)),
        ({"state": "empty", "rank": None, "sure": False}, ("unsure", "overruled", None)),
    ],
)
def test_clients_tell_what_became_of_car_fields(client, photo_version, marketplace_tree, told, expected):
    from marketplace.models import Ad

    ad = Ad.objects.first()
    client.force_login(ad.seller)
    from ad_autocategorize.models import CarFieldEvent

    field = {"sure": True, "answered": 3, **told}
    data = {"model_version": photo_version, "ad_id": str(ad.pk), "fields": {"color": field, "brand": {**field}}}
    assert post(client, data, url=CAR_EVENTS).status_code == 204
    rows = list(CarFieldEvent.objects.order_by("field"))
    assert [(row.field, row.ad_id, row.from_form, row.answered) for row in rows] == [
        ("brand", str(ad.pk), False, 3),
        ("color", str(ad.pk), False, 3),
    ]
    assert {(row.handling, row.outcome, row.rank) for row in rows} == {expected}


def test_what_no_client_may_tell_of_car_fields_leaves_nothing(client, photo_version, trained):
    from ad_autocategorize.models import CarFieldEvent, ModelVersion

    good = {"state": "filled", "sure": True, "answered": 3, "rank": 1}
    data = {"model_version": photo_version, "fields": {"color": good}}
    titles = ModelVersion.objects.get(kind="titles").name
    problem(post(client, {**data, "model_version": titles}, url=CAR_EVENTS), 404)
    problem(post(client, {**data, "ad_id": "Ana Pérez, 4567-8901"}, url=CAR_EVENTS), 400)
    for wrong in ({"state": "guessed"}, {"sure": "yes"}, {"sure": 1}, {"rank": 0}, {"rank": "1"}, {"answered": 11}):
        told = {"brand": good, "color": {**good, **wrong}}
        found = problem(post(client, {**data, "fields": told}, url=CAR_EVENTS), 400)
        assert [error["pointer"] for error in found["errors"]] == [f"#/fields/color/{next(iter(wrong))}"]
    problem(post(client, {**data, "fields": [good]}, url=CAR_EVENTS), 400)
    assert not CarFieldEvent.objects.exists()
    form = f"model_version={photo_version}&" + "&".join(f"fields.color.{name}={value}" for name, value in good.items())
    assert client.post(CAR_EVENTS, form, content_type="application/x-www-form-urlencoded").status_code == 204
    assert CarFieldEvent.objects.get().handling == "kept"


@pytest.mark.django_db(transaction=True)
def test_several_calls_at_once_from_an_asynchronous_client(trained, async_client):
    import asyncio

    async def ask(title):
        response = await async_client.post(URL, json.dumps({"title": title}), content_type="application/json")
        return response.json()["suggestions"][0]["path"][-1]["name"]

    async def ask_all():
        return await asyncio.gather(*(ask(title) for title in ["sofa futon", "moto scooter", "mesa ratona"] * 4))

    # In a thread of its own: a browser test before this one may have left an event loop running here.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, ask_all()).result() == ["Sillones", "Motos", "Mesas"] * 4


def test_the_short_way_to_an_answer_gives_what_the_serializer_would(trained):
    from ad_autocategorize.api.serializers import CategorySuggestionsSerializer, category_suggestions
    from ad_autocategorize.categories.services import suggest_categories

    answer = suggest_categories("sofa futon", limit=3)
    assert category_suggestions(answer) == CategorySuggestionsSerializer(answer).data


def test_a_busy_process_asks_the_database_once_a_second(client, trained, django_assert_num_queries):
    from taxonomy.models import Category

    post(client, {"title": "sofa"})
    with django_assert_num_queries(0):
        post(client, {"title": "sofa futon"})
    sofas = Category.objects.get(name="Sillones")
    sofas.name = "Sofás"
    sofas.save()
    assert post(client, {"title": "sofa futon"}).json()["suggestions"][0]["path"][-1]["name"] == "Sofás"


def test_the_answer_for_a_car_is_as_described():
    from ad_autocategorize.api.car_serializers import CarSuggestionSerializer
    from ad_autocategorize.api.car_views import as_json
    from ad_autocategorize.cars.services import CarSuggestion, FieldOption, FieldSuggestion

    ka = FieldOption("9", "Ka", 0.92)
    fields = {"car_model": FieldSuggestion((ka,), accepted=True)}
    for answer in (
        CarSuggestion("no_model"),
        CarSuggestion("car", fields, {"4": (ka,)}, ("Ford Ikon",), 2, model_version="photos-1"),
    ):
        data = as_json(answer)
        serializer = CarSuggestionSerializer(data=data)
        assert serializer.is_valid(), serializer.errors
        assert set(data) == set(serializer.fields)


def test_mistakes_are_told_in_the_language_of_the_client(client, trained):
    spanish = post(client, {"titles": ["x"] * 101}, url=BATCH, headers={"accept-language": "es"})
    assert problem(spanish, 400)["detail"] == "Como máximo 100 títulos, por favor."
    english = post(client, {"titles": ["x"] * 101}, url=BATCH, headers={"accept-language": "en"})
    assert problem(english, 400)["detail"] == "At most 100 titles, please."
