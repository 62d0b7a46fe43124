"""The sources that the settings name, and which of them is the current one.

``using_source(name)`` makes a source the current one for a block of code, as Django's ``translation.override(language)`` does
with a language. Outside of such a block it is the first source, which is most sites' only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models import Model
from django.utils.module_loading import import_string

from ad_autocategorize.conf import SETTING, plugin_settings
from ad_autocategorize.sources.cars import CAR_FIELDS
from ad_autocategorize.sources.fields import SourceError
from ad_autocategorize.sources.source import AdSource

_current: ContextVar[str | None] = ContextVar("ad_autocategorize_source", default=None)


def source_names() -> list[str]:
    """Return the names of the site's sources; one empty name where the setting is ``SOURCE``."""
    names = plugin_settings.SOURCES
    return list(names) if isinstance(names, dict) and names else [""]


def current_source_name() -> str:
    """Return the name of the current source."""
    name = _current.get()
    return source_names()[0] if name is None else name


@contextmanager
def using_source(name: str) -> Iterator[AdSource]:
    """Make a source the current one within the block. Raises ``SourceError`` for a name that the settings do not have."""
    source = _load(name)
    token = _current.set(name)
    try:
        yield source
    finally:
        _current.reset(token)


def get_source() -> AdSource:
    """Return an instance of the current source. Raises ``SourceError``."""
    return _load(current_source_name())


def car_source_name() -> str:
    """Return the name of the source whose ads are of cars: the first that describes a field of a car, or else the first.

    Raises ``SourceError``.
    """
    names = source_names()
    return next((name for name in names if describes_cars(_load(name))), names[0])


def car_source() -> AdSource:
    """Return an instance of the source whose ads are of cars. Raises ``SourceError``."""
    return _load(car_source_name())


def describes_cars(source: AdSource) -> bool:
    """Return whether a source says where any field of a car is."""
    return any(getattr(source, field) for field in CAR_FIELDS)


def source_name(record: Any) -> str:
    """Return the name of the source whose ad a record is about; that of the cars for a record that knows of none."""
    name = getattr(record, "source", None)
    if name is None:
        return car_source_name()
    return name if name in source_names() else source_names()[0]


@contextmanager
def source_of(record: Any) -> Iterator[AdSource]:
    """Make the source whose ad a record is about the current one within the block. Raises ``SourceError``."""
    with using_source(source_name(record)) as source:
        yield source


def source_name_of(model: type[Model]) -> str | None:
    """Return the name of the first source whose ads are of this model; ``None`` where there is none. Raises ``SourceError``."""
    for name in source_names():
        if _load(name).ad_model()._meta.concrete_model is model._meta.concrete_model:
            return name
    return None


def _load(name: str) -> AdSource:
    if name not in source_names():
        raise SourceError(f'There is no source {name!r}: {SETTING}["SOURCES"] has {", ".join(source_names())}.')
    where = f'{SETTING}["SOURCES"][{name!r}]' if name else f'{SETTING}["SOURCE"]'
    dotted = plugin_settings.SOURCES[name] if name else plugin_settings.SOURCE
    if not dotted:
        raise SourceError(f"{where} is not set: give the dotted path of your AdSource subclass.")
    try:
        found = import_string(dotted)
    except (ImportError, TypeError, AttributeError) as error:
        raise SourceError(f"{where} = {dotted!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, AdSource)):
        raise SourceError(f"{where} = {dotted!r} is not a subclass of ad_autocategorize.sources.AdSource.")
    source = found()
    source.name = name
    return source
