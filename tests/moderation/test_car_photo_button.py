"""What becomes of car fields where the form's button reads the photo, without JavaScript; the network is a real one."""

import numpy as np
import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from ad_autocategorize.cars.forms import CarPhotoMixin
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarFieldEvent
from marketplace.forms import AdForm
from taxonomy.models import BodyType, Brand, CarModel, Color
from tests.hosts.coches.models import Maker, Notice, Rubric
from tests.moderation.conftest import png_of
from tests.photos.toys import BODIES, COLORS, MODELS, draw, draw_no_car

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def catalog(db):
    """The toy cars."""
    for brand, model in MODELS:
        CarModel.objects.create(brand=Brand.objects.get_or_create(name=brand)[0], name=model)
    for name in set(BODIES.values()):
        BodyType.objects.create(name=name)
    for name in COLORS:
        Color.objects.create(name=name)


def press(form_class, data, *pictures):
    """Post the form with photos, by the button that reads them."""
    query = QueryDict(mutable=True)
    query.update({**data, "read_car_photo": "1"})
    files = [SimpleUploadedFile(f"{number}.png", png_of(picture)) for number, picture in enumerate(pictures)]
    return form_class(query, MultiValueDict({"photos": files}))


def after(form, **changes):
    """Return what the browser sends next: the form as it was rendered, with the seller's changes."""
    sent = {name: form[name].value() or "" for name in form.fields if name != "photos"}
    return {**sent, "photos_suggestions": form._car_widget.report.to_json(), **changes}


def picture(pair=("Ajax", "Two"), color="red", seed=7):
    return draw(pair, color, 2010, np.random.default_rng(seed))


def handled(**expected):
    found = dict(CarFieldEvent.objects.values_list("field", "handling"))
    return {name: found.get(name) for name in expected} == expected


def key(model, **lookups):
    return str(model.objects.get(**lookups).pk)


def test_without_javascript_the_button_carries_the_report(ad_data, client, served_network, catalog):
    blue, green = key(Color, name="blue"), str(Color.objects.create(name="green").pk)
    form = press(AdForm, {**ad_data, "color": blue}, picture(), picture(seed=8), draw_no_car(np.random.default_rng(3)))
    sent = after(form)
    assert sent["brand"] == key(Brand, name="Ajax")
    assert sent["color"] == blue
    # What the photo says otherwise is listed with what the ad says.
    found = {finding.label: finding.differs for finding in form._car_widget.found}
    assert (found["red"], found["Ajax"]) == ("blue", "")
    assert "Ajax" in str(form["photos"])
    assert not CarFieldEvent.objects.exists()
    bolt = CarModel.objects.get(brand__name="Bolt")
    data = {**sent, "brand": str(bolt.brand_id), "car_model": str(bolt.pk), "color": green}
    assert client.post(reverse("ad-create"), data).status_code == 302
    assert handled(brand="changed", car_model="changed", body_type="kept", color="stated")
    assert set(CarFieldEvent.objects.values_list("model_version", flat=True)) == {served_network.name}
    ranks = dict(CarFieldEvent.objects.values_list("field", "rank"))
    assert (ranks["body_type"], ranks["color"]) == (1, None)


def test_a_second_photo_replaces_what_the_first_filled_in_and_not_what_was_corrected(
    ad_data, client, seller, served_network, catalog
):
    first = press(AdForm, ad_data, picture(("Ajax", "Two"), "red"))
    sedan = key(BodyType, name="Sedan")
    second = press(AdForm, after(first, body_type=sedan), picture(("Bolt", "One"), "blue"))
    sent = after(second)
    assert sent["brand"] == key(Brand, name="Bolt")
    assert sent["color"] == key(Color, name="blue")
    client.post(reverse("ad-create"), sent)
    # The second photo shows a sedan too, but the seller had been shown a van, and corrected it.
    assert handled(brand="kept", car_model="kept", color="kept", body_type="changed")


def test_pressing_the_button_without_a_photo_forgets_nothing(ad_data, served_network, catalog):
    first = press(AdForm, ad_data, picture())
    again = press(AdForm, after(first))
    assert after(again) == after(first)
    # One of something else says that there is no car: what an earlier one filled in goes.
    other = press(AdForm, after(first), draw_no_car(np.random.default_rng(3)))
    assert after(other)["brand"] == after(other)["photos_suggestions"] == ""


class NoticeForm(CarPhotoMixin, forms.ModelForm):
    """A host's own tables: keys of its own makers, and names for the rest."""

    photos = forms.FileField(required=False)
    maker = forms.ModelChoiceField(Maker.objects.all(), required=False)
    paint = forms.CharField(required=False)
    car_form_fields = {"brand": "maker", "color": "paint"}

    class Meta:
        model = Notice
        fields = ["heading", "rubric"]


def test_values_of_a_host_s_own_tables_are_its_keys(served_network, catalog, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    ajax = Maker.objects.create(pk=72, name="Ajax")
    data = {"heading": "Ajax", "rubric": Rubric.objects.create(name="Autos").pk}
    form = press(NoticeForm, data, picture())
    assert after(form)["maker"] == str(ajax.pk)
    notice = NoticeForm(after(form, paint="Green")).save()
    rows = set(CarFieldEvent.objects.values_list("field", "handling", "rank", "ad_id"))
    assert rows == {("brand", "kept", 1, str(notice.pk)), ("color", "changed", None, str(notice.pk))}


def test_a_value_that_the_form_does_not_have_is_not_filled_in(served_network, catalog, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    Maker.objects.create(name="Ajax")

    class ChosenMakersForm(NoticeForm):
        maker = forms.ModelChoiceField(Maker.objects.exclude(name="Ajax"), required=False)

    data = {"heading": "Ajax", "rubric": Rubric.objects.create(name="Autos").pk}
    form = press(ChosenMakersForm, data, picture())
    assert after(form)["maker"] == ""
    assert "Ajax" not in str(form["photos"])
    ChosenMakersForm(after(form)).save()
    assert handled(brand="unfit", color="kept")
