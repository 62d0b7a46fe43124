"""Trees whose categories have a path beside their name: their own path, in names, keys or slugs, or that of their parent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from taxonomy.names import fold_name, fold_path
from taxonomy.readers.parents import Node, follow_paths, rows_of
from taxonomy.readers.paths import Path, PathReader, path_reader
from taxonomy.rows import CategoryRow

# A path of django-treebeard: four characters per step, and nothing between them.
_STEPS = re.compile(r"(?:[0-9A-Z]{4})+")


def rows_of_named_paths(
    nodes: Sequence[Node], texts: Sequence[str], separator: str | None, *, filed: bool = False
) -> Iterator[CategoryRow]:
    """Return the rows of ``nodes``; what their paths mean is decided by all of them together.

    Parameters
    ----------
    texts : the text of each node's path.
    separator : the sign between the steps; ``None`` to find it.
    filed : whether the nodes may be ads or products, and the paths those of the categories that they are filed in.

    Raises
    ------
    ImportRefused : the paths do not fit the names.
    """
    reader = path_reader(texts, separator)
    paths = [reader.path(text) if text else () for text in texts]
    pairs = list(zip(paths, nodes, strict=True))
    own = (CategoryRow((*path[:-1], node.name or path[-1]), node.key, node.line) for path, node in pairs)
    # The node's own path, in names: exactly, or (further below) up to case and spaces.
    if all(path and path[-1] == (node.name or path[-1]) for path, node in pairs):
        return own
    if _are_above(paths, nodes):
        return (CategoryRow((*path, node.name), node.key, node.line) for path, node in pairs)
    unique = len(set(texts)) == len(texts)
    if unique and not filed and _follow(nodes, texts, paths, reader):
        return rows_of(nodes)
    if all(path and fold_name(path[-1]) == fold_name(node.name or path[-1]) for path, node in pairs):
        return own
    if unique and not filed:
        nodes[0].refuse(
            "its path does not end with its name, and the paths above are not all in the file. Leave the paths out if they "
            "are addresses of pages."
        )
    return _rows_of_filed(nodes, texts, reader)


def _follow(nodes: Sequence[Node], texts: Sequence[str], paths: Sequence[Path], reader: PathReader) -> bool:
    """Set the parents of nodes by paths of keys or slugs, if the paths above are all there; return whether they are."""
    steps = ["/".join(re.findall("....", text)) for text in texts if _STEPS.fullmatch(text)]
    if len(steps) == len(texts):
        follow_paths(nodes, steps, "/")
        return True
    known = set(paths)
    if not all(path and (len(path) == 1 or path[:-1] in known) for path in paths):
        return False
    follow_paths(nodes, texts, reader.separator.strip() or "/")
    return True


def _are_above(paths: Sequence[Path], nodes: Sequence[Node]) -> bool:
    """Return whether every path is that of the node's parent: the whole path of another node, or empty."""
    whole = {fold_path((*path, node.name)) for path, node in zip(paths, nodes, strict=True)}
    return not all(paths) and all(not path or fold_path(path) in whole for path in paths)


def _rows_of_filed(nodes: Sequence[Node], texts: Sequence[str], reader: PathReader) -> Iterator[CategoryRow]:
    for node, text in zip(nodes, texts, strict=True):
        if text:
            yield from (CategoryRow(path, None, node.line) for path in reader.paths(text))
