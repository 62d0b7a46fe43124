"""The form, and the API where REST framework is installed."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls)]
if not settings.BARE:
    from shop.views import NewListing

    urlpatterns.append(path("new/", NewListing.as_view()))
if settings.HAS_API:
    urlpatterns.append(path("api/", include("ad_autocategorize.api.urls")))
