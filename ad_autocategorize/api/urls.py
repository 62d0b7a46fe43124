"""Mount with ``path("api/", include("ad_autocategorize.api.urls"))``; the version is part of each address below it."""

from django.apps import apps
from django.urls import URLPattern, include, path, re_path

from ad_autocategorize.api import car_views, catalog_views, form_views, views
from ad_autocategorize.health import health

app_name = "ad_autocategorize"

v1: list[URLPattern] = [
    path("suggestions/category/", views.SuggestCategoryView.as_view(), name="suggest-category"),
    path("suggestions/category/batch/", views.SuggestCategoriesView.as_view(), name="suggest-categories"),
    path("suggestions/car/", car_views.SuggestCarView.as_view(), name="suggest-car"),
    path("suggestions/car/events/", car_views.CarEventsView.as_view(), name="car-events"),
    path("suggestions/car/title/", form_views.CarTitleView.as_view(), name="suggest-car-title"),
    path("held-photos/<str:token>/", form_views.HeldPhotoView.as_view(), name="held-photo"),
    path("suggestions/events/", views.SuggestionEventView.as_view(), name="suggestion-events"),
    path("categories/", catalog_views.CategoriesView.as_view(), name="categories"),
    path("categories/main/", catalog_views.MainCategoriesView.as_view(), name="main-categories"),
    path("categories/<int:pk>/children/", catalog_views.CategoryChildrenView.as_view(), name="category-children"),
    path("cars/brands/", catalog_views.BrandsView.as_view(), name="brands"),
    path("cars/models/", form_views.ModelsOfBrandView.as_view(), name="models-of-brand"),
    path("cars/brands/<int:pk>/models/", catalog_views.CarModelsView.as_view(), name="car-models"),
    path("health/", health, name="health"),
]

if apps.is_installed("drf_spectacular"):
    from ad_autocategorize.api.schema import schema_view

    v1.append(path("schema/", schema_view, name="schema"))

# A dot would let go of addresses with a line break in them, for the site's own page to answer.
anything_else = re_path(r"^[\s\S]*$", views.NotFoundView.as_view())
urlpatterns = [path("v1/", include([*v1, anything_else]))]
