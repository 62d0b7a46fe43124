"""A host's admin whose ad form has the plugin's widgets."""

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.urls import path

from ad_autocategorize.forms import CategorySuggestionMixin
from ad_autocategorize.widgets import CategoryPickerWidget
from marketplace.models import Ad
from marketplace.urls import urlpatterns as marketplace_urls


class AdminForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title", "category", "price", "seller"]
        widgets = {"category": CategoryPickerWidget}


class OwnAdmin(ModelAdmin):
    form = AdminForm


site = AdminSite(name="own")
site.register(Ad, OwnAdmin)

urlpatterns = [path("own-admin/", site.urls), *marketplace_urls]
