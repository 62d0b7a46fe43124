"""A car's brand, model and year as a title names them: a look-up in the car catalog, spelling mistakes included. No Django."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

# Letters of a name from which one wrong letter, and two, leave no doubt about it. Numbers are never guessed: a 307 is no 308.
ONE_MISTAKE = 5
TWO_MISTAKES = 9
# A model without its brand, as in "Corsa 2008", is looked for this near to the beginning, and has at least this many signs.
NEAR_BEGINNING = 4
DISTINCTIVE = 3
# Names this short are written in one piece, but right behind their brand: "a 3 km" is no Audi A3, and "Audi A 3" is.
IN_ONE_PIECE = 3
# Words of a name that are looked up together.
LONGEST_NAME = 5

# Other names of brands that no rule finds.
NICKNAMES = {"vw": "volkswagen", "chevy": "chevrolet", "merc": "mercedesbenz", "bmv": "bmw"}
# Models of some brand or other, and words for any car.
COMMON_WORDS = frozenset(
    [
        "break",
        "cabrio",
        "classic",
        "combi",
        "coupe",
        "diesel",
        "express",
        "familiar",
        "full",
        "limited",
        "max",
        "premium",
        "pickup",
        "sedan",
        "sport",
        "sw",
        "trend",
        "turbo",
        "van",
        "wagon",
    ]
)
PIECES = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
YEAR = re.compile(r"(?<![\w$.,-])(19[3-9]\d|20\d\d)(?![\d.,]?\d)(?!\s*(?:km|kms|cc|cm3|mil|hp|cv|rpm|pesos|usd|eur)\b)")
SHORT_YEAR = re.compile(r"(?:\b(?:mod|modelo|ano|año|year|aa)\b\.?\s*'?|(?<!\w)')(\d\d)(?![\d.,]?\d)\b")
PRICE_BEFORE = re.compile(r"(?:\$|usd|u\$s|eur|€|ars)\s*$")
# Years of two digits from here on belong to the last century.
LAST_CENTURY = 40


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model of the car catalog; ``None`` for an open beginning or end of its production."""

    brand: str
    name: str
    first_year: int | None = None
    last_year: int | None = None

    def made_in(self, year: int) -> bool:
        """Return whether a car of that year may be this one; it is often sold as one of the year before or after."""
        return (self.first_year or year) - 1 <= year <= (self.last_year or year) + 1


@dataclass(frozen=True, slots=True)
class TitleReading:
    """What a title names; brand and model are spelled as in the catalog, and always go together."""

    brand: str | None = None
    model: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Match:
    """A name found at pieces ``first`` to ``last``, both included."""

    key: str
    first: int
    last: int
    mistakes: int
    in_one_piece: bool

    def overlaps(self, other: _Match) -> bool:
        return self.first <= other.last and other.first <= self.last

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the name can be meant."""
        return self.in_one_piece or len(self.key) > IN_ONE_PIECE

    @property
    def order(self) -> tuple[int, int, int]:
        """The surest and longest name first, then the first one."""
        return self.mistakes, -len(self.key), self.first


@dataclass
class _Names:
    """Names by their letters and digits alone, exact and with mistakes."""

    exact: set[str] = field(default_factory=set)
    deletions: dict[str, set[str]] = field(default_factory=dict)
    longest: int = 0

    def add(self, key: str) -> None:
        if key in self.exact:
            return
        self.exact.add(key)
        self.longest = max(self.longest, len(key))
        for shorter in _deletions(key):
            self.deletions.setdefault(shorter, set()).add(key)

    def find(self, text: str, *, guess: bool) -> tuple[str, int] | None:
        """Return the name that the text is or, to ``guess``, is meant to be, and the number of mistakes in it.

        Nothing where two names are equally near.
        """
        if text in self.exact:
            return text, 0
        if not guess or len(text) > self.longest + 2:
            return None
        near = {key for shorter in _deletions(text) for key in self.deletions.get(shorter, ())}
        ranked = sorted((mistakes_between(text, key), key) for key in near)
        ranked = [(mistakes, key) for mistakes, key in ranked if mistakes <= _allowed(key)]
        if not ranked or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
            return None
        return ranked[0][1], ranked[0][0]


class TitleReader:
    """Reads titles with the catalog as it was when the reader was made. Immutable and safe to share between threads."""

    def __init__(self, models: Iterable[CatalogModel], brands: Iterable[str] = ()) -> None:
        self._models: dict[str, list[CatalogModel]] = {}
        self._brands: dict[str, str] = {}
        self._brand_names, self._model_names = _Names(), _Names()
        for model in models:
            self._models.setdefault(key_of(model.name), []).append(model)
            self._brands.setdefault(key_of(model.brand), model.brand)
        self._models.pop("", None)
        for brand in brands:
            self._brands.setdefault(key_of(brand), brand)
        self._brands.pop("", None)
        self._brands |= _short_names(self._brands)
        for key in self._brands:
            self._brand_names.add(key)
        for key in self._models:
            self._model_names.add(key)

    def read(self, title: str, *, is_car: bool, this_year: int) -> TitleReading:
        """Return what the title names. ``is_car`` says that the ad is known to be one of a car: then less is enough.

        Without it brand and model have to be there both: a brand alone is on spare parts too. No year is after the next one.
        """
        text = fold(title)
        pieces = [_Piece(found[0], found.start(), found.end()) for found in PIECES.finditer(text)]
        brands = list(_matches(text, pieces, self._brand_names))
        models = list(_matches(text, pieces, self._model_names))
        brand, model, at = self._pair(pieces, brands, models, is_car)
        if model is None and not is_car:
            return TitleReading()
        return TitleReading(brand, model.name if model else None, self._year(text, pieces, model, at, this_year))

    def _pair(
        self, pieces: Sequence[_Piece], brands: Sequence[_Match], models: Sequence[_Match], is_car: bool
    ) -> tuple[str | None, CatalogModel | None, _Match | None]:
        """Return the brand, a model of it, and where the model stands."""
        named = sorted(brands, key=lambda match: (match.mistakes, match.first))
        for brand in named:
            name = self._brands[brand.key]
            pairs = [
                (match, model)
                for match in models
                if not match.overlaps(brand) and (match.is_plain or match.first == brand.last + 1)
                for model in self._models[match.key]
                if model.brand == name
            ]
            if pairs:
                at, model = min(pairs, key=lambda pair: (_looks_like_a_year(pair[0].key), *pair[0].order))
                return name, model, at
        if named:
            return self._brands[named[0].key], None, None
        if is_car:
            for match in sorted(models, key=lambda match: match.order):
                makers = self._models[match.key]
                if len({model.brand for model in makers}) == 1 and match.is_plain and _is_distinctive(match):
                    return makers[0].brand, makers[0], match
        return None, None, None

    def _year(
        self, text: str, pieces: Sequence[_Piece], model: CatalogModel | None, at: _Match | None, this_year: int
    ) -> int | None:
        taken = range(pieces[at.first].start, pieces[at.last].end) if at else range(0)
        years = {
            int(found[1])
            for found in YEAR.finditer(text)
            if found.start(1) not in taken and not PRICE_BEFORE.search(text[: found.start(1)])
        }
        for found in SHORT_YEAR.finditer(text):
            years.add(int(found[1]) + (1900 if int(found[1]) >= LAST_CENTURY else 2000))
        possible = {year for year in years if year <= this_year + 1 and (model is None or model.made_in(year))}
        # Two years, such as that of the car and that of its papers, are a question for the seller.
        return possible.pop() if len(possible) == 1 else None


def fold(text: str) -> str:
    """Return the text in small letters and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def key_of(name: str) -> str:
    """Return the letters and digits of a name: "T-Cross", "t cross" and "TCross" are one."""
    return "".join(PIECES.findall(fold(name)))


def mistakes_between(first: str, second: str) -> int:
    """Return how many letters have to be put in, left out, changed or swapped with the next one.

    The optimal string alignment distance (Boytsov, "Indexing methods for approximate dictionary searching", 2011).
    """
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, one in enumerate(first):
        earlier, before, row = before, row, [i + 1]
        for j, other in enumerate(second):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (one != other))
            if i and j and one == second[j - 1] and first[i - 1] == other:
                cost = min(cost, earlier[j - 1] + 1)
            row.append(cost)
    return row[-1]


def _short_names(brands: Mapping[str, str]) -> dict[str, str]:
    """Return nicknames, and the first words of brands of two, such as "Mercedes", where no other brand begins so."""
    found = {short: brands[long] for short, long in NICKNAMES.items() if long in brands and short not in brands}
    beginnings: dict[str, set[str]] = {}
    for name in brands.values():
        first, *more = PIECES.findall(fold(name))
        if more and len(first) >= ONE_MISTAKE:
            beginnings.setdefault(first, set()).add(name)
    return found | {
        first: names.pop() for first, names in beginnings.items() if len(names) == 1 and first not in brands
    }


def _matches(text: str, pieces: Sequence[_Piece], names: _Names) -> Iterator[_Match]:
    """Yield the names in a title, of overlapping ones the longest."""
    found: list[_Match] = []
    for length in range(min(LONGEST_NAME, len(pieces)), 0, -1):
        for first in range(len(pieces) - length + 1):
            last = first + length - 1
            whole = length == 1 or not re.search(r"\s", text[pieces[first].start : pieces[last].end])
            # Two words with a mistake are two words, not one.
            name = names.find("".join(piece.text for piece in pieces[first : last + 1]), guess=whole)
            if name is None:
                continue
            match = _Match(*name[:1], first, last, name[1], whole)
            found.append(match)
    for match in sorted(found, key=lambda match: match.order):
        if not any(match.overlaps(other) and len(other.key) > len(match.key) and not other.mistakes for other in found):
            yield match


def _is_distinctive(match: _Match) -> bool:
    """Return whether a model is as good as named without its brand."""
    letters = sum(sign.isalpha() for sign in match.key)
    if match.key in COMMON_WORDS or not letters or match.first > NEAR_BEGINNING:
        return False
    return len(match.key) >= DISTINCTIVE and (not match.mistakes or len(match.key) > ONE_MISTAKE)


def _looks_like_a_year(key: str) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d\d", key))


def _allowed(key: str) -> int:
    if not key.isalpha() or len(key) < ONE_MISTAKE:
        return 0
    return 2 if len(key) >= TWO_MISTAKES else 1


def _deletions(text: str) -> Iterator[str]:
    """Yield the text and what is left of it without one letter, or two where that many may be wrong.

    Two texts that are so near to each other have one of these in common.
    """
    yield text
    if not text.isalpha() or len(text) < ONE_MISTAKE - 1:
        return
    for places in range(1, (2 if len(text) >= TWO_MISTAKES - 2 else 1) + 1):
        for left_out in combinations(range(len(text)), places):
            yield "".join(letter for place, letter in enumerate(text) if place not in left_out)
