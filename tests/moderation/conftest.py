"""A marketplace with ads filed wrongly, two moderators, and a photo network that has really been trained."""

import io
import re
import shutil
import threading
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import connection, transaction
from django.http import QueryDict
from django.test import override_settings
from django.urls import reverse

from ad_autocategorize.conf import DEFAULTS, SETTING
from ad_autocategorize.models import LabelIssue, ModelVersion
from ad_autocategorize.moderation.labels.fingerprints import fingerprint
from marketplace.models import Ad, AdPhoto
from taxonomy.tree import CategoryTree
from tests.moderation.cars import search, state_cars

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


def help_text(html, name):
    """The help of one field of an admin page, which stands before or after the field, by Django's version."""
    return re.search(rf'<div[^>]*id="id_{name}_helptext"[^>]*>(.*?)</div>\s*(?:</div>|<)', html, re.DOTALL)[1]


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


@pytest.fixture
def found(cars):
    """Cars whose contradictions have been searched for."""
    search()
    return cars


@pytest.fixture
def page(client, moderators):
    """A client for the admin, as the first moderator, in the site's language."""
    client.force_login(moderators[0])
    client.get("/")
    return client


@pytest.fixture(scope="session")
def photo_network(django_db_setup, django_db_blocker, tmp_path_factory):
    """The folder of a network that the commands have trained on a set of toy cars, and of what is no car."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    from tests.photos.toys import make_other_photos, make_photos, toy_settings, write_labels

    torch.set_num_threads(1)
    photos, models = tmp_path_factory.mktemp("set"), tmp_path_factory.mktemp("models")
    write_labels(photos / "labels.csv", [*make_photos(photos, 300), *make_other_photos(photos, 60)])
    # So few validation photos cannot surely be right more often.
    values = {**DEFAULTS, "MODEL_DIR": models, "PHOTOS": toy_settings(epochs=12).to_dict(), "PHOTO_PRECISION": 0.8}
    values["SOURCE"] = "marketplace.ad_source.MarketplaceAds"
    with override_settings(**{SETTING: values}), django_db_blocker.unblock(), transaction.atomic():
        call_command("import_car_photos", photos, stdout=io.StringIO())
        call_command("retrain_cnn", stdout=io.StringIO())
        transaction.set_rollback(True)
    (folder,) = models.glob("photos-*")
    return folder


@pytest.fixture
def served_network(photo_network, model_dir, settings, tmp_path, db):
    """Put the network into service, and give ads a place for their photos."""
    settings.MEDIA_ROOT = tmp_path / "media"
    shutil.copytree(photo_network, model_dir / photo_network.name)
    version = ModelVersion.objects.create(kind="photos", name=photo_network.name, taxonomy_version=0, ad_count=0)
    version.activate()
    return version


@pytest.fixture
def seller(client, marketplace_tree, django_user_model):
    user = django_user_model.objects.get(username="ana")
    client.force_login(user)
    return user


@pytest.fixture
def ad_data(seller, marketplace_tree):
    """What the ad form is sent with, but for the car."""
    category = marketplace_tree.find(["Vehículos", "Autos"])
    texts = {"title": "auto", "price": "10", "currency": "ARS", "payment": "cash", "description": "x"}
    return {**texts, "category": category}


def png_of(picture):
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def attach_photo(ad, picture):
    AdPhoto.objects.create(ad=ad, image=ContentFile(png_of(picture), name="photo.png"))


@pytest.fixture
def cars(marketplace_tree):
    """The three ads of ``state_cars``."""
    ads = list(Ad.objects.all()[:3])
    state_cars(ads)
    return ads


def in_bulk(client, url, action, issues):
    """Choose a bulk action, and say yes on the page that asks."""
    data = {"action": action, "_selected_action": [issue.pk for issue in issues]}
    seen = ",".join(f"{issue.pk}:{issue.version}" for issue in issues)
    client.post(url, data)
    return client.post(url, {**data, "confirmed": "1", "seen": seen}, follow=True)


def at_once(*prepared):
    """Run what each function returns in a thread of its own, all at the same moment; return the results or the exceptions."""
    barrier, results = threading.Barrier(len(prepared)), [None] * len(prepared)

    def run(place, prepare):
        try:
            act = prepare()
            barrier.wait()
            results[place] = act()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(prepared)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def asked_about(ad):
    """What makes an issue one about this ad."""
    found = fingerprint(ad.title, [ad.category_id], CategoryTree.load())
    return {"ad_id": str(ad.pk), "given_id": ad.category_id, "fingerprint": found}


def confirm(client, url, html):
    """Send the form of a confirmation page as a browser would; return the answer."""
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html)
    form = QueryDict(mutable=True)
    for name, value in hidden:
        form.appendlist(name, value)
    return client.post(url, form.urlencode(), content_type="application/x-www-form-urlencoded")


def decide(client, issue, decision, **data):
    """Press a button of an issue's review page."""
    url = reverse(f"admin:ad_autocategorize_{issue._meta.model_name}_decide", args=[issue.pk])
    return client.post(url, {"version": issue.version, "decision": decision, **data}, follow=True)


def text_of(response):
    return unescape(response.content.decode())
