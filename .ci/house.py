"""Prints how the plugin's files and folders import one another; fails where two files or two folders import each other.

``PYTHONPATH=. python .ci/house.py``. The order of the folders is the layers contract of ``pyproject.toml``; this counts circles,
which the contract does not see within a layer.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping

import grimp
import networkx as nx

PACKAGES = ("ad_autocategorize", "taxonomy", "marketplace")


def main() -> int:
    """Print the counts and the circles; return 1 if there is a circle."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    names = {name for name in graph.modules if ".migrations" not in name}
    files = {name: graph.find_modules_directly_imported_by(name) & names - {name} for name in names}
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for name, imported in files.items():
        folders[_folder(name, graph)] |= {_folder(other, graph) for other in imported} - {_folder(name, graph)}
    found = 0
    for kind, arrows in (("files", files), ("folders", folders)):
        circles = list(_circles(arrows))
        found += len(circles)
        print(f"{kind}: {len(arrows)}, imports: {sum(map(len, arrows.values()))}, circles: {len(circles)}")
        for circle in circles:
            print("  " + ", ".join(sorted(circle)))
    return 1 if found else 0


def _folder(module: str, graph: grimp.ImportGraph) -> str:
    """Return the package that a module is in; a file of the plugin's own root stands for itself."""
    if module in PACKAGES or (module.count(".") == 1 and not graph.find_children(module)):
        return module
    return module if graph.find_children(module) else module.rpartition(".")[0]


def _circles(arrows: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """Yield what imports itself by way of others."""
    for part in nx.strongly_connected_components(nx.DiGraph(arrows)):
        if len(part) > 1:
            yield part


if __name__ == "__main__":
    sys.exit(main())
