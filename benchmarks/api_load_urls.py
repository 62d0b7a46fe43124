"""The marketplace's addresses, and one that costs what the framework costs."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response

from ad_autocategorize.api.base import PluginAPIView
from ad_autocategorize.api.serializers import TitleSerializer

# As long as an answer of the demo's: three suggestions, four levels, probabilities with all their digits.
NAMES = ("Hogar, Muebles y Jardín", "Muebles para el Hogar", "Sillones y Sofás", "Sofás de tres cuerpos")
STEPS = [{"id": 100 + place, "name": name, "probability": 0.9731234567891234} for place, name in enumerate(NAMES)]
SUGGESTION = {
    "category": 103,
    "value": "103",
    "probability": 0.9731234567891234,
    "confidence": "very_likely",
    "path": STEPS,
}
ANSWER = {"model_version": "titles-20261121T101500Z-3f2a", "taxonomy_version": 7, "suggestions": [SUGGESTION] * 3}


class ConstantView(PluginAPIView):
    """Reads and validates what the suggestion reads, and answers as much, without a model or a database."""

    def post(self, request: Request) -> Response:
        TitleSerializer(data=request.data).is_valid(raise_exception=True)
        return Response(ANSWER)


# After the marketplace's own, so that the way to it is as long.
urlpatterns = [path("", include("marketplace.urls")), path("constant/v1/title/", ConstantView.as_view())]
