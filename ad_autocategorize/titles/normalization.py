"""From a seller's title to a sequence of tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

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
# Up to here no letter takes marks and every word ends at a space: the two patterns above will do.
_BEYOND_LATIN = re.compile(r"[^\u0000-\u02ff]")
# Of the marks that letters carry, those that people leave out as they like: accents, and the vowel signs of Hebrew and Arabic,
# with the stroke that only lengthens an Arabic word. Those of Hindi, Thai or Japanese tell words apart and stay.
_ACCENTS = re.compile(
    r"[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc]+"
)
# What only says how letters join or how a sign is drawn.
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
            # Of all the numbers that strangers type; a process must not remember each.
            self._spell = lru_cache(REMEMBERED_NUMBERS)(self._spell_number)

    def __call__(self, title: str) -> list[str]:
        """Return the tokens of ``title`` in order; an empty list where nothing remains. Never raises."""
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
        return fold(text, lowercase=self._settings.lowercase, accents=not self._settings.strip_accents)

    def _spell_number(self, token: str) -> list[str]:
        if not _NUMBER.fullmatch(token):
            return [token]
        from num2words import num2words

        words = num2words(int(token), lang=self._settings.language)
        return find_words(self._fold(words))


def fold(text: str, *, lowercase: bool = True, accents: bool = False) -> str:
    """Return ``text`` with letters of one meaning written one way: "CAMIÓN" in capitals of any style becomes "camion".

    ``lowercase`` says whether case is folded, ``accents`` whether accents stay.
    """
    if text.isascii():
        return text.lower() if lowercase else text
    # Compatible letters first: a capital of a fancy alphabet has no small letter of its own.
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC" if accents else "NFKD", text))
    if lowercase:
        text = text.lower()
    if not accents:
        # A letter may fall apart again when it is made small, as the Turkish İ does.
        text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
    return text


def find_words(text: str, *, breaks: bool = False) -> list[str]:
    """Return the runs of letters and of digits in folded text, and its line breaks where wanted."""
    if not _BEYOND_LATIN.search(text):
        return _WORD_OR_BREAK.findall(text) if breaks else _WORD.findall(text)
    marked = _marked()
    words = []
    for word in (marked.word_or_break if breaks else marked.word).findall(text):
        if _STARTS_UNSPACED.match(word):
            # Marks stay with their letter.
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
    """Build the patterns when they are first needed, since that looks at every sign there is."""
    signs = map(chr, range(0x300, 0x1F000))
    marks = "".join(sign for sign in signs if unicodedata.category(sign) in ("Mn", "Mc"))
    unspaced = rf"(?![{marks}])[{_UNSPACED}][{marks}]*"
    word = rf"(?:{unspaced})+|(?:(?![{_UNSPACED}])[^\W\d_][{marks}]*)+|\d+"
    return _Marked(re.compile(word), re.compile(word + r"|\n"), re.compile(unspaced))


@lru_cache(maxsize=16)
def filler_words(settings: TitleSettings) -> frozenset[str]:
    """Return the words, as tokens, that are no reason for a category: stop words, and what sellers write around the thing.

    Where there is no list of stop words for the language, what the marketplace and the settings add remains.
    """
    from stopwordsiso import has_lang, stopwords

    entries = {*MARKETPLACE_STOPWORDS.get(settings.language, ()), *settings.extra_stopwords}
    if has_lang(settings.language):
        entries.update(stopwords(settings.language))
    folded = (fold(entry, lowercase=settings.lowercase, accents=not settings.strip_accents) for entry in entries)
    return frozenset(word for entry in folded for word in find_words(entry))


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
    entries = {fold(entry, lowercase=settings.lowercase, accents=not settings.strip_accents) for entry in entries}
    phrases = sorted((entry for entry in entries if " " in entry), key=len, reverse=True)
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, phrases)) + r")\b") if phrases else None
    return frozenset(entry for entry in entries if " " not in entry), pattern
