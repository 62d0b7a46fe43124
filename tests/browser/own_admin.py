"""A host's admin whose ad form has the plugin's widgets."""

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.http import HttpResponse
from django.template import RequestContext, engines
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


class NamedButtonsForm(CategorySuggestionMixin, forms.ModelForm):
    """A form whose view looks at the button that was pressed; Enter presses the first one."""

    enter_button = ("draft", "yes")

    class Meta:
        model = Ad
        fields = ["title", "category", "price"]


def named_buttons(request):
    """Say which button was pressed, once the form is valid."""
    form = NamedButtonsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        pressed = ", ".join(name for name in ("draft", "publish") if name in request.POST)
        return HttpResponse(f"pressed {pressed}: {form.cleaned_data['title']}")
    return HttpResponse(NAMED_BUTTONS.render(RequestContext(request, {"form": form})))


NAMED_BUTTONS = engines["django"].engine.from_string(
    """<!doctype html><title>Form</title>{{ form.media }}<form method="post">{% csrf_token %}{{ form.as_p }}
    <button name="draft" value="yes">Draft</button><button name="publish" value="yes">Publish</button></form>"""
)

urlpatterns = [path("own-admin/", site.urls), path("named-buttons/", named_buttons), *marketplace_urls]
