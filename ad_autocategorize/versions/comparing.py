"""Two versions side by side: their figures, a paired test on the ads that both had set aside, and what they can answer."""

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
    """What there is to say of two versions of one kind.

    Attributes
    ----------
    figures : name and the figure of each, on its own hold-out; ``None`` where one has none.
    paired : name and counts on the ads that both had set aside; empty if these are not known, or there are none.
    gained, lost : what the second can answer and the first cannot, and the other way round, in words.
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
    known = [_outcomes(version) for version in (first, second)]
    if known[0] is None or known[1] is None:
        return compared
    values = [set(outcomes.values) for outcomes in known if outcomes is not None]
    name = _names(first.kind)
    compared.gained.extend(sorted(name(value) for value in values[1] - values[0]))
    compared.lost.extend(sorted(name(value) for value in values[0] - values[1]))
    pairs = _paired_photos if first.kind == ModelVersion.Kind.PHOTOS else _paired_titles
    compared.paired.extend((name, pair) for name, pair in pairs(known[0], known[1]) if pair.ads)
    return compared


def _outcomes(version: ModelVersion) -> Outcomes | None:
    try:
        return Outcomes.load(whole_folder(version.name))
    except OSError:
        # A storage that is away costs the comparison alone.
        return None


def _side_by_side(first: list[Figure], second: list[Figure]) -> Iterator[tuple[str, Figure | None, Figure | None]]:
    ones = {figure.key: figure for figure in first}
    others = {figure.key: figure for figure in second}
    for key in dict.fromkeys([*ones, *others]):
        one, other = ones.get(key), others.get(key)
        named = one or other
        if named is not None:
            yield named.name, one, other


def _paired_titles(first: Outcomes, second: Outcomes) -> Iterator[tuple[str, PairedShares]]:
    """Yield what both say of the ads that they share, by where these were filed when the second was trained."""
    one, other = shared(first.keys, second.keys)
    truth = second.columns[TRUTH][other]
    yield (
        _("whole path"),
        PairedShares.of(first.columns[ANSWER][one] == truth, second.columns[ANSWER][other] == truth),
    )


def _paired_photos(first: Outcomes, second: Outcomes) -> Iterator[tuple[str, PairedShares]]:
    """Yield what both got right of the ads that they share, each by the labels when it was trained."""
    one, other = shared(first.keys, second.keys)
    for head in first.columns:
        left, right = first.columns[head][one], second.columns[head][other]
        known = (left >= 0) & (right >= 0)
        yield str(HEADINGS.get(head, head)), PairedShares.of(left[known] == 1, right[known] == 1)


def _names(kind: str) -> _Names:
    return _Names(CategoryTree.load(include_inactive=True) if kind == ModelVersion.Kind.TITLES else None)


class _Names:
    """Puts what a model can answer in words: a category's key, or a car field and its value."""

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
