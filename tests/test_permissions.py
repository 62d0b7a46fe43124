"""Who may do what: roles x addresses x methods, as one table."""

import json

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from ad_autocategorize.models import LabelIssue, ModelVersion
from ad_autocategorize.moderation.labels.fingerprints import fingerprint
from marketplace.models import Ad

pytestmark = pytest.mark.django_db
ADMIN = "/admin/ad_autocategorize"
# A visitor, the ad's seller, another one, staff without rights, staff who may view, two kinds of moderators, the site's owner.
ROLES = ("visitor", "seller", "other", "clerk", "viewer", "moderator", "bulk", "owner")
LOGIN, NO, GONE, OK, DONE, BAD = 302, 403, 404, 200, 204, 400
# Method and address, and the answer to each role in that order.
TABLE = {
    "GET /": (OK, OK, OK, OK, OK, OK, OK, OK),
    "GET /ads/{pending}/": (GONE, OK, GONE, GONE, OK, GONE, GONE, OK),
    "GET /ads/{pending}/edit/": (LOGIN, OK, GONE, GONE, GONE, GONE, GONE, GONE),
    "POST /ads/{pending}/edit/": (LOGIN, OK, GONE, GONE, GONE, GONE, GONE, GONE),
    "GET /ads/new/": (LOGIN, OK, OK, OK, OK, OK, OK, OK),
    "GET /ads/mine/": (LOGIN, OK, OK, OK, OK, OK, OK, OK),
    "GET /api/v1/categories/": (OK, OK, OK, OK, OK, OK, OK, OK),
    "GET /api/v1/schema/": (OK, OK, OK, OK, OK, OK, OK, OK),
    "POST /api/v1/suggestions/category/": (OK, OK, OK, OK, OK, OK, OK, OK),
    "POST /api/v1/suggestions/events/": (BAD, DONE, BAD, BAD, BAD, BAD, BAD, BAD),
    "GET /admin/": (LOGIN, LOGIN, LOGIN, OK, OK, OK, OK, OK),
    "GET /admin/marketplace/ad/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET /admin/marketplace/ad/{pending}/change/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET /admin/ad_taxonomy/category/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET /admin/ad_taxonomy/category/add/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, OK),
    "GET {admin}/modelversion/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET {admin}/modelversion/add/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "GET {admin}/modelversion/{active}/change/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET {admin}/modelversion/{active}/delete/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "GET {admin}/modelversion/compare/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET {admin}/modelversion/{idle}/activate/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, OK),
    "POST {admin}/modelversion/{active}/rollback/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, LOGIN),
    "GET {admin}/modelactivation/": (LOGIN, LOGIN, LOGIN, NO, OK, NO, NO, OK),
    "GET {admin}/modelactivation/add/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "GET {admin}/modelactivation/{row}/delete/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "POST {admin}/modelactivation/{row}/change/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "GET {admin}/labelissue/": (LOGIN, LOGIN, LOGIN, NO, NO, OK, OK, OK),
    "GET {admin}/labelissue/review/": (LOGIN, LOGIN, LOGIN, NO, NO, OK, OK, OK),
    "POST {admin}/labelissue/{issue}/decide/": (LOGIN, LOGIN, LOGIN, NO, NO, LOGIN, LOGIN, LOGIN),
    "GET {admin}/carissue/review/": (LOGIN, LOGIN, LOGIN, NO, NO, OK, OK, OK),
    "GET {admin}/reviewdecision/": (LOGIN, LOGIN, LOGIN, NO, OK, OK, OK, OK),
    "GET {admin}/reviewdecision/add/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, NO),
    "GET {admin}/suggestionevent/feedback/": (LOGIN, LOGIN, LOGIN, NO, OK, OK, OK, OK),
    "GET {admin}/taxonomyfinding/csv/": (LOGIN, LOGIN, LOGIN, NO, OK, OK, OK, OK),
    "GET {admin}/taxonomyfinding/merge/{category}/": (LOGIN, LOGIN, LOGIN, NO, NO, NO, NO, OK),
}


@pytest.fixture
def site(trained, django_user_model):
    seller = django_user_model.objects.get(username="ana")
    pending = Ad.objects.filter(seller=seller).first()
    pending.status = Ad.Status.PENDING
    pending.save()
    issue = LabelIssue.objects.create(
        ad_id=str(pending.pk), given=pending.category, suggested=Ad.objects.last().category, branch=pending.category, level=1,
        priority=1, given_probability=0.1, suggested_probability=0.9, model="m", found_at=timezone.now(),
        fingerprint=fingerprint(pending.title, [pending.category_id], trained),
    )  # fmt: skip
    users = {"visitor": None, "seller": seller, "other": django_user_model.objects.create_user("other")}
    ours = Permission.objects.filter(content_type__app_label__in=("marketplace", "ad_taxonomy", "ad_autocategorize"))
    rights = {
        "clerk": ours.none(),
        "viewer": ours.filter(codename__startswith="view_"),
        "moderator": ours.filter(codename="can_review"),
        "bulk": ours.filter(codename__in=("can_review", "can_bulk_relabel")),
    }
    for role, permissions in rights.items():
        users[role] = django_user_model.objects.create_user(role, is_staff=True)
        users[role].user_permissions.set(permissions)
    users["owner"] = django_user_model.objects.create_superuser("owner")
    active = ModelVersion.objects.get()
    idle = ModelVersion.objects.create(kind="titles", name="other", digest="", taxonomy_version=0, ad_count=0)
    keys = {"pending": pending.pk, "issue": issue.pk, "category": pending.category_id, "admin": ADMIN}
    return users, {**keys, "active": active.pk, "idle": idle.pk, "row": active.activations.get().pk}


def log_in(client, user):
    if user is not None:
        client.force_login(user)
    return client


def body_of(path, keys):
    if path.endswith("suggestions/category/"):
        return {"title": "sofa"}
    if path.endswith("events/"):
        return {
            "model_version": ModelVersion.objects.get(is_active=True).name,
            "rank": 1,
            "ad_id": str(keys["pending"]),
        }
    return None


@pytest.mark.parametrize("role", ROLES)
def test_the_table(client, site, role):
    users, keys = site
    log_in(client, users[role])
    found = {}
    for line in TABLE:
        method, path = line.split()
        path = path.format(**keys)
        data = body_of(path, keys)
        if method == "GET":
            response = client.get(path)
        elif data is not None:
            response = client.post(path, json.dumps(data), content_type="application/json")
        else:
            response = client.post(path, {"action": "keep"})
        found[line] = response.status_code
    assert found == {line: answers[ROLES.index(role)] for line, answers in TABLE.items()}


# What a role can bring about: the action of a list, and whether it happens.
ACTIONS = {
    "publish": (False, False, False, False, False, False, False, True),
    "activate": (False, False, False, False, False, False, False, True),
    "keep": (False, False, False, False, False, False, True, True),
}


@pytest.mark.parametrize("role", ROLES)
def test_what_comes_of_it(client, site, role):
    users, keys = site
    log_in(client, users[role])
    ad, active = Ad.objects.get(pk=keys["pending"]), ModelVersion.objects.get(is_active=True)
    seen = {f"seen-{ad.pk}": ad.fingerprint()}
    client.post("/admin/marketplace/ad/", {"action": "publish", "_selected_action": [ad.pk], **seen})
    client.post(f"{ADMIN}/modelversion/{keys['idle']}/activate/", {"current": active.name, "target": "other"})
    issue = LabelIssue.objects.get()
    bulk = {"action": "keep_selected", "_selected_action": [issue.pk], "confirmed": "1"}
    client.post(f"{ADMIN}/labelissue/", {**bulk, "seen": f"{issue.pk}:{issue.version}"})
    ad.refresh_from_db()
    active.refresh_from_db()
    issue.refresh_from_db()
    came = (ad.status == Ad.Status.PUBLISHED, not active.is_active, issue.state != LabelIssue.State.OPEN)
    assert dict(zip(ACTIONS, came, strict=True)) == {name: may[ROLES.index(role)] for name, may in ACTIONS.items()}
