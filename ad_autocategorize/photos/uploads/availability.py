"""Whether a decoding process can be started here. The system checks ask this too, which may run without Pillow."""

from __future__ import annotations

import sys
from pathlib import Path


def why_unavailable() -> str | None:
    """Return why no decoding process can be started, as far as can be told without trying; ``None`` if nothing is known."""
    try:
        import resource  # noqa: F401
    except ImportError:
        return f"{sys.platform} has no limits for processes"
    return None if interpreter() else "the Python interpreter cannot be found"


def interpreter() -> str | None:
    """Return the path of this environment's Python, which is not always ``sys.executable``: servers may embed Python."""
    candidates = [Path(sys.executable or ""), Path(sys.prefix) / "bin" / "python3", Path(sys.prefix) / "bin" / "python"]
    return next((str(path) for path in candidates if path.name.startswith("python") and path.is_file()), None)
