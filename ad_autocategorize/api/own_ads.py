"""Whether the ad that an event is about belongs to the user who sends the event."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.ads import ads_by_key


def refuse_foreign_ad(request: Request, ad_id: str, source: AdSource) -> None:
    """Raise ``ValidationError`` unless ``ad_id`` is empty, or the key of an ad of the source whose seller is logged in.

    The answer is the same for ads of others and for ads that do not exist, so that clients cannot find out which exist.
    """
    if not ad_id:
        return
    ad = ads_by_key([ad_id], source).get(ad_id) if request.user and request.user.is_authenticated else None
    if ad is None or not _is_seller(request.user, source.value_of(ad, "seller")):
        raise ValidationError({"ad_id": [_("This is no ad of yours.")]})


def _is_seller(user: Any, seller: Any) -> bool:
    """Return whether a source's seller is this user: the user, a profile of the user's, the name, or the key."""
    if isinstance(seller, Model):
        return seller == user or getattr(seller, "user_id", None) == user.pk
    # Text is compared with the name, anything else with the key: the name of one user may be the key of another.
    return bool(seller == (user.get_username() if isinstance(seller, str) else user.pk))
