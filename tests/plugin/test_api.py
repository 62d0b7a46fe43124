import json

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from ad_autocategorize.conf import SETTING

pytestmark = pytest.mark.django_db
URL = "/api/suggestions/category/"


@pytest.fixture(autouse=True)
def fresh_throttles():
    cache.clear()


def post(client, data, **kwargs):
    return client.post(URL, json.dumps(data), content_type="application/json", **kwargs)


def test_the_answer_carries_paths_probabilities_and_versions(client, trained):
    answer = post(client, {"title": "sofa futon", "limit": 2}).json()
    assert reverse("ad_autocategorize:suggest-category") == URL
    assert set(answer) == {"model_version", "taxonomy_version", "suggestions"}
    assert len(answer["suggestions"]) == 2
    best = answer["suggestions"][0]
    assert [step["name"] for step in best["path"]] == ["Hogar", "Muebles", "Sillones"]
    assert best["value"] == str(best["category"])
    assert best["confidence"] == "very_likely"


def test_a_form_post_is_understood_too(client, trained):
    assert client.post(URL, {"title": "sofa"}).json()["suggestions"]


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
    assert response.status_code == 400
    assert response.json()


def test_broken_json_and_other_methods(client):
    assert client.post(URL, "{", content_type="application/json").status_code == 400
    assert client.get(URL).status_code == 405


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
