"""Pages: browse and search, one ad, a seller's own ads, and the ad form."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.generic import CreateView, DetailView, ListView, UpdateView

from ad_autocategorize.cars.views import PhotoRateMixin
from marketplace.drafts import initial_of, keep_draft, take_draft
from marketplace.forms import AdForm
from marketplace.models import Ad
from taxonomy.models import Category
from taxonomy.tree import CategoryTree


class AdListView(ListView):
    """Published ads, all of them or those of a category and everything below it, searched by words of the title."""

    template_name = "marketplace/ad_list.html"
    context_object_name = "ads"
    paginate_by = 24

    def get_queryset(self) -> QuerySet[Ad]:
        pk = self.kwargs.get("pk")
        self.category = get_object_or_404(Category, pk=pk, is_active=True) if pk else None
        self.query = self.request.GET.get("q", "").replace("\x00", "").strip()
        ads = Ad.objects.published().search(self.query).for_cards()
        if self.category:
            ads = ads.filter(category__in=self.category.subtree())
        return ads

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        tree = CategoryTree.load()
        counts = _counts(tree)
        below = tree.children(self.category.pk if self.category else None)
        context["branches"] = [(pk, tree.name(pk), counts.get(pk, 0)) for pk in below]
        context["trail"] = self.category.path() if self.category else []
        context["query"] = self.query
        return context


def _counts(tree: CategoryTree) -> dict[int, int]:
    """Return the number of published ads at or under each category."""
    rows = Ad.objects.published().order_by().values_list("category").annotate(Count("pk"))
    totals: dict[int, int] = {}
    for category, count in rows:
        for pk in tree.path_ids(category) if category in tree else ():
            totals[pk] = totals.get(pk, 0) + count
    return totals


class AdDetailView(DetailView):
    """One ad; pending ones are shown to their seller and to those who may look at ads in the admin."""

    context_object_name = "ad"

    def get_queryset(self) -> QuerySet[Ad]:
        ads = Ad.objects.select_related("category", "seller", "brand", "car_model", "body_type", "color")
        user = self.request.user
        if user.has_perm("marketplace.view_ad"):
            return ads
        visible = ads.filter(status=Ad.Status.PUBLISHED)
        return (visible | ads.filter(seller=user)) if user.is_authenticated else visible


class MyAdsView(LoginRequiredMixin, ListView):
    """A seller's own ads, whatever their state."""

    template_name = "marketplace/my_ads.html"
    context_object_name = "ads"
    paginate_by = 50

    def get_queryset(self) -> QuerySet[Ad]:
        return Ad.objects.filter(seller_id=self.request.user.pk).select_related("category")


class DraftMixin(LoginRequiredMixin):
    """Asks for a log-in before the form, and loses nothing of what was typed where the session has run out meanwhile."""

    request: HttpRequest

    def handle_no_permission(self) -> HttpResponseRedirect:
        if self.request.method == "POST" and not self.request.user.is_authenticated:
            keep_draft(self.request)
            messages.info(self.request, _("You were logged out meanwhile. Log in, and your ad is there again."))
        return super().handle_no_permission()

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)  # type: ignore[misc]
        draft = take_draft(self.request) if self.request.method == "GET" else None
        if draft is not None:
            form.initial.update(initial_of(form, draft))
        return form


class AdCreateView(DraftMixin, PhotoRateMixin, CreateView):
    """A new ad, pending until a moderator publishes it."""

    model = Ad
    form_class = AdForm

    def form_valid(self, form: ModelForm[Any]) -> HttpResponse:
        form.instance.seller = self.request.user
        response = super().form_valid(form)
        messages.success(self.request, _("Your ad waits for a moderator to publish it."))
        return response


class AdUpdateView(DraftMixin, PhotoRateMixin, UpdateView):
    """A seller's change to an own ad; it is looked at again before it is published."""

    form_class = AdForm

    def get_queryset(self) -> QuerySet[Ad]:
        return Ad.objects.filter(seller_id=self.request.user.pk)

    def form_valid(self, form: ModelForm[Any]) -> HttpResponse:
        form.instance.status = Ad.Status.PENDING
        messages.success(self.request, _("Your change waits for a moderator to publish it."))
        return super().form_valid(form)
