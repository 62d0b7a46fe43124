"""The suggestion API."""

from __future__ import annotations

from django.utils.module_loading import import_string
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ad_autocategorize.api.serializers import CategorySuggestionsSerializer, TitleSerializer
from ad_autocategorize.api.throttles import AnonymousThrottle, UserThrottle
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.services import suggest_categories


class SuggestCategoryView(APIView):
    """``POST {"title": ..., "limit": ...}`` answers with categories for the title, the most probable first."""

    throttle_classes = [AnonymousThrottle, UserThrottle]

    def get_permissions(self) -> list[BasePermission]:
        return [import_string(dotted)() for dotted in plugin_settings.API_PERMISSIONS]

    def post(self, request: Request) -> Response:
        serializer = TitleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        answer = suggest_categories(serializer.validated_data["title"], limit=serializer.validated_data.get("limit"))
        return Response(CategorySuggestionsSerializer(answer).data)
