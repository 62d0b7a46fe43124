"""The history of what served when, to look at."""

from __future__ import annotations

from django.contrib import admin

from ad_autocategorize.models import ModelActivation
from ad_autocategorize.moderation.queue.read_only import ReadOnlyAdmin


@admin.register(ModelActivation)
class ModelActivationAdmin(ReadOnlyAdmin):
    """Each row is a version that began to serve; it served until the next row of its kind, source and language."""

    list_display = ["at", "name", "kind", "source", "language", "reason", "origin", "by", "note"]
    list_display_links = None
    list_filter = ["kind", "reason", "at"]
    list_select_related = ["by"]
    search_fields = ["name"]
