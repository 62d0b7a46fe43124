"""Texts that hold paths of names: which sign stands between the steps, and how many paths a text holds."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from taxonomy.names import clean_name
from taxonomy.rows import NOTHING, ImportRefused

Path = tuple[str, ...]

# With spaces around it a sign is surely no part of a name, as it may be in "TV/Video".
_SIGNS = (">", "›", "»", "→", "::", "/", "|", "\\")
# What others write for ">".
_ARROWS = (">>", "->", "=>")
_USED_IN_NAMES = ("/", "|", "\\")
_ENTITY = re.compile(r"&(?:[a-zA-Z]+|#\d+|#x[0-9a-fA-F]+);")
_BETWEEN_PATHS = re.compile(r"\s*[;|\n]\s*")
_BETWEEN_PATHS_OR_IN_NAMES = re.compile(r"(?<!\\),")


def read_name(text: str) -> str:
    """Return a name as it is stored, without the entities of HTML."""
    return clean_name(_ENTITY.sub(lambda match: html.unescape(match.group()), text))


@dataclass(frozen=True, slots=True)
class PathReader:
    """Reads the paths of one file, after a look at all its texts; ``separator`` is the sign between steps, "" for none."""

    separator: str
    sign_is_written: bool
    main: frozenset[str] = frozenset()

    def paths(self, text: str) -> list[Path]:
        """Return the path that a text holds, or each of several: "Toys > Dolls | Books"."""
        text = self._decode(text)
        parts = [part for part in _BETWEEN_PATHS.split(text) if part] if self.separator else [text]
        if len(parts) < 2 or not all(self._is_path(part) for part in parts):
            parts = [text]
        return [self._steps(path) for part in parts for path in self._apart_by_comma(part)]

    def path(self, text: str) -> Path:
        """Return the one path that a text holds."""
        return self._steps(self._decode(text))

    def _apart_by_comma(self, text: str) -> list[str]:
        r"""Split at the commas between two main categories: names have commas too. ``\,`` is always part of a name."""
        parts: list[str] = []
        for part in _BETWEEN_PATHS_OR_IN_NAMES.split(text):
            if parts and not (self._begins_path(part) and self._begins_path(parts[-1])):
                parts[-1] += f",{part}"
            else:
                parts.append(part)
        return [part.replace("\\,", ",") for part in parts]

    def _begins_path(self, text: str) -> bool:
        return self._steps(text)[0] in self.main

    def _is_path(self, text: str) -> bool:
        return len(self._steps(text)) > 1 or self._begins_path(text)

    def _steps(self, text: str) -> Path:
        sign = self.separator.strip()
        if not sign:
            return (clean_name(text),)
        if sign in _USED_IN_NAMES:
            text = text.strip().strip(sign)
        between = re.escape(sign)
        if self.separator != sign:
            between = rf"(?:(?<=\s)|^){between}(?=\s|$)"
        return tuple(clean_name(step.replace(f"\\{sign}", sign)) for step in re.split(rf"(?<!\\){between}", text))

    def _decode(self, text: str) -> str:
        """Return the text without entities. Where the sign itself separates steps, an encoded one is part of a name."""
        sign = self.separator.strip()

        def character(match: re.Match[str]) -> str:
            decoded = html.unescape(match.group())
            return f"\\{sign}" if self.sign_is_written and decoded == sign else decoded

        return _ENTITY.sub(character, text)


def path_reader(texts: Sequence[str], separator: str | None = None) -> PathReader:
    """Return the reader of these texts, with this sign between steps or the one they show.

    Raises ``ImportRefused`` where a sign may as well be part of names.
    """
    if separator is None:
        separator = _separator(texts) or _separator([html.unescape(text) for text in texts])
    sign = separator.strip()
    written = bool(sign) and any(sign in text for text in texts)
    reader = PathReader(separator, written)
    return PathReader(separator, written, frozenset(reader.path(text)[0] for text in texts if text))


def _separator(texts: Sequence[str]) -> str:
    bare = [text.strip("".join(_USED_IN_NAMES)) for text in texts]
    for sign in _ARROWS:
        if any(sign in text for text in texts) and not any(">" in text.replace(sign, "") for text in texts):
            return sign
    spaced = [f" {sign} " for sign in _SIGNS if any(re.search(rf"\S\s+{re.escape(sign)}\s+\S", text) for text in bare)]
    counts = {sign: sum(sign in text for text in bare) for sign in _SIGNS}
    separator = spaced[0] if spaced else max(_SIGNS, key=lambda sign: counts[sign])
    sign = separator.strip()
    if not counts[sign]:
        return ""
    if sign in _USED_IN_NAMES and not are_paths(bare, sign):
        example = next(text for text in bare if sign in text)
        raise ImportRefused(
            f"{example!r} may be a name, or a path with {sign!r} between its steps: say which with "
            f"--separator '{sign}' or --separator '>'. {NOTHING}"
        )
    return separator


def are_paths(texts: Sequence[str], sign: str) -> bool:
    """Return whether all texts have the sign, or what stands before the last one is listed too or occurs more than once."""
    if all(sign in text for text in texts):
        return True
    listed = {tuple(clean_name(step) for step in text.split(sign)) for text in texts}
    above = Counter(path[:-1] for path in listed if len(path) > 1)
    return all(path in listed or count > 1 for path, count in above.items())
