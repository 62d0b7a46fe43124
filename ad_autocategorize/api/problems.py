"""Errors as RFC 9457 problem details (``application/problem+json``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from ad_autocategorize.logs import log

MEDIA_TYPE = "application/problem+json"
INVALID = "urn:ad-autocategorize:problem:invalid"
BLANK = "about:blank"
# An answer lists at most so many mistakes.
MOST_ERRORS = 20


class PayloadTooLarge(APIException):
    """413: the body is larger than ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The body of the request is too large.")
    default_code = "payload_too_large"


class DatabaseAway(APIException):
    """503: the database cannot be reached, and what is in memory does not answer the question."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = _("This cannot be looked up just now. Try again in a few seconds.")
    default_code = "database_away"
    wait = 5


def answer_with_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into a response; headers such as ``Retry-After`` stay.

    An unforeseen exception is logged and signalled as Django does, so that error reporters see it; with ``DEBUG`` it is
    left to Django's own page.
    """
    if isinstance(error, RequestDataTooBig):
        error = PayloadTooLarge()
    elif isinstance(error, SuspiciousOperation | BadRequest):
        error = ParseError(str(error))
    elif isinstance(error, OperationalError | InterfaceError):
        log(logging.ERROR, "database_away", "The database cannot be asked: %s", error)
        error = DatabaseAway()
    response = exception_handler(error, context)
    if response is None:
        if settings.DEBUG:
            return None
        request = context["request"]._request
        got_request_exception.send(sender=None, request=request)
        log(logging.ERROR, "internal_error", "Internal error at %s", request.path, exc_info=error, path=request.path)
        response = Response({"detail": _("Something went wrong here.")}, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    response.data = _problem(error, response)
    response.content_type = MEDIA_TYPE
    return response


def _problem(error: Exception, response: Response) -> dict[str, Any]:
    status = HTTPStatus(response.status_code)
    problem: dict[str, Any] = {"type": BLANK, "title": status.phrase, "status": int(status)}
    if isinstance(error, ValidationError):
        errors = list(islice(_errors(error.get_full_details(), ()), MOST_ERRORS))
        # For clients that show people a single text: the first of the mistakes.
        detail = errors[0]["detail"] if errors else ""
        return {**problem, "type": INVALID, "detail": detail, "errors": errors}
    return {**problem, "detail": str(response.data.get("detail", ""))}


def _errors(details: Any, path: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Flatten REST framework's nested messages; ``pointer`` is a JSON pointer into what was sent."""
    if isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["message"], str):
        escaped = (step.replace("~", "~0").replace("/", "~1") for step in path)
        pointer = "#" + "".join(f"/{step}" for step in escaped)
        yield {"pointer": pointer, "detail": details["message"], "code": details["code"]}
    elif isinstance(details, dict):
        for name, below in details.items():
            step = () if name == api_settings.NON_FIELD_ERRORS_KEY else (str(name),)
            yield from _errors(below, (*path, *step))
    else:
        for below in details:
            yield from _errors(below, path)
