"""A host's admin whose ad form has the plugin's widgets."""

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.urls import path

from ad_autocategorize.categories.forms import CategorySuggestionMixin
from ad_autocategorize.categories.widgets import CategoryPickerWidget
from marketplace.models import Ad
from marketplace.urls import urlpatterns as marketplace_urls
from tests.hosts.rubros.models import Aviso, Rubro


class AdminForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title", "category", "price", "seller"]
        widgets = {"category": CategoryPickerWidget}


class OwnAdmin(ModelAdmin):
    form = AdminForm


class OwnTableForm(CategorySuggestionMixin, forms.ModelForm):
    """Ads with categories of the host's own; the main ones are no answer."""

    rubro = forms.ModelChoiceField(Rubro.objects.filter(padre__isnull=False), widget=CategoryPickerWidget)

    class Meta:
        model = Aviso
        fields = ["producto", "rubro"]


class OwnTableAdmin(ModelAdmin):
    form = OwnTableForm


site = AdminSite(name="own")
site.register(Ad, OwnAdmin)
site.register(Aviso, OwnTableAdmin)

urlpatterns = [path("own-admin/", site.urls), *marketplace_urls]
