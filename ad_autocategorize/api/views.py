"""Suggestions for titles, and what became of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from ad_autocategorize.api.base import PluginAPIView
from ad_autocategorize.api.files import LARGEST_PHOTOS, is_with_files, read_photos
from ad_autocategorize.api.own_ads import refuse_foreign_ad
from ad_autocategorize.api.serializers import (
    OptionalTitleSerializer,
    SuggestionEventSerializer,
    TitleSerializer,
    TitlesSerializer,
    category_suggestions,
    photo_suggestions,
)
from ad_autocategorize.api.throttles import BatchThrottle, PhotoThrottle
from ad_autocategorize.categories.services import suggest_categories, suggest_categories_for_many
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import get_source


class SuggestCategoryView(PluginAPIView):
    """``POST {"title": ..., "limit": ...}`` answers with categories for the title, the most probable first.

    As a form with files named ``photos``, with title and photos together.
    """

    parser_classes = [*PluginAPIView.parser_classes, MultiPartParser]

    def get_throttles(self) -> list[BaseThrottle]:
        if is_with_files(self.request):
            return [PhotoThrottle()]
        return super().get_throttles()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if is_with_files(request):
            self.max_body = LARGEST_PHOTOS
        super().initial(request, *args, **kwargs)

    def post(self, request: Request) -> Response:
        files = request.FILES.getlist("photos")
        if not files and is_with_files(request):
            raise ValidationError({"photos": [_("Send at least one file named photos.")]})
        serializer = (OptionalTitleSerializer if files else TitleSerializer)(data=request.data)
        serializer.is_valid(raise_exception=True)
        title, limit = serializer.validated_data["title"], serializer.validated_data.get("limit")
        if not files:
            return Response(category_suggestions(suggest_categories(title, limit=limit)))
        photos, refused = read_photos(files)
        return Response(photo_suggestions(suggest_categories(title, limit=limit, photos=photos), refused))


class SuggestCategoriesView(PluginAPIView):
    """``POST {"titles": [...], "limit": ...}`` answers for each title as the single call does."""

    throttle_classes = [BatchThrottle]

    def post(self, request: Request) -> Response:
        serializer = TitlesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        titles, limit = serializer.validated_data["titles"], serializer.validated_data.get("limit")
        answers = suggest_categories_for_many(titles, limit=limit)
        return Response({"results": [category_suggestions(answer) for answer in answers]})


class SuggestionEventView(PluginAPIView):
    """``POST {"model_version": ..., "rank": 1}`` records which suggestion was accepted; no rank, that none was."""

    def post(self, request: Request) -> Response:
        serializer = SuggestionEventSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = serializer.validated_data["model_version"]
        if not ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, name=version).exists():
            raise NotFound(_("There is no such model version."))
        refuse_foreign_ad(request, serializer.validated_data["ad_id"], get_source())
        serializer.save()
        return Response(status=HTTPStatus.NO_CONTENT)


class NotFoundView(PluginAPIView):
    """Any other address below the API: the answer is a problem too, not the site's page."""

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotFound
