"""What the suggestion API takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ad_autocategorize.conf import plugin_settings

HIGHEST_LIMIT = 10


class TitleSerializer(serializers.Serializer[Any]):
    """A title to suggest categories for."""

    title = serializers.CharField(allow_blank=True)
    limit = serializers.IntegerField(min_value=1, max_value=HIGHEST_LIMIT, required=False)

    def validate_title(self, title: str) -> str:
        """Refuse a title that no form would take."""
        longest = plugin_settings.MAX_TITLE_LENGTH
        if len(title) > longest:
            raise serializers.ValidationError(
                f"Titles may have at most {longest} characters; this one has {len(title)}."
            )
        return title


class PathStepSerializer(serializers.Serializer[Any]):
    """One step of a path."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    probability = serializers.FloatField()


class CategorySuggestionSerializer(serializers.Serializer[Any]):
    """A suggested category; ``value`` is what the host's form takes."""

    category = serializers.IntegerField(source="category_id")
    value = serializers.CharField()
    probability = serializers.FloatField()
    confidence = serializers.ChoiceField(["very_likely", "likely", "maybe"])
    path = PathStepSerializer(many=True)


class CategorySuggestionsSerializer(serializers.Serializer[Any]):
    """The answer: suggestions, and the versions of model and taxonomy that they were made with."""

    model_version = serializers.CharField(allow_null=True)
    taxonomy_version = serializers.IntegerField()
    suggestions = CategorySuggestionSerializer(many=True)
