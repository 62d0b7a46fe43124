"""What every view of the API shares: permissions, rates, JSON in and out, errors as problem details."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.module_loading import import_string
from rest_framework.exceptions import ParseError
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ad_autocategorize.api.problems import PayloadTooLarge, answer_with_problem
from ad_autocategorize.api.throttles import AnonymousThrottle, UserThrottle
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import using_source
from ad_autocategorize.sources.registered import current_source_name, source_names


class BoundedJSONParser(JSONParser):
    """JSON, with nesting deeper than Python follows answered as any other mistake."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply.") from None


class PluginAPIView(APIView):
    """Base of the plugin's views. ``API_PERMISSIONS`` says who may call; a view overrides ``throttle_classes``."""

    renderer_classes = [JSONRenderer]
    parser_classes = [BoundedJSONParser, FormParser]
    throttle_classes = [AnonymousThrottle, UserThrottle]
    # Bytes; ``None`` for the host's DATA_UPLOAD_MAX_MEMORY_SIZE, which REST framework does not look at.
    max_body: int | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer about the source that ``?source=`` names, or about the first one; 404 for one that there is not."""
        name = request.GET.get("source") or current_source_name()
        if name not in source_names():
            return JsonResponse({"title": "Not Found", "status": 404, "detail": "There is no such source."}, status=404)
        with using_source(name):
            return super().dispatch(request, *args, **kwargs)

    def get_permissions(self) -> list[BasePermission]:
        return [import_string(dotted)() for dotted in plugin_settings.API_PERMISSIONS]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return answer_with_problem

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        highest = self.max_body or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        # Servers hand over no more than the length that was announced, so the announcement is enough.
        if highest is not None and int(request.META.get("CONTENT_LENGTH") or 0) > highest:
            raise PayloadTooLarge


def conditional_response(request: Request, data: Any) -> HttpResponseBase:
    """Answer 304 where the client holds this very content already, else 200 with an ETag.

    Clients may keep the answer, and ask before each use whether it still holds.
    """
    etag = quote_etag(hashlib.sha256(repr(data).encode()).hexdigest()[:32])
    response = get_conditional_response(request._request, etag=etag)
    if response is None:
        response = Response(data)
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    return response
