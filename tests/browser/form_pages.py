"""Hosts' pages that are built otherwise: rows that are added, forms that are swapped in, fields that are no plain selects."""

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin, StackedInline
from django.contrib.auth import get_user_model
from django.http import HttpResponse, JsonResponse
from django.template import RequestContext, engines
from django.urls import path

from ad_autocategorize.forms import CarPhotoMixin, CategorySuggestionMixin
from ad_autocategorize.widgets import CategoryPickerWidget, PhotoInput
from marketplace.models import Ad
from marketplace.urls import urlpatterns as marketplace_urls
from taxonomy.models import Brand, CarModel, Category


class PickerForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title", "category"]
        widgets = {"category": CategoryPickerWidget}


class PlainForm(CategorySuggestionMixin, forms.ModelForm):
    class Meta:
        model = Ad
        fields = ["title", "category", "price"]


class RadioForm(CategorySuggestionMixin, CarPhotoMixin, forms.ModelForm):
    """A category and a brand to click at, and a text in place of the select of models."""

    photos = forms.FileField(required=False, widget=PhotoInput)
    category = forms.ModelChoiceField(Category.objects.all(), widget=forms.RadioSelect, empty_label=None)
    brand = forms.ModelChoiceField(Brand.objects.all(), widget=forms.RadioSelect, required=False)

    class Meta:
        model = Ad
        fields = ["title", "category", "brand", "year"]


class LateModelsForm(CategorySuggestionMixin, CarPhotoMixin, forms.ModelForm):
    """A select of models that the host's own script fills once there is a brand."""

    photos = forms.FileField(required=False, widget=PhotoInput)

    class Meta:
        model = Ad
        fields = ["title", "category", "brand", "car_model", "year"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.fields["car_model"].queryset = CarModel.objects.none()


LATE_MODELS = """
document.querySelector("#id_brand").addEventListener("change", async (event) => {
  const select = document.querySelector("#id_car_model");
  select.replaceChildren(new Option("---------", ""));
  const models = await (await fetch(`/host-models/?brand=${event.target.value}`)).json();
  setTimeout(() => { for (const [key, name] of models.models) select.add(new Option(name, key)); }, 200);
});
"""
PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Form</title>{{ head.media }}
{% for source in scripts %}<script src="{{ source }}" defer></script>{% endfor %}<body>{% for form in forms %}<form method="post">
{% csrf_token %}{{ form.as_p }}<button>Send</button></form>{% endfor %}
<button id="swap" hx-get="/fragment/" hx-target="#place">Swap</button><div id="place"></div></body></html>"""


def render(request, *shown, head=None, scripts=()):
    context = {"forms": shown, "head": head or shown[0], "scripts": scripts}
    return HttpResponse(engines["django"].engine.from_string(PAGE).render(RequestContext(request, context)))


def one(form_class, *scripts):
    """A page with one form, which says what was saved."""

    def view(request):
        form = form_class(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            return HttpResponse(f"valid: {form.cleaned_data['category']}")
        return render(request, form, scripts=scripts)

    return view


def twice(request):
    return render(request, PickerForm(), PickerForm())


def swap(request):
    return render(request, head=PickerForm(), scripts=["/static/django_htmx/htmx-2.min.js"])


def fragment(request):
    page = engines["django"].engine.from_string("<form method='post'>{% csrf_token %}{{ form.as_p }}</form>")
    return HttpResponse(page.render(RequestContext(request, {"form": PickerForm()})))


def host_models(request):
    found = CarModel.objects.filter(brand=request.GET["brand"] or None).values_list("pk", "name")
    return JsonResponse({"models": list(found)})


class AdInline(StackedInline):
    model = Ad
    form = PickerForm
    extra = 0


class SellerAdmin(ModelAdmin):
    fields = ["username"]
    inlines = [AdInline]


class CategoryAdmin(ModelAdmin):
    search_fields = ["name"]


class AutocompleteAdmin(ModelAdmin):
    form = PlainForm
    autocomplete_fields = ["category"]


site = AdminSite(name="pages")
site.register(get_user_model(), SellerAdmin)
site.register(Category, CategoryAdmin)
site.register(Ad, AutocompleteAdmin)

urlpatterns = [
    path("pages-admin/", site.urls),
    path("twice/", twice),
    path("swap/", swap),
    path("fragment/", fragment),
    path("radio/", one(RadioForm)),
    path("late-models/", one(LateModelsForm, "/late-models.js")),
    path("late-models.js", lambda request: HttpResponse(LATE_MODELS, content_type="text/javascript")),
    path("host-models/", host_models),
    *marketplace_urls,
]
