"""Every choice that training a title cascade takes, with the defaults that measured best on two real marketplaces."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

Classifier = Literal["linear_svc", "logistic_regression", "multinomial_nb"]
Features = Literal["words+characters", "words"]

CHOSEN_AT_TRAINING = ("regularization", "flat_regularization", "naive_bayes_weight", "flat_svc_weight")


@dataclass(frozen=True, slots=True)
class TitleSettings:
    """Settings of normalisation, features and cascade; immutable, and stored in the artifact's manifest.

    Attributes
    ----------
    language : ISO 639-1 code used for stop words and for spelling out numbers.
    lowercase, strip_accents : fold case and diacritics.
    strip_punctuation : keep runs of letters and digits only; otherwise split on white space.
    numbers_to_words, remove_stopwords : the two further steps of the published method; both cost accuracy where
        sizes and models matter ("iphone 13", "205/55 r16"), hence off by default.
    extra_stopwords : the marketplace's own, removed together with the language's.
    features : words, pairs of neighbouring words and character n-grams within words; or the plain words of the published method.
    min_character_ngram, max_character_ngram : lengths of the character n-grams, word boundaries included.
    min_document_frequency : word pairs and n-grams seen in fewer titles are ignored.
    classifier : the local classifier of every node.
    regularization, flat_regularization : C of the nodes' classifiers (LinearSVC or logistic regression), and of the flat
        support-vector machine.
    naive_bayes_weight, flat_svc_weight : weights of the scores of the two flat models (see ``training.flat``), which are added
        to the cascade's log-probability; with zero for both the cascade decides alone, as published.
        Each of these four that is ``None`` is chosen by training, on the site's own ads.
    min_ads_per_node : a node with fewer ads has no classifier and answers with its children's frequencies.
    """

    language: str = "es"
    lowercase: bool = True
    strip_accents: bool = True
    strip_punctuation: bool = True
    numbers_to_words: bool = False
    remove_stopwords: bool = False
    extra_stopwords: tuple[str, ...] = ()
    features: Features = "words+characters"
    min_character_ngram: int = 3
    max_character_ngram: int = 4
    min_document_frequency: int = 2
    classifier: Classifier = "linear_svc"
    regularization: float | None = None
    flat_regularization: float | None = None
    naive_bayes_weight: float | None = None
    flat_svc_weight: float | None = None
    min_ads_per_node: int = 5

    def __post_init__(self) -> None:
        # Settings come from a host's settings.py and from manifests: say at once what is wrong with them.
        if isinstance(self.extra_stopwords, list):
            object.__setattr__(self, "extra_stopwords", tuple(self.extra_stopwords))
        for name, hint in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), hint)
        if not 1 <= self.min_character_ngram <= self.max_character_ngram <= 8:
            raise ValueError("min_character_ngram and max_character_ngram must satisfy 1 <= min <= max <= 8.")
        if self.min_document_frequency < 1 or self.min_ads_per_node < 2:
            raise ValueError("min_document_frequency must be at least 1 and min_ads_per_node at least 2.")
        for name in ("regularization", "flat_regularization"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, or None to have it chosen at training.")
        for name in ("naive_bayes_weight", "flat_svc_weight"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} must be at least 0, or None to have it chosen at training.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TitleSettings:
        """Build settings from a mapping; raises ``ValueError`` naming an unknown key and the nearest known one."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}."
                raise ValueError(f"Unknown title setting {key!r}.{hint}")
        return cls(**values)

    def inherit(self, trained: TitleSettings) -> TitleSettings:
        """Return a copy in which each of ``CHOSEN_AT_TRAINING`` that is ``None`` has the value that it has in ``trained``."""
        chosen = {name: getattr(trained, name) for name in CHOSEN_AT_TRAINING if getattr(self, name) is None}
        return replace(self, **chosen)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-serialisable values that ``from_dict`` takes back."""
        return {**asdict(self), "extra_stopwords": list(self.extra_stopwords)}


def _check_type(name: str, value: object, hint: Any) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} must be one of {', '.join(map(repr, get_args(hint)))}, not {value!r}.")
    elif get_origin(hint) is tuple:
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} must be a list of strings, not {value!r}.")
    elif hint == float | None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{name} must be a number or None, not {value!r}.")
    elif type(value) is not hint:
        raise ValueError(f"{name} must be of type {hint.__name__}, not {value!r}.")
