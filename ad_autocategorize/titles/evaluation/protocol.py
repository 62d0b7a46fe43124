"""The whole evaluation: every split, comparison and curve, in one run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.reliability import Reliability, reliability
from ad_autocategorize.titles.evaluation import report
from ad_autocategorize.titles.evaluation.baselines import CrossValidation, cross_validate, predict_flat
from ad_autocategorize.titles.evaluation.comparison import compare, macro_f1_interval, mean_interval, share_interval
from ad_autocategorize.titles.evaluation.confusion import confused_pairs, confusion_matrix
from ad_autocategorize.titles.evaluation.corpus import Corpus
from ad_autocategorize.titles.evaluation.coverage import Coverage, apply_thresholds, measure_coverage
from ad_autocategorize.titles.evaluation.duplicates import Twins, find_twins
from ad_autocategorize.titles.evaluation.filed_twice import number_ads, one_of_each, paths_of_ads
from ad_autocategorize.titles.evaluation.label_noise import NoiseCeiling, agreement_of, measure_noise
from ad_autocategorize.titles.evaluation.metrics import (
    count_outcomes,
    encode,
    macro_f1,
    right_to_levels,
    score_levels,
    score_top,
    share_among_three,
)
from ad_autocategorize.titles.evaluation.nodes import explain_nodes
from ad_autocategorize.titles.evaluation.predictions import Predictions, predict
from ad_autocategorize.titles.evaluation.sizes import FEW_ADS, list_thin, score_sizes
from ad_autocategorize.titles.evaluation.splits import Split, split_at_random, split_by_date, split_by_group
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import TrainingError, train

# Called with the name of each stage as it begins; ``STAGES`` lists them in order.
Progress = Callable[[str], None]
STAGES = (
    "twins",
    "hold_out",
    "without_copies",
    "temporal",
    "classifiers",
    "flat",
    "learning_curve",
)


@dataclass(frozen=True, slots=True)
class Preset:
    """How thorough an evaluation is. ``None`` stands for no limit.

    Attributes
    ----------
    most_ads : evaluate on a random sample of at most so many ads.
    cross_validated_ads : compare the four classifiers on a sample of at most so many ads.
    learning_shares : shares of the training ads for the learning curve, rising; the last is 1.
    resamples : the number of bootstrap samples.
    flat_budget : leave the flat classifier out if training ads times categories are more than this.
    tuning_ads : choose the flat classifier's loss and C on at most so many training ads.
    """

    name: str
    most_ads: int | None
    cross_validated_ads: int | None
    learning_shares: tuple[float, ...]
    resamples: int
    flat_budget: int | None
    tuning_ads: int | None


QUICK = Preset("quick", 100_000, 10_000, (0.1, 0.3, 1.0), 500, 5_000_000, 15_000)
FULL = Preset("full", None, None, (0.05, 0.1, 0.2, 0.4, 0.7, 1.0), 2000, None, None)


def run_protocol(
    corpus: Corpus,
    settings: TitleSettings,
    preset: Preset = QUICK,
    *,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = lambda stage: None,
) -> report.Report:
    """Evaluate on ``corpus``. Raises ``TrainingError`` if there are too few ads to train or test on."""
    start = time.perf_counter()
    with_words = corpus.with_words(settings).draw(preset.most_ads, seed)
    if not len(with_words):
        left_out = ", ".join(f"{reason}: {ads}" for reason, ads in with_words.dropped.items()) or "there are none"
        raise TrainingError(f"No ad is left to evaluate on ({left_out}).")
    if len(with_words) > 2 and len(set(with_words.paths)) < 2:
        raise TrainingError(f"All {len(with_words)} ads are filed in one category: there is nothing to tell apart.")
    run = _Run(with_words, settings, preset, folds, seed, jobs, progress)
    held_out = run.held_out()
    without_copies = run.without_copies(held_out)
    return report.Report(
        preset=preset.name,
        seed=seed,
        settings=run.chosen.to_dict(),
        data=run.data(),
        nodes=explain_nodes(with_words.paths, with_words.taxonomy, settings),
        hold_out=held_out,
        copies=without_copies,
        noise=run.noise(),
        later=run.later(held_out),
        classifiers=run.classifiers(),
        flat=run.flat(),
        learning_curve=run.learning_curve(),
        seconds=time.perf_counter() - start,
    )


@dataclass
class _Run:
    """One evaluation. Each part of the report has a method; what several parts need is computed once."""

    corpus: Corpus
    settings: TitleSettings
    preset: Preset
    folds: int
    seed: int
    jobs: int
    progress: Progress

    @property
    def chosen(self) -> TitleSettings:
        """The settings, those that were ``None`` as training chose them on the hold-out's training ads."""
        return self._held_out_scorer.settings

    @cached_property
    def twins(self) -> Twins:
        self.progress("twins")
        return find_twins(self.corpus.titles)

    @cached_property
    def split(self) -> Split:
        if not self.corpus.ads:
            return split_at_random(self.corpus.paths, self.seed)
        return self._tested_once(split_by_group(self.corpus.paths, number_ads(self.corpus.ads), self.seed))

    def _tested_once(self, split: Split) -> Split:
        """Return the split with one test example of each ad, if ads may be filed at several categories."""
        return replace(split, test=one_of_each(split.test, self.corpus.ads)) if self.corpus.ads else split

    @cached_property
    def _filed(self) -> list[tuple[Path, ...]]:
        """For each example, the paths that its ad is filed at."""
        return paths_of_ads(self.corpus.paths, self.corpus.ads or range(len(self.corpus)))

    @cached_property
    def _held_out_scorer(self) -> TitleScorer:
        return self._train(self.split, self.settings)

    @cached_property
    def predictions(self) -> Predictions:
        return self._predict(self._held_out_scorer, self.split)

    def train_and_predict(self, split: Split, settings: TitleSettings | None = None) -> Predictions:
        return self._predict(self._train(split, settings or self.settings), split)

    def _predict(self, scorer: TitleScorer, split: Split) -> Predictions:
        asked = split.test.tolist()
        return predict(scorer, [self.corpus.titles[i] for i in asked], [self._filed[i] for i in asked])

    def _train(self, split: Split, settings: TitleSettings) -> TitleScorer:
        if not len(split.test) or not len(split.train):
            raise TrainingError(
                f"{len(self.corpus)} ads are too few to hold any out: a category needs two ads before one of them is "
                "tested on. More ads are needed; of a marketplace, check the source's 'published' condition."
            )
        known = self.corpus.take(split.train.tolist())
        return train(known.titles, known.paths, settings, weights=known.weights, seed=self.seed, jobs=self.jobs).scorer

    def data(self) -> report.DataSummary:
        paths = self.corpus.paths
        sizes = Counter(paths)
        tested = {paths[position] for position in self.split.test}
        days = [day for day in self.corpus.dates if day is not None]
        return report.DataSummary(
            ads=len(paths),
            categories=len(sizes),
            main_categories=len({path[0] for path in paths}),
            depths=dict(sorted(Counter(map(len, paths)).items())),
            dropped=dict(self.corpus.dropped),
            untested_categories=len(sizes) - len(tested),
            untested_ads=sum(count for path, count in sizes.items() if path not in tested),
            largest_share=max(sizes.values()) / len(paths),
            largest_main_share=max(Counter(path[0] for path in paths).values()) / len(paths),
            dated=len(days),
            first_date=min(days).date().isoformat() if days else None,
            last_date=max(days).date().isoformat() if days else None,
            unread_dates=self.corpus.unread_dates,
            few_ads=FEW_ADS,
            thin=list_thin(paths, self.corpus.taxonomy),
        )

    def held_out(self) -> report.HeldOut:
        groups = self.twins.groups[self.split.test]
        self.progress("hold_out")
        predictions = self.predictions
        levels = range(1, predictions.depth + 1)
        tested = self.corpus.take(self.split.test.tolist())
        return report.HeldOut(
            summary=self.summarize(predictions, self.split),
            levels=score_levels(predictions),
            top=score_top(predictions),
            outcomes=count_outcomes(predictions),
            confusion=[confusion_matrix(predictions, level) for level in levels],
            pairs=confused_pairs(predictions, tested.titles),
            reliability=self._reliability(predictions),
            coverage=self._coverage(predictions, groups),
            sizes=score_sizes(predictions, [self.corpus.paths[position] for position in self.split.train]),
        )

    def _reliability(self, predictions: Predictions) -> list[Reliability]:
        whole = reliability(0, predictions.confidence[:, 0], predictions.correct)
        return [whole] + [
            reliability(level, predictions.confidence[:, level], predictions.correct_to(level))
            for level in range(1, predictions.depth + 1)
        ]

    def _coverage(self, predictions: Predictions, groups: NDArray[np.intp]) -> list[Coverage]:
        whole = measure_coverage(0, predictions.confidence[:, 0], predictions.correct, groups, self.seed)
        return [whole] + [
            measure_coverage(level, predictions.confidence[:, level], predictions.correct_to(level), groups, self.seed)
            for level in range(1, predictions.depth + 1)
        ]

    def summarize(self, predictions: Predictions, split: Split) -> report.SplitSummary:
        groups, resamples = self.twins.groups[split.test], self.preset.resamples
        correct = predictions.correct
        levels = []
        for level in range(1, predictions.depth + 1):
            here = predictions.at_level(level)
            right = predictions.correct_to(level)[here]
            paths, (truth, guess) = encode(
                [path[:level] for path in predictions.truth], [path[:level] for path in predictions.guesses]
            )
            counted = np.array([len(path) == level for path in paths], dtype=np.bool_)
            levels.append(
                report.LevelSummary(
                    level,
                    int(here.sum()),
                    float(right.mean()),
                    share_interval(right, groups[here], resamples, self.seed),
                    float((predictions.given_parent[here, level] == 1).mean()),
                    macro_f1(truth, guess, counted),
                    macro_f1_interval(truth, guess, counted, groups=groups, resamples=resamples, seed=self.seed),
                )
            )
        categories = set(predictions.categories)
        known = np.array([path in categories for path in predictions.truth], dtype=np.bool_)
        return report.SplitSummary(
            train=len(split.train),
            test=len(split.test),
            accuracy=float(correct.mean()),
            interval=share_interval(correct, groups, resamples, self.seed),
            top3=share_among_three(predictions),
            expected_calibration_error=self._reliability(predictions)[0].expected_calibration_error,
            unseen=int((~known).sum()),
            accuracy_seen=_mean(correct[known]),
            levels=levels,
        )

    def without_copies(self, held_out: report.HeldOut) -> report.CopiesReport | None:
        """Compare the random split with one that keeps near-identical titles on one side.

        ``None`` if so many titles are near-identical that the second has too few ads to learn from or to test on.
        """
        self.progress("without_copies")
        split = self._tested_once(split_by_group(self.corpus.paths, self.twins.groups, self.seed))
        try:
            apart = self.train_and_predict(split)
        except TrainingError:
            return None
        seen_groups = np.isin(self.twins.groups[self.split.test], self.twins.groups[self.split.train])
        correct = self.predictions.correct
        twinned = (self.twins.counts > 0)[split.test]
        return report.CopiesReport(
            random=held_out.summary,
            apart=self.summarize(apart, split),
            leaked=float(seen_groups.mean()),
            accuracy_leaked=_mean(correct[seen_groups]),
            accuracy_others=_mean(correct[~seen_groups]),
            accuracy_twinned_apart=_mean(apart.correct[twinned]),
            agreement_twinned_apart=agreement_of(self.corpus.paths, self.twins, split.test),
        )

    def noise(self) -> NoiseCeiling:
        return measure_noise(self.corpus.titles, self.corpus.paths, self.twins)

    def later(self, held_out: report.HeldOut) -> report.LaterReport | None:
        """Train on the ads before a date, and test on the later ones; also test the thresholds that the hold-out chose."""
        split = split_by_date(self.corpus.dates)
        if split is None or split.cutoff is None or len({self.corpus.paths[i] for i in split.train}) < 2:
            return None
        cutoff = split.cutoff.isoformat(sep=" ", timespec="minutes")
        split = self._tested_once(split)
        self.progress("temporal")
        predictions = self.train_and_predict(split)
        coverage = [apply_thresholds(held_out.coverage[0], predictions.confidence[:, 0], predictions.correct)]
        for level, chosen in enumerate(held_out.coverage[1 : predictions.depth + 1], start=1):
            correct = predictions.correct_to(level)
            coverage.append(apply_thresholds(chosen, predictions.confidence[:, level], correct))
        return report.LaterReport(cutoff, self.summarize(predictions, split), coverage)

    def classifiers(self) -> CrossValidation | None:
        self.progress("classifiers")
        chosen = np.arange(len(self.corpus))
        most = self.preset.cross_validated_ads
        if most is not None and len(chosen) > most:
            chosen = np.sort(np.random.default_rng(self.seed).choice(chosen, most, replace=False))
        part = self.corpus.take(chosen.tolist())
        return cross_validate(
            part.titles,
            part.paths,
            self.settings,
            folds=self.folds,
            groups=self.twins.groups[chosen],
            resamples=self.preset.resamples,
            seed=self.seed,
            jobs=self.jobs,
        )

    def flat(self) -> report.FlatReport:
        """Compare the cascade alone, and the classifier as served, with one flat classifier over all categories."""
        train_part = self.corpus.take(self.split.train.tolist())
        tested = self.corpus.take(self.split.test.tolist())
        cost = len(train_part) * len(set(train_part.paths))
        if self.preset.flat_budget is not None and cost > self.preset.flat_budget:
            return report.FlatReport()
        self.progress("flat")
        guesses, choice = predict_flat(
            (train_part.titles, train_part.paths),
            tested.titles,
            self.settings,
            weights=train_part.weights,
            tuning_ads=self.preset.tuning_ads,
            seed=self.seed,
        )
        filed = [self._filed[position] for position in self.split.test]
        right = np.array([guess in paths for guess, paths in zip(guesses, filed, strict=True)], dtype=np.bool_)
        cascade = self._cascade_alone()
        groups = self.twins.groups[self.split.test]
        cascade_against_flat, served_against_flat = (
            compare(predictions.correct, right, groups, self.preset.resamples, self.seed)
            for predictions in (cascade, self.predictions)
        )
        return report.FlatReport(
            accuracy=float(right.mean()),
            levels=right_to_levels(guesses, filed),
            choice=choice,
            cascade_accuracy=float(cascade.correct.mean()),
            cascade_levels=right_to_levels(cascade.guesses, filed),
            cascade_against_flat=cascade_against_flat,
            served_against_flat=served_against_flat,
        )

    def _cascade_alone(self) -> Predictions:
        """Return the answers of the cascade without the flat models."""
        alone = replace(self.settings, naive_bayes_weight=0.0, flat_svc_weight=0.0)
        return self.predictions if alone == self.settings else self.train_and_predict(self.split, alone)

    def learning_curve(self) -> list[report.LearningPoint]:
        """Train on growing parts of the training ads, each within the next, and test on the same ads."""
        self.progress("learning_curve")
        order = np.random.default_rng(self.seed).permutation(self.split.train)
        groups, resamples = self.twins.groups[self.split.test], self.preset.resamples
        points: list[report.LearningPoint] = []
        before: NDArray[np.bool_] | None = None
        for share in self.preset.learning_shares:
            if share == 1:
                predictions, ads = self.predictions, len(order)
            else:
                ads = round(share * len(order))
                try:
                    predictions = self.train_and_predict(Split(self.split.test, np.sort(order[:ads])))
                except TrainingError:
                    continue
            right, main = predictions.correct, float(predictions.correct_to(1).mean())
            interval = share_interval(right, groups, resamples, self.seed)
            gain = None
            if before is not None:
                gain = mean_interval(right.astype(np.float64) - before, groups, resamples, self.seed)
            points.append(report.LearningPoint(ads, float(right.mean()), interval, main, gain))
            before = right
        return points


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None
