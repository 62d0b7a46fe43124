"""What out-of-fold predictions and titles say of the category tree itself. Training side: imports scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer, filler_words
from ad_autocategorize.titles.settings import TitleSettings

# How mixed two categories must be for the pair to be worth merging; 1 where nobody could tell them apart.
# Less is what any two neighbours show.
MERGE_MIXING = 0.2
# Categories with fewer ads are neither merged nor split on their evidence.
MERGE_ADS = 10
SPLIT_ADS = 80
MAX_CLUSTERS = 4
# The smallest part of a category that counts as a cluster of its own.
CLUSTER_SHARE = 0.15
# Mean silhouette (Rousseeuw, 1987) of titles in the reduced space from which clusters count as real.
SPLIT_SILHOUETTE = 0.2
DIMENSIONS = 16
SAMPLE = 600
CLUSTER_WORDS = 4
# A word tells a cluster if it stands in so much more of its titles than of the others'.
LEAST_LEAD = 0.15
# A word that so many of the categories use says nothing about any; told where there are enough categories to see that.
EVERYWHERE = 0.2
LEAST_CATEGORIES = 10
EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Two categories that take each other's ads; ``there`` and ``back`` are the shares that look like the other.

    ``mixing`` is the lesser of both beside what two names for one thing would show, 0 to 1.
    """

    first: int
    second: int
    there: float
    back: float
    mixing: float


@dataclass(frozen=True, slots=True)
class HiddenClusters:
    """A category whose titles fall apart: words that tell each cluster, its share of the ads, and example positions."""

    category: int
    silhouette: float
    words: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    examples: tuple[tuple[int, ...], ...]


def confused_pairs(confusion: NDArray[np.float64], counts: NDArray[np.intp]) -> list[ConfusedPair]:
    """Return the pairs to think of merging, the most mixed first; ``confusion`` as ``mislabels.LabelQuality`` has it.

    Were two categories of m and n ads one thing under two names, n / (m + n) of the first's ads would look like the second's: a
    small one all but vanishes in a large one, and takes few ads from it. Shares are read beside that, wherever in the tree the
    two lie, since a category and the one above it are often the same thing.
    """
    sizes = np.maximum(counts, 1).astype(np.float64)
    beside = confusion * (sizes[:, None] + sizes[None, :]) / sizes[None, :]
    enough = counts >= MERGE_ADS
    mixing = np.minimum(np.minimum(beside, beside.T), 1.0) * (enough[:, None] & enough[None, :])
    firsts, seconds = np.nonzero(np.triu(mixing, k=1) >= MERGE_MIXING)
    pairs = [
        ConfusedPair(int(a), int(b), float(confusion[a, b]), float(confusion[b, a]), float(mixing[a, b]))
        for a, b in zip(firsts, seconds, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair.mixing)


def hidden_clusters(
    titles: Sequence[str], given: NDArray[np.intp], categories: Sequence[Path], settings: TitleSettings
) -> list[HiddenClusters]:
    """Return the leaf categories whose titles form clusters of their own, the clearest first."""
    filler = filler_words(settings) | _used_everywhere(titles, given, len(categories), settings)
    inner = {path[:depth] for path in categories for depth in range(1, len(path))}
    found = []
    for category in np.flatnonzero(np.bincount(given, minlength=len(categories)) >= SPLIT_ADS).tolist():
        if categories[category] in inner:
            continue
        rows = np.flatnonzero(given == category)
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
        clusters = _cluster(category, [titles[row] for row in rows.tolist()], rows, filler, settings)
        if clusters is not None:
            found.append(clusters)
    return sorted(found, key=lambda clusters: -clusters.silhouette)


def _cluster(
    category: int, titles: list[str], rows: NDArray[np.intp], filler: frozenset[str], settings: TitleSettings
) -> HiddenClusters | None:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import silhouette_score
    from sklearn.preprocessing import normalize

    vectorizer = TfidfVectorizer(analyzer=_Telling(settings, filler), min_df=3, sublinear_tf=True)
    try:
        words = vectorizer.fit_transform(titles)
    except ValueError:
        # No word is in three titles.
        return None
    if words.shape[1] <= DIMENSIONS:
        return None
    points = normalize(TruncatedSVD(DIMENSIONS, random_state=0).fit_transform(words))
    best: tuple[float, NDArray[np.intp]] | None = None
    for count in range(2, MAX_CLUSTERS + 1):
        labels = KMeans(count, n_init=1, random_state=0).fit_predict(points)
        sizes = np.bincount(labels, minlength=count)
        if sizes.min() < CLUSTER_SHARE * len(titles):
            continue
        score = float(silhouette_score(points, labels))
        if best is None or score > best[0]:
            best = score, labels
    if best is None or best[0] < SPLIT_SILHOUETTE:
        return None
    score, labels = best
    names = vectorizer.get_feature_names_out()
    present = words > 0
    told, shares, examples = [], [], []
    for cluster in range(labels.max() + 1):
        inside = labels == cluster
        lead = np.asarray(present[inside].mean(axis=0)).ravel() - np.asarray(present[~inside].mean(axis=0)).ravel()
        first = [i for i in np.argsort(-lead, kind="stable")[:CLUSTER_WORDS] if lead[i] >= LEAST_LEAD]
        if not first:
            # Nobody could say what this group is.
            return None
        told.append(tuple(str(names[i]) for i in first))
        shares.append(float(inside.mean()))
        examples.append(tuple(int(row) for row in rows[inside][:EXAMPLES]))
    return HiddenClusters(category, score, tuple(told), tuple(shares), tuple(examples))


class _Telling:
    """Turns a title into the words that may be a reason: no filler, no single letters, no numbers."""

    def __init__(self, settings: TitleSettings, filler: frozenset[str]) -> None:
        self._normalize, self._filler = Normalizer(settings), filler

    def __call__(self, title: str) -> list[str]:
        words = self._normalize(title)
        return [word for word in words if len(word) > 1 and word not in self._filler and not word.isdecimal()]


def _used_everywhere(
    titles: Sequence[str], given: NDArray[np.intp], size: int, settings: TitleSettings
) -> frozenset[str]:
    """Return the words that stand in titles of so many categories that they are no reason for one: places, colours, states."""
    large = np.bincount(given, minlength=size) >= MERGE_ADS
    if large.sum() < LEAST_CATEGORIES:
        return frozenset()
    users: dict[str, set[int]] = {}
    normalize = Normalizer(settings)
    for title, category in zip(titles, given.tolist(), strict=True):
        if large[category]:
            for word in normalize(title):
                users.setdefault(word, set()).add(category)
    return frozenset(word for word, found in users.items() if len(found) >= EVERYWHERE * large.sum())
