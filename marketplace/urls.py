from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from marketplace import start, views

urlpatterns = [
    path("", views.AdListView.as_view(), name="ad-list"),
    path("category/<int:pk>/", views.AdListView.as_view(), name="category"),
    path("start/", start.StartView.as_view(), name="start"),
    path("start/<str:name>", start.sample_photo, name="sample-photo"),
    path("ads/new/", views.AdCreateView.as_view(), name="ad-create"),
    path("ads/mine/", views.MyAdsView.as_view(), name="my-ads"),
    path("ads/<int:pk>/", views.AdDetailView.as_view(), name="ad-detail"),
    path("ads/<int:pk>/edit/", views.AdUpdateView.as_view(), name="ad-update"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", include("django.conf.urls.i18n")),
    path("api/", include("ad_autocategorize.api.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=f"/{settings.STATIC_URL.lstrip('/')}marketplace/icon.svg")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
