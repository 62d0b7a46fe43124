"""What strangers may not do with the API: guess, evade rates, make it work or remember for nothing."""

import base64
import io
import json
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from PIL import Image

from ad_autocategorize.api.throttles import FAILED_LOGIN_RATE
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarFieldEvent, ModelVersion, SuggestionEvent
from ad_autocategorize.photo_uploads import read_uploads
from ad_autocategorize.rates import client_address, within_rate
from marketplace.models import Ad

pytestmark = pytest.mark.django_db
URL = "/api/v1/suggestions/category/"
BATCH, EVENTS, CAR = f"{URL}batch/", "/api/v1/suggestions/events/", "/api/v1/suggestions/car/"
CAR_EVENTS, SCHEMA = f"{CAR}events/", "/api/v1/schema/"


def post(client, data, url=URL, **kwargs):
    return client.post(url, json.dumps(data), content_type="application/json", **kwargs)


def configure(settings, **changes):
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changes})


def test_a_batch_is_counted_before_it_is_read_and_few_errors_are_told(client, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2_700_000
    started = time.process_time()
    response = post(client, {"titles": [[]] * 640_000}, url=BATCH)
    assert response.status_code == 400
    assert len(response.content) < 2_000
    assert time.process_time() - started < 3
    assert len(post(client, {"titles": [[]] * 100}, url=BATCH).json()["errors"]) == 20


def test_passwords_are_no_way_in_unless_the_host_says_so(client, trained, settings, django_user_model):
    django_user_model.objects.create_user("maria", password="right")
    configure(settings, API_PERMISSIONS=["rest_framework.permissions.IsAuthenticated"])

    def answer(password):
        token = base64.b64encode(f"maria:{password}".encode()).decode()
        return post(client, {"title": "sofa"}, headers={"authorization": f"Basic {token}"}).status_code

    assert answer("right") == 403
    configure(settings, API_AUTHENTICATION=["rest_framework.authentication.BasicAuthentication"])
    assert answer("right") == 200
    most = int(FAILED_LOGIN_RATE.partition("/")[0])
    assert [answer("wrong") for _ in range(most)] == [401] * most
    # Whether it is right is not found out any more.
    assert [answer("wrong"), answer("right")] == [429, 429]


def test_right_passwords_are_not_counted(client, trained, settings, django_user_model):
    django_user_model.objects.create_user("maria", password="right")
    configure(settings, API_AUTHENTICATION=["rest_framework.authentication.BasicAuthentication"])
    token = base64.b64encode(b"maria:right").decode()
    most = int(FAILED_LOGIN_RATE.partition("/")[0])
    answers = {
        post(client, {"title": "a"}, headers={"authorization": f"Basic {token}"}).status_code for _ in range(most + 5)
    }
    assert answers == {200}


def test_invented_addresses_do_not_evade_the_rate(client, trained, settings):
    settings.REST_FRAMEWORK = {}
    configure(settings, API_ANONYMOUS_RATE="2/min")
    headers = [{"x-forwarded-for": f"10.0.0.{n}"} for n in range(3)]
    assert [post(client, {"title": "sofa"}, headers=header).status_code for header in headers] == [200, 200, 429]


@pytest.mark.parametrize(
    ("number", "forwarded", "expected"),
    [
        (None, "1.1.1.1", "9.9.9.9"),
        (0, "1.1.1.1", "9.9.9.9"),
        (1, "1.1.1.1, 2.2.2.2", "2.2.2.2"),
        (2, "1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (3, "2.2.2.2", "2.2.2.2"),
        (1, "2001:db8::1:2:3:4", "2001:db8::"),
        (1, "nonsense", "nonsense"),
    ],
)
def test_whom_a_rate_counts(settings, number, forwarded, expected):
    settings.REST_FRAMEWORK = {"NUM_PROXIES": number}
    request = RequestFactory().get("/", REMOTE_ADDR="9.9.9.9", headers={"x-forwarded-for": forwarded})
    assert client_address(request) == expected


def test_many_addresses_do_not_flush_a_rate(client, trained, settings):
    configure(settings, API_ANONYMOUS_RATE="1/min")
    assert post(client, {"title": "sofa"}).status_code == 200
    for number in range(400):
        post(client, {"title": "sofa"}, REMOTE_ADDR=f"10.1.{number // 250}.{number % 250}")
    assert post(client, {"title": "sofa"}).status_code == 429


@pytest.mark.parametrize("length", ["abc", "-1", "1e9", "\u0661"])
def test_a_length_that_is_none_is_a_mistake_of_the_client(client, length):
    response = client.post(URL, "{}", content_type="application/json", CONTENT_LENGTH=length)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_the_schema_is_open_to_whom_the_api_is(client, settings):
    configure(settings, API_PERMISSIONS=["rest_framework.permissions.IsAuthenticated"])
    assert client.get(SCHEMA).status_code == 403
    configure(settings, API_PERMISSIONS=[], API_ANONYMOUS_RATE="1/min")
    assert [client.get(SCHEMA).status_code for _ in range(2)] == [200, 429]


def photo():
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "JPEG")
    return SimpleUploadedFile("a.jpg", buffer.getvalue())


def test_a_client_beyond_the_rate_has_nothing_read(settings, django_user_model, monkeypatch):
    from django.http.multipartparser import MultiPartParser

    parsed = []
    parse = MultiPartParser.parse
    monkeypatch.setattr(MultiPartParser, "parse", lambda self: parsed.append(1) or parse(self))
    configure(settings, API_PHOTO_RATE="1/min")
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("maria"))
    client.get("/")
    client.cookies["csrftoken"] = token = "a" * 32
    headers = {"x-csrftoken": token}
    assert client.post(CAR, {"photos": [photo()]}, headers=headers).status_code == 200
    before = len(parsed)
    assert client.post(CAR, {"photos": [photo()]}, headers=headers).status_code == 429
    assert len(parsed) == before


def test_the_token_is_asked_for_all_the_same(django_user_model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_user("maria"))
    assert client.post(CAR, {"photos": [photo()]}).status_code == 403


def test_without_the_photo_extra_the_answer_is_a_problem(client, monkeypatch):
    import sys

    for name in ("PIL", "ad_autocategorize.photos.uploads.process"):
        monkeypatch.setitem(sys.modules, name, None)
    response = client.post(CAR, {"photos": [SimpleUploadedFile("a.jpg", b"\xff\xd8\xff")]})
    assert response.status_code == 501
    assert response["Content-Type"] == "application/problem+json"


def test_six_costly_photos_cost_no_more_than_one_request_may(monkeypatch):
    from ad_autocategorize.photos.uploads import process

    spent = []

    def slow(self, data, limits, seconds):
        spent.append(seconds)
        return Image.new("RGB", (9, 9)), seconds

    monkeypatch.setattr(process.DecodingProcess, "decode", slow)
    photos, refused = read_uploads([photo() for _ in range(6)])
    assert sum(spent) <= 3.0
    assert 0 < len(photos) < 6
    assert refused.code == "too_slow"


# Events.


@pytest.fixture
def version(trained):
    return ModelVersion.objects.get(kind="titles").name


@pytest.mark.parametrize("key", ["titles-x\n", "titles x", "a\r", "ñ"])
def test_a_key_ends_with_itself(client, version, key):
    assert post(client, {"model_version": key, "rank": 1}, url=EVENTS).status_code == 400
    assert post(client, {"model_version": version + "\n", "rank": 1}, url=EVENTS).status_code == 400


def test_a_title_event_of_a_photo_version_is_refused(client, db):
    photos = ModelVersion.objects.create(kind="photos", name="photos-x", taxonomy_version=0, ad_count=0).name
    assert post(client, {"model_version": photos, "rank": 1}, url=EVENTS).status_code == 404
    assert not SuggestionEvent.objects.exists()


@pytest.mark.parametrize(
    "told",
    [
        {"rank": 3, "shown": 2},
        {"rank": 1, "shown": 2, "taken_rank": 3},
        {"rank": 1, "taken_rank": 1},
    ],
)
def test_places_beyond_the_list_are_refused(client, version, told):
    assert post(client, {"model_version": version, **told}, url=EVENTS).status_code == 400
    assert not SuggestionEvent.objects.exists()


@pytest.mark.parametrize("told", [{"rank": 3, "answered": 2}, {"rank": 1, "answered": 2, "left_empty": True}])
def test_car_fields_too(client, db, told):
    name = ModelVersion.objects.create(kind="photos", name="photos-x", taxonomy_version=0, ad_count=0).name
    field = {"state": "stated", "sure": True, **told}
    assert post(client, {"model_version": name, "fields": {"brand": field}}, url=CAR_EVENTS).status_code == 400
    assert not CarFieldEvent.objects.exists()


def test_an_event_of_an_ad_is_its_seller_s(client, version, django_user_model):
    ad = Ad.objects.first()

    def tell(key):
        return post(client, {"model_version": version, "rank": 1, "ad_id": str(key)}, url=EVENTS).status_code

    assert tell(ad.pk) == 400
    client.force_login(django_user_model.objects.create_user("maria"))
    assert [tell(key) for key in (ad.pk, 0, "9" * 30, "x")] == [400] * 4
    client.force_login(ad.seller)
    assert tell(ad.pk) == 204
    assert SuggestionEvent.objects.get().ad_id == str(ad.pk)


def test_what_clients_tell_sets_no_figure(client, version):
    from ad_autocategorize.moderation.feedback import figures

    category = Ad.objects.first().category
    row = {"model_version": version, "rank": 1, "outcome": "accepted", "from_form": True, "category": category}
    SuggestionEvent.objects.bulk_create(SuggestionEvent(**row, ad_id=str(n)) for n in range(60))

    def told():
        return [
            *((row.name, row.at_1) for row in figures.by_version()),
            *((row.name, row.at_1) for row in figures.by_branch()),
            *((day, row.at_1) for day, row in figures.by_week()),
            figures.by_handling(),
            figures.by_place(),
        ]

    before = told()
    for _ in range(100):
        post(client, {"model_version": version, "rank": None, "shown": 3, "taken_rank": 1}, url=EVENTS)
    assert SuggestionEvent.objects.filter(from_form=False).exists()
    assert told() == before
    by_form = figures.totals()[0].at_1
    assert (by_form.part, by_form.whole) == (60, 60)


# The host's own settings, and the checks.


def test_the_host_s_settings_of_rest_framework_change_nothing(client, trained, settings):
    from rest_framework.settings import api_settings
    from rest_framework.versioning import AcceptHeaderVersioning

    settings.REST_FRAMEWORK = {
        "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
        "ALLOWED_VERSIONS": ["7"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FileUploadParser"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
        "DEFAULT_CONTENT_NEGOTIATION_CLASS": "nothing.here",
        "PAGE_SIZE": 1,
    }
    assert api_settings.DEFAULT_VERSIONING_CLASS is not AcceptHeaderVersioning
    assert post(client, {"title": "sofa"}, headers={"accept": "application/json"}).status_code == 200
    assert len(client.get("/api/v1/categories/").json()["categories"]) > 1


@pytest.mark.parametrize(
    "name", ["versioning_class", "renderer_classes", "parser_classes", "content_negotiation_class", "metadata_class"]
)
def test_every_view_says_itself_what_it_needs(name):
    """REST framework reads its settings as the class is made: what is not said in ours is the host's."""
    from ad_autocategorize.api import base

    assert name in vars(base.PluginAPIView)


def test_the_checks_of_a_deployment(settings, capsys):
    from ad_autocategorize import checks

    settings.REST_FRAMEWORK = {}
    assert {message.id for message in checks.check_deployment()} == {"ad_autocategorize.W020", "ad_autocategorize.W021"}
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}
    assert checks.check_deployment() == []


def test_a_machine_without_processes_is_told(monkeypatch):
    from ad_autocategorize import checks

    monkeypatch.setattr(checks, "why_unavailable", lambda: "it is a toaster")
    assert "ad_autocategorize.W022" in {message.id for message in checks.check_settings()}


def test_wrong_classes_are_told(settings):
    from ad_autocategorize import checks

    configure(settings, API_AUTHENTICATION=["nobody.knows.This"])
    assert "ad_autocategorize.E008" in {message.id for message in checks.check_settings()}


def test_a_rate_counts_within_its_window():
    assert [within_rate("test", "ana", "2/min") for _ in range(3)] == [True, True, False]
    assert within_rate("test", "eva", "2/min")
    assert within_rate("test", "ana", None)
