"""Blind mode: a moderator decides without seeing the suggestion, so that one can measure how far suggestions influence him."""

from __future__ import annotations

from django.http import HttpRequest

BLIND_KEY = "ad_autocategorize_blind_review"
# What stands in place of a suggestion.
HIDDEN = "…"


def is_blind(request: HttpRequest) -> bool:
    """Return whether suggestions are hidden from this moderator until he has decided."""
    return bool(request.session.get(BLIND_KEY))
