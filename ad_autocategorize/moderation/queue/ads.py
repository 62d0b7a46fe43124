"""The way from the moderators' pages to the ads' own, and how a category is named on both."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format

from ad_autocategorize.sources import AdSource, using_source
from ad_autocategorize.sources.registered import source_names
from taxonomy.tree import CategoryTree


def path_text(tree: CategoryTree, category_id: int) -> str:
    """Return the names along a category's path, for a person."""
    return tree.path_text(category_id) if category_id in tree else f"#{category_id}"


def ad_url(ad: Model) -> str:
    """Return the ad's page in the admin; empty where the host has not registered it."""
    try:
        return reverse(f"admin:{ad._meta.app_label}_{ad._meta.model_name}_change", args=[ad.pk])
    except NoReverseMatch:
        return ""


def description_of(ad: Model, source: AdSource) -> str:
    """Return what the seller wrote below the title; empty where the source does not say."""
    return str(source.value_of(ad, "description") or "").strip()


def price_of(ad: Model, source: AdSource) -> str:
    """Return the ad's price for a person; empty where there is none."""
    price = source.value_of(ad, "price")
    if price is None:
        return ""
    return str(price).strip() if isinstance(price, str) else number_format(price)


def may_open_ads(site: AdminSite, request: HttpRequest) -> bool:
    """Return whether this person may open the ads' pages in the admin. Elsewhere ads are shown without links.

    With several sources: the ads of every one of them.
    """
    for name in source_names():
        with using_source(name) as source:
            ads = site._registry.get(source.ad_model())
        if ads is None or not ads.has_view_or_change_permission(request):
            return False
    return True
