"""From a seller's title to a sequence of tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from ad_autocategorize.titles.settings import TitleSettings

# What sellers write around the name of the thing that they sell; it says nothing about the category.
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

# How many spelt-out numbers are cached.
REMEMBERED_NUMBERS = 4096
# Follows the tokens of each title where those of many titles are in one list. No title has a line break for a token.
BREAK = "\n"

# A run of digits or of letters. That most runs begin with plain letters is written out since it halves the time.
_WORD = re.compile(r"[a-z]+[^\W\d_]*|[^\W\d_]+|\d+")
_WORD_OR_BREAK = re.compile(_WORD.pattern + r"|\n")
# In text without any of these characters no letter takes combining marks and every word ends at a space: the two patterns above
# will do.
_BEYOND_LATIN = re.compile(r"[^\u0000-\u02ff]")
# The combining marks that people write or leave out as they like: accents, and the vowel signs of Hebrew and Arabic, with the
# stroke that only lengthens an Arabic word. The marks of Hindi, Thai or Japanese tell words apart and are kept.
_ACCENTS = re.compile(
    r"[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc]+"
)
# Characters that only say how letters join or how a character is drawn.
_INVISIBLE = re.compile(r"[\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]+")
# Letters of languages that put no spaces between words: Thai, Lao, Burmese, Khmer, Chinese and Japanese.
_UNSPACED = (
    r"\u0e01-\u0e46\u0e81-\u0ec6\u1000-\u109f\u1780-\u17d3\u3005-\u3007\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f"
)
_STARTS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_NUMBER = re.compile(r"\d{1,12}")


class Normalizer:
    """Turns titles into tokens, step by step as ``TitleSettings`` says.

    Digits and letters that touch are parted, since sellers write "500ml" and "500 ml" alike; the word pairs of
    ``features`` keep "r 16" together. Where a language puts no spaces between words, each two neighbouring letters are a token.
    """

    def __init__(self, settings: TitleSettings) -> None:
        self._settings = settings
        self._stopwords, self._stop_phrases = _stopwords(settings) if settings.remove_stopwords else (frozenset(), None)
        self._spell: Callable[[str], list[str]] | None = None
        if settings.numbers_to_words:
            _check_language(settings.language)
            # Bounded: strangers may type any number of different numbers.
            self._spell = lru_cache(REMEMBERED_NUMBERS)(self._spell_number)

    def __call__(self, title: str) -> list[str]:
        """Return the tokens of ``title`` in order; an empty list if nothing remains. Never raises."""
        title = self._fold(title)
        if self._stop_phrases is not None:
            title = self._stop_phrases.sub(" ", title)
        tokens = find_words(title) if self._settings.strip_punctuation else title.split()
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
        text = self._fold(text)
        return find_words(text, breaks=True) if _BEYOND_LATIN.search(text) else _WORD_OR_BREAK.findall(text)

    def _fold(self, text: str) -> str:
        return fold(text, lowercase=self._settings.lowercase, strip_accents=self._settings.strip_accents)

    def _spell_number(self, token: str) -> list[str]:
        if not _NUMBER.fullmatch(token):
            return [token]
        from num2words import num2words

        words = num2words(int(token), lang=self._settings.language)
        return find_words(self._fold(words))


def fold(text: str, *, lowercase: bool = True, strip_accents: bool = True) -> str:
    """Return ``text`` with letters of one meaning written one way: "CAMIÓN" in capitals of any style becomes "camion"."""
    if text.isascii():
        return text.lower() if lowercase else text
    # First the letters of fancy alphabets become plain ones: their capitals have no small letters of their own.
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKD" if strip_accents else "NFKC", text))
    if lowercase:
        text = text.lower()
    if strip_accents:
        # After lowercasing, which may split a letter into a letter and a mark, as it does the Turkish İ.
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
    return text


def find_words(text: str, *, breaks: bool = False) -> list[str]:
    """Return the runs of letters and of digits in folded text; with ``breaks`` also its line breaks, each as a token."""
    if not _BEYOND_LATIN.search(text):
        return _WORD_OR_BREAK.findall(text) if breaks else _WORD.findall(text)
    marked = _marked()
    words = []
    for word in (marked.word_or_break if breaks else marked.word).findall(text):
        if _STARTS_UNSPACED.match(word):
            # Each letter comes with its marks.
            letters = marked.unspaced_letter.findall(word)
            words += [first + second for first, second in pairwise(letters)] or letters
        else:
            words.append(word)
    return words


class _Marked(NamedTuple):
    """Patterns for letters that may carry marks."""

    word: re.Pattern[str]
    word_or_break: re.Pattern[str]
    unspaced_letter: re.Pattern[str]


@cache
def _marked() -> _Marked:
    """Build the patterns when they are first needed: all characters are looked through for combining marks."""
    characters = map(chr, range(0x300, 0x1F000))
    marks = "".join(character for character in characters if unicodedata.category(character) in ("Mn", "Mc"))
    unspaced = rf"(?![{marks}])[{_UNSPACED}][{marks}]*"
    word = rf"(?:{unspaced})+|(?:(?![{_UNSPACED}])[^\W\d_][{marks}]*)+|\d+"
    return _Marked(re.compile(word), re.compile(word + r"|\n"), re.compile(unspaced))


@lru_cache(maxsize=16)
def filler_words(settings: TitleSettings) -> frozenset[str]:
    """Return the words, as tokens, that never explain a category: stop words, and what sellers write around the thing.

    If there are no stop words for the language, these are ``MARKETPLACE_STOPWORDS`` and ``extra_stopwords`` alone.
    """
    from stopwordsiso import has_lang, stopwords

    entries = {*MARKETPLACE_STOPWORDS.get(settings.language, ()), *settings.extra_stopwords}
    if has_lang(settings.language):
        entries.update(stopwords(settings.language))
    folded = (fold(entry, lowercase=settings.lowercase, strip_accents=settings.strip_accents) for entry in entries)
    return frozenset(word for entry in folded for word in find_words(entry))


def _check_language(language: str) -> None:
    from num2words import CONVERTER_CLASSES

    if language not in CONVERTER_CLASSES:
        raise ValueError(f"num2words cannot spell numbers in {language!r}; set numbers_to_words to False.")


def _stopwords(settings: TitleSettings) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return the stop words that are single words, and a pattern of those of several words (``None`` if there are none).

    Both are folded as titles are. Raises ``ValueError`` for a language without stop words.
    """
    from stopwordsiso import has_lang, stopwords

    if not has_lang(settings.language):
        raise ValueError(f"stopwordsiso has no stop words for {settings.language!r}; set remove_stopwords to False.")
    entries = {*stopwords(settings.language), *MARKETPLACE_STOPWORDS.get(settings.language, ())}
    entries.update(settings.extra_stopwords)
    entries = {fold(entry, lowercase=settings.lowercase, strip_accents=settings.strip_accents) for entry in entries}
    phrases = sorted((entry for entry in entries if " " in entry), key=len, reverse=True)
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, phrases)) + r")\b") if phrases else None
    return frozenset(entry for entry in entries if " " not in entry), pattern
