"""Photos of a form that comes back: the site holds them for some hours, and the form names them by a signed, expiring token.

On the server rather than in the browser: it works without JavaScript, and a phone sends each photo once. What is held is what the
form's own field has let in, in a private folder or in ``STORAGES["held_photos"]``, under names that nobody can guess.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.forms.widgets import Media
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.base_widgets import WrappingWidget, endpoint
from ad_autocategorize.private_folder import private_folder

if TYPE_CHECKING:
    _Base = forms.BaseForm
else:
    _Base = object

ALIAS = "held_photos"
HELD_SECONDS = 6 * 3600
# Of one form, and of all of them: beyond it nothing more is held, and the seller chooses the photos again.
MOST_PHOTOS = 20
MOST_BYTES = 2**30
LONGEST_NAME = 100

SALT = "ad_autocategorize.held_photos"
SHOWN_SALT = f"{SALT}.shown"
# When it was held, in seconds, and a number that nobody can guess.
KEY = re.compile(r"(\d{10})-[0-9a-f]{32}(?:\.[a-z0-9]{1,5})?")
TOKEN_SUFFIX = "_held"  # noqa: S105 - of a field's name
KEEP_SUFFIX = "_keep"
# What a browser may show of them, by how the file begins.
KINDS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"RIFF", "image/webp"))


@dataclass(frozen=True, slots=True)
class HeldPhoto:
    """A photo that is held: the storage's name for it, and the seller's."""

    key: str
    name: str

    @property
    def address(self) -> str:
        """Where the photo can be seen by whoever holds the page; nothing where the API is not mounted."""
        return endpoint("held-photo", signing.dumps(self.key, salt=SHOWN_SALT))


class HeldFile(SimpleUploadedFile):
    """A photo that was held, as if it had been sent once more."""

    def __init__(self, photo: HeldPhoto, content: bytes, content_type: str) -> None:
        super().__init__(photo.name, content, content_type)
        self.photo = photo


class HeldPhotosWidget(WrappingWidget):
    """Wraps the form's own file input, and lists after it the photos that are held, each of which can be left out."""

    template_name = "ad_autocategorize/held_photos.html"

    def __init__(self, widget: forms.Widget, prefix: str | None) -> None:
        super().__init__(widget, prefix)
        self.photos: Sequence[HeldPhoto] = ()

    @property
    def media(self) -> Media:
        return self.widget.media + Media(css={"all": ["ad_autocategorize/held-photos.css"]})

    def use_required_attribute(self, initial: Any) -> bool:
        return not self.photos and super().use_required_attribute(initial)

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        context = {
            "photo_widget": self.widget.render(name, value, attrs, renderer),
            "photos": self.photos,
            "token": make_token(self.photos),
            "token_name": name + TOKEN_SUFFIX,
            "keep_name": name + KEEP_SUFFIX,
        }
        return render_to_string(self.template_name, context)


class HeldPhotosMixin(_Base):
    """Put it first of all mixins, and name the form's file field in ``held_photo_field``.

    A photo that the field lets in is held as the form comes back, whatever is wrong elsewhere, and stands among the form's files
    as it is sent again: views and fields need no code for it.
    """

    held_photo_field: ClassVar[str] = "photos"
    # The car's part of the form asks for the photo once more where nothing holds it.
    holds_photos: ClassVar[bool] = True

    def __init__(self, data: Any = None, files: Any = None, *args: Any, **kwargs: Any) -> None:
        prefix = kwargs.get("prefix", args[1] if len(args) > 1 else None) or self.prefix
        name = f"{prefix}-{self.held_photo_field}" if prefix else self.held_photo_field
        self._lost_photos = 0
        self._is_held = False
        if data is not None and data.get(name + TOKEN_SUFFIX):
            files = self._with_held(name, data, files)
        super().__init__(data, files, *args, **kwargs)
        self._held_widget: HeldPhotosWidget | None = None
        if self.held_photo_field in self.fields:
            field = self.fields[self.held_photo_field]
            field.widget = self._held_widget = HeldPhotosWidget(field.widget, self.prefix)

    def is_valid(self) -> bool:
        """Hold the photos too where the form is not valid: it is about to come back."""
        valid = super().is_valid()
        if self.is_bound and not valid:
            self._hold()
        return valid

    def full_clean(self) -> None:
        super().full_clean()
        if self._lost_photos and self.held_photo_field in self.fields:
            lost, self._lost_photos = self._lost_photos, 0
            self.add_error(self.held_photo_field, _("Photos are kept for some hours only. Choose again: %d") % lost)

    def _with_held(self, name: str, data: Any, files: Any) -> MultiValueDict[str, Any]:
        """Return the files that were sent and, before them, the held ones that the seller kept."""
        photos = read_token(str(data.get(name + TOKEN_SUFFIX)))
        kept = data.getlist(name + KEEP_SUFFIX) if hasattr(data, "getlist") else data.get(name + KEEP_SUFFIX, [])
        wanted = [photo for photo in photos or () if photo.key in kept]
        restored = [file for file in map(restore, wanted) if file is not None]
        self._lost_photos = len(kept) - len(restored)
        merged: MultiValueDict[str, Any] = MultiValueDict()
        for other in files or ():
            merged.setlist(other, files.getlist(other) if hasattr(files, "getlist") else [files[other]])
        merged.setlist(name, [*restored, *merged.getlist(name)])
        if not merged.getlist(name):
            del merged[name]
        return merged

    def _hold(self) -> None:
        """Hold every photo that the field lets in, once, and list them in the form."""
        if self._is_held or self._held_widget is None:
            return
        self._is_held = True
        field = self.fields[self.held_photo_field]
        sent = self.files.getlist(self.add_prefix(self.held_photo_field)) if hasattr(self.files, "getlist") else []
        photos = []
        for file in sent[:MOST_PHOTOS]:
            if isinstance(file, HeldFile):
                photos.append(file.photo)
                continue
            let_in = self._let_in(field, file)
            photo = hold(let_in, file.name or "") if let_in is not None else None
            if photo is not None:
                photos.append(photo)
        self._held_widget.photos = photos

    def _let_in(self, field: forms.Field, file: UploadedFile) -> File[Any] | None:
        """Return one photo as the form's own field makes it, or ``None`` for one that it refuses."""
        try:
            file.seek(0)
            cleaned = field.clean([file] if _takes_several(field) else file)
        except (ValidationError, ValueError):
            return None
        found = cleaned[0] if isinstance(cleaned, list | tuple) and cleaned else cleaned
        return found if isinstance(found, File) else None


def make_token(photos: Sequence[HeldPhoto]) -> str:
    """Return what names these photos in a form, for ``HELD_SECONDS``; an empty text for none."""
    return signing.dumps([[photo.key, photo.name] for photo in photos], salt=SALT, compress=True) if photos else ""


def read_token(token: str) -> list[HeldPhoto] | None:
    """Return the photos that a token names, or ``None`` for one that is too old or was never made here."""
    try:
        named = signing.loads(token, salt=SALT, max_age=HELD_SECONDS)
    except signing.BadSignature:
        return None
    return [HeldPhoto(key, name) for key, name in named]


def hold(file: File[Any], name: str) -> HeldPhoto | None:
    """Store a photo for a while; ``None`` where too much is held already. What has been held too long goes."""
    storage, now = held_storage(), int(time.time())
    held = sum(size for _key, size in purge(storage, now))
    if held + (file.size or 0) > MOST_BYTES:
        return None
    suffix = PurePath(file.name or "").suffix.lower()
    key = f"{now}-{secrets.token_hex(16)}"
    if KEY.fullmatch(key + suffix):
        key += suffix
    file.seek(0)
    return HeldPhoto(storage.save(key, file), PurePath(name).name[-LONGEST_NAME:])


def restore(photo: HeldPhoto) -> HeldFile | None:
    """Return a held photo as an upload, or ``None`` where it has gone."""
    content = read_held(photo.key)
    return None if content is None else HeldFile(photo, content, kind_of(content) or "application/octet-stream")


def read_held(key: str) -> bytes | None:
    """Return the content of a held photo, or ``None`` where it has gone."""
    if not KEY.fullmatch(key):
        return None
    try:
        with held_storage().open(key) as file:
            return bytes(file.read())
    except OSError:
        return None


def read_shown(token: str) -> tuple[bytes, str] | None:
    """Return content and type of the photo that an address is for; ``None`` for what is no photo, has gone or is too old."""
    try:
        content = read_held(signing.loads(token, salt=SHOWN_SALT, max_age=HELD_SECONDS))
    except signing.BadSignature:
        return None
    kind = kind_of(content) if content else None
    return (content, kind) if content and kind else None


def kind_of(content: bytes) -> str | None:
    """Return the media type of a photo, by how it begins."""
    return next((kind for beginning, kind in KINDS if content.startswith(beginning)), None)


def purge(storage: Storage, now: int) -> Iterator[tuple[str, int]]:
    """Delete what has been held for longer than any token is good for; yield key and size, in bytes, of the rest."""
    try:
        _folders, names = storage.listdir("")
    except FileNotFoundError:
        return
    for name in names:
        found = KEY.fullmatch(name)
        if found is None:
            continue
        if int(found[1]) < now - HELD_SECONDS:
            storage.delete(name)
            continue
        try:
            yield name, storage.size(name)
        except OSError:
            # Deleted meanwhile by another process.
            continue


def held_storage() -> Storage:
    """Return ``STORAGES["held_photos"]``, or a folder of this machine that is open to nobody else."""
    try:
        return storages[ALIAS]
    except InvalidStorageError:
        return FileSystemStorage(private_folder(ALIAS), file_permissions_mode=0o600, directory_permissions_mode=0o700)


def _takes_several(field: forms.Field) -> bool:
    widget: Any = field.widget
    while isinstance(widget, WrappingWidget):
        widget = widget.widget
    return bool(getattr(widget, "allow_multiple_selected", False))
