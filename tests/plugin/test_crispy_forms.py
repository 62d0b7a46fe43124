"""The form as django-crispy-forms renders it: its classes reach the inputs, and the modules find what they look for."""

import re

import pytest
from django.template import engines

from marketplace.forms import AdForm

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["{% crispy form %}", "{{ form|crispy }}"], ids=["tag", "filter"])
def crispy(settings, request):
    settings.INSTALLED_APPS = ["crispy_forms", "crispy_bootstrap5", *settings.INSTALLED_APPS]
    settings.CRISPY_TEMPLATE_PACK = "bootstrap5"
    settings.CRISPY_ALLOWED_TEMPLATE_PACKS = ("bootstrap5",)
    template = engines["django"].from_string("{% load crispy_forms_tags %}" + request.param)
    return lambda form: template.render({"form": form})


def tag(html, name):
    return re.search(rf'<(?:input|select)[^>]* name="{name}"[^>]*>', html)[0]


def test_classes_and_attributes_reach_the_inputs(trained, crispy):
    html = crispy(AdForm())
    assert "form-control" in tag(html, "title")
    assert "autocomplete" not in tag(html, "title")
    assert "form-select" in tag(html, "category")
    assert "data-aac-picker" in tag(html, "category")
    assert "data-aac-photos" in tag(html, "photos")
    assert "form-control" in tag(html, "photos")
    assert 'name="suggest_category"' in html


def test_errors_are_marked(trained, crispy):
    form = AdForm({"title": "", "category": "nonsense", "currency": "ARS", "payment": "cash"})
    html = crispy(form)
    assert "is-invalid" in tag(html, "title")
    assert 'aria-invalid="true"' in tag(html, "title")
    assert "is-invalid" in tag(html, "category")


def test_suggestions_asked_for_by_the_button(trained, crispy):
    html = crispy(AdForm({"title": "sofa futon", "suggest_category": "1"}))
    assert "Hogar › Muebles › Sillones" in html
    assert "is-invalid" not in html
