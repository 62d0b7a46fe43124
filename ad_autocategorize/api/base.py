"""What every view of the API shares: permissions, rates, JSON in and out, errors as problem details."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import IO, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from ad_autocategorize.api.problems import PayloadTooLarge, answer_with_problem
from ad_autocategorize.api.throttles import AnonymousThrottle, FailedLoginThrottle, UserThrottle
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


class LateCsrfAuthentication(SessionAuthentication):
    """Session authentication whose CSRF check comes after the throttle (see ``PluginAPIView.initial``).

    Django looks for the token in the body first, and so reads all photos of a request. The rate must be checked before.
    """

    def enforce_csrf(self, request: Request) -> None:
        """Do nothing yet: the view calls ``enforce_csrf_now``."""

    def enforce_csrf_now(self, request: Request) -> None:
        """Raise ``PermissionDenied`` if the token is missing or wrong."""
        super().enforce_csrf(request)


class PluginAPIView(APIView):
    """Base of the plugin's views. ``API_PERMISSIONS`` says who may call them; a view overrides ``throttle_classes``.

    All that REST framework would take from the host's settings for its own views is set here, so that those do not matter.
    """

    renderer_classes = [JSONRenderer]
    parser_classes = [BoundedJSONParser, FormParser]
    throttle_classes: list[type[BaseThrottle]] = [AnonymousThrottle, UserThrottle]
    content_negotiation_class = DefaultContentNegotiation
    metadata_class = SimpleMetadata
    versioning_class = None
    # Bytes; ``None`` for the host's DATA_UPLOAD_MAX_MEMORY_SIZE, which REST framework does not look at.
    max_body: int | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer about the source that ``?source=`` names, or about the first one; 404 for one that there is not."""
        name = request.GET.get("source") or current_source_name()
        if name not in source_names():
            return JsonResponse(
                {"title": "Not Found", "status": 404, "detail": "There is no such source."},
                status=404,
                content_type="application/problem+json",
            )
        with using_source(name):
            return super().dispatch(request, *args, **kwargs)

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [_authentication(dotted)() for dotted in plugin_settings.API_AUTHENTICATION]

    def get_permissions(self) -> list[BasePermission]:
        return [import_string(dotted)() for dotted in plugin_settings.API_PERMISSIONS]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return answer_with_problem

    def perform_authentication(self, request: Request) -> None:
        """Check a password or token, unless the address has sent too many wrong ones."""
        if "HTTP_AUTHORIZATION" not in request.META:
            self._authenticate_by_session(request)
            return
        throttle = FailedLoginThrottle()
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait() or 0.0)
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            throttle.record()
            raise

    def _authenticate_by_session(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except (OperationalError, InterfaceError):
            # Without the database no session can be read. What anonymous visitors may ask can be answered from memory.
            request.user = AnonymousUser()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        highest = self.max_body or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        # Checking the announced length is enough: servers pass no more of the body on.
        if highest is not None and _announced_length(request) > highest:
            raise PayloadTooLarge
        super().initial(request, *args, **kwargs)
        if isinstance(request.successful_authenticator, LateCsrfAuthentication):
            request.successful_authenticator.enforce_csrf_now(request)


def _authentication(dotted: str) -> type[BaseAuthentication]:
    kind: type[BaseAuthentication] = import_string(dotted)
    return LateCsrfAuthentication if kind is SessionAuthentication else kind


def _announced_length(request: Request) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    if not text.isascii() or not text.isdigit():
        raise ParseError("Content-Length is no number.")
    # Python refuses to read numbers of thousands of digits.
    return int(text[:18])


def conditional_response(request: Request, data: Any) -> HttpResponseBase:
    """Answer 304 if the client has this content already, and otherwise 200 with an ETag.

    Clients may keep the answer, but have to ask before each use whether it is still valid.
    """
    etag = quote_etag(hashlib.sha256(repr(data).encode()).hexdigest()[:32])
    response = get_conditional_response(request._request, etag=etag)
    if response is None:
        response = Response(data)
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    return response
