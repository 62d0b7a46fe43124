"""Plain pages with the ad forms of further hosts, as any view of a site shows them."""

from django import forms
from django.contrib import admin
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template import Context, Template
from django.urls import include, path
from django.utils import translation

from ad_autocategorize.forms import CategorySuggestionMixin
from tests.hosts.bolsa.models import Job, Listing
from tests.hosts.etiquetas.models import Notice, Offer, Placement
from tests.hosts.lejos.models import Thing

PAGE = Template(
    "<!doctype html><html lang='{{ language }}'><head><title>Ad</title>{{ form.media }}</head><body><main>"
    "<form method='post'><input type='hidden' name='csrfmiddlewaretoken' value='{{ token }}'>{{ form.as_p }}"
    "{{ rows }}<button id='send'>Send</button></form></main></body></html>"
)


def form_for(ad_model, *names):
    meta = type("Meta", (), {"model": ad_model, "fields": names})
    return type("AdForm", (CategorySuggestionMixin, forms.ModelForm), {"Meta": meta})


FORMS = {
    "jobs": form_for(Job, "headline", "trade"),
    "listings": form_for(Listing, "title", "section"),
    "notices": form_for(Notice, "title", "topics"),
    "offers": form_for(Offer, "title"),
    "things": form_for(Thing, "title", "shelf"),
}
# The categories of an offer stand in rows of their own.
Placements = forms.inlineformset_factory(Offer, Placement, fields=["topic", "paid"], extra=1)


def saved(ad):
    return HttpResponse(f"<main id='saved'>{ad.pk}</main>")


def shown(form, request, rows=""):
    language = translation.get_language()
    context = {"form": form, "rows": rows, "token": get_token(request), "language": language}
    return HttpResponse(PAGE.render(Context(context)))


def ad_page(request, kind, saves=1):
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        return saved([form.save() for _ in range(saves)][-1])
    return shown(form, request)


def offer_page(request):
    form, rows = FORMS["offers"](request.POST or None), Placements(request.POST or None)
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        ad = rows.instance = form.save()
        rows.save()
        return saved(ad)
    return shown(form, request, rows)


urlpatterns = [
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("ad/offers/", offer_page),
    path("ad/<kind>/", ad_page),
    path("ad/<kind>/twice/", ad_page, {"saves": 2}),
    path("admin/", admin.site.urls),
    path("api/", include("ad_autocategorize.api.urls")),
]
