"""A storage such as S3's: names and contents, no paths, over a network that may fail."""

from __future__ import annotations

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from ad_autocategorize.conf import SETTING


class NetworkDown(Exception):
    """What the library of an object store raises: no ``OSError``."""


class ObjectStore(Storage):
    """Keeps objects in memory. ``fails_after`` more requests it is away; ``None`` for never."""

    def __init__(self):
        self.objects: dict[str, bytes] = {}
        self.fails_after: int | None = None
        self.saved: list[str] = []

    def _request(self):
        if self.fails_after is not None:
            if self.fails_after <= 0:
                raise NetworkDown("no route to host")
            self.fails_after -= 1

    def _open(self, name, mode="rb"):
        self._request()
        if name not in self.objects:
            raise FileNotFoundError(name)
        return ContentFile(self.objects[name], name)

    def _save(self, name, content: File):
        self._request()
        self.objects[name] = content.read()
        self.saved.append(name)
        return name

    def exists(self, name):
        return name in self.objects

    def delete(self, name):
        self._request()
        self.objects.pop(name, None)

    def listdir(self, path):
        self._request()
        prefix = f"{path}/" if path else ""
        rest = [name.removeprefix(prefix) for name in self.objects if name.startswith(prefix)]
        folders = {name.partition("/")[0] for name in rest if "/" in name}
        return sorted(folders), sorted(name for name in rest if "/" not in name)


def name_storage(settings, backend="tests.plugin.object_store.ObjectStore", **options):
    """Let the site keep its models in a storage of that class."""
    settings.STORAGES = {**settings.STORAGES, "models": {"BACKEND": backend, "OPTIONS": options}}
    setattr(settings, SETTING, {**getattr(settings, SETTING), "MODEL_STORAGE": "models"})
