"""The snippets of the README and of the page about describing ads, run as they stand there."""

import io
import re
import sys
import textwrap
import types
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Q

from ad_autocategorize.checks import check_settings
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.review import accept
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.services import suggest_categories
from ad_autocategorize.sources import AdSource, HostCategory, get_source
from marketplace.models import Ad
from taxonomy.models import Category
from tests.conftest import make_marketplace
from tests.hosts.etiquetas.models import Notice, Topic
from tests.hosts.secciones import models as secciones
from tests.hosts.shop.models import Listing, Section
from tests.plugin.test_sources import make_nodes, make_rubros, make_sections

ROOT = Path(__file__).parents[2]
CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)
MODULE = "tests.snippets"

pytestmark = [pytest.mark.django_db]


def snippets(page):
    """Return the blocks of Python of a page, indented ones too."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^[ \d.]*```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


def run(command, *options):
    out = io.StringIO()
    call_command(command, *options, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def module():
    """A module that snippets run in, and that settings may name."""
    found = types.ModuleType(MODULE)
    names = {"AdSource": AdSource, "HostCategory": HostCategory, "Q": Q, "Ad": Ad}
    names |= {name: getattr(secciones, name) for name in ("Listing", "Section", "Group", "Product")}
    vars(found).update(names)
    sys.modules[MODULE] = found
    yield found
    del sys.modules[MODULE]


def use(settings, name):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"{MODULE}.{name}"})


def works(settings):
    """Say whether a source of the page mirrors, trains, suggests and searches."""
    assert [message for message in check_settings() if message.level >= 40] == []
    if not get_source().uses_taxonomy:
        run("sync_taxonomy")
    run("retrain_classifiers")
    run("find_mislabels")
    return suggest_categories("sillon").suggestions[0].path[-1].name == "Sillones"


def make_notices():
    home, tools = Topic.objects.add_root({"name": "Hogar"}), Topic.objects.add_root({"name": "Herramientas"})
    sofas = Topic.objects.add_child(home, {"name": "Sillones"})
    for number in range(12):
        Notice.objects.create(title=f"sillon {number}").topics.add(*[sofas, home][: 1 + (number % 3 == 0)])
        Notice.objects.create(title=f"taladro {number}").topics.add(tools)


MADE = {
    "MarketplaceAds": make_marketplace,
    "RubroAds": make_rubros,
    "SectionAds": make_sections,
    "NodeAds": make_nodes,
    "PrefetchingAds": make_nodes,
    "TopicAds": make_notices,
}


@pytest.mark.parametrize("name", MADE)
def test_the_sources_of_the_page_work(name, settings, module):
    for block in snippets("docs/how-to/describe-your-ads.md"):
        if CLASS.search(block):
            exec(block, vars(module))
    MADE[name]()
    use(settings, name)
    assert works(settings)


def test_every_source_of_the_page_is_tried():
    blocks = snippets("docs/how-to/describe-your-ads.md")
    named = [name for block in blocks for name in CLASS.findall(block)]
    assert sorted(named) == sorted(MADE)


def test_what_moderators_need_is_as_the_page_says(settings, module, django_user_model):
    blocks = snippets("docs/how-to/describe-your-ads.md")
    exec(next(block for block in blocks if "class SectionAds" in block), vars(module))
    (methods,) = [block for block in blocks if "def relabel(self, listing, place)" in block]
    indented = re.sub(r"^(?=.)", "    ", methods, flags=re.MULTILINE)
    exec(f"class MovingSections(SectionAds):\n    pass\n{indented}", vars(module))
    make_sections()
    product = secciones.Product.objects.create(name="sillon 3")
    tools = secciones.Section.objects.get(label="Herramientas")
    listing = secciones.Listing.objects.create(product=product, section=tools)
    use(settings, "MovingSections")
    assert works(settings)
    accept(LabelIssue.objects.get(ad_id=str(listing.pk)), Reviewer(django_user_model.objects.create_user("eva")))
    listing.refresh_from_db()
    assert listing.group.label == "Sillones"


def test_the_way_into_an_existing_site_is_as_the_readme_says(settings, module, tmp_path, django_user_model):
    source, configuration, form_class = snippets("README.md")
    exec(source, vars(module))
    values = {"INSTALLED_APPS": [], "BASE_DIR": tmp_path}
    values["Listing"] = Listing
    exec(configuration, values)
    assert set(values["INSTALLED_APPS"]) <= set(settings.INSTALLED_APPS)
    assert values[SETTING].keys() == {"SOURCE", "MODEL_DIR"}
    setattr(settings, SETTING, {**values[SETTING], "SOURCE": f"{MODULE}.YourAds"})
    home, tools = (Section.objects.create(label=label) for label in ("Hogar", "Herramientas"))
    sofas = Section.objects.create(label="Sillones", parent=home)
    for number in range(12):
        for headline, section in ((f"sillon {number}", sofas), (f"taladro {number}", tools), (f"mesa {number}", home)):
            Listing.objects.create(headline=headline, section=section)
    wrong = Listing.objects.create(headline="sillon 3", section=tools)
    assert works(settings)
    assert "Hogar › Sillones" in run("suggest_category", "sillon")
    exec(
        form_class.replace("...", "Meta = type('Meta', (), {'model': Listing, 'fields': ['headline', 'section']})"),
        values,
    )
    form = values["ListingForm"]({"headline": "sillon", "suggest_category": "1"})
    assert not form.is_valid()
    assert f'value="{sofas.pk}"' in str(form)
    accept(LabelIssue.objects.get(ad_id=str(wrong.pk)), Reviewer(django_user_model.objects.create_user("eva")))
    wrong.refresh_from_db()
    assert wrong.section == sofas
    assert Category.objects.filter(external_id=str(sofas.pk)).exists()
