"""Photos of ads in the search for mislabelled ads, in review and in the evaluation."""

import io
import json

import pytest
from django.core.management import call_command
from django.template.loader import render_to_string
from django.utils import translation

from ad_autocategorize.categories.item_photo_report import evaluate_item_photos
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.reports.item_photos import photo_columns, photo_rows
from ad_autocategorize.sources import using_source
from ad_autocategorize.titles.settings import TitleSettings
from marketplace.models import Ad, AdPhoto
from tests.item_photos.ads import SHOWN

pytest.importorskip("onnx")
pytestmark = pytest.mark.django_db


def misfile(tree):
    """File four kitchen ads with a photo in the garden; return them with the two categories."""
    kitchen, garden = tree.find(("Hogar", "Cocina")), tree.find(("Hogar", "Jardín"))
    # Titles that say the same of both, so that the photo alone tells.
    shown = Ad.objects.filter(category_id=kitchen, photos__isnull=False).exclude(title__contains="olla")
    wrong = list(shown.values_list("pk", flat=True)[:4])
    Ad.objects.filter(pk__in=wrong).update(category_id=garden)
    return wrong, kitchen, garden


def search():
    call_command("find_mislabels", "--folds", "3", stdout=io.StringIO(), stderr=io.StringIO())


def test_the_review_page_says_what_the_photo_spoke_for_and_where_its_like_are_filed(site, admin_client):
    tree, _ = site
    wrong, kitchen, garden = misfile(tree)
    search()
    issue = LabelIssue.objects.get(ad_id=str(wrong[0]))
    (_, by_photo, sure), (_, _by_title, less_sure) = issue.opinions
    assert [view for view, *_ in issue.opinions] == ["photos", "title"]
    assert by_photo == kitchen and sure > less_sure > 0
    assert 0 < len(issue.same_photos) <= 12 and str(wrong[0]) not in issue.same_photos
    # A colour has no third category here; those that are filed wrongly as well are no evidence.
    assert set(Ad.objects.filter(pk__in=issue.same_photos).values_list("category_id", flat=True)) == {kitchen}

    def page():
        with translation.override("en"):
            address = f"/admin/ad_autocategorize/labelissue/review/?issue={issue.pk}"
            return admin_client.get(address, headers={"accept-language": "en"}).content.decode()

    html = page()
    assert f"By itself the photo says Hogar › Cocina ({sure:.0%}".replace("%", " %") in html
    assert "Title and photos together say" in html and "The title says" not in html
    first = AdPhoto.objects.filter(ad_id=issue.same_photos[0]).earliest("pk")
    assert html.count(f'<img src="{first.image.url}" alt=""') == 1
    # One that has been filed alike since is no longer shown, nor one that is gone.
    Ad.objects.filter(pk=issue.same_photos[0]).update(category_id=garden)
    assert first.image.url not in page()
    Ad.objects.filter(pk__in=issue.same_photos).delete()
    assert "Nearly the same photo" not in page()
    # Blind, nothing of what was suggested is told.
    admin_client.post("/admin/ad_autocategorize/labelissue/review/", {"blind": "1"})
    assert "By itself" not in page()


def test_without_a_photo_the_page_speaks_of_the_title_alone(site, admin_client):
    tree, _ = site
    search()
    ad = Ad.objects.filter(category_id=tree.find(("Moda", "Bolsos")), photos__isnull=True, title__contains="cartera")[0]
    Ad.objects.filter(pk=ad.pk).update(category_id=tree.find(("Hogar", "Cocina")))
    search()
    issue = LabelIssue.objects.get(ad_id=str(ad.pk))
    assert issue.opinions == [] == issue.same_photos
    address = f"/admin/ad_autocategorize/labelissue/review/?issue={issue.pk}"
    html = admin_client.get(address, headers={"accept-language": "en"}).content.decode()
    assert "The title says" in html and "By itself" not in html and "Nearly the same photo" not in html


def test_search_and_evaluation_hear_photos(site, tmp_path):
    tree, _ = site
    wrong, kitchen, _ = misfile(tree)
    search()
    found = dict(LabelIssue.objects.values_list("ad_id", "suggested_id"))
    assert {found.get(str(pk)) for pk in wrong} == {kitchen}
    Ad.objects.filter(pk__in=wrong).update(category_id=kitchen)

    # The rest of the evaluation has tests of its own; here its chapter on photos.
    with using_source("") as source:
        photos = evaluate_item_photos(
            source, TitleSettings(), since=None, limit=None, language="", seed=0, progress=lambda *_: None
        )
    assert photos["gains"] and photos["with_photos"] == SHOWN
    json.dumps(photos)
    with translation.override("en"):
        rows = dict(photo_rows(photos))
        page = render_to_string(
            "ad_autocategorize/reports/titles/photos.html",
            {"photos": photos, "photo_columns": photo_columns(), "photo_rows": photo_rows(photos)},
        )
    assert (
        rows["Exactly right"][2] > rows["Exactly right"][0]
        and len(rows["Filed without a person, 95 percent right"]) == 3
    )
    assert "Do photos help?" in page and "Photos help:" in page and "Right down to level 2" in page
