"""OpenAPI 3.1 of the API, through drf-spectacular where it is installed. The views know nothing of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ad_autocategorize.api import car_serializers, serializers
from ad_autocategorize.api.base import PluginAPIView
from ad_autocategorize.api.problems import MEDIA_TYPE
from ad_autocategorize.sources.registered import source_names

# Plain "problem" responses that any call may give, by the settings in force.
_DESCRIPTIONS = {
    400: "The request has invalid values; `errors` says which.",
    401: "Log in first.",
    403: "This is not for you.",
    404: "There is no such thing, or no such source.",
    413: "The body is too large.",
    415: "Send JSON, or a form.",
    429: "Too many requests; `Retry-After` says for how many seconds.",
}
_INVALID_EXAMPLE = OpenApiExample(
    "A title is missing",
    value={
        "type": "urn:ad-autocategorize:problem:invalid",
        "title": "Bad Request",
        "status": 400,
        "detail": "This field is required.",
        "errors": [{"pointer": "#/title", "detail": "This field is required.", "code": "required"}],
    },
    response_only=True,
    status_codes=["400"],
)
_PATH = [
    {"id": 3, "name": "Hogar", "probability": 0.99},
    {"id": 12, "name": "Sillones", "probability": 0.93},
]
_ANSWER = {
    "model_version": "titles-20261121T101500Z-3f2a",
    "taxonomy_version": 7,
    "stale": False,
    "suggestions": [{"category": 12, "value": "12", "probability": 0.93, "confidence": "very_likely", "path": _PATH}],
}
_CATEGORIES = {
    "taxonomy_version": 7,
    "categories": [{"id": 3, "name": "Hogar", "parent": None, "value": "3", "children": [12]}],
}
_MODELS = {
    "brand": {"id": 4, "name": "Ford"},
    "models": [{"id": 9, "name": "Ka", "first_year": 1997, "last_year": 2020, "body_types": ["hatchback"]}],
}
_FORD = {"value": "4", "label": "Ford", "probability": 0.97, "confidence": "very_likely"}
_KA = {"value": "9", "label": "Ka", "probability": 0.92, "confidence": "very_likely"}
_CAR = {
    "status": "car",
    "message": "Filled in from the photo. Please check.",
    "fields": {
        "brand": {"accepted": True, "options": [_FORD]},
        "car_model": {"accepted": True, "options": [_KA]},
    },
    "models_by_brand": {"4": [_KA]},
    "twins": [],
    "photos_used": 1,
    "photos_disagree": False,
    "refused": "",
    "model_version": "photos-20261121T101500Z-81c0",
}
_NAMED = {"brand": {"accepted": True, "options": [{"value": "4", "label": "Ford"}]}}
_TOLD = {
    "model_version": "photos-20261121T101500Z-81c0",
    "ad_id": "4711",
    "fields": {
        "brand": {"state": "filled", "sure": True, "answered": 3, "rank": 1},
        "color": {"state": "empty", "sure": False, "answered": 3, "rank": None, "left_empty": True},
    },
}


def _asked(value: Any) -> OpenApiExample:
    return OpenApiExample("Request", value=value, request_only=True)


def _answered(value: Any) -> OpenApiExample:
    return OpenApiExample("Answer", value=value, response_only=True, status_codes=["200"])


_ETAG = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the copy at hand.")
_KEY = OpenApiParameter("id", {"type": "integer", "minimum": 0}, OpenApiParameter.PATH)
_POSTED = (400, 413, 415)


def describe(
    method: str,
    summary: str,
    answer: type[Serializer[Any]] | None,
    *,
    request: Any = None,
    media_type: str = "application/json",
    with_files: Any = None,
    refusals: tuple[int, ...],
    examples: list[OpenApiExample],
    parameters: list[Any] | None = None,
) -> Any:
    """Return the decorator that documents one method of a view: its answer and every refusal as a problem.

    ``with_files`` is what a form with files may send in place of ``request``.
    """
    responses: dict[Any, Any] = {200: answer} if answer else {204: OpenApiResponse(description="Recorded.")}
    if _ETAG in (parameters or []):
        responses[304] = OpenApiResponse(description="The copy that the client holds is still right.")
    for status in sorted({*refusals, 401, 403, 404, 429}):
        responses[(status, MEDIA_TYPE)] = OpenApiResponse(serializers.ProblemSerializer, _DESCRIPTIONS[status])
    bodies = {media_type: request} if request else {}
    if with_files:
        bodies["multipart/form-data"] = with_files
    if request is serializers.TitleSerializer:
        examples = [*examples, _INVALID_EXAMPLE]
    return extend_schema(
        methods=[method.upper()],
        summary=summary,
        request=bodies or None,
        responses=responses,
        examples=examples,
        parameters=parameters or [],
        tags=["ad-autocategorize"],
    )


_OPERATIONS: dict[str, Any] = {
    "views.SuggestCategoryView": describe(
        "post",
        "Suggest categories for a title, and for photos of the same ad",
        serializers.PhotoSuggestionsSerializer,
        request=serializers.TitleSerializer,
        with_files=serializers.TitleWithPhotosSerializer,
        refusals=_POSTED,
        examples=[_asked({"title": "sofá de tres cuerpos", "limit": 3}), _answered(_ANSWER)],
    ),
    "views.SuggestCategoriesView": describe(
        "post",
        "Suggest categories for several titles",
        serializers.CategorySuggestionsBatchSerializer,
        request=serializers.TitlesSerializer,
        refusals=_POSTED,
        examples=[_asked({"titles": ["sofá de tres cuerpos"], "limit": 1}), _answered({"results": [_ANSWER]})],
    ),
    "car_views.SuggestCarView": describe(
        "post",
        "Read a car off photos",
        car_serializers.CarSuggestionSerializer,
        request=car_serializers.CarPhotosSerializer,
        media_type="multipart/form-data",
        refusals=_POSTED,
        examples=[_answered(_CAR)],
    ),
    "car_views.CarEventsView": describe(
        "post",
        "Record what became of the fields read off photos",
        None,
        request=car_serializers.CarEventsSerializer,
        refusals=_POSTED,
        examples=[_asked(_TOLD)],
    ),
    "form_views.CarTitleView": describe(
        "post",
        "Read brand, model and year off a title",
        car_serializers.CarOfTitleSerializer,
        request=car_serializers.CarTitleSerializer,
        refusals=_POSTED,
        examples=[_asked({"title": "Vendo Ford Ka 2008", "car": True}), _answered({"fields": _NAMED})],
    ),
    "form_views.ModelsOfBrandView": describe(
        "get",
        "The models to choose from once the form holds a brand",
        car_serializers.ModelsOfBrandSerializer,
        refusals=(400,),
        examples=[_answered({"models": [{"value": "9", "label": "Ka"}]})],
        parameters=[car_serializers.BrandValueSerializer],
    ),
    "views.SuggestionEventView": describe(
        "post",
        "Record that a suggestion was accepted or overruled",
        None,
        request=serializers.SuggestionEventSerializer,
        refusals=_POSTED,
        examples=[_asked({"model_version": "titles-20261121T101500Z-3f2a", "rank": 1, "ad_id": "4711"})],
    ),
    "catalog_views.CategoriesView": describe(
        "get",
        "All categories",
        serializers.CategoriesSerializer,
        refusals=(),
        examples=[_answered(_CATEGORIES)],
        parameters=[_ETAG],
    ),
    "catalog_views.MainCategoriesView": describe(
        "get",
        "The main categories",
        serializers.CategoriesSerializer,
        refusals=(),
        examples=[_answered(_CATEGORIES)],
        parameters=[_ETAG],
    ),
    "catalog_views.CategoryChildrenView": describe(
        "get",
        "The categories right below one",
        serializers.CategoriesSerializer,
        refusals=(),
        examples=[_answered(_CATEGORIES)],
        parameters=[_KEY, _ETAG],
    ),
    "catalog_views.BrandsView": describe(
        "get",
        "The brands of the car catalog",
        serializers.BrandsSerializer,
        refusals=(),
        examples=[_answered({"brands": [{"id": 4, "name": "Ford"}]})],
        parameters=[_ETAG],
    ),
    "catalog_views.CarModelsView": describe(
        "get",
        "The models of a brand, those of a year where one is given",
        serializers.CarModelsSerializer,
        refusals=(400,),
        examples=[_answered(_MODELS)],
        parameters=[_KEY, serializers.YearSerializer, _ETAG],
    ),
}


class PluginViews(OpenApiViewExtension):
    """Documents the plugin's views from the outside."""

    target_class = PluginAPIView
    match_subclasses = True

    def view_replacement(self) -> type[APIView]:
        view: type[APIView] = self.target
        name = f"{view.__module__.rpartition('.')[2]}.{view.__name__}"
        if name not in _OPERATIONS:
            documented: type[APIView] = extend_schema(exclude=True)(type(view.__name__, (view,), {}))
            return documented
        documented = _OPERATIONS[name](type(view.__name__, (view,), {"__doc__": view.__doc__}))
        if len(source_names()) > 1:
            documented = extend_schema(parameters=[_source_parameter()])(documented)
        return documented


def _source_parameter() -> OpenApiParameter:
    names = source_names()
    return OpenApiParameter(
        "source", {"type": "string", "enum": names}, description=f"Which kind of ads is meant; {names[0]} by default."
    )


class LateCsrfScheme(SessionScheme):
    """Describes the plugin's way to log in as what it is: the session's cookie."""

    target_class = "ad_autocategorize.api.base.LateCsrfAuthentication"


def only_ours(endpoints: list[Any]) -> list[Any]:
    """Preprocessing hook: leave the host's own endpoints to the host's own schema."""
    return [entry for entry in endpoints if issubclass(entry[3].cls, PluginAPIView)]


class SchemaView(PluginAPIView, SpectacularAPIView):
    """The description, to whom the API itself is open, and as often."""

    renderer_classes = SpectacularAPIView.renderer_classes


schema_view = SchemaView.as_view(
    custom_settings={
        "TITLE": "Ad autocategorize",
        "DESCRIPTION": "Category suggestions for the ad form of a marketplace, its category tree and its car catalog.",
        "VERSION": "1",
        "OAS_VERSION": "3.1.1",
        "PREPROCESSING_HOOKS": ["ad_autocategorize.api.schema.only_ours"],
    }
)
