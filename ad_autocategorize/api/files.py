"""Photos as the API takes them: read, or refused with a problem that says why."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.core.files import File
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.request import Request

from ad_autocategorize.photo_uploads import explain, read_uploads
from ad_autocategorize.photos.uploads import DEFAULT_LIMITS
from ad_autocategorize.photos.uploads.limits import MOST_PHOTOS

if TYPE_CHECKING:
    from PIL.Image import Image

# Bytes: the photos and the text between them.
LARGEST_PHOTOS = MOST_PHOTOS * DEFAULT_LIMITS.max_bytes + 2**20


class PhotosUnavailable(APIException):
    """501: the site reads no photos, since what it takes is not installed."""

    status_code = HTTPStatus.NOT_IMPLEMENTED
    default_detail = _("Photos cannot be read here.")
    default_code = "unavailable"


def is_with_files(request: Request) -> bool:
    """Return whether a request is announced as a form that may hold files."""
    return (request.content_type or "").lower().startswith("multipart/form-data")


def read_photos(files: Sequence[File[bytes]]) -> tuple[list[Image], str]:
    """Return the photos of one ad, and why some of them were left out.

    Raises ``PhotosUnavailable``, and ``ValidationError`` where none of them could be read.
    """
    photos, refused = read_uploads(files)
    if refused is not None and refused.code == "unavailable":
        raise PhotosUnavailable
    if refused is not None and not photos:
        raise ValidationError({"photos": ErrorDetail(explain(refused), code=refused.code)})
    return photos, explain(refused) if refused else ""
