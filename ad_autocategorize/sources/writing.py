"""Writes a car field of an ad, given as text, on the path that a source gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CharField, IntegerField, Model, TextField
from django.db.models.constants import LOOKUP_SEP
from django.utils.translation import gettext as _

from ad_autocategorize.sources.cars import CAR_FIELDS, NAME, fold, text_of
from ad_autocategorize.sources.fields import FieldPaths, SourceError, resolve_field

PLAIN = (CharField, TextField, IntegerField)


def lock_own_records(source: FieldPaths, ad: Any) -> None:
    """Read the ad's own records, those that one-to-one relations of the car fields lead to, anew and lock them."""
    seen = set()
    for name in CAR_FIELDS:
        described = getattr(source, name)
        for owner in _owners(ad, described) if described and source.is_path(name) else ():
            if owner is not ad and owner not in seen:
                seen.add(owner)
                owner.refresh_from_db(
                    from_queryset=type(owner)._default_manager.using(owner._state.db).select_for_update()
                )


def write_car_field(source: FieldPaths, ad: Any, name: str, text: str) -> None:
    """Write a text where the source's path leads; see ``AdSource.set_car_field``. Raises ``SourceError``."""
    described = getattr(source, name)
    if not described or not source.is_path(name):
        raise SourceError(_refusal(source, name))
    # The ad, and its own records as far as there are any; the field is of the last one.
    owners = list(_owners(ad, described))
    owner = owners[-1]
    step, *beyond = described.split(LOOKUP_SEP)[len(owners) - 1 :]
    field = resolve_field(type(owner), step)
    value: Model | str | None
    if field.one_to_one and beyond:
        raise SourceError(_("This ad has no record of its car; its seller or a moderator has to make one first."))
    if field.many_to_one and len(beyond) <= 1:
        value = _row_to_point_at(source, ad, name, field, beyond[0] if beyond else NAME, text)
    elif isinstance(field, PLAIN) and not beyond:
        value = None if field.null and not text else text
    else:
        raise SourceError(_refusal(source, name))
    _save(owner, field, value)


def _owners(ad: Any, described: str) -> Iterator[Any]:
    """Yield the ad and the records of its own along a path; a foreign key leads to what other ads share."""
    owner = ad
    yield owner
    for step in described.split(LOOKUP_SEP)[:-1]:
        owner = getattr(owner, step, None) if resolve_field(type(owner), step).one_to_one else None
        if owner is None:
            return
        yield owner


def _row_to_point_at(source: FieldPaths, ad: Any, name: str, field: Any, key: str, text: str) -> Model | None:
    """Return the row of a foreign key's table that says ``text`` in its field ``key``; ``None`` for an empty text."""
    if key != NAME and not resolve_field(field.related_model, key).unique:
        # Another row with this value would be another thing altogether.
        raise SourceError(_refusal(source, name))
    if not text:
        return None
    rows = field.related_model._default_manager
    found: list[Model] = list(rows.filter(**{key: text}))
    if not found:
        found = [row for row in rows.all() if fold(str(getattr(row, key))) == fold(text)]
    if len(found) > 1 and name == "car_model":
        # Two brands may give their models the same name.
        brand = fold(text_of(source.value_of(ad, "brand")))
        found = [row for row in found if fold(text_of(getattr(row, "brand", None))) == brand]
    values = {"value": text, "table": field.related_model._meta.verbose_name_plural}
    if not found:
        raise SourceError(
            _("“%(value)s” is missing from the site's %(table)s: add it, or choose something else.") % values
        )
    if len(found) > 1:
        raise SourceError(
            _("“%(value)s” stands several times in the site's %(table)s: mend the ad on its own page.") % values
        )
    return found[0]


def _save(owner: Any, field: Any, value: Any) -> None:
    if value is None and not field.null:
        raise SourceError(_("“%(field)s” cannot be left empty.") % {"field": field.verbose_name})
    try:
        if value and not isinstance(value, Model):
            value = field.clean(value, owner)
        setattr(owner, field.name, value)
        with transaction.atomic(using=owner._state.db):
            owner.save(update_fields=[field.name])
    except (ValidationError, IntegrityError) as error:
        problem = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise SourceError(_("“%(field)s”: %(problem)s") % {"field": field.verbose_name, "problem": problem}) from error


def _refusal(source: FieldPaths, name: str) -> str:
    return (
        f"{type(source).__name__}.set_car_field(ad, {name!r}, text) is missing: say how the ad is changed. Only a text, a whole "
        f"number or a foreign key to a row with a name, on the ad or on a record of its own, is written without it."
    )
