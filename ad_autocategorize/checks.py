"""System checks: every wrong setting is explained by ``manage.py check``, with a hint."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import DEFAULT_STORAGE_ALIAS, STATICFILES_STORAGE_ALIAS, settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Warning
from django.core.files.storage import storages
from django.db.models.constants import LOOKUP_SEP
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from ad_autocategorize.conf import DEFAULTS, SETTING, plugin_settings
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.uploads.availability import why_unavailable
from ad_autocategorize.rates import proxies
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.fields import DESCRIBED, resolve_field
from ad_autocategorize.sources.languages import title_settings
from ad_autocategorize.sources.registered import describes_cars, source_names
from ad_autocategorize.sources.source import primary_tag
from ad_autocategorize.titles.settings import TitleSettings

# Where Django puts what visitors see.
PUBLIC_STORAGES = (DEFAULT_STORAGE_ALIAS, STATICFILES_STORAGE_ALIAS)
NAME = re.compile(r"[a-z0-9_]{1,50}")


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check ``AD_AUTOCATEGORIZE`` and the source that it names."""
    values = getattr(settings, SETTING, None)
    if values is None:
        hint = f'{SETTING} = {{"SOURCE": "yoursite.ad_source.YourAds", "MODEL_DIR": BASE_DIR / "models"}}'
        return [Error(f"{SETTING} is missing from the settings.", hint=hint, id="ad_autocategorize.E001")]
    if not isinstance(values, dict):
        return [Error(f"{SETTING} must be a dictionary.", id="ad_autocategorize.E002")]
    return [
        *_keys(values),
        *_model_dir(),
        *_model_storage(),
        *_titles(),
        *_photos(),
        *_numbers(),
        *_weights(),
        *_middleware(),
        *_languages(),
        *_sources(),
        *_classes(),
        *_decoding(),
    ]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Say what a public site needs, and a machine for development does not."""
    return [*_proxies(), *_cache()]


def _proxies() -> Iterator[CheckMessage]:
    if proxies() is None:
        yield Warning(
            "REST_FRAMEWORK['NUM_PROXIES'] is not set: the rates of the API count clients by REMOTE_ADDR.",
            hint="Set it to the number of proxies before the site, 0 for none. Behind a proxy all visitors have its address.",
            id="ad_autocategorize.W020",
        )


def _cache() -> Iterator[CheckMessage]:
    if isinstance(caches["default"], LocMemCache | DummyCache):
        yield Warning(
            "The default cache is one of each process: so are the rates of the API, which it counts.",
            hint="Set CACHES to a cache that all processes share, such as Redis or Memcached.",
            id="ad_autocategorize.W021",
        )


def _decoding() -> Iterator[CheckMessage]:
    if reason := why_unavailable():
        yield Warning(
            f"Photos are decoded in the web's own processes: {reason}.",
            hint="Only the decoders limit what they cost. Serve on Linux, with an interpreter beside the server.",
            id="ad_autocategorize.W022",
        )


def _keys(values: dict[Any, Any]) -> Iterator[CheckMessage]:
    for key in values:
        if key not in DEFAULTS:
            near = difflib.get_close_matches(str(key).upper(), DEFAULTS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(DEFAULTS)}."
            yield Error(f"{SETTING} has an unknown key {key!r}.", hint=hint, id="ad_autocategorize.E003")


def _model_dir() -> Iterator[CheckMessage]:
    value = plugin_settings.MODEL_DIR
    if not isinstance(value, str | os.PathLike) or not str(value):
        hint = f'Name a folder that web processes can read and training can write: {SETTING}["MODEL_DIR"] = BASE_DIR / "models"'
        yield Error(f'{SETTING}["MODEL_DIR"] is not a path.', hint=hint, id="ad_autocategorize.E004")
        return
    folder = Path(value).absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.R_OK | os.X_OK):
        hint = "Make it a folder, or name another."
        yield Error(f"{existing} is not a folder that this process can read.", hint=hint, id="ad_autocategorize.E005")
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(settings, name, None)
        if root and folder.is_relative_to(Path(root).absolute()):
            hint = "Models hold the words of your users' ads. Move MODEL_DIR out of it."
            yield Error(f"MODEL_DIR lies in {name}, which is public.", hint=hint, id="ad_autocategorize.E006")


def _model_storage() -> Iterator[CheckMessage]:
    alias = plugin_settings.MODEL_STORAGE
    if alias is None:
        return
    if not isinstance(alias, str) or alias not in storages.backends:
        hint = f"It has {', '.join(map(repr, storages.backends))}. Leave MODEL_STORAGE out to keep models in MODEL_DIR."
        yield Error(
            f'{SETTING}["MODEL_STORAGE"] is {alias!r}, and STORAGES has none.', hint=hint, id="ad_autocategorize.E018"
        )
        return
    try:
        storages[alias]
    except Exception as error:  # Storages complain of their options in ways of their own.
        hint = "Correct STORAGES, or install what the storage needs."
        yield Error(f"The storage {alias!r} of models cannot be made: {error}", hint=hint, id="ad_autocategorize.E018")
    if alias in PUBLIC_STORAGES:
        hint = "Models hold the words of your users' ads. Name a storage of their own, that visitors cannot read."
        yield Warning(
            f"Models lie in the storage {alias!r}, beside what visitors see.", hint=hint, id="ad_autocategorize.W023"
        )


def _titles() -> Iterator[CheckMessage]:
    try:
        TitleSettings.from_dict(plugin_settings.TITLES)
    except (ValueError, TypeError, AttributeError) as error:
        hint = "See ad_autocategorize.titles.settings.TitleSettings for what may be set."
        yield Error(f'{SETTING}["TITLES"]: {error}', hint=hint, id="ad_autocategorize.E007")


def _photos() -> Iterator[CheckMessage]:
    try:
        PhotoSettings.from_dict(plugin_settings.PHOTOS)
    except (ValueError, TypeError, AttributeError) as error:
        hint = "See ad_autocategorize.photos.settings.PhotoSettings for what may be set."
        yield Error(f'{SETTING}["PHOTOS"]: {error}', hint=hint, id="ad_autocategorize.E013")
    precision = plugin_settings.PHOTO_PRECISION
    if not isinstance(precision, int | float) or not 0 <= precision <= 1:
        message = f'{SETTING}["PHOTO_PRECISION"] must be a number from 0 to 1, not {precision!r}.'
        yield Error(message, hint=f"The default is {DEFAULTS['PHOTO_PRECISION']}.", id="ad_autocategorize.E008")
    if not _are_groups_of_cars(plugin_settings.TWIN_CARS):
        message = f'{SETTING}["TWIN_CARS"] must be a list of groups of [brand, model], all of them texts.'
        yield Error(message, hint='Such as [[["Fiat", "Strada"], ["Ram", "700"]]].', id="ad_autocategorize.E014")


def _are_groups_of_cars(value: Any) -> bool:
    lists = (list, tuple)
    return isinstance(value, lists) and all(
        isinstance(group, lists)
        and all(
            isinstance(car, lists) and len(car) == 2 and all(isinstance(name, str) for name in car) for car in group
        )
        for group in value
    )


def _numbers() -> Iterator[CheckMessage]:
    limits = {
        "SUGGESTION_COUNT": 10,
        "MAX_TITLE_LENGTH": 10_000,
        "API_BATCH_LIMIT": 1_000,
        "EVENT_RETENTION_DAYS": 36_500,
    }
    for key, highest in limits.items():
        value = getattr(plugin_settings, key)
        if type(value) is not int or not 1 <= value <= highest:
            message = f'{SETTING}["{key}"] must be a whole number from 1 to {highest}, not {value!r}.'
            yield Error(message, hint=f"The default is {DEFAULTS[key]}.", id="ad_autocategorize.E008")


def _classes() -> Iterator[CheckMessage]:
    if not apps.is_installed("rest_framework"):
        # A site without the API; the defaults name classes of its extra.
        return
    for key in ("API_AUTHENTICATION", "API_PERMISSIONS"):
        value = getattr(plugin_settings, key)
        try:
            for dotted in value:
                import_string(dotted)
        except (ImportError, TypeError, AttributeError) as error:
            message = f'{SETTING}["{key}"] must be a list of dotted paths of classes: {error}'
            yield Error(message, hint=f"The default is {DEFAULTS[key]}.", id="ad_autocategorize.E008")


def _weights() -> Iterator[CheckMessage]:
    for key in ("ECHOED_LABEL_WEIGHT", "CORRECTED_LABEL_WEIGHT", "MODERATED_LABEL_WEIGHT"):
        value = getattr(plugin_settings, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
            message = f'{SETTING}["{key}"] must be a number above 0, up to 100, not {value!r}.'
            yield Error(message, hint=f"The default is {DEFAULTS[key]}.", id="ad_autocategorize.E008")
    value = plugin_settings.PROMOTION_TOLERANCE
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        message = f'{SETTING}["PROMOTION_TOLERANCE"] must be a number from 0 to 1, not {value!r}.'
        yield Error(message, hint=f"The default is {DEFAULTS['PROMOTION_TOLERANCE']}.", id="ad_autocategorize.E008")
    value = plugin_settings.ADS_PER_SELLER
    if value is not None and (type(value) is not int or value < 1):
        message = f'{SETTING}["ADS_PER_SELLER"] must be a whole number from 1 or None, not {value!r}.'
        yield Error(message, hint=f"The default is {DEFAULTS['ADS_PER_SELLER']}.", id="ad_autocategorize.E008")


def _middleware() -> Iterator[CheckMessage]:
    for dotted in settings.MIDDLEWARE:
        try:
            found = import_string(dotted)
        except ImportError:
            continue
        if isinstance(found, type) and issubclass(found, CsrfViewMiddleware):
            return
    yield Warning(
        "CsrfViewMiddleware is not in MIDDLEWARE: no page sets the cookie without which REST framework refuses what users who "
        "are logged in send, such as photos, with the status 403.",
        hint="Add django.middleware.csrf.CsrfViewMiddleware, or take session authentication away from the plugin's API.",
        id="ad_autocategorize.W005",
    )


def _sources() -> Iterator[CheckMessage]:
    names = plugin_settings.SOURCES
    if not isinstance(names, dict) or not all(isinstance(name, str) and NAME.fullmatch(name) for name in names):
        message = (
            f'{SETTING}["SOURCES"] must be a dictionary of names, of small letters, digits and "_", and dotted paths.'
        )
        yield Error(message, hint='Such as {"jobs": "shop.sources.Jobs"}.', id="ad_autocategorize.E016")
        return
    if names and plugin_settings.SOURCE:
        hint = "Leave SOURCE out: the first of SOURCES is meant where none is named."
        yield Error(f"{SETTING} has both SOURCE and SOURCES.", hint=hint, id="ad_autocategorize.E016")
    for name in source_names():
        yield from _source(name)
    yield from _car_fields()


def _car_fields() -> Iterator[CheckMessage]:
    described = []
    for name in source_names():
        try:
            with using_source(name) as source:
                described += [type(source).__name__] if describes_cars(source) else []
        except SourceError:
            return
    if len(described) > 1:
        yield Warning(
            f"{' and '.join(described)} describe the fields of a car: those of {described[0]} alone are read.",
            hint="Let one source have all ads of cars, or the one that is meant come first in SOURCES.",
            id="ad_autocategorize.W008",
        )


def _languages() -> Iterator[CheckMessage]:
    languages = plugin_settings.LANGUAGES
    if not isinstance(languages, list | tuple) or not all(isinstance(item, str) and item for item in languages):
        message = f'{SETTING}["LANGUAGES"] must be a list of language codes, not {languages!r}.'
        yield Error(message, hint='Such as ["es", "pt"].', id="ad_autocategorize.E017")
        return
    for language in languages:
        try:
            title_settings(primary_tag(language))
        except (ValueError, TypeError, AttributeError) as error:
            hint = "Name languages that TITLES may have."
            yield Error(f'{SETTING}["LANGUAGES"]: {error}', hint=hint, id="ad_autocategorize.E017")


def _source(name: str) -> Iterator[CheckMessage]:
    try:
        with using_source(name) as source:
            pass
    except SourceError as error:
        hint = "See docs/how-to/describe-your-ads.md."
        yield Error(str(error), hint=hint, id="ad_autocategorize.E009")
        return
    yield from _described(source)
    try:
        own_path = type(source).category_path is not AdSource.category_path
        if not source.uses_taxonomy and not own_path:
            yield Error(
                f"{type(source).__name__} does not say where its categories stand in their tree.",
                hint="Define category_path(self, category) -> list of HostCategory(key, name), the main category first.",
                id="ad_autocategorize.E011",
            )
        source.get_queryset()
        yield from _review(source)
        yield from _form_value(source)
    except (SourceError, ValueError, TypeError, LookupError) as error:
        yield Error(f"{type(source).__name__}: {error}", hint="Correct the source.", id="ad_autocategorize.E010")
    except Exception as error:  # A check must report, whatever the host's own code does.
        yield Error(f"{type(source).__name__}.get_queryset(): {error}", id="ad_autocategorize.E012")


def _review(source: AdSource) -> Iterator[CheckMessage]:
    """Say what moderators would miss, who hear of it otherwise when they press the button."""
    name, kind = type(source).__name__, type(source)
    by_method = not source.is_path("category")
    moves = kind.relabel is not AdSource.relabel or kind.replace_category is not AdSource.replace_category
    direct = not by_method and (LOOKUP_SEP not in source.category or source.has_several_categories)
    if not moves and not direct:
        yield Warning(
            f"{name} does not say how an ad is filed elsewhere: moderators cannot accept what the review queue suggests.",
            hint="Define relabel(self, ad, category), which files the ad and saves it.",
            id="ad_autocategorize.W002",
        )
    if by_method and kind.ads_filed_at is AdSource.ads_filed_at:
        yield Warning(
            f"{name} does not say which ads are filed at a category: categories cannot be merged, nor is it told how many ads "
            "a move affects.",
            hint="Define ads_filed_at(self, categories), which returns a queryset of ads, published or not.",
            id="ad_autocategorize.W003",
        )


def _form_value(source: AdSource) -> Iterator[CheckMessage]:
    name, kind = type(source).__name__, type(source)
    several_tables = not source.is_path("category") and kind.host_categories is not AdSource.host_categories
    if several_tables and not source.uses_taxonomy and kind.form_value is AdSource.form_value:
        yield Warning(
            f"{name} does not say what the category field of the site's form takes: suggestions hand it the keys.",
            hint="Define form_value(self, external_id), which returns what the field takes for this key.",
            id="ad_autocategorize.W006",
        )


def _described(source: AdSource) -> Iterator[CheckMessage]:
    name = type(source).__name__
    try:
        model = source.ad_model()
    except SourceError as error:
        yield Error(str(error), hint="Name the model of your ads.", id="ad_autocategorize.E010")
        return
    for attribute in DESCRIBED:
        described = getattr(source, attribute)
        if described is None and attribute in ("title", "category"):
            yield Error(f"{name}.{attribute} is empty.", hint="Name a field or a method.", id="ad_autocategorize.E010")
        elif described is not None and not isinstance(described, str):
            hint = "Give a field path or the name of a method, as a string."
            yield Error(f"{name}.{attribute} = {described!r} is not a string.", hint=hint, id="ad_autocategorize.E010")
        elif described is not None and source.is_path(attribute):
            try:
                resolve_field(model, described)
            except SourceError as error:
                hint = "Name one of these fields, a path such as 'product__name', or a method of the source."
                yield Error(f"{name}.{attribute} = {described!r}: {error}", hint=hint, id="ad_autocategorize.E010")
    if source.published is None:
        yield Warning(
            f"{name}.published is not set: every ad, moderated or not, is learned from.",
            hint='Give lookups such as {"status": "published"}, or {} if that is what you want.',
            id="ad_autocategorize.W001",
        )
