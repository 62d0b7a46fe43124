"""A host's own categories as rows of the taxonomy: each key once, each name once below its parent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from django.conf import settings
from django.utils import translation

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources.fields import SourceError
from ad_autocategorize.sources.source import AdSource, primary_tag
from taxonomy.names import clean_name, fold_name, join_path
from taxonomy.rows import CategoryRow


@dataclass(slots=True)
class Mirror:
    """The rows, parents first, and what of them the host should look at."""

    rows: list[CategoryRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the host has said of the category with a key."""

    name: str
    parent: str | None
    path: tuple[str, ...]


def mirror(source: AdSource, names: Mapping[str, str] | None = None, *, most: int | None = None) -> Mirror:
    """Return the host's categories as rows, in the site's language, with translations into those of ``LANGUAGES``.

    If several categories below one parent have the same name, one keeps it: the one that has it in the taxonomy already, or
    else the first. The keys of the others are added to their names. Raises ``SourceError`` if one key stands for two categories.

    Parameters
    ----------
    names : the names of the categories in the taxonomy by now, by key.
    most : how many of the host's categories are asked for at most; all of them for ``None``.
    """
    host_keys: dict[str, str] = {}
    with translation.override(settings.LANGUAGE_CODE):
        told = _told(source, most, host_keys)
    mirrored = _named_apart(told, host_keys, names or {})
    own = primary_tag(settings.LANGUAGE_CODE)
    for language in plugin_settings.LANGUAGES:
        if primary_tag(language) != own:
            with translation.override(language):
                _translate(mirrored, language, _told(source, most, {}))
    return mirrored


def _told(source: AdSource, most: int | None, host_keys: dict[str, str]) -> dict[str, _Told]:
    """Return what the host says of its categories in the active language, by key.

    Adds to ``host_keys``, by the same keys, what ads and forms keep of each category.
    """
    told: dict[str, _Told] = {}
    for category in islice(source.host_categories(), most):
        above: str | None = None
        path: tuple[str, ...] = ()
        steps = source.category_path(category)
        for step in steps:
            path = (*path, clean_name(step.name))
            found = told.setdefault(step.external_id, _Told(path[-1], above, path))
            if (found.name, found.parent) != (path[-1], above):
                raise SourceError(_two_meanings(step.external_id, found.path, path))
            above = step.external_id
        if steps:
            host_keys[steps[-1].external_id] = source.host_key(category)
    return told


def _translate(mirrored: Mirror, language: str, told: Mapping[str, _Told]) -> None:
    for row in mirrored.rows:
        found = told.get(row.external_id or "")
        if found is not None and found.name:
            row.translations[primary_tag(language)] = found.name


def _two_meanings(key: str, first: Iterable[str], second: Iterable[str]) -> str:
    paths = f"{join_path(tuple(first))!r} and {join_path(tuple(second))!r}"
    return (
        f"The key {key!r} stands for two categories, {paths}. Every category needs a key of its own: where they live in several "
        "tables, let category_path() give keys such as 'section-1' and 'group-1'."
    )


def _named_apart(told: Mapping[str, _Told], host_keys: Mapping[str, str], names: Mapping[str, str]) -> Mirror:
    mirrored = Mirror()
    taken: dict[tuple[str | None, str], str] = {}
    # Those whose mirrors have the plain name come first; a sort keeps the host's order otherwise.
    for key in sorted(told, key=lambda key: fold_name(names.get(key, "")) != fold_name(told[key].name)):
        taken.setdefault((told[key].parent, fold_name(told[key].name)), key)
    paths: dict[str, tuple[str, ...]] = {}
    for key, category in told.items():
        holder, name = taken[category.parent, fold_name(category.name)], category.name
        if holder != key:
            name = f"{name[: 190 - len(key)]} ({key})"
            mirrored.notes.append(
                f"Two categories are called {join_path(category.path)!r}, with the keys {holder!r} and {key!r}: the latter is "
                f"mirrored as {name!r}. Rename one of them."
            )
        # A path comes from its main category down, so the parent has been met.
        paths[key] = (*(paths[category.parent] if category.parent is not None else ()), name)
        mirrored.rows.append(CategoryRow(paths[key], key, None, host_keys.get(key, "")))
    return mirrored
