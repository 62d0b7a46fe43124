"""The code in the documentation can be copied as it stands: imports are there, and they work."""

import ast
import importlib
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What a reader would ask "from where?" of.
OURS = {
    "AdSource": "ad_autocategorize.sources",
    "HostCategory": "ad_autocategorize.sources",
    "SourceError": "ad_autocategorize.sources",
    "CategorySuggestionMixin": "ad_autocategorize.forms",
    "CarPhotoMixin": "ad_autocategorize.forms",
    "CategoryPickerWidget": "ad_autocategorize.widgets",
    "PhotoInput": "ad_autocategorize.widgets",
    "CategoryCheckMixin": "ad_autocategorize.moderation.mixins",
    "suggest_categories": "ad_autocategorize.services",
    "suggest_car": "ad_autocategorize.services",
}


def snippets():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE), 1):
            yield pytest.param(textwrap.dedent(block), id=f"{page.relative_to(ROOT)}:{number}")


@pytest.mark.parametrize("code", list(snippets()))
def test_a_snippet_is_python_and_imports_what_it_uses_of_ours(code):
    tree = ast.parse(code)
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("ad_autocategorize", "taxonomy"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
                imported[alias.name] = node.module
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & set(OURS)
    for name in used:
        assert imported.get(name) == OURS[name], f"from {OURS[name]} import {name}"
