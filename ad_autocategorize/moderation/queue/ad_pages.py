"""Who is led from the moderators' pages to the ads' own."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from ad_autocategorize.sources import get_source


def may_open_ads(site: AdminSite, request: HttpRequest) -> bool:
    """Return whether the ads' pages in the admin would let this person in: what leads to a refusal is no link."""
    ads = site._registry.get(get_source().ad_model())
    return ads is not None and ads.has_view_or_change_permission(request)
