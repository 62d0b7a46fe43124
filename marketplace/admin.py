"""Moderation."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.mixins import CategoryCheckMixin
from marketplace.models import Ad, AdPhoto


class AdPhotoInline(admin.TabularInline):
    """The photos on the ad's page, to look at and to delete; uploads go through the site's form, which re-encodes them."""

    model = AdPhoto
    extra = 0
    readonly_fields = ["image"]

    def has_add_permission(self, request: HttpRequest, obj: Ad | None = None) -> bool:
        return False


@admin.register(Ad)
class AdAdmin(CategoryCheckMixin, admin.ModelAdmin):
    """Pending ads are let through or turned down here."""

    list_display = ["title", "category", "category_check", "seller", "status", "created_at"]
    list_filter = ["status", "payment"]
    list_select_related = ["category", "seller"]
    search_fields = ["title"]
    autocomplete_fields = ["category", "brand", "car_model", "body_type", "color"]
    raw_id_fields = ["seller"]
    date_hierarchy = "created_at"
    inlines = [AdPhotoInline]
    actions = ["publish", "reject"]

    @admin.action(description=gettext_lazy("Publish the selected ads"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        count = queryset.update(status=Ad.Status.PUBLISHED)
        self.message_user(request, _("Ads published: %(count)d.") % {"count": count})

    @admin.action(description=gettext_lazy("Reject the selected ads"), permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        count = queryset.update(status=Ad.Status.REJECTED)
        self.message_user(request, _("Ads rejected: %(count)d.") % {"count": count})
