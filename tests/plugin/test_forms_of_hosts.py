"""The suggestion mixin on forms that are shaped otherwise: other models, no title, formsets, views that save twice."""

import json
import re

import pytest
from django import forms
from django.http import QueryDict
from django.test.utils import isolate_apps

from ad_autocategorize.categories.forms import CategorySuggestionMixin
from ad_autocategorize.conf import SETTING
from ad_autocategorize.forms import CarPhotoMixin
from ad_autocategorize.models import ModelVersion, SuggestionEvent
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Brand

pytestmark = [pytest.mark.django_db, pytest.mark.database]


class TitleForm(CategorySuggestionMixin, CarPhotoMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title", "category", "price", "currency", "payment"]


@pytest.fixture
def version(trained):
    return ModelVersion.objects.get().name


@pytest.fixture
def sofas(trained):
    return trained.find(["Hogar", "Muebles", "Sillones"])


@pytest.fixture
def seller(trained):
    return Ad.objects.first().seller


def told(version, *shown):
    return json.dumps({"model_version": version, "shown": list(map(str, shown))})


def posted(**values):
    """What a browser posts: a query that nobody may change."""
    data = QueryDict(mutable=True)
    data.update(values)
    data._mutable = False
    return data


DATA = {"title": "sofa futon", "price": "10", "currency": "ARS", "payment": "cash"}


@pytest.mark.parametrize("steps", ["twice", "commit later and again", "m2m twice"])
def test_a_view_that_saves_the_form_twice_leaves_one_event(version, sofas, seller, steps):
    form = TitleForm({**DATA, "category": sofas, "category_suggestions": told(version, sofas)})
    assert form.is_valid(), form.errors
    form.instance.seller = seller
    if steps == "twice":
        form.save()
        form.save()
    else:
        ad = form.save(commit=False)
        ad.save()
        form.save_m2m()
        if steps == "m2m twice":
            form.save_m2m()
        form.save()
    assert SuggestionEvent.objects.count() == 1


def test_a_form_without_the_title_field_is_left_alone(trained):
    class PriceForm(CategorySuggestionMixin, CarPhotoMixin, forms.ModelForm):
        class Meta:
            model = Ad
            fields = ["price", "currency"]

    html = PriceForm().as_p()
    assert "aac" not in html
    form = PriceForm({"price": "10", "currency": "ARS", "suggest_category": "1"}, instance=Ad.objects.first())
    assert form.is_valid()
    assert form.save().price == 10


def test_a_form_of_another_model_is_left_alone(version, sofas):
    class BrandForm(CategorySuggestionMixin, forms.ModelForm):
        title = forms.CharField(required=False)
        category = forms.CharField(required=False)

        class Meta:
            model = Brand
            fields = ["name"]

    assert "aac" not in BrandForm().as_p()
    form = BrandForm({"name": "Ford", "title": "sofa", "category": sofas, "category_suggestions": told(version, sofas)})
    assert form.is_valid()
    form.save()
    assert not SuggestionEvent.objects.exists()


# Or the model would stay in the registry, and a migration be missing.
@isolate_apps("marketplace")
def test_a_form_of_a_subclass_of_the_ads_has_suggestions(trained):
    class Special(Ad):
        class Meta:
            proxy = True
            app_label = "marketplace"

    class SpecialForm(CategorySuggestionMixin, forms.ModelForm):
        class Meta:
            model = Special
            fields = ["title", "category"]

    assert "aac-suggestions" in SpecialForm().as_p()


def test_ads_in_a_formset_have_a_report_and_buttons_each(version, sofas, seller, trained):
    kitchen = trained.find(["Hogar", "Cocina"])
    formset_class = forms.modelformset_factory(Ad, TitleForm, extra=2)
    data = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0"}
    for number, (title, category) in enumerate([("sofa futon", sofas), ("olla sarten", kitchen)]):
        data |= {f"form-{number}-{name}": value for name, value in DATA.items()}
        data |= {f"form-{number}-title": title, f"form-{number}-category": str(category)}
        data[f"form-{number}-category_suggestions"] = told(version, category)
    taking = formset_class(posted(**{**data, "form-1-take_category": str(sofas)}), queryset=Ad.objects.none())
    assert not taking.is_valid()
    assert [form["category"].value() for form in taking] == [str(sofas), str(sofas)]
    formset = formset_class(posted(**data), queryset=Ad.objects.none())
    for form in formset:
        form.instance.seller = seller
    assert formset.is_valid(), formset.errors
    formset.save()
    assert set(SuggestionEvent.objects.values_list("category_id", "rank")) == {(sofas, 1), (kitchen, 1)}


class RowForm(forms.Form):
    section = forms.CharField()


@pytest.fixture
def category_in_a_row(settings):
    """A host whose category stands in a row of a formset, as one whose ads have several does."""
    source = "tests.plugin.formset_source.FormsetAds"
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": source})


class OnlyTitleForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title"]


def test_a_category_in_another_formset_is_taken_without_javascript_and_recorded(
    category_in_a_row, version, sofas, seller, trained
):
    rows = forms.formset_factory(RowForm)
    html = OnlyTitleForm().as_p()
    assert 'data-category="places-0-section"' in html
    data = {"title": "sofa futon", "places-TOTAL_FORMS": "1", "places-INITIAL_FORMS": "0", "places-0-section": ""}
    query = posted(**data, take_category=str(sofas), **{"places-0-section_suggestions": told(version, sofas)})
    form, formset = OnlyTitleForm(query), rows(query, prefix="places")
    assert not form.is_valid()
    assert re.search(rf'name="places-0-section" value="{sofas}"', str(formset[0]["section"]))
    report = form.fields["title"].widget.report
    sent = posted(**{**data, "places-0-section": str(sofas), "places-0-section_suggestions": report.to_json()})
    form = OnlyTitleForm(sent)
    form.instance.seller, form.instance.category_id = seller, trained.find(["Hogar"])
    assert form.is_valid()
    form.save()
    event = SuggestionEvent.objects.get()
    assert (event.handling, event.rank, event.category_id) == ("taken", 1, sofas)


def test_an_ad_that_stays_where_it_was_is_held_though_another_form_says_so(category_in_a_row, version, sofas, seller):
    ad = Ad.objects.filter(category_id=sofas).first()
    data = {"title": "sofa", "places-0-section": str(sofas), "places-0-section_suggestions": told(version, sofas)}
    form = OnlyTitleForm(posted(**data), instance=ad)
    assert form.is_valid()
    form.save()
    assert SuggestionEvent.objects.get().handling == "held"
    assert not AdPhoto.objects.exists()
