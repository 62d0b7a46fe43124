import pytest
from django import forms

from ad_autocategorize.cars.widgets import CarWidget
from ad_autocategorize.widgets import PhotoInput
from marketplace.forms import AdForm


class PlainForm(forms.Form):
    """Ads of anything: no car, no suggestions."""

    picture = forms.FileField(widget=PhotoInput(attrs={"accept": "image/*"}))


def test_a_photo_field_of_any_form():
    form = PlainForm()
    html = str(form["picture"])
    assert 'type="file"' in html
    assert "data-aac-photos" in html
    # With it, phones would offer the camera alone.
    assert "capture" not in html
    media = str(form.media)
    assert "photo-input.js" in media
    assert "car-photo" not in media
    assert form.is_multipart()


@pytest.mark.django_db
def test_a_car_s_photo_field_keeps_it(marketplace_tree):
    form = AdForm()
    assert isinstance(form.fields["photos"].widget.widget, CarWidget)
    media = str(form.media)
    assert "photo-input.js" in media
    assert "car-photo.js" in media
    html = str(form["photos"])
    assert 'data-most="6"' in html
    assert " multiple" in html
    assert "<progress" in html
