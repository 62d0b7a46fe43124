import copy
import re

import pytest
from django import forms
from django.urls import reverse

from ad_autocategorize.categories.forms import CategorySuggestionMixin
from marketplace.forms import AdForm
from marketplace.models import Ad

pytestmark = pytest.mark.django_db
DATA = {"title": "sofa futon", "price": "abc", "currency": "ARS", "payment": "cash", "description": "como <b>nuevo</b>"}


@pytest.fixture
def seller(client, django_user_model):
    user, _ = django_user_model.objects.get_or_create(username="ana")
    client.force_login(user)
    return user


def test_the_button_renders_the_form_again_with_suggestions_and_saves_nothing(client, seller, trained):
    before = Ad.objects.count()
    page = client.post(reverse("ad-create"), {**DATA, "suggest_category": "1"}).content.decode()
    assert "Hogar › Muebles › Sillones" in page
    assert 'value="abc"' in page
    assert "como &lt;b&gt;nuevo" in page
    assert "errorlist" not in page
    assert Ad.objects.count() == before


def test_taking_a_suggestion_selects_the_category_and_saves_nothing(client, seller, trained):
    sofas = trained.find(["Hogar", "Muebles", "Sillones"])
    page = client.post(reverse("ad-create"), {**DATA, "take_category": str(sofas)}).content.decode()
    assert re.search(rf'<option value="{sofas}" selected[ >]', page)
    assert not Ad.objects.filter(title="sofa futon", description__contains="nuevo").exists()
    data = {**DATA, "category": sofas, "price": "10"}
    assert client.post(reverse("ad-create"), data).status_code == 302
    assert Ad.objects.get(description__contains="nuevo").category_id == sofas


def test_nonsense_taken_selects_nothing(client, seller, trained):
    page = client.post(reverse("ad-create"), {**DATA, "take_category": "<script>"}).content.decode()
    assert "<script>" not in page


def test_without_a_model_the_form_works_and_says_so(client, seller, marketplace_tree):
    page = client.post(reverse("ad-create"), {**DATA, "suggest_category": "1"}).content.decode()
    assert 'class="aac-note"' in page
    sofas = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    assert client.post(reverse("ad-create"), {**DATA, "category": sofas, "price": ""}).status_code == 302


def test_a_prefixed_form_reads_its_own_button_only(trained):
    data = {f"a-{name}": value for name, value in DATA.items()} | {"a-suggest_category": "1", "b-title": "x"}
    first, second = AdForm(data, prefix="a"), AdForm(data, prefix="b")
    assert not first.is_valid()
    assert not first.errors
    assert "Sillones" in first.as_p()
    assert not second.is_valid()
    assert second.errors


def test_media_is_a_module_and_a_stylesheet_and_nothing_is_inline(trained):
    form = AdForm()
    assert 'type="module"' in str(form.media)
    assert "category-suggestions.css" in str(form.media)
    html = form.as_p()
    assert "<script" not in html
    assert "style=" not in html
    assert " on" not in html.replace(" one", "")


def test_without_the_api_the_button_remains(trained, settings):
    settings.ROOT_URLCONF = "tests.plugin.no_urls"
    html = AdForm().as_p()
    assert "data-endpoint" not in html
    assert 'name="suggest_category"' in html


def test_hosts_with_hidden_or_text_category_fields(trained):
    class RawForm(CategorySuggestionMixin, forms.ModelForm):
        class Meta:
            model = Ad
            fields = ["title", "category"]
            widgets = {"category": forms.TextInput, "title": forms.Textarea}

    sofas = trained.find(["Hogar", "Muebles", "Sillones"])
    form = RawForm({"title": "sofa", "take_category": str(sofas)})
    assert f'value="{sofas}"' in str(form["category"])
    assert "<textarea" in str(form["title"])
    assert RawForm({"title": "sofa", "category": sofas}).is_valid()


def test_attributes_set_on_the_widgets_reach_the_inputs(trained):
    form = AdForm()
    for name in ("title", "photos", "category"):
        form.fields[name].widget.attrs["class"] = f"own-{name}"
        assert f'class="own-{name}"' in str(form[name])
    copied = copy.deepcopy(form.fields["title"])
    copied.widget.attrs["class"] = "other"
    assert 'class="own-title"' in str(form["title"])
    assert 'class="other"' in copied.widget.render("title", "")
