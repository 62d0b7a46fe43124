"""What the car endpoints take and give.

Photos and suggestions are here for their description alone, since the view reads files and writes dictionaries itself.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ad_autocategorize.api.fields import KeyField, TitleField, TypedField, WholeNumberField, YesNoField
from ad_autocategorize.api.serializers import BEYOND_THE_LIST, HIGHEST_LIMIT
from ad_autocategorize.models import CarFieldEvent, FieldState

LONGEST_VALUE = 200


class CarTitleSerializer(serializers.Serializer[Any]):
    """A title, and whether its ad is known to be one of a car."""

    title = TitleField()
    car = YesNoField(
        required=False,
        default=False,
        help_text="Whether the ad is one of a car; without it a title has to name brand and model both.",
    )


class NamedOptionSerializer(serializers.Serializer[Any]):
    """A value of a field that a title names, or that goes with a brand."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class NamedFieldSerializer(serializers.Serializer[Any]):
    """What a title names for one field; always sure enough to be filled in."""

    accepted = serializers.BooleanField()
    options = NamedOptionSerializer(many=True)


class CarOfTitleSerializer(serializers.Serializer[Any]):
    """The fields of a car that a title names: brand, car_model, year."""

    fields = serializers.DictField(child=NamedFieldSerializer())  # type: ignore[assignment]


class BrandValueSerializer(serializers.Serializer[Any]):
    """What the form's field takes for a brand."""

    brand = TypedField(LONGEST_VALUE)


class ModelsOfBrandSerializer(serializers.Serializer[Any]):
    """The models to choose from once the form's field holds a brand."""

    models = NamedOptionSerializer(many=True)


class CarPhotosSerializer(serializers.Serializer[Any]):
    """One photo of a car or several of the same one, as a form sends files."""

    photos = serializers.ListField(child=serializers.FileField(), min_length=1)


class FieldOptionSerializer(serializers.Serializer[Any]):
    """A value of a field; ``value`` is what the host's form takes, ``label`` what people read."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    probability = serializers.FloatField(min_value=0, max_value=1)
    confidence = serializers.ChoiceField(["very_likely", "likely", "maybe"])


class FieldSuggestionSerializer(serializers.Serializer[Any]):
    """The values of one field, most probable first; ``accepted`` says that the first is sure enough to be filled in."""

    accepted = serializers.BooleanField()
    options = FieldOptionSerializer(many=True)


class CarSuggestionSerializer(serializers.Serializer[Any]):
    """What the photos say; ``models_by_brand`` ranks the models anew when the brand is corrected."""

    status = serializers.ChoiceField(["car", "no_car", "no_photo", "no_model"])
    message = serializers.CharField()
    fields = serializers.DictField(child=FieldSuggestionSerializer())  # type: ignore[assignment]
    models_by_brand = serializers.DictField(child=FieldOptionSerializer(many=True))
    twins = serializers.ListField(child=serializers.CharField())
    photos_used = serializers.IntegerField()
    photos_disagree = serializers.BooleanField(help_text="They seem to show different cars; nothing is accepted then.")
    refused = serializers.CharField(allow_blank=True)
    model_version = serializers.CharField(allow_null=True)


class CarFieldToldSerializer(serializers.Serializer[Any]):
    """How one field stood once the photo had been read, and where the value that the ad was saved with stood in the answer."""

    state = serializers.ChoiceField(
        [state.value for state in FieldState],
        help_text="filled: filled in from the photo; stated: by the seller, before; held: by the ad, before it was edited; "
        "empty: nothing stood there.",
    )
    sure = YesNoField(help_text="The field's accepted of the answer; read where it was not filled in.")
    answered = WholeNumberField(min_value=1, max_value=HIGHEST_LIMIT, help_text="How many options the field had.")
    rank = WholeNumberField(
        min_value=1,
        max_value=HIGHEST_LIMIT,
        allow_null=True,
        help_text="Place of the option that the ad was saved with, the first is 1; null where it was none of them.",
    )
    left_empty = YesNoField(
        required=False, default=False, help_text="Whether the ad was saved without the field; read where rank is null."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse places beyond the answer, and a field that was saved both empty and with a value."""
        rank = attrs["rank"]
        if rank is not None and rank > attrs["answered"]:
            raise serializers.ValidationError({"rank": [BEYOND_THE_LIST]})
        if rank is not None and attrs["left_empty"]:
            raise serializers.ValidationError({"left_empty": [_("A field that was left empty has no place.")]})
        return attrs


class CarFieldsToldSerializer(serializers.Serializer[Any]):
    """The fields that the photo said something of."""

    brand = CarFieldToldSerializer(required=False)
    car_model = CarFieldToldSerializer(required=False)
    body_type = CarFieldToldSerializer(required=False)
    color = CarFieldToldSerializer(required=False)
    year = CarFieldToldSerializer(required=False)


class CarEventsSerializer(serializers.Serializer[Any]):
    """What became of the fields of a car; ``ad_id`` is the marketplace's own key, once the ad has one."""

    model_version = KeyField(min_length=1, max_length=80)
    ad_id = KeyField(max_length=100, required=False, allow_blank=True, default="")
    fields = CarFieldsToldSerializer()  # type: ignore[assignment]

    def create(self, validated_data: dict[str, Any]) -> list[CarFieldEvent]:
        version, ad_id = validated_data["model_version"], validated_data["ad_id"]
        events = [_event(version, ad_id, name, told) for name, told in validated_data["fields"].items()]
        return CarFieldEvent.objects.bulk_create(events)


def _event(version: str, ad_id: str, name: str, told: dict[str, Any]) -> CarFieldEvent:
    state, rank = FieldState(told["state"]), told["rank"]
    # Nothing is filled in that is not sure.
    sure = told["sure"] or state == FieldState.FILLED
    return CarFieldEvent(
        model_version=version,
        ad_id=ad_id,
        field=name,
        answered=told["answered"],
        sure=sure,
        rank=rank,
        outcome=CarFieldEvent.outcome_of(rank, empty=told["left_empty"]),
        handling=CarFieldEvent.handling_of(state, rank, sure=sure),
    )
