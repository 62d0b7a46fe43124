"""The category check on the host's own ad admin."""

import io
from copy import deepcopy
from datetime import timedelta

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.urls import path
from django.utils import timezone

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.review import Reviewer, keep
from ad_autocategorize.moderation.mixins import CategoryCheckMixin
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import find_mislabels

pytestmark = pytest.mark.django_db

LIST = "/admin/marketplace/ad/"
REVIEW = "/admin/ad_autocategorize/labelissue/review/"


class EditableAdmin(CategoryCheckMixin, ModelAdmin):
    """Another host's taste: the status is changed in the list, and the fields are grouped."""

    list_display = ["title", "category_check", "status"]
    list_editable = ["status"]
    fieldsets = [("What", {"fields": ["title", ("category", "price")]}), ("Who", {"fields": ["seller", "status"]})]


class PlacedAdmin(CategoryCheckMixin, ModelAdmin):
    fields = ["category_check", "title", "category"]


own_site = AdminSite(name="own")
own_site.register(Ad, EditableAdmin)
urlpatterns = [path("own-admin/", own_site.urls)]


@pytest.fixture
def page(admin_client):
    return admin_client


@pytest.fixture
def pending(marketplace_tree):
    """A new ad filed wrongly, which no model has seen."""
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    return Ad.objects.create(
        title="sillon futon modelo 3",
        category_id=marketplace_tree.find(["Vehículos", "Motos"]),
        seller=Ad.objects.first().seller,
    )


def shown(page, ad):
    """What the ad's own page and the list say."""
    one = page.get(f"{LIST}{ad.pk}/change/").content.decode().split("field-category_check")[1].split("</fieldset>")[0]
    several = page.get(LIST, {"q": ad.title}).content.decode().split('class="field-category_check')[1].split("</td>")[0]
    return one, several


def test_a_pending_ad_that_disagrees_is_warned_about(page, pending):
    for said in shown(page, pending):
        assert "<strong>⚠ muy probable: Hogar › Muebles › Sillones" in said


def test_an_ad_that_agrees_is_not(page, pending, marketplace_tree):
    pending.category_id = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    pending.save()
    for said in shown(page, pending):
        assert "✓ coincide" in said
        assert "⚠" not in said


def test_an_ad_of_the_queue_leads_there_and_is_warned_about_only_if_that_is_very_likely(page, sofa_issue, mislabelled):
    ad = mislabelled["sillon sofa modelo 3"]
    for probability, warned in ((0.95, True), (0.6, False)):
        LabelIssue.objects.filter(pk=sofa_issue.pk).update(suggested_probability=probability)
        for said in shown(page, ad):
            assert f"{REVIEW}?issue={sofa_issue.pk}" in said
            assert ("⚠" in said) is warned
            assert f"Sillones ({probability:.0%})" in said


def test_who_may_not_review_is_not_led_to_the_queue(client, django_user_model, sofa_issue, mislabelled):
    user = django_user_model.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_ad"))
    client.force_login(user)
    for said in shown(client, mislabelled["sillon sofa modelo 3"]):
        assert "Sillones" in said
        assert REVIEW not in said


def test_what_a_moderator_approved_of_is_warned_about_no_more_until_it_changes(page, pending, moderators):
    Ad.objects.filter(pk=pending.pk).update(status="published")
    find_mislabels()
    keep(LabelIssue.objects.get(ad_id=str(pending.pk)), Reviewer(moderators[0]))
    for said in shown(page, pending):
        assert "Sillones" in said
        assert "⚠" not in said
    pending.title = "sillon futon modelo 4"
    pending.save()
    for said in shown(page, pending):
        assert "⚠" in said


def test_blind_mode_hides_the_check_until_it_is_left(page, pending, sofa_issue, mislabelled):
    page.post(REVIEW, {"blind": "1"})
    for ad in (pending, mislabelled["sillon sofa modelo 3"]):
        for said in shown(page, ad):
            assert "oculto en el modo a ciegas" in said
            assert "Sillones" not in said
            assert "⚠" not in said
            assert REVIEW not in said
    page.post(REVIEW)
    for said in shown(page, pending):
        assert "⚠" in said


def test_without_a_model_there_is_nothing_to_say(page, marketplace_tree):
    ad = Ad.objects.first()
    for said in shown(page, ad):
        assert "nada que decir" in said
    assert page.get(f"{LIST}add/").status_code == 200


def test_the_list_asks_once_for_all(page, pending, django_assert_max_num_queries):
    page.get(LIST)
    with django_assert_max_num_queries(16):
        page.get(LIST)


def test_a_host_with_an_editable_list_and_an_admin_site_of_its_own(page, sofa_issue, mislabelled, settings):
    settings.ROOT_URLCONF = __name__
    ad = mislabelled["sillon sofa modelo 3"]
    # To the head of the list.
    Ad.objects.filter(pk=ad.pk).update(created_at=timezone.now() + timedelta(days=1))
    html = page.get("/own-admin/marketplace/ad/").content.decode()
    assert "⚠" in html.split('class="field-category_check')[1].split("</td>")[0]
    form = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": ad.pk,
        "form-0-status": "rejected",
        "_save": "1",
    }
    page.post("/own-admin/marketplace/ad/?q=sillon", form)
    ad.refresh_from_db()
    assert ad.status == "rejected"
    html = page.get(f"/own-admin/marketplace/ad/{ad.pk}/change/").content.decode()
    assert "⚠" in html.split("field-category_check")[1]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (type("PlainAdmin", (CategoryCheckMixin, ModelAdmin), {}), ["category", "category_check", "description"]),
        (EditableAdmin, ["title", ("category", "price"), "category_check"]),
        (PlacedAdmin, ["category_check", "title", "category"]),
        (type("WithoutAdmin", (CategoryCheckMixin, ModelAdmin), {"fields": ["title"]}), ["title", "category_check"]),
    ],
)
def test_the_check_stands_below_the_category_unless_the_host_says_where(rf, admin_user, kind, expected):
    request = rf.get("/")
    request.user = admin_user
    own = deepcopy(kind.fieldsets)
    # Twice, since it must not add to what the host wrote.
    for _ in range(2):
        fieldsets = kind(Ad, AdminSite()).get_fieldsets(request)
        fields = [field for _name, options in fieldsets for field in options["fields"]]
        start = fields.index(expected[0])
        assert fields[start : start + len(expected)] == expected
    assert fields.count("category_check") == 1
    assert kind.fieldsets == own


def test_an_admin_of_something_else_is_told_that_the_mixin_is_not_for_it(marketplace_tree):
    class CategoryAdmin(CategoryCheckMixin, ModelAdmin):
        pass

    site = AdminSite()
    assert CategoryCheckMixin.check(EditableAdmin(Ad, site)) == []
    (found,) = CategoryAdmin(Category, site).check()
    assert found.id == "ad_autocategorize.W004"
    assert "marketplace.Ad" in found.msg
