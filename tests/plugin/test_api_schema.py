"""The API against its own OpenAPI description: calls made up by schemathesis, over HTTP, against a live server."""

import io
import json
from collections import Counter

import pytest
import requests
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from PIL import Image

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarFieldEvent, ModelVersion, SuggestionEvent
from taxonomy.models import BodyType, Brand, CarModel, Category
from tests.conftest import make_marketplace

pytestmark = pytest.mark.django_db(transaction=True)
RATES = ("API_ANONYMOUS_RATE", "API_USER_RATE", "API_BATCH_RATE", "API_PHOTO_RATE")
EXAMPLES = 60


@pytest.fixture
def described(transactional_db, live_server, settings):
    """A live server with a model, a car catalog and no rates, and its schema."""
    setattr(settings, SETTING, {**getattr(settings, SETTING), **dict.fromkeys(RATES)})
    cache.clear()
    make_marketplace()
    car = CarModel.objects.create(brand=Brand.objects.create(name="Ford"), name="Ka", first_year=1997, last_year=2020)
    car.body_types.add(BodyType.objects.create(name="hatchback"))
    call_command("retrain_classifiers", verbosity=0)
    ModelVersion.objects.create(kind="photos", name="photos-x", taxonomy_version=0, ad_count=0)
    answer = requests.get(f"{live_server.url}/api/v1/schema/", params={"format": "json"}, timeout=30)
    assert answer.status_code == 200
    return live_server.url, answer.json()


def test_it_describes_every_address_in_openapi_3_1(described):
    _, schema = described
    assert schema["openapi"].startswith("3.1")
    assert {path.removeprefix("/api/v1/") for path in schema["paths"]} >= {
        "suggestions/category/",
        "suggestions/category/batch/",
        "suggestions/events/",
        "suggestions/car/",
        "suggestions/car/events/",
        "suggestions/car/title/",
        "cars/models/",
        "categories/",
        "categories/main/",
        "categories/{id}/children/",
        "cars/brands/",
        "cars/brands/{id}/models/",
    }
    for operations in schema["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert "application/problem+json" in operation["responses"]["429"]["content"]
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                assert "multipart/form-data" in content or content["application/json"]["examples"]


def point_at_what_there_is(raw):
    """Made-up keys are never found: replace them by those of the database."""
    for path, keys in (("categories/{id}/children/", Category), ("cars/brands/{id}/models/", Brand)):
        parameters = raw["paths"][f"/api/v1/{path}"]["get"]["parameters"]
        found = next(parameter for parameter in parameters if parameter["name"] == "id")
        found["schema"] = {"enum": list(keys.objects.values_list("pk", flat=True))}
    for name, kind in (("SuggestionEvent", "titles"), ("CarEvents", "photos")):
        event = raw["components"]["schemas"][name]["properties"]
        versions = ModelVersion.objects.filter(kind=kind)
        event["model_version"] = {"enum": list(versions.values_list("name", flat=True))}


@pytest.mark.parametrize(("mode", "real_keys"), [("POSITIVE", True), ("POSITIVE", False), ("NEGATIVE", False)])
def test_made_up_calls_find_no_fault_and_no_lie(described, mode, real_keys):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given
    from hypothesis import settings as hypothesis_settings
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    url, raw = described
    if real_keys:
        point_at_what_there_is(raw)
    schema = schemathesis.openapi.from_dict(raw)
    schema.config.update(base_url=url)
    statuses = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode == "NEGATIVE" and operation.method == "get" and "year" not in str(operation.query):
            # Nothing of it can be wrong but its key, which is part of the address.
            continue

        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode]))
        @hypothesis_settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def call(case):
            # Status, media type, headers and body must be those that the schema promises; no 5xx.
            if case.path.endswith("/events/"):
                # Nor can it say which places a list had, or whose an ad is: made-up reports may be refused.
                excluded = [] if mode == "NEGATIVE" else [positive_data_acceptance]
                statuses[case.call_and_validate(timeout=30, excluded_checks=excluded).status_code] += 1
                return
            if case.path.endswith("/category/") and case.media_type == "multipart/form-data":
                # No schema can say which bytes are a photo: made-up ones may be refused.
                case.call_and_validate(timeout=30, excluded_checks=[positive_data_acceptance])
                return
            if mode == "NEGATIVE" or not case.path.endswith("/car/"):
                statuses[case.call_and_validate(timeout=30).status_code] += 1
                return
            # No schema can say which bytes are a photo: made-up ones may be refused, real ones may not.
            case.call_and_validate(timeout=30, excluded_checks=[positive_data_acceptance])
            answer = requests.post(
                f"{url}{case.path}", files=[("photos", photo()), ("photos", photo("PNG"))], timeout=30
            )
            case.validate_response(answer)
            assert answer.status_code == 200

        call()
    # Calls of one kind alone would prove little.
    assert statuses[400 if mode == "NEGATIVE" else 200] > 2 * EXAMPLES
    assert SuggestionEvent.objects.exists() == CarFieldEvent.objects.exists() == real_keys


def photo(kind="JPEG"):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg/>", "unknown_format"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "damaged"),
        (photo()[:200], "damaged"),
        (photo("GIF"), "unknown_format"),
        (b"", "empty"),
    ],
)
def test_a_file_that_is_no_photo_is_told_apart_by_its_code(client, trained, settings, data, code):
    setattr(settings, SETTING, {**getattr(settings, SETTING), **dict.fromkeys(RATES)})
    upload = SimpleUploadedFile("../../a.jpg", data, content_type="image/jpeg")
    response = client.post("/api/v1/suggestions/car/", {"photos": upload})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("#/photos", code)]
    assert problem["detail"] == problem["errors"][0]["detail"]


def test_one_photo_that_cannot_be_read_does_not_keep_the_others_from_being_looked_at(client, trained, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), **dict.fromkeys(RATES)})
    uploads = [SimpleUploadedFile("a.jpg", photo()[:200]), SimpleUploadedFile("b.jpg", photo())]
    response = client.post("/api/v1/suggestions/car/", {"photos": uploads}, headers={"accept-language": "en"})
    assert response.status_code == 200
    assert response.json()["refused"] == "The photo is damaged."
    (fine,) = uploads[1:]
    fine.seek(0)
    assert client.post("/api/v1/suggestions/car/", {"photos": fine}).json()["refused"] == ""


def test_photos_have_the_strictest_rate(client, trained, settings):
    changed = {**dict.fromkeys(RATES), "API_PHOTO_RATE": "2/min"}
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changed})
    cache.clear()

    def send():
        return client.post("/api/v1/suggestions/car/", {"photos": SimpleUploadedFile("a.jpg", photo())}).status_code

    assert [send() for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"title": ' * 5_000,
        b'{"title": "\\ud800"}',
        b'{"title": "a\\u0000b"}',
        b'{"title": NaN}',
        b"\xff\xfe",
        b'{"title": "x", "limit": ' + b"9" * 5_000 + b"}",
        b'{"title": "x", "limit": 1e400}',
        b"",
        b"null",
        json.dumps({"titles": ["x"] * 5_000}).encode(),
    ],
    ids=lambda body: repr(body[:16]),
)
@pytest.mark.parametrize(
    "path", ["suggestions/category/", "suggestions/category/batch/", "suggestions/events/", "suggestions/car/events/"]
)
def test_bodies_made_to_harm_are_mistakes_and_no_errors(client, trained, settings, path, body):
    setattr(settings, SETTING, {**getattr(settings, SETTING), **dict.fromkeys(RATES)})
    response = client.post(f"/api/v1/{path}", body, content_type="application/json")
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert response["Content-Type"] == "application/problem+json"
