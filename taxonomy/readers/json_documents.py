"""Reading JSON files: one document, or one object per line; without what MongoDB and Django's fixtures wrap values in."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from taxonomy.rows import NOTHING, ImportRefused

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"(\\+)u(d[89a-f][0-9a-f]{2})", re.IGNORECASE)
_MONGO_TYPES = {"$oid", "$uuid", "$numberInt", "$numberLong", "$numberDouble", "$symbol"}


def parse_json(text: str, wanted: str) -> Any:
    """Return the document of a text, or the list of its objects if it has one per line.

    For a Django fixture that is a list with the fields of each row, and its key as ``id``. Of several models, the rows are
    those of the one whose name contains ``wanted``. Raises ``ImportRefused``.
    """
    return _fixture_rows(_parse(text), wanted)


def _parse(text: str) -> Any:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    try:
        try:
            document = json.loads(text, object_hook=_unwrapped)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
            return [_parse_line(line, number) for number, line in lines]
        # A lone surrogate, which no database can store, is refused wherever it is in the document.
        if _SURROGATE.search(json.dumps(document, ensure_ascii=False)):
            _refuse_surrogate(text)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {error.lineno}: not valid JSON ({error.msg}). {NOTHING}") from error
    except RecursionError as error:
        raise ImportRefused(f"The JSON is nested too deeply to be read. {NOTHING}") from error
    return document


def _parse_line(line: str, number: int) -> Any:
    try:
        document = json.loads(line, object_hook=_unwrapped)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {number}: not valid JSON ({error.msg}). {NOTHING}") from error
    if _SURROGATE.search(json.dumps(document, ensure_ascii=False)):
        raise ImportRefused(f"Line {number}: the text holds half a sign (a lone surrogate). {NOTHING}")
    return document


def _refuse_surrogate(text: str) -> NoReturn:
    """Raise ``ImportRefused`` with the line of the first escape of a surrogate that is not part of a pair."""
    # An escape counts unless the number of its backslashes is even: then they escape each other.
    escapes = [match for match in _ESCAPE.finditer(text) if len(match[1]) % 2]
    alone, place = 0, 0
    while place < len(escapes):
        first, second = escapes[place], escapes[place + 1] if place + 1 < len(escapes) else None
        is_pair = second is not None and first.end() == second.start() and _is_high(first) and not _is_high(second)
        if not is_pair:
            alone = first.start()
            break
        place += 2
    line = text.count("\n", 0, alone) + 1
    raise ImportRefused(f"Line {line}: the text holds half a sign (a lone surrogate). {NOTHING}")


def _is_high(escape: re.Match[str]) -> bool:
    """Return whether an escape is of the first half of a surrogate pair: D800 to DBFF."""
    return escape[2][1] in "89abAB"


def _unwrapped(entries: dict[str, Any]) -> Any:
    """Return what MongoDB's ``{"$oid": key}`` stands for, and anything else as it is."""
    if len(entries) == 1:
        name, value = next(iter(entries.items()))
        if name in _MONGO_TYPES:
            return value
    return entries


def _fixture_rows(document: Any, wanted: str) -> Any:
    """Return the rows of a Django fixture (see ``parse_json``), and any other document as it is."""
    rows = document if isinstance(document, list) else []
    if not rows or not all(isinstance(row, dict) and isinstance(row.get("fields"), dict) for row in rows):
        return document
    models = sorted({str(row.get("model", "")) for row in rows})
    # The shortest name first: "category" rather than "categoryimage".
    named = sorted((model for model in models if wanted in model.rpartition(".")[2].lower()), key=len)
    if len(models) > 1 and (not named or len({len(model) for model in named[:2]}) < len(named[:2])):
        raise ImportRefused(
            f"The fixture holds {', '.join(models)}: export the model that is meant alone, with dumpdata. {NOTHING}"
        )
    return [
        {**row["fields"], **({"id": row["pk"]} if row.get("pk") is not None else {})}
        for row in rows
        if str(row.get("model", "")) == (named or models)[0]
    ]
