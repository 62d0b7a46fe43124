"""The ad form: a ModelForm like any, and one mixin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.cars.forms import CarPhotoMixin
from ad_autocategorize.categories.forms import CategorySuggestionMixin
from ad_autocategorize.categories.widgets import CategoryPickerWidget
from ad_autocategorize.held_photos import HeldPhotosMixin
from ad_autocategorize.photos.uploads import Budget
from ad_autocategorize.widgets import PhotoInput
from marketplace.models import Ad, AdPhoto
from marketplace.photos import clean_photo
from taxonomy.tree import CategoryTree

MAX_PHOTOS = 6


class MultiplePhotosInput(PhotoInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Several photos, each checked and re-encoded."""

    widget = MultiplePhotosInput(attrs={"accept": "image/jpeg,image/png,image/webp", "data-most": MAX_PHOTOS})

    def clean(self, data: Any, initial: Any = None) -> list[ContentFile[bytes]]:
        files = data if isinstance(data, list | tuple) else [data] if data else []
        if len(files) > MAX_PHOTOS:
            raise ValidationError(_("At most %(count)d photos, please.") % {"count": MAX_PHOTOS})
        photos, errors, budget = [], [], Budget()
        for file in files:
            try:
                photos.append(clean_photo(super().clean(file, initial), budget))
            except ValidationError as error:
                # Each by its name, so that the others are not suspected.
                errors += [f"{file.name}: {message}" for message in error.messages]
        if errors:
            raise ValidationError(errors)
        return photos


class AdForm(HeldPhotosMixin, CategorySuggestionMixin, CarPhotoMixin, forms.ModelForm):
    """What a seller fills in."""

    photos = PhotosField(label=_("Photos"), required=False, help_text=_("JPEG, PNG or WebP, up to six."))

    class Meta:
        model = Ad
        fields = [
            "title",
            "category",
            "description",
            "price",
            "currency",
            "payment",
            "brand",
            "car_model",
            "body_type",
            "color",
            "year",
        ]
        widgets = {"category": CategoryPickerWidget, "description": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tree = CategoryTree.load()
        choices = [(pk, tree.path_text(pk)) for pk in tree]
        self.fields["category"].widget.choices = [("", "---------"), *choices]

    def clean_photos(self) -> list[ContentFile[bytes]]:
        """Refuse more photos than an ad may have, those that it has already counted."""
        photos: list[ContentFile[bytes]] = self.cleaned_data["photos"]
        held = self.instance.photos.count() if self.instance.pk else 0
        if photos and held + len(photos) > MAX_PHOTOS:
            message = _("An ad has %(count)d photos at most, and this one has %(held)d already.")
            raise ValidationError(message % {"count": MAX_PHOTOS, "held": held})
        return photos

    @transaction.atomic
    def save(self, commit: bool = True) -> Ad:
        ad: Ad = super().save(commit)
        photos = self.cleaned_data["photos"]
        if photos:
            # Two edits at once must not have room for the same photos.
            Ad.objects.select_for_update().get(pk=ad.pk)
        for photo in photos[: MAX_PHOTOS - ad.photos.count()]:
            AdPhoto.objects.create(ad=ad, image=photo)
        return ad

    def car_fields(self) -> list[forms.BoundField]:
        """The fields that only a car has, for the template's own section."""
        return [self[name] for name in ("brand", "car_model", "body_type", "color", "year")]

    def common_fields(self) -> list[forms.BoundField]:
        """All other fields."""
        return [self[name] for name in ("title", "category", "description", "price", "currency", "payment", "photos")]
