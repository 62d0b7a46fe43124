"""What out-of-fold predictions and titles say of the category tree itself. Training side: imports scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

# How mixed two categories must be for the pair to be worth merging; 1 where nobody could tell them apart.
MERGE_MIXING = 0.1
# Categories with fewer ads are neither merged nor split on their evidence.
MERGE_ADS = 10
SPLIT_ADS = 80
MAX_CLUSTERS = 4
# The smallest part of a category that counts as a cluster of its own.
CLUSTER_SHARE = 0.15
# Mean silhouette (Rousseeuw, 1987) of titles in the reduced space from which clusters count as real.
SPLIT_SILHOUETTE = 0.15
DIMENSIONS = 16
SAMPLE = 600
CLUSTER_WORDS = 4
EXAMPLES = 5


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
    inner = {path[:depth] for path in categories for depth in range(1, len(path))}
    found = []
    for category in np.flatnonzero(np.bincount(given, minlength=len(categories)) >= SPLIT_ADS).tolist():
        if categories[category] in inner:
            continue
        rows = np.flatnonzero(given == category)
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
        clusters = _cluster(category, [titles[row] for row in rows.tolist()], rows, settings)
        if clusters is not None:
            found.append(clusters)
    return sorted(found, key=lambda clusters: -clusters.silhouette)


def _cluster(
    category: int, titles: list[str], rows: NDArray[np.intp], settings: TitleSettings
) -> HiddenClusters | None:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import silhouette_score
    from sklearn.preprocessing import normalize

    vectorizer = TfidfVectorizer(analyzer=Normalizer(settings), min_df=3, sublinear_tf=True)
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
    telling, present = _telling(names, settings), words > 0
    told, shares, examples = [], [], []
    for cluster in range(labels.max() + 1):
        inside = labels == cluster
        lead = np.asarray(present[inside].mean(axis=0)).ravel() - np.asarray(present[~inside].mean(axis=0)).ravel()
        first = [i for i in np.argsort(-lead, kind="stable") if telling[i]][:CLUSTER_WORDS]
        told.append(tuple(str(names[i]) for i in first))
        shares.append(float(inside.mean()))
        examples.append(tuple(int(row) for row in rows[inside][:EXAMPLES]))
    return HiddenClusters(category, score, tuple(told), tuple(shares), tuple(examples))


def _telling(words: Sequence[str], settings: TitleSettings) -> list[bool]:
    """Return which words say something to a person: no stop words, no single letters."""
    try:
        kept = Normalizer(replace(settings, remove_stopwords=True))
    except ValueError:
        # There is no list for this language.
        kept = Normalizer(settings)
    return [len(word) > 1 and bool(kept(word)) for word in words]
