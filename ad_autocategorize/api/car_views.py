"""``POST /suggestions/car/`` with one or several files named ``photos``, and what became of the answer."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ad_autocategorize.api.base import PluginAPIView
from ad_autocategorize.api.car_serializers import CarEventsSerializer
from ad_autocategorize.api.files import LARGEST_PHOTOS, read_photos
from ad_autocategorize.api.own_ads import refuse_foreign_ad
from ad_autocategorize.api.throttles import PhotoThrottle
from ad_autocategorize.cars.form_catalog import FieldOption
from ad_autocategorize.cars.services import CarSuggestion, suggest_car
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources.registered import car_source


class SuggestCarView(PluginAPIView):
    """Answers with the values of the five car fields, the most probable first."""

    parser_classes = [MultiPartParser]
    throttle_classes = [PhotoThrottle]
    max_body = LARGEST_PHOTOS

    def post(self, request: Request) -> Response:
        files = request.FILES.getlist("photos")
        if not files:
            raise ValidationError({"photos": [_("Send at least one file named photos.")]})
        photos, refused = read_photos(files)
        return Response(as_json(suggest_car(photos), refused=refused))


class CarEventsView(PluginAPIView):
    """``POST {"model_version": ..., "fields": {"brand": {...}}}`` records what became of each field that photos answered."""

    def post(self, request: Request) -> Response:
        serializer = CarEventsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = serializer.validated_data["model_version"]
        if not ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, name=version).exists():
            raise NotFound(_("There is no such model version."))
        refuse_foreign_ad(request, serializer.validated_data["ad_id"], car_source())
        serializer.save()
        return Response(status=HTTPStatus.NO_CONTENT)


def as_json(answer: CarSuggestion, *, refused: str = "") -> dict[str, Any]:
    """Return the answer in JSON's types, and why some of the photos were left out."""
    return {
        **asdict(answer),
        "refused": refused,
        "message": answer.message,
        "fields": {
            name: {"accepted": field.accepted, "options": [_option(option) for option in field.options]}
            for name, field in answer.fields.items()
        },
        "models_by_brand": {
            brand: [_option(option) for option in options] for brand, options in answer.models_by_brand.items()
        },
    }


def _option(option: FieldOption) -> dict[str, Any]:
    return {**asdict(option), "confidence": option.confidence}
