"""The ad form, with suggestions."""

from django import forms
from django.http import HttpResponse
from django.views.generic import CreateView
from shop.models import Listing

from ad_autocategorize.categories.forms import CategorySuggestionMixin


class ListingForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Listing
        fields = ["headline", "category"]


class NewListing(CreateView):
    form_class = ListingForm

    def render_to_response(self, context, **kwargs):
        return HttpResponse(str(context["form"].media) + context["form"].as_p())
