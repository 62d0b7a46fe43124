"""What the car endpoint takes and gives; for its description, since the view reads files and writes dictionaries itself."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
    refused = serializers.CharField(allow_blank=True)
    model_version = serializers.CharField(allow_null=True)
