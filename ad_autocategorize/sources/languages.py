"""Which of several models answers, and in which language categories are named: by Django's active language."""

from __future__ import annotations

from django.utils.translation import get_language

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources.source import primary_tag
from ad_autocategorize.titles.settings import TitleSettings


def training_languages() -> list[str]:
    """Return the languages that have a model each; one empty name where one model serves all."""
    return [primary_tag(language) for language in plugin_settings.LANGUAGES] or [""]


def serving_language() -> str:
    """Return the language whose model answers: the active one, or else the title settings', or else the first."""
    languages = training_languages()
    wanted = (primary_tag(get_language()), primary_tag(plugin_settings.TITLES.get("language")))
    return next((language for language in wanted if language in languages), languages[0])


def shown_language() -> str:
    """Return the active language if categories have names in it, "" for the names of the site's own language."""
    active = primary_tag(get_language())
    return active if plugin_settings.LANGUAGES and active in training_languages() else ""


def title_settings(language: str) -> TitleSettings:
    """Return the settings of the model of a language, "" for a site's only one."""
    own = {"language": language} if language else {}
    return TitleSettings.from_dict({**plugin_settings.TITLES, **own})
