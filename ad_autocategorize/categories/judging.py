"""What is known of a new title model and the one in service, for the gate to judge by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.statistics.proportions import Proportion
from ad_autocategorize.titles.features import Unlisted
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.versions.gate import BoolArray, Evidence, Group, Labels, Pair, Verdict, judge, judge_first
from ad_autocategorize.versions.outcomes import ANSWER, TRUTH, Outcomes, shared
from ad_autocategorize.versions.provenance import Keys, digest_keys
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.titles.evaluation import HeldOutAnswers


@dataclass(frozen=True, slots=True)
class LearnedTitles:
    """The ads of a training, in columns of equal length.

    Attributes
    ----------
    ad_ids : the ads' primary keys.
    written, titles : titles as sellers wrote them, and what is learned from of them.
    paths : where the ads are filed.
    keys : uint64[n], numbers that stand for the primary keys and do not tell them.
    unlisted : words of which the n-grams are learned and nothing else, as ``train`` takes them.
    """

    ad_ids: Sequence[Hashable]
    written: Sequence[str]
    titles: Sequence[str]
    paths: Sequence[Path]
    keys: Keys = field(repr=False)
    unlisted: Unlisted = field(repr=False)

    @classmethod
    def of(
        cls,
        ad_ids: Sequence[Hashable],
        written: Sequence[str],
        titles: Sequence[str],
        paths: Sequence[Path],
        unlisted: Unlisted,
    ) -> LearnedTitles:
        """Keep what a training reads; the first four are in one order."""
        return cls(ad_ids, written, titles, paths, digest_keys(("ad", str(key)) for key in ad_ids), unlisted)

    def told(self, title: str) -> str:
        """Return all that is learned of a title: its words, and which n-grams are not."""
        muted = {ngram for word in title.split(" ") for ngram in self.unlisted.get(word, ())}
        return "\n".join([title, *sorted(muted)])

    def contents(self) -> Keys:
        """Return a number for each title: an ad that is posted again under another key is not new."""
        return digest_keys(self.titles)


def title_counts(paths: Sequence[Path], tree: CategoryTree) -> list[dict[str, Any]]:
    """Return the number of ads of each main category, the largest first, as ``ModelVersion.counts`` holds them."""
    counts = Counter(path[0] for path in paths)
    return [{"key": str(pk), "name": tree.name(pk), "ads": ads} for pk, ads in counts.most_common()]


def title_outcomes(ads: LearnedTitles, held: HeldOutAnswers) -> Outcomes:
    """Return what was answered on the hold-out, and which ads the final model has learned from: all of them."""
    # Two ads may share a number once in a long while; the comparison takes each once.
    keys, first = np.unique(ads.keys[held.places], return_index=True)
    truth = np.array([path[-1] for path in held.truth], dtype=np.int64)
    answer = np.array([path[-1] for path in held.answers], dtype=np.int64)
    learned = np.union1d(ads.keys, ads.contents())
    values = sorted({str(path[-1]) for path in ads.paths})
    return Outcomes(keys, {TRUTH: truth[first], ANSWER: answer[first]}, learned, tuple(values))


def judge_titles(
    champion: ModelVersion | None,
    ads: LearnedTitles,
    held: HeldOutAnswers,
    tree: CategoryTree,
    *,
    tolerance: float,
) -> Verdict:
    """Judge a new model by its hold-out; ``tree`` holds the categories that may have ads today."""
    truth = np.array([path[-1] for path in held.truth], dtype=np.int64)
    right = np.array([path[-1] for path in held.answers], dtype=np.int64) == truth
    if champion is None:
        return judge_first(int(right.sum()), len(right), Counter(truth.tolist()).most_common(1)[0][1])
    now = Counter(str(path[0]) for path in ads.paths)
    groups = [Group(row["name"], row["ads"], now[row["key"]]) for row in champion.counts if int(row["key"]) in tree]
    known = _Known.of(champion, ads, held)
    branches = np.array([path[0] for path in held.truth], dtype=np.int64)
    evidence = Evidence(
        champion.name,
        champion.ad_count,
        len(ads.paths),
        groups,
        known.labels(truth, tree) if known else [],
        known.pairs(truth, right, branches, tree) if known else [],
        _recorded(champion, held),
        held_out=len(known.shared) if known else 0,
        new=len(known.new) if known else 0,
    )
    return judge(evidence, tolerance)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the champion answers for ads of the hold-out that it has not learned from.

    Attributes
    ----------
    shared : places in the hold-out of those that it had set aside too.
    then, answered : where they were filed, and what it answered; keys of categories.
    new : places of the ads that it has never seen.
    answers : what it answers for them.
    """

    shared: NDArray[np.intp]
    then: NDArray[np.int64]
    answered: NDArray[np.int64]
    new: NDArray[np.intp]
    answers: NDArray[np.int64]

    @classmethod
    def of(cls, champion: ModelVersion, ads: LearnedTitles, held: HeldOutAnswers) -> _Known | None:
        """Read the champion's outcomes, and ask it about new ads. ``None`` if its files are missing or damaged."""
        folder = whole_folder(champion.name)
        outcomes = Outcomes.load(folder)
        if outcomes is None or not {TRUTH, ANSWER} <= outcomes.columns.keys():
            return None
        keys = ads.keys[held.places]
        here, there = shared(keys, outcomes.keys)
        seen = np.isin(keys, outcomes.learned) | np.isin(ads.contents()[held.places], outcomes.learned)
        new = np.flatnonzero(~seen)
        try:
            answers = _ask(TitleScorer.load(folder, champion.digest), ads, held.places[new])
        except ArtifactError:
            return None
        return cls(here, outcomes.columns[TRUTH][there], outcomes.columns[ANSWER][there], new, answers)

    def labels(self, truth: NDArray[np.int64], tree: CategoryTree) -> list[Labels]:
        """Return how right the champion was on the ads that both had set aside, and how right it is by today's labels.

        Ads of categories that are gone, as after a merge, are no mistake: they are left out.
        """
        there = _are_in(self.then, tree) & _are_in(self.answered, tree)
        then = self.answered == self.then
        today = self.answered == truth[self.shared]
        return [Labels("", then[there], today[there])]

    def pairs(
        self, truth: NDArray[np.int64], right: BoolArray, branches: NDArray[np.int64], tree: CategoryTree
    ) -> list[Pair]:
        """Return which ads each model got right, by today's labels: overall, then by main category."""
        places = np.concatenate([self.shared, self.new])
        champion = np.concatenate([self.answered, self.answers]) == truth[places]
        challenger, branch_of = right[places], branches[places]
        pairs = [Pair("", champion, challenger)]
        for branch in np.unique(branch_of).tolist():
            here = branch_of == branch
            pairs.append(Pair(tree.name(branch) if branch in tree else str(branch), champion[here], challenger[here]))
        return pairs


def _are_in(categories: NDArray[np.int64], tree: CategoryTree) -> BoolArray:
    return np.array([pk in tree for pk in categories.tolist()], dtype=np.bool_)


def _ask(scorer: TitleScorer, ads: LearnedTitles, places: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the category that a model answers for each ad, int64[n]."""
    ranked, _ = scorer.rank([ads.titles[place] for place in places], 1)
    return np.array([scorer.tree.categories[best][-1] for best in ranked[:, 0].tolist()], dtype=np.int64)


def _recorded(champion: ModelVersion, held: HeldOutAnswers) -> tuple[Proportion, Proportion] | None:
    """Return what champion and challenger got right on their own hold-outs; ``None`` if that was not recorded."""
    share, ads = champion.metrics.get("path_accuracy"), champion.metrics.get("test_size")
    if share is None or not ads:
        return None
    now = held.evaluation
    return Proportion(round(share * ads), ads), Proportion(round(now.path_accuracy * now.test_size), now.test_size)
