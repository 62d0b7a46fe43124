"""A folder of this machine that is open to nobody else, for what a site keeps between requests outside its own folders."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from django.conf import settings

PRIVATE = 0o700


def private_folder(purpose: str) -> Path:
    """Make the folder, of a name of the site's own and of this process's user.

    Raises ``OSError`` where it cannot be made, ``PermissionError`` where somebody else has made it or may look into it.
    """
    site = hashlib.sha256(f"{purpose}{settings.SECRET_KEY}{os.geteuid()}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"ad-autocategorize-{site}"
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else: remove it, or set TMPDIR to another folder.")
    return folder
