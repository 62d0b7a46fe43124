"""Training anew only what ads have changed for: the nodes whose ads changed, and their categories' share of the flat models.

What all nodes have in common stays as the last training of all of them left it: the vocabulary with its inverse document
frequencies, the settings that were chosen, temperatures and mixture. Hence a node that is trained gets the very coefficients that
it would get if all were trained on that vocabulary, and one whose ads are the same would get those that it has: they are kept.

Of the flat models naive Bayes counts by category, so that nothing is lost. The support-vector machine sets each category against
all others: the hyperplanes of changed categories are trained anew, those of the others stay, though a few of the ads that they
were set against have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.features import Contents, TitleFeatures, Unlisted
from ad_autocategorize.titles.hierarchy import Node, Path, build_nodes, node_key
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.training.cascade import LocalClassifier, train_nodes, with_sample
from ad_autocategorize.titles.training.changes import Changes, FiledTitles, compare
from ad_autocategorize.titles.training.checkpoint import Trained
from ad_autocategorize.titles.training.flat import (
    MAX_SVC_ADS,
    FlatModel,
    no_flat_model,
    train_flat_svc,
    train_naive_bayes,
)
from ad_autocategorize.titles.training.parts import USUAL_FLAT_REGULARIZATION
from ad_autocategorize.titles.training.recompilation import Kept, outcomes_by_node, recompile
from ad_autocategorize.titles.training.side_by_side import run_side_by_side
from ad_autocategorize.titles.training.splitting import draw_sample

# A node of so many ads waits until this share of them has changed: near the root a training takes as long as all below together,
# and a few ads in a hundred teach it nothing. A child that comes or goes is not waited with.
LARGE_NODE = 10_000
WAITING_SHARE = 0.05

Positions = NDArray[np.intp]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Ads:
    """What is learned from today, in columns of equal length.

    Attributes
    ----------
    filed : the ads as ``changes`` compares them.
    titles, paths : what is learned, and where the ads are filed.
    weights : how much each counts, as ``train`` takes them; ``None`` for all the same.
    unlisted : words of which the n-grams alone are learned, as ``train`` takes them.
    """

    filed: FiledTitles
    titles: Sequence[str]
    paths: Sequence[Path]
    weights: Sequence[float] | None = None
    unlisted: Unlisted | None = None

    def part(self, chosen: Positions) -> Ads:
        """Return the ads at the given positions."""
        places = chosen.tolist()
        weights = None if self.weights is None else [self.weights[place] for place in places]
        titles, paths = [self.titles[place] for place in places], [self.paths[place] for place in places]
        return Ads(self.filed.part(chosen), titles, paths, weights, self.unlisted)


@dataclass(frozen=True, slots=True)
class Renewed:
    """A model that was trained anew in part.

    ``trained_nodes`` of ``nodes`` were trained, and ``waiting_nodes`` were not although ads have changed there.
    """

    trained: Trained
    nodes: int
    trained_nodes: int
    waiting_nodes: int


def train_changed(
    earlier: Trained, before: FiledTitles, ads: Ads, *, jobs: int = 1, progress: Progress | None = None
) -> Renewed:
    """Train what has changed since ``earlier`` learned from ``before``.

    Words that the vocabulary does not know are left out, but for those that are unlisted. ``progress`` is called with (stage,
    done, total).
    """
    plan = _Plan.of(earlier, compare(before, earlier.scorer.tree.categories, ads.filed, set(ads.paths)), ads)
    work = _Work(earlier, ads, plan)
    classifiers, flat = work.cascade(jobs, progress), work.flat(jobs)
    scorer = recompile(earlier.scorer, work.features, classifiers, flat, plan.kept)
    checkpoint = replace(earlier.checkpoint, waiting=plan.waiting)
    choices = len(plan.structure)
    return Renewed(Trained(scorer, checkpoint), choices, choices - len(plan.kept.nodes), len(plan.waiting))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be trained.

    Attributes
    ----------
    categories : where ads are filed, sorted; ``category_of``, intp[n], is that of each ad.
    structure : the nodes that have a choice; their ``ads`` are positions of categories.
    kept : what is not trained.
    waiting : as in ``Checkpoint``.
    """

    categories: tuple[Path, ...]
    category_of: Positions
    structure: list[Node]
    kept: Kept
    waiting: dict[int, int]

    @classmethod
    def of(cls, earlier: Trained, changes: Changes, ads: Ads) -> _Plan:
        categories = tuple(sorted(set(ads.paths)))
        position = {path: index for index, path in enumerate(categories)}
        category_of = np.fromiter((position[path] for path in ads.paths), dtype=np.intp, count=len(ads.paths))
        structure = [node for node in build_nodes(categories) if len(node.outcomes) > 1]
        sizes = np.bincount(category_of, minlength=len(categories))
        then, kept, waiting = outcomes_by_node(earlier.scorer.tree), set(), {}
        for node in structure:
            key, changed = node_key(node.path), 0
            if list(then.get(key, ())) != list(map(node_key, node.outcomes)):
                continue
            if key in changes.at_nodes or key in earlier.checkpoint.waiting:
                changed = changes.at_nodes.get(key, 0) + earlier.checkpoint.waiting.get(key, 0)
                size = int(sizes[node.ads].sum())
                if size < LARGE_NODE or changed > WAITING_SHARE * size:
                    continue
                waiting[key] = changed
            kept.add(key)
        known = {path[-1] for path in earlier.scorer.tree.categories}
        same = {path[-1] for path in categories} & known - changes.categories
        return cls(categories, category_of, structure, Kept(kept, same), waiting)

    def nodes(self, seed: int) -> list[Node]:
        """Return the nodes to train, with the positions of the ads that they learn from."""
        found = []
        for node in self.structure:
            if node_key(node.path) not in self.kept.nodes:
                way = np.full(len(self.categories), -1, dtype=np.intp)
                way[node.ads] = node.labels
                labels = way[self.category_of]
                ads = np.flatnonzero(labels >= 0)
                found.append(with_sample(Node(node.path, node.outcomes, ads, labels[ads]), seed))
        return found

    def changed_categories(self) -> Positions:
        """Return the positions of the categories whose share of the flat models is trained."""
        changed = [place for place, path in enumerate(self.categories) if path[-1] not in self.kept.categories]
        return np.array(changed, dtype=np.intp)


class _Work:
    """The ads that are needed as features, and what is trained on them."""

    def __init__(self, earlier: Trained, ads: Ads, plan: _Plan) -> None:
        self._plan, self._checkpoint, self._settings = plan, earlier.checkpoint, earlier.scorer.settings
        seed = earlier.checkpoint.seed
        self._nodes, self._changed = plan.nodes(seed), plan.changed_categories()
        self._own = np.flatnonzero(np.isin(plan.category_of, self._changed))
        nobody = np.empty(0, dtype=np.intp)
        wants_machine = len(self._changed) and self._settings.flat_svc_weight
        self._sample = draw_sample(plan.category_of, MAX_SVC_ADS, seed) if wants_machine else nobody
        self._needed = reduce(np.union1d, [self._own, self._sample, *(node.ads for node in self._nodes)])
        self.features = TitleFeatures(self._settings).restore(earlier.checkpoint.frequencies)
        self._matrix = self.features.transform(Contents.of(self._read(ads), self._settings, ads.unlisted))
        counted = np.ones(len(ads.paths)) if ads.weights is None else np.asarray(ads.weights, dtype=np.float64)
        self._weights = counted[self._needed] / earlier.checkpoint.weight_unit

    def cascade(self, jobs: int, progress: Progress | None) -> list[LocalClassifier]:
        """Return the classifiers of all nodes that have a choice; those that are kept hold nothing."""
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress("nodes", done, len(self._nodes))

        nodes = [replace(node, ads=self._rows(node.ads)) for node in self._nodes]
        given = {"seed": self._checkpoint.seed, "jobs": jobs, "progress": step, "weights": self._weights}
        trained = {each.node: each for each in train_nodes(self._matrix, nodes, self._settings, **given)}
        return [self._calibrated(trained.get(node.path) or self._nothing(node)) for node in self._plan.structure]

    def flat(self, jobs: int) -> FlatModel:
        """Return the flat models together; the rows of categories that are kept hold nothing."""
        settings, width = self._settings, self._matrix.shape[1]
        model = replace(no_flat_model(self._plan.categories, width), counted=self._checkpoint.counted)
        if not len(self._changed):
            return model
        if settings.naive_bayes_weight:
            model += self._spread(self._naive_bayes().scaled(settings.naive_bayes_weight))
        if settings.flat_svc_weight:
            model += self._spread(self._machine(jobs).scaled(settings.flat_svc_weight))
        return model

    def _read(self, ads: Ads) -> list[list[str]]:
        """Return the words of the titles that are needed, those that are known or unlisted."""
        normalize, known, unlisted = Normalizer(self._settings), self.features.words.index, ads.unlisted or {}
        return [
            [word for word in normalize(ads.titles[ad]) if word in known or word in unlisted]
            for ad in self._needed.tolist()
        ]

    def _rows(self, ads: Positions) -> Positions:
        return np.searchsorted(self._needed, ads)

    def _calibrated(self, classifier: LocalClassifier) -> LocalClassifier:
        key, checkpoint = node_key(classifier.node), self._checkpoint
        return replace(classifier, temperature=checkpoint.temperatures.get(key, checkpoint.common_temperature))

    def _nothing(self, node: Node) -> LocalClassifier:
        shape = (len(node.outcomes), self._matrix.shape[1])
        return LocalClassifier(node.outcomes, sparse.csr_array(shape), np.zeros(shape[0]))

    def _changed_paths(self) -> tuple[Path, ...]:
        return tuple(self._plan.categories[place] for place in self._changed.tolist())

    def _naive_bayes(self) -> FlatModel:
        rows = self._rows(self._own)
        labels = np.searchsorted(self._changed, self._plan.category_of[self._own])
        total = self._checkpoint.total_weight
        return train_naive_bayes(
            self._matrix[rows], labels, self._changed_paths(), self._weights[rows], total, self._checkpoint.counted
        )

    def _machine(self, jobs: int) -> FlatModel:
        """Train a hyperplane for each changed category, one by one: each is the same whichever others are trained."""
        rows, words = self._rows(self._sample), len(self.features.words)
        matrix, weights = self._matrix[rows][:, :words], self._weights[rows]
        categories = self._plan.category_of[self._sample]
        options = self._settings.flat_regularization or USUAL_FLAT_REGULARIZATION, self._checkpoint.seed, weights
        tasks = (
            (matrix, words, (categories == place).astype(np.intp), ((), path), *options)
            for place, path in zip(self._changed.tolist(), self._changed_paths(), strict=True)
        )
        found = list(run_side_by_side(train_flat_svc, tasks, jobs=jobs))
        coefficients = sparse.vstack([model.coefficients[[1]] for model in found], format="csr")
        coefficients.resize((len(found), self._matrix.shape[1]))
        intercepts = np.array([model.intercepts[1] for model in found])
        return FlatModel(
            self._changed_paths(),
            sparse.csr_array(coefficients),
            np.zeros(len(found)),
            intercepts,
            np.zeros(self._matrix.shape[1]),
        )

    def _spread(self, model: FlatModel) -> FlatModel:
        """Return a model of the changed categories as one of all categories."""
        categories = self._plan.categories
        shape = (len(categories), len(self._changed))
        places = sparse.csr_array((np.ones(shape[1]), (self._changed, np.arange(shape[1]))), shape=shape)
        floors, intercepts = places @ model.floors, places @ model.intercepts
        return FlatModel(categories, sparse.csr_array(places @ model.coefficients), floors, intercepts, model.counted)
