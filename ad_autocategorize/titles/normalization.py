"""From a seller's title to a sequence of tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

from ad_autocategorize.titles.settings import TitleSettings

# What sellers write around the thing they sell; it says nothing about its category.
MARKETPLACE_STOPWORDS: dict[str, tuple[str, ...]] = {
    "es": (
        "vendo", "venta", "en venta", "se vende", "oferta", "oportunidad", "liquido", "permuto", "urgente", "nuevo",
        "nueva", "usado", "usada", "impecable", "excelente estado", "envio gratis", "precio", "consultar",
    ),
    "en": (
        "for sale", "selling", "sale", "offer", "bargain", "new", "used", "like new", "excellent condition",
        "free shipping", "price", "urgent",
    ),
    "pt": (
        "vendo", "venda", "a venda", "oferta", "oportunidade", "urgente", "novo", "nova", "usado", "usada",
        "otimo estado", "frete gratis", "preco",
    ),
}  # fmt: skip

# Numbers whose words are kept at hand.
REMEMBERED_NUMBERS = 4096
# Ends each title among the tokens of many; no token of a title is a line break.
BREAK = "\n"

# Runs of digits or of letters. The plain letters that most runs begin with are found in half the time.
_WORD = re.compile(r"[a-z]+[^\W\d_]*|[^\W\d_]+|\d+")
_WORD_OR_BREAK = re.compile(_WORD.pattern + r"|\n")
_COMBINING_MARKS = re.compile(r"[\u0300-\u036f]+")
_NUMBER = re.compile(r"\d{1,12}")


class Normalizer:
    """Turns titles into tokens, step by step as ``TitleSettings`` says.

    Digits and letters that touch are parted, since sellers write "500ml" and "500 ml" alike; the word pairs of
    ``features`` keep "r 16" together.
    """

    def __init__(self, settings: TitleSettings) -> None:
        self._settings = settings
        self._stopwords, self._stop_phrases = _stopwords(settings) if settings.remove_stopwords else (frozenset(), None)
        self._spell: Callable[[str], list[str]] | None = None
        if settings.numbers_to_words:
            _check_language(settings.language)
            # Of all the numbers that strangers type; a process must not remember each.
            self._spell = lru_cache(REMEMBERED_NUMBERS)(self._spell_number)

    def __call__(self, title: str) -> list[str]:
        """Return the tokens of ``title`` in order; an empty list where nothing remains. Never raises."""
        title = self._fold(title)
        if self._stop_phrases is not None:
            title = self._stop_phrases.sub(" ", title)
        tokens = _WORD.findall(title) if self._settings.strip_punctuation else title.split()
        if self._spell is not None:
            tokens = [word for token in tokens for word in self._spell(token)]
        if self._stopwords:
            tokens = [token for token in tokens if token not in self._stopwords]
        return tokens

    def many(self, titles: Sequence[str]) -> list[str]:
        """Return the tokens of all titles in one list, each title's followed by ``BREAK``."""
        step_by_step = self._spell or self._stopwords or not self._settings.strip_punctuation
        if step_by_step or not titles:
            return [token for title in titles for token in (*self(title), BREAK)]
        # One pass over one text costs a fraction of a pass a title.
        text = BREAK.join([title.replace(BREAK, " ") for title in titles]) + BREAK
        return _WORD_OR_BREAK.findall(self._fold(text))

    def _fold(self, text: str) -> str:
        if self._settings.lowercase:
            text = text.lower()
        return strip_accents(text) if self._settings.strip_accents else text

    def _spell_number(self, token: str) -> list[str]:
        if not _NUMBER.fullmatch(token):
            return [token]
        from num2words import num2words

        words = num2words(int(token), lang=self._settings.language)
        return _WORD.findall(strip_accents(words) if self._settings.strip_accents else words)


def strip_accents(text: str) -> str:
    """Return ``text`` without combining marks: "Camión" becomes "Camion"."""
    if text.isascii():
        return text
    return _COMBINING_MARKS.sub("", unicodedata.normalize("NFKD", text))


def _check_language(language: str) -> None:
    from num2words import CONVERTER_CLASSES

    if language not in CONVERTER_CLASSES:
        raise ValueError(f"num2words cannot spell numbers in {language!r}; set numbers_to_words to False.")


def _stopwords(settings: TitleSettings) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return single stop words and one pattern for those of several words, folded as titles are."""
    from stopwordsiso import has_lang, stopwords

    if not has_lang(settings.language):
        raise ValueError(f"stopwordsiso has no stop words for {settings.language!r}; set remove_stopwords to False.")
    entries = {*stopwords(settings.language), *MARKETPLACE_STOPWORDS.get(settings.language, ())}
    entries.update(settings.extra_stopwords)
    if settings.lowercase:
        entries = {entry.lower() for entry in entries}
    if settings.strip_accents:
        entries = {strip_accents(entry) for entry in entries}
    phrases = sorted((entry for entry in entries if " " in entry), key=len, reverse=True)
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, phrases)) + r")\b") if phrases else None
    return frozenset(entry for entry in entries if " " not in entry), pattern
