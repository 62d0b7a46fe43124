"""Finds the messages of errors in the code. ``python -m tests.docs.messages`` prints those that the page lacks."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "ad_autocategorize", ROOT / "taxonomy")
PAGE = ROOT / "docs" / "troubleshooting.md"
# What a programmer of ours would see, not whoever runs the site.
INTERNAL = {"NotImplementedError", "AttributeError", "KeyError", "AssertionError", "TypeError"}
CHECKS = {"Error", "Warning"}
TRANSLATIONS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
CODE = re.compile(r"[a-z_]+$")


def messages() -> set[str]:
    """Return all messages, with … for what is put in."""
    found = set()
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            if "migrations" not in path.parts:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                found |= {*_messages(tree), *_listed(tree)}
    return {message for message in found if re.search(r"\w\w", message)}


def written() -> set[str]:
    """Return the messages of the page: what stands as code in the first column of its tables."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {re.match(r"\| (`+) ?(.*?) ?\1 \|", line)[2].replace("\\|", "|") for line in lines}


def _messages(tree: ast.Module) -> Iterator[str]:
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef):
            continue
        names = _assigned(scope)
        for node in ast.walk(scope):
            call = node.exc if isinstance(node, ast.Raise) else node
            if not isinstance(call, ast.Call) or not call.args:
                continue
            raised = ast.unparse(call.func).split(".")[-1]
            is_check = (
                not isinstance(node, ast.Raise) and raised in CHECKS and any(item.arg == "id" for item in call.keywords)
            )
            if is_check or (isinstance(node, ast.Raise) and raised not in INTERNAL):
                # Some errors have a code before the text.
                texts = [text for argument in call.args for text in _texts(argument, names)]
                yield from (_plain(text) for text in texts if not CODE.match(text))


def _listed(tree: ast.Module) -> Iterator[str]:
    """Yield the messages that stand in a dictionary of a module, by their codes."""
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(value, ast.Dict) and any(isinstance(t, ast.Name) and t.id.endswith("MESSAGES") for t in targets):
            yield from (_plain(text) for text in _texts(value, {}))


def _assigned(scope: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name in a function."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _texts(node: ast.expr, names: dict[str, list[ast.expr]]) -> list[str]:
    """Return the texts that an expression may be; none where it is not a text of this function."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)]
    if isinstance(node, ast.BinOp):
        return _texts(node.left, names)
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, names), *_texts(node.orelse, names)]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in TRANSLATIONS:
        return [text for argument in node.args for text in _texts(argument, names)]
    if isinstance(node, ast.Name):
        return [
            text for value in names.get(node.id, []) if not isinstance(value, ast.Name) for text in _texts(value, names)
        ]
    if isinstance(node, ast.Dict):
        return [text for value in node.values for text in _texts(value, names)]
    return []


def _plain(text: str) -> str:
    """Write every kind of placeholder as … and every run of spaces as one."""
    return re.sub(r"\s+", " ", re.sub(r"%\(\w+\)[sd]|%%|\{\w+\}", "…", text)).strip()


if __name__ == "__main__":
    for message in sorted(messages() - written()):
        print(message)  # noqa: T201
