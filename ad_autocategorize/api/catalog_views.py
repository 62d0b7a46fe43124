"""The category tree and the car catalog, for pickers and for clients that keep a copy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from ad_autocategorize.api.base import PluginAPIView, conditional_response
from ad_autocategorize.api.serializers import (
    BrandsSerializer,
    CarModelsSerializer,
    YearSerializer,
)
from ad_autocategorize.categories.services import active_tree, form_value
from ad_autocategorize.sources import get_source
from taxonomy.models import Brand, CarModel
from taxonomy.tree import CategoryTree


class CategoriesView(PluginAPIView):
    """``GET`` answers with all active categories; with ``ETag``, so that a client asks again at little cost."""

    def get(self, request: Request) -> HttpResponseBase:
        tree = active_tree()
        return conditional_response(request, _categories(tree, tree))


class CategoryChildrenView(PluginAPIView):
    """``GET`` answers with the categories right below one, for a picker that goes level by level."""

    def get(self, request: Request, pk: int) -> HttpResponseBase:
        tree = active_tree()
        if pk not in tree:
            raise NotFound
        return conditional_response(request, _categories(tree, tree.children(pk)))


class MainCategoriesView(PluginAPIView):
    """``GET`` answers with the categories that stand below no other."""

    def get(self, request: Request) -> HttpResponseBase:
        tree = active_tree()
        return conditional_response(request, _categories(tree, tree.children(None)))


class BrandsView(PluginAPIView):
    """``GET`` answers with the brands of the car catalog."""

    def get(self, request: Request) -> HttpResponseBase:
        data = BrandsSerializer({"brands": Brand.objects.all()}).data
        return conditional_response(request, data)


class CarModelsView(PluginAPIView):
    """``GET ?year=`` answers with a brand's models, those made in that year; unknown years leave a model in."""

    def get(self, request: Request, pk: int) -> HttpResponseBase:
        brand = get_object_or_404(Brand, pk=pk)
        query = YearSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        models = CarModel.objects.filter(brand=brand).prefetch_related("body_types").order_by("name")
        if (year := query.validated_data.get("year")) is not None:
            models = models.filter(Q(first_year=None) | Q(first_year__lte=year))
            models = models.filter(Q(last_year=None) | Q(last_year__gte=year))
        data = CarModelsSerializer({"brand": brand, "models": [_car_model(model) for model in models]}).data
        return conditional_response(request, data)


def _categories(tree: CategoryTree, keys: Iterable[int]) -> dict[str, Any]:
    """Return what ``CategoriesSerializer`` describes; without running it, which would take a second for a large tree."""
    source = get_source()
    categories = [
        {
            "id": pk,
            "name": tree.name(pk),
            "parent": tree.parent(pk),
            "value": form_value(pk, tree, source),
            "children": list(tree.children(pk)),
        }
        for pk in keys
    ]
    return {"taxonomy_version": tree.version, "categories": categories}


def _car_model(model: CarModel) -> dict[str, Any]:
    return {
        "id": model.pk,
        "name": model.name,
        "first_year": model.first_year,
        "last_year": model.last_year,
        "body_types": [body.name for body in model.body_types.all()],
    }
