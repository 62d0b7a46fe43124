"""Finding ads by the words of their titles, whatever their accents and capitals."""

from __future__ import annotations

import unicodedata

from django.db import models

MAX_WORDS = 10


def fold(text: str) -> str:
    """Return the text in lower case and without accents: "CÁMARA" and "camara" are one word to a visitor."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


class FoldedField(models.TextField):
    """Keeps the folded text of another field of the same object; bulk inserts fill it too."""

    def __init__(self, source: str = "", **options: object) -> None:
        self.source = source
        super().__init__(**{**options, "editable": False, "default": ""})  # type: ignore[arg-type]

    def deconstruct(self) -> tuple[str, str, list[object], dict[str, object]]:
        name, path, args, options = super().deconstruct()
        del options["editable"], options["default"]
        return name, path, [*args], {**options, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        folded = fold(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, folded)
        return folded
