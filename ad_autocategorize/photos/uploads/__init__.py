"""Uploads: turns a file that a stranger sent into an upright RGB picture without metadata, or refuses it.

What a file may cost is bounded twice. First, all that the file itself says is checked before a pixel is decoded. Second, decoding
runs in a process of its own, whose CPU time and memory the operating system limits: so it does not matter whether the file tells
the truth, or whether a decoder has faults.
"""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING

from ad_autocategorize.photos.uploads.limits import (
    DEFAULT_LIMITS,
    MEBIBYTE,
    READING_LIMITS,
    Budget,
    RefusalCode,
    UploadLimits,
    UploadRefused,
)

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "DEFAULT_LIMITS",
    "READING_LIMITS",
    "Budget",
    "RefusalCode",
    "UploadLimits",
    "UploadRefused",
    "decode_upload",
]


def decode_upload(file: IO[bytes], limits: UploadLimits = DEFAULT_LIMITS, budget: Budget | None = None) -> Image:
    """Return the picture in RGB, upright, in sRGB, on white where it was transparent, and without any metadata.

    The content decides what it is: neither the file's name nor its declared type is looked at. What follows the picture in the
    file, such as a ZIP archive, is ignored. Of several pictures in a JPEG or HEIC the primary one is taken.

    Parameters
    ----------
    file
        Open for reading; read from where it stands, up to ``limits.max_bytes``.
    limits
        What the file may cost.
    budget
        The CPU time that the photos of a request share; by default that of this photo alone.

    Raises
    ------
    UploadRefused
        For anything that is not one JPEG, PNG or WebP picture (HEIC where pillow-heif is installed) within the limits.
    """
    data = file.read(limits.max_bytes + 1)
    if not data:
        raise UploadRefused("empty")
    if len(data) > limits.max_bytes:
        raise UploadRefused("too_large", size=limits.max_bytes // MEBIBYTE)
    budget = budget or Budget(limits.max_seconds)
    allowance = budget.allowance(limits)
    try:
        from ad_autocategorize.photos.uploads.headers import read_header
        from ad_autocategorize.photos.uploads.process import ProcessUnavailable, decoding_process
    except ImportError:
        raise UploadRefused("unavailable") from None
    # Refuses most of what is no photo, without starting a process for it.
    read_header(data)
    try:
        picture, seconds = decoding_process.decode(data, limits, allowance)
    except UploadRefused as refused:
        budget.spend(refused.seconds)
        raise
    except ProcessUnavailable:
        picture, seconds = _decode_here(data, limits, allowance, budget)
    budget.spend(seconds)
    return picture


def _decode_here(data: bytes, limits: UploadLimits, allowance: float, budget: Budget) -> tuple[Image, float]:
    """Decode in this process, since there is no other; return the picture and the CPU time in seconds."""
    from ad_autocategorize.photos.uploads.decoding import decode

    started = time.thread_time()
    try:
        picture = decode(data, limits, allowance)
    except UploadRefused:
        budget.spend(time.thread_time() - started)
        raise
    return picture, time.thread_time() - started
