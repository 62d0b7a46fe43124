"""What the form asks while it is filled in: the car that a title names, the models of a brand, and the photos that are held."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ad_autocategorize.api.base import PluginAPIView
from ad_autocategorize.api.car_serializers import BrandValueSerializer, CarTitleSerializer
from ad_autocategorize.cars.form_catalog import FieldOption
from ad_autocategorize.cars.services import models_of_brand, read_car_title
from ad_autocategorize.held_photos import read_shown


class CarTitleView(PluginAPIView):
    """``POST {"title": ..., "car": true}`` answers with the brand, model and year that a title names."""

    def post(self, request: Request) -> Response:
        serializer = CarTitleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = read_car_title(serializer.validated_data["title"], is_car=serializer.validated_data["car"])
        fields = {
            name: {"accepted": field.accepted, "options": [_option(option) for option in field.options]}
            for name, field in found.items()
        }
        return Response({"fields": fields})


class ModelsOfBrandView(PluginAPIView):
    """``GET ?brand=`` answers with the models to choose from once the form's field holds this brand."""

    def get(self, request: Request) -> Response:
        serializer = BrandValueSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        return Response({"models": [_option(option) for option in models_of_brand(serializer.validated_data["brand"])]})


class HeldPhotoView(PluginAPIView):
    """``GET`` shows a photo that the site holds for a form, to whoever has its address, for as long as it is held."""

    def get(self, request: Request, token: str) -> HttpResponse:
        shown = read_shown(token)
        if shown is None:
            raise NotFound
        content, kind = shown
        # Whatever a site's field lets in, it is shown as a picture and as nothing else.
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return HttpResponse(content, content_type=kind, headers={**headers, "Cache-Control": "private, max-age=3600"})


def _option(option: FieldOption) -> dict[str, str]:
    return {"value": option.value, "label": option.label}
