"""Build the site of this version and list all the versions there are: ``python docs/build.py FOLDER``.

Each version lies in a folder of its own name, so that building a later one leaves the earlier ones as they are.
"""

import sys
import tomllib
from html import escape
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).parent
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>django-ad-autocategorize: documentation by version</title>
<h1>django-ad-autocategorize</h1><p>Documentation by version, the newest first:</p><ul>{items}</ul></html>
"""


def main(folder: Path) -> int:
    """Build with every warning an error; return the exit status."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    target = folder / project["version"]
    status = sphinx(["-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / ".doctrees"), str(DOCS), str(target)])
    if status == 0:
        versions = sorted((item.parent.name for item in folder.glob("*/index.html")), key=_by_number, reverse=True)
        items = "".join(f'<li><a href="{escape(name)}/index.html">{escape(name)}</a></li>' for name in versions)
        (folder / "index.html").write_text(PAGE.format(items=items), encoding="utf-8")
    return status


def _by_number(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
