import json
import re

import pytest
from django import forms
from django.core.management import call_command
from django.utils.html import escape

from ad_autocategorize.categories.widgets import CategoryPickerWidget
from ad_autocategorize.conf import SETTING
from ad_autocategorize.sources import HostCategory
from marketplace.forms import AdForm
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category
from tests.hosts.rubros.models import Rubro

pytestmark = pytest.mark.django_db


def options(html):
    """Each option's value, and its name and its parent's key."""
    found = {}
    for tag in re.findall(r"<option ([^>]*)>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        found[attributes["value"]] = (attributes.get("data-name"), attributes.get("data-parent"))
    return found


def groups(html):
    return json.loads(re.search(r'data-groups="([^"]*)"', html)[1].replace("&quot;", '"'))


def test_every_option_says_where_it_stands(marketplace_tree):
    html = str(AdForm()["category"])
    furniture, sofas = (
        str(marketplace_tree.find(path)) for path in (["Hogar", "Muebles"], ["Hogar", "Muebles", "Sillones"])
    )
    found = options(html)
    assert found[sofas] == ("Sillones", furniture)
    assert found[str(marketplace_tree.find(["Hogar"]))] == ("Hogar", "")
    assert found[""] == (None, None)
    assert groups(html) == {}
    assert html.startswith('<aac-picker><select name="category"')
    assert 'required id="id_category" data-aac-picker data-groups' in html


def test_a_host_with_categories_of_its_own_and_no_query_an_option(settings, db, django_assert_max_num_queries):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.rubros.ad_source.RubroAds"})
    home = Rubro.objects.create(nombre="Hogar", padre=None)
    rooms = [Rubro.objects.create(nombre=f"Sala {number}", padre=home) for number in range(30)]
    things = [Rubro.objects.create(nombre="Otros", padre=room) for room in rooms]
    call_command("sync_taxonomy", verbosity=0)
    late = Rubro.objects.create(nombre="Recién llegado", padre=home)
    Category.objects.create(name="Not the host's")

    class OwnForm(forms.Form):
        rubro = forms.ModelChoiceField(Rubro.objects.exclude(pk=home.pk), widget=CategoryPickerWidget)

    # The options, and the taxonomy with its version.
    with django_assert_max_num_queries(4):
        html = str(OwnForm()["rubro"])
    found = options(html)
    assert found[str(things[3].pk)] == ("Otros", str(rooms[3].pk))
    # The main category is no answer in this form, and a level nevertheless.
    ((group, (name, parent)),) = groups(html).items()
    assert (name, parent) == ("Hogar", "")
    assert found[str(rooms[3].pk)] == ("Sala 3", group)
    # What the taxonomy has not heard of yet stands at the first level.
    assert found[str(late.pk)] == (None, None)
    assert found[""] == (None, None)


def test_a_tree_of_ones_own_and_hostile_names():
    class Shelves(CategoryPickerWidget):
        def category_paths(self):
            room = HostCategory("room", '"><script>&')
            return {"shelf-1": [room, HostCategory("1", "'<b>")], "elsewhere": [HostCategory("2", "2")]}

    html = Shelves(choices=[("shelf-1", "one"), ("new", "two")]).render("shelf", "new")
    assert "<script>" not in html
    assert "<b>" not in html
    assert options(html)["shelf-1"] == (escape("'<b>"), "group room")
    assert options(html)["new"] == (None, None)


def test_two_thousand_categories_are_placed_in_a_blink(db, django_assert_max_num_queries):
    upsert_categories(CategoryRow((f"a{n % 10}", f"b{n % 100}", f"c{n}")) for n in range(2000))
    with django_assert_max_num_queries(6):
        html = str(AdForm()["category"])
    assert html.count("data-parent") == Category.objects.count()


def test_media_is_a_module_and_a_stylesheet(marketplace_tree):
    media = str(AdForm().media)
    assert re.search(r'<script src="[^"]*category-picker.js" type="module">', media)
    assert "category-picker.css" in media
