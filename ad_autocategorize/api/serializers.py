"""What the API takes and gives."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ad_autocategorize.api.fields import KeyField, TitleField, TitlesField, WholeNumberField
from ad_autocategorize.categories.services import CategorySuggestion, CategorySuggestions, PhotoSuggestions
from ad_autocategorize.models import SuggestionEvent
from ad_autocategorize.sources.registered import current_source_name

HIGHEST_LIMIT = 10
BEYOND_THE_LIST = _("This place is beyond the list.")


class TitleSerializer(serializers.Serializer[Any]):
    """A title to suggest categories for."""

    title = TitleField()
    limit = WholeNumberField(min_value=1, max_value=HIGHEST_LIMIT, required=False)


class TitlesSerializer(serializers.Serializer[Any]):
    """Titles to suggest categories for, up to ``API_BATCH_LIMIT`` of them."""

    titles = TitlesField()
    limit = WholeNumberField(min_value=1, max_value=HIGHEST_LIMIT, required=False)


class PathStepSerializer(serializers.Serializer[Any]):
    """One step of a path; ``probability`` is that of the ad being filed at or under it."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    probability = serializers.FloatField(min_value=0, max_value=1)


class CategorySuggestionSerializer(serializers.Serializer[Any]):
    """A suggested category; ``value`` is what the host's form takes."""

    category = serializers.IntegerField(source="category_id")
    value = serializers.CharField()
    probability = serializers.FloatField(min_value=0, max_value=1)
    confidence = serializers.ChoiceField(["very_likely", "likely", "maybe"])
    path = PathStepSerializer(many=True)


class CategorySuggestionsSerializer(serializers.Serializer[Any]):
    """The answer: suggestions, and the versions of model and taxonomy that they were made with."""

    model_version = serializers.CharField(allow_null=True)
    taxonomy_version = serializers.IntegerField()
    stale = serializers.BooleanField(
        source="is_stale", help_text="Whether the database is away, and this is from what is in memory."
    )
    suggestions = CategorySuggestionSerializer(many=True)


def category_suggestions(answer: CategorySuggestions) -> dict[str, Any]:
    """Return what ``CategorySuggestionsSerializer`` would, in a tenth of the time: this is the busiest call of all."""
    return {
        "model_version": answer.model_version,
        "taxonomy_version": answer.taxonomy_version,
        "stale": answer.is_stale,
        "suggestions": [_suggestion(suggestion) for suggestion in answer.suggestions],
    }


def _suggestion(suggestion: CategorySuggestion) -> dict[str, Any]:
    return {
        "category": suggestion.category_id,
        "value": suggestion.value,
        "probability": suggestion.probability,
        "confidence": suggestion.confidence,
        "path": [{"id": step.id, "name": step.name, "probability": step.probability} for step in suggestion.path],
    }


class OptionalTitleSerializer(TitleSerializer):
    """A title beside photos, which may be missing."""

    title = TitleField(required=False, default="")


class TitleWithPhotosSerializer(OptionalTitleSerializer):
    """A title, and photos of the same ad, as a form sends files; here for its description alone."""

    photos = serializers.ListField(child=serializers.FileField(), min_length=1)


class PhotoSuggestionsSerializer(CategorySuggestionsSerializer):
    """What title and photos say together; and, where photos were sent, each of them alone."""

    by_title = CategorySuggestionSerializer(many=True, required=False)
    by_photos = CategorySuggestionSerializer(many=True, required=False)
    photos_used = serializers.IntegerField(
        required=False, help_text="0 where the model in service has not learned from photos."
    )
    refused = serializers.CharField(required=False, allow_blank=True, help_text="Why some of the photos were left out.")


def photo_suggestions(answer: CategorySuggestions, refused: str) -> dict[str, Any]:
    """Return what ``PhotoSuggestionsSerializer`` would; where photos are not heard the title has said all there is."""
    no_suggestions: tuple[CategorySuggestion, ...] = ()
    by_title, by_photos, used = answer.suggestions, no_suggestions, 0
    if isinstance(answer, PhotoSuggestions):
        by_title, by_photos, used = answer.by_title, answer.by_photos, answer.photos_used
    return {
        **category_suggestions(answer),
        "by_title": [_suggestion(suggestion) for suggestion in by_title],
        "by_photos": [_suggestion(suggestion) for suggestion in by_photos],
        "photos_used": used,
        "refused": refused,
    }


class CategorySuggestionsBatchSerializer(serializers.Serializer[Any]):
    """The suggestions of each title, in the order of the titles."""

    results = CategorySuggestionsSerializer(many=True)


class SuggestionEventSerializer(serializers.Serializer[Any]):
    """What became of the suggestions for an ad; ``ad_id`` is the marketplace's own key, once the ad has one.

    A client that knows how many it showed says so in ``shown``, and in ``taken_rank`` which of them was chosen rather than found
    again in the tree.
    """

    model_version = KeyField(min_length=1, max_length=80)
    rank = WholeNumberField(
        min_value=1,
        max_value=HIGHEST_LIMIT,
        allow_null=True,
        help_text="Place of the suggestion that was accepted, the first is 1; null where all were overruled.",
    )
    shown = WholeNumberField(min_value=1, max_value=HIGHEST_LIMIT, required=False, allow_null=True, default=None)
    taken_rank = WholeNumberField(
        min_value=1,
        max_value=HIGHEST_LIMIT,
        required=False,
        allow_null=True,
        default=None,
        help_text="Place of the suggestion that was chosen, whatever became of it; read where shown is given.",
    )
    ad_id = KeyField(max_length=100, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse places beyond the list that was shown."""
        shown = attrs["shown"]
        for name in ("rank", "taken_rank"):
            if shown is not None and attrs[name] is not None and attrs[name] > shown:
                raise serializers.ValidationError({name: [BEYOND_THE_LIST]})
        if attrs["taken_rank"] is not None and shown is None:
            raise serializers.ValidationError({"shown": [_("Say how many were shown, too.")]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> SuggestionEvent:
        rank, shown, taken = (validated_data[name] for name in ("rank", "shown", "taken_rank"))
        handling = SuggestionEvent.Handling.UNKNOWN
        if shown is not None:
            as_taken = SuggestionEvent.Handling.TAKEN if taken == rank else SuggestionEvent.Handling.CHANGED
            handling = SuggestionEvent.Handling.IGNORED if taken is None else as_taken
        outcome = SuggestionEvent.outcome_of(rank)
        return SuggestionEvent.objects.create(
            source=current_source_name(), outcome=outcome, handling=handling, **validated_data
        )


class CategorySerializer(serializers.Serializer[Any]):
    """A category; ``value`` is what the host's form takes, ``children`` the keys of those right below."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)  # type: ignore[assignment]
    value = serializers.CharField()
    children = serializers.ListField(child=serializers.IntegerField())


class CategoriesSerializer(serializers.Serializer[Any]):
    """Categories, parents before children and siblings by name, as of a version of the taxonomy."""

    taxonomy_version = serializers.IntegerField()
    categories = CategorySerializer(many=True)


class BrandSerializer(serializers.Serializer[Any]):
    """A maker of cars."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class BrandsSerializer(serializers.Serializer[Any]):
    """The brands of the car catalog, by name."""

    brands = BrandSerializer(many=True)


class YearSerializer(serializers.Serializer[Any]):
    """The filter of a brand's models."""

    year = serializers.IntegerField(
        min_value=1, max_value=9999, required=False, help_text="Only models made in this year."
    )


class CarModelSerializer(serializers.Serializer[Any]):
    """A model, with its years of production where they are known."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    first_year = serializers.IntegerField(allow_null=True)
    last_year = serializers.IntegerField(allow_null=True)
    body_types = serializers.ListField(child=serializers.CharField())


class CarModelsSerializer(serializers.Serializer[Any]):
    """The models of a brand, by name."""

    brand = BrandSerializer()
    models = CarModelSerializer(many=True)


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One invalid value; ``pointer`` is a JSON pointer into what was sent, or names the parameter."""

    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]
