"""Plain pages with the ad forms of further hosts, as any view of a site shows them."""

from django import forms
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template import Context, Template
from django.urls import include, path

from ad_autocategorize.forms import CategorySuggestionMixin
from tests.hosts.bolsa.models import Job, Listing
from tests.hosts.etiquetas.models import Notice

PAGE = Template(
    "<!doctype html><html lang='es'><head><title>Ad</title>{{ form.media }}</head><body><main>"
    "<form method='post'><input type='hidden' name='csrfmiddlewaretoken' value='{{ token }}'>{{ form.as_p }}"
    "<button id='send'>Send</button></form></main></body></html>"
)


def form_for(ad_model, *names):
    meta = type("Meta", (), {"model": ad_model, "fields": names})
    return type("AdForm", (CategorySuggestionMixin, forms.ModelForm), {"Meta": meta})


FORMS = {
    "jobs": form_for(Job, "headline", "trade"),
    "listings": form_for(Listing, "title", "section"),
    "notices": form_for(Notice, "title", "topics"),
}


def ad_page(request, kind):
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        ad = form.save()
        return HttpResponse(f"<main id='saved'>{ad.pk}</main>")
    return HttpResponse(PAGE.render(Context({"form": form, "token": get_token(request)})))


urlpatterns = [
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("ad/<kind>/", ad_page),
    path("api/", include("ad_autocategorize.api.urls")),
]
