"""Comparison of two versions: their figures, a paired test on the ads of both hold-outs, and the values they can answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.sources.cars import HEADINGS
from ad_autocategorize.statistics.paired import PairedShares
from ad_autocategorize.versions.figures import Figure, figures_of
from ad_autocategorize.versions.outcomes import ANSWER, TRUTH, Outcomes, shared
from taxonomy.tree import CategoryTree


@dataclass(frozen=True, slots=True)
class ComparedVersions:
    """The comparison of two versions of one kind.

    Attributes
    ----------
    figures : the name of each figure, and its value for both versions, each on its own hold-out; ``None`` if a version lacks it.
    paired : the name of each figure, and the paired counts on the ads of both hold-outs; empty if these are not known.
    gained, lost : the values, in words, that only the second version can answer, and those that only the first can.
    """

    first: ModelVersion
    second: ModelVersion
    figures: list[tuple[str, Figure | None, Figure | None]]
    paired: list[tuple[str, PairedShares]] = field(default_factory=list)
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def compare_versions(first: ModelVersion, second: ModelVersion) -> ComparedVersions:
    """Compare two versions. Raises ``ValueError`` if they are of different kinds, sources or languages."""
    if first.slot != second.slot:
        raise ValueError(f"{first} and {second} answer different questions: another kind, source or language.")
    compared = ComparedVersions(first, second, list(_side_by_side(figures_of(first), figures_of(second))))
    outcomes_of_first, outcomes_of_second = _outcomes(first), _outcomes(second)
    if outcomes_of_first is None or outcomes_of_second is None:
        return compared
    values_of_first, values_of_second = set(outcomes_of_first.values), set(outcomes_of_second.values)
    in_words = _names(first.kind)
    compared.gained.extend(sorted(map(in_words, values_of_second - values_of_first)))
    compared.lost.extend(sorted(map(in_words, values_of_first - values_of_second)))
    pair_up = _paired_photos if first.kind == ModelVersion.Kind.PHOTOS else _paired_titles
    pairs = pair_up(outcomes_of_first, outcomes_of_second)
    compared.paired.extend((name, pair) for name, pair in pairs if pair.ads)
    return compared


def _outcomes(version: ModelVersion) -> Outcomes | None:
    """Return what a version answered on its hold-out, if that can be read."""
    try:
        return Outcomes.load(whole_folder(version.name))
    except OSError:
        # If the storage of models is away, only this comparison is missing.
        return None


def _side_by_side(first: list[Figure], second: list[Figure]) -> Iterator[tuple[str, Figure | None, Figure | None]]:
    """Yield the name of each figure that either version has, and the figures of both."""
    names = {figure.key: figure.name for figure in [*second, *first]}
    of_first, of_second = ({figure.key: figure for figure in figures} for figures in (first, second))
    for key in dict.fromkeys([*of_first, *of_second]):
        yield names[key], of_first.get(key), of_second.get(key)


def _paired_titles(first: Outcomes, second: Outcomes) -> Iterator[tuple[str, PairedShares]]:
    """Yield whether both are right about the ads of both hold-outs, by the labels when the second was trained."""
    one, other = shared(first.keys, second.keys)
    truth = second.columns[TRUTH][other]
    yield (
        _("whole path"),
        PairedShares.of(first.columns[ANSWER][one] == truth, second.columns[ANSWER][other] == truth),
    )


def _paired_photos(first: Outcomes, second: Outcomes) -> Iterator[tuple[str, PairedShares]]:
    """Yield, by car field, whether both are right about the ads of both hold-outs, each by the labels of its training."""
    one, other = shared(first.keys, second.keys)
    for head in first.columns:
        left, right = first.columns[head][one], second.columns[head][other]
        known = (left >= 0) & (right >= 0)
        yield str(HEADINGS.get(head, head)), PairedShares.of(left[known] == 1, right[known] == 1)


def _names(kind: str) -> _Names:
    return _Names(CategoryTree.load(include_inactive=True) if kind == ModelVersion.Kind.TITLES else None)


class _Names:
    """Puts a value of ``Outcomes.values`` in words: the key of a category, or a car field and its value."""

    def __init__(self, tree: CategoryTree | None) -> None:
        self._tree = tree

    def __call__(self, value: str) -> str:
        if self._tree is None:
            head, _separator, text = value.partition(":")
            return f"{HEADINGS.get(head, head)}: {text}"
        key = int(value) if value.isdecimal() else -1
        return (
            self._tree.path_text(key) if key in self._tree else _("a category that is gone (%(key)s)") % {"key": value}
        )
