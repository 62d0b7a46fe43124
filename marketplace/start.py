"""The page for whoever has just started the demo: what to try, as whom, and photos to try it with."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from ad_autocategorize.models import ModelVersion
from marketplace.demo.logins import MODERATOR, OPERATOR, PASSWORD, SELLER
from marketplace.demo.network import NAME
from marketplace.demo.samples import SAMPLES, draw_sample

# Sellers of the demo write Spanish.
TITLES = (
    "iphone 13 128gb",
    "vendo bici rodado 29",
    "repuestos para Gol Trend",
    "alquilo depto 2 ambientes",
    "asdf qwer zxcv",
)
KEPT_SECONDS = 86_400


class StartView(TemplateView):
    """What to try as a seller, as a moderator and as an operator."""

    template_name = "marketplace/start.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        active = ModelVersion.objects.filter(is_active=True)
        return super().get_context_data(
            **kwargs,
            logins={"seller": SELLER, "moderator": MODERATOR, "operator": OPERATOR, "password": PASSWORD},
            titles=TITLES,
            samples=[(sample, _sample_title(sample.name)) for sample in SAMPLES],
            has_titles=active.filter(kind=ModelVersion.Kind.TITLES).exists(),
            knows_drawings=active.filter(kind=ModelVersion.Kind.PHOTOS, name=NAME).exists(),
        )


def sample_photo(request: HttpRequest, name: str) -> HttpResponse:
    """Return one of the photos to try, drawn as it is asked for."""
    sample = next((sample for sample in SAMPLES if sample.name == name), None)
    if sample is None:
        raise Http404
    response = HttpResponse(draw_sample(sample), content_type="image/jpeg")
    response.headers["Cache-Control"] = f"max-age={KEPT_SECONDS}"
    return response


def _sample_title(name: str) -> str:
    """Return what the start page says of a photo."""
    return {
        "gol.jpg": _("A red hatchback"),
        "hilux.jpg": _("A silver pick-up"),
        "kangoo.jpg": _("A white van"),
        "sofa.jpg": _("A sofa, which is no car"),
        "broken.jpg": _("A file that broke off, which cannot be opened"),
    }[name]
