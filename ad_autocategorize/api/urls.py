"""Mount with ``path("api/", include("ad_autocategorize.api.urls"))``."""

from django.urls import path

from ad_autocategorize.api.views import SuggestCategoryView

app_name = "ad_autocategorize"

urlpatterns = [path("suggestions/category/", SuggestCategoryView.as_view(), name="suggest-category")]
