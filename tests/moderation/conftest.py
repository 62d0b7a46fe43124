"""A marketplace with three ads filed wrongly, and two moderators."""

import io

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command

from ad_autocategorize.models import LabelIssue
from marketplace.models import Ad

WRONG = {"sillon sofa modelo 3": ["Vehículos", "Motos"], "moto casco modelo 2": ["Vehículos", "Autos"]}


@pytest.fixture
def mislabelled(marketplace_tree):
    """Wrong ads by title; ``Ad.objects.first().seller`` is everybody's seller."""
    seller = Ad.objects.first().seller
    return {
        title: Ad.objects.create(
            title=title, category_id=marketplace_tree.find(path), seller=seller, status=Ad.Status.PUBLISHED
        )
        for title, path in WRONG.items()
    }


def find_mislabels(*options):
    out = io.StringIO()
    call_command("find_mislabels", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def queue(mislabelled):
    find_mislabels()
    return {issue.ad_id: issue for issue in LabelIssue.objects.all()}


@pytest.fixture
def sofa_issue(queue, mislabelled):
    return queue[str(mislabelled["sillon sofa modelo 3"].pk)]


@pytest.fixture
def moderators(db, django_user_model):
    users = []
    for name in ("eva", "luis"):
        user = django_user_model.objects.create_user(name, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=["can_review", "can_bulk_relabel"]))
        users.append(user)
    return users
