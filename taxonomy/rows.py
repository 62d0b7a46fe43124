"""What readers of files and mirrors of a host's categories hand to the import."""

from __future__ import annotations

from dataclasses import dataclass, field

from taxonomy.names import join_path

NOTHING = "Nothing was imported."


class ImportRefused(ValueError):
    """Something in the input is wrong; the message names the line, and nothing was imported."""


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category of the input: names from the main category to itself, the host's key, and its line in a file.

    ``host_key`` is what the host's own forms know the category by, if it is a mirror of one; ``translations`` are its names in
    other languages, by language code.
    """

    path: tuple[str, ...]
    external_id: str | None = None
    line: int | None = None
    host_key: str = ""
    translations: dict[str, str] = field(default_factory=dict, compare=False)

    def refuse(self, reason: str) -> ImportRefused:
        """Return the error that says what is wrong with this row."""
        where = f"Line {self.line}" if self.line is not None else join_path(self.path) or "A category"
        return ImportRefused(f"{where}: {reason} {NOTHING}")
