"""Car catalogs from JSON: brands that hold their models, or an object for each model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from taxonomy.readers.car_headers import COLUMNS
from taxonomy.readers.headers import NAMES
from taxonomy.readers.json_documents import parse_json
from taxonomy.readers.table import fold_header
from taxonomy.rows import NOTHING, ImportRefused

Cells = dict[str, str]

_OF_MODELS = ("body_type", "year", "first_year", "last_year")

_FRAMES = (
    "data",
    "brands",
    "makes",
    "marcas",
    "manufacturers",
    "cars",
    "vehicles",
    "results",
    "result",
    "items",
    "list",
)
_EXPECTED = (
    """Expected {"Seat": ["Ibiza"]}, objects with 'brand' and 'models', or objects with 'brand', 'model' and 'year'."""
)


def read_car_document(text: str) -> Iterator[tuple[str, Cells]]:
    """Yield each model of a document: its name for messages, and what the cells of a line of CSV would be, by ``COLUMNS``.

    Raises ``ImportRefused``.
    """
    for cells in _brands(parse_json(text, "model")):
        yield f"{cells.get('brand') or 'A car'} {cells.get('model') or cells.get('models') or ''}".strip(), cells


def _brands(value: Any) -> Iterator[Cells]:
    """Yield the cars in a value above which no brand was named.

    It may be a list, an object that wraps one, an object that is a car or a brand, or an object with brands as keys.
    """
    if isinstance(value, list):
        for item in value:
            yield from _brands(item)
    elif not isinstance(value, dict):
        raise ImportRefused(f"{value!r} is no car. {_EXPECTED} {NOTHING}")
    elif _says(value, "brand") or _says(value, "model") or _says(value, "models") or _name(value):
        yield from _object(value, "")
    else:
        folded = {fold_header(key): item for key, item in value.items() if isinstance(item, list | dict)}
        frame = next((folded[name] for name in _FRAMES if name in folded), None)
        if frame is not None:
            yield from _brands(frame)
            return
        for brand, item in value.items():
            yield from _models(item, brand)


def _object(value: dict[str, Any], brand: str) -> Iterator[Cells]:
    """Yield the cars of an object that is one model, or a brand with its models; ``brand`` is the one named above it, or ""."""
    cells = {column: text for column in COLUMNS if (text := _text(_entry(value, column)))}
    models = _entry(value, "models") or (_entry(value, "model") if "model" not in cells else None)
    named = cells.get("brand") or brand or (_name(value) if models else "")
    if isinstance(models, list | dict):
        if not named:
            raise ImportRefused(f"No brand is named where models are. {_EXPECTED} {NOTHING}")
        yield from _models(models, named)
        return
    cells["brand"], cells["model"] = named, cells.get("model") or _name(value)
    if not named or not (cells["model"] or models):
        lacking = "brand" if not named else "model"
        raise ImportRefused(f"{(cells['model'] or named)!r} has no {lacking}. {_EXPECTED} {NOTHING}")
    yield cells


def _models(value: Any, brand: str) -> Iterator[Cells]:
    """Yield the models of a brand.

    They may be an object that is a model, an object with years as keys, one with the names of models as keys, or a list.
    """
    if isinstance(value, list):
        for item in value:
            yield from _object(item, brand) if isinstance(item, dict) else [{"brand": brand, "model": _text(item)}]
    elif not isinstance(value, dict):
        raise ImportRefused(f"{brand!r} has no models. {_EXPECTED} {NOTHING}")
    elif _says(value, "models") or _says(value, "model"):
        yield from _object(value, brand)
    elif _has_years_as_keys(value):
        for year, items in value.items():
            yield from (cells | {"year": year} for cells in _models(items, brand))
    elif any(_says(value, column) for column in _OF_MODELS):
        raise ImportRefused(f"{brand!r} has no models. {_EXPECTED} {NOTHING}")
    else:
        for name, item in value.items():
            yield _named_model(name, item, brand)


def _has_years_as_keys(value: dict[str, Any]) -> bool:
    return bool(value) and all(map(_is_year, value)) and all(isinstance(items, list) for items in value.values())


def _named_model(name: str, value: Any, brand: str) -> Cells:
    """Return the cells of a model whose name is a key; the value under it may be an object, or a list of years."""
    if isinstance(value, dict):
        return next(_object(value | {"model": name}, brand))
    cells = {"brand": brand, "model": name}
    if isinstance(value, list) and value and all(map(_is_year, value)) and (years := _text(value)):
        cells["year"] = years
    return cells


def _entry(value: dict[str, Any], column: str) -> Any:
    """Return what an object has for one of ``COLUMNS``, under whatever name; ``None`` if it has nothing."""
    folded = {fold_header(key): item for key, item in reversed(value.items())}
    return next((folded[name] for name in COLUMNS[column] if folded.get(name) not in (None, "")), None)


def _says(value: dict[str, Any], column: str) -> bool:
    return _entry(value, column) is not None


def _name(value: dict[str, Any]) -> str:
    return next((_text(item) for key, item in value.items() if fold_header(key) in NAMES), "")


def _text(value: Any) -> str:
    """Return a value as a cell of CSV would have it. Of an object that is its name or its year, or else nothing."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return _name(value) or _text(value.get("year"))
    return str(value).strip()


def _is_year(value: Any) -> bool:
    text = str(value)
    return len(text) == 4 and text.isdecimal() and text[:2] in ("19", "20")
