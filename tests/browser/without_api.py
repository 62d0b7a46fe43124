"""The marketplace as it is without the plugin's API."""

from marketplace.urls import urlpatterns as marketplace_urls

urlpatterns = [pattern for pattern in marketplace_urls if str(pattern.pattern) != "api/"]
