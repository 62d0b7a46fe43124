"""Category trees from files, their form told by the whole file: what is not understood is refused, not guessed."""

from __future__ import annotations

from taxonomy.readers.category_tables import is_category_column, read_category_table
from taxonomy.readers.json_trees import read_json
from taxonomy.readers.lines import (
    read_columns,
    read_lines,
    read_outline,
    refuse_other_languages,
    refuse_unknown_table,
)
from taxonomy.readers.table import read_table
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

_FORMS = (
    "CSV with a column 'path' (A > B > C), columns 'level1', 'level2', ..., or columns 'id', 'name', 'parent_id'; JSON of "
    "objects with 'name' and 'children' or 'parent_id'; lines such as '12 - A > B > C'; indented lines; or a line 'name' above "
    "names"
)


def read_categories(text: str, separator: str | None = None) -> list[CategoryRow]:
    """Return the categories of a file's text, with ``separator`` between the steps of a path or the sign that shows.

    Raises ``ImportRefused``.
    """
    start = text.lstrip()[:1]
    if not start:
        return []
    if start in ("[", "{"):
        return list(read_json(text, separator))
    refuse_other_languages(text)
    rows = read_outline(text)
    if rows is None:
        table = read_table(text, is_category_column)
        rows = read_category_table(table, separator) if table is not None else None
    if rows is None:
        rows = read_columns(text, separator)
    if rows is None:
        refuse_unknown_table(text)
        rows = read_lines(text, separator)
    if rows is None:
        raise ImportRefused(f"The form of the file is not known. Expected: {_FORMS}. {NOTHING}")
    return list(rows)
