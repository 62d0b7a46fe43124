"""What training does where categories are many: blocks of outcomes, the ads near a hyperplane, bounds on what is counted."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from ad_autocategorize.titles import features
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import compilation, flat, hyperplanes, training, tuning
from ad_autocategorize.titles.training.calibration import Unseen, fit_temperatures
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.examples import Examples
from tests.titles.data import labelled_titles

OUTCOMES = 9
TITLES, PATHS = labelled_titles()


def ads(count=900, seed=0):
    """Return rows of three features of their outcome and five of any, and the outcomes."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(OUTCOMES), random.integers(0, OUTCOMES, count - OUTCOMES)])
    columns = np.hstack(
        [labels[:, None] * 10 + random.integers(0, 10, (count, 3)), random.integers(90, 200, (count, 5))]
    )
    rows = sparse.csr_array(
        (
            np.full(columns.size, 0.35),
            columns.ravel().astype(np.int32),
            np.arange(0, columns.size + 1, 8, dtype=np.int32),
        ),
        shape=(count, 210),
    )
    rows.sum_duplicates()
    return rows, labels


def svc(tol=1e-6):
    return LinearSVC(C=1.0, loss="squared_hinge", tol=tol, random_state=0, max_iter=100_000)


@pytest.mark.parametrize("together", [1, 2, 4, 8])
def test_blocks_of_outcomes_find_the_hyperplanes_of_all_at_once(together, monkeypatch):
    rows, labels = ads()
    whole, intercepts = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    monkeypatch.setattr(hyperplanes, "MAX_DENSE_CELLS", together * 200)
    largest = []
    fit = hyperplanes._fit

    def spy(*arguments):
        dense, of_dense = fit(*arguments)
        largest.append(len(dense))
        return dense, of_dense

    monkeypatch.setattr(hyperplanes, "_fit", spy)
    parts, of_parts = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    assert max(largest) <= together + 1
    np.testing.assert_allclose(parts.toarray(), whole.toarray(), atol=1e-3)
    np.testing.assert_allclose(of_parts, intercepts, atol=1e-3)


def wide(monkeypatch, **constants):
    for name, value in {
        "FEW_ADS": 0,
        "FEW_CELLS": 0,
        "OUTCOMES_TOGETHER": 4,
        "ADS_BY_CHANCE": 100,
        **constants,
    }.items():
        monkeypatch.setattr(hyperplanes, name, value)


def test_the_ads_near_a_hyperplane_make_it(monkeypatch):
    rows, labels = ads()
    whole, intercepts = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    wide(monkeypatch)
    near, of_near = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    fresh, _ = ads(seed=1)
    expected, found = fresh @ whole.T.toarray() + intercepts, fresh @ near.T.toarray() + of_near
    assert np.abs(found - expected).mean() < 0.05
    # Without the hardest ads of the others a sample is too few.
    wide(monkeypatch, HARDEST_ADS=1)
    sampled, of_sampled = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    assert np.abs(fresh @ sampled.T.toarray() + of_sampled - expected).mean() > 2 * np.abs(found - expected).mean()


def test_the_ads_near_a_hyperplane_are_bounded(monkeypatch):
    rows, labels = ads()
    wide(monkeypatch, HARDEST_ADS=50)
    most = []
    fit = hyperplanes._fit

    def spy(estimator, rows, labels, weights):
        most.append(rows.shape[0] - np.count_nonzero(labels) if labels.dtype == bool else 0)
        return fit(estimator, rows, labels, weights)

    monkeypatch.setattr(hyperplanes, "_fit", spy)
    hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    assert 50 < max(most) <= 150


def test_weights_follow_the_ads_that_are_chosen(monkeypatch):
    rows, labels = ads()
    doubled = np.ones(len(labels))
    doubled[labels == 3] = 5.0
    whole, _ = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9, weights=doubled)
    wide(monkeypatch)
    near, _ = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9, weights=doubled)
    plain, _ = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=1e-9)
    assert np.abs((near - whole).toarray()[3]).mean() < np.abs((plain - whole).toarray()[3]).mean() / 3


def test_several_processes_find_the_same(monkeypatch):
    rows, labels = ads()
    monkeypatch.setattr(hyperplanes, "MAX_DENSE_CELLS", 600)
    alone, together = (hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=0.01, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(alone[0].toarray(), together[0].toarray())
    np.testing.assert_array_equal(alone[1], together[1])


def test_outcomes_that_depend_on_one_another_are_fitted_at_once(monkeypatch):
    rows, labels = ads(200)
    estimator = LogisticRegression(max_iter=300)
    whole, _ = hyperplanes.fit_hyperplanes(estimator, rows, labels, smallest=1e-9)
    monkeypatch.setattr(hyperplanes, "MAX_DENSE_CELLS", 200)
    wide(monkeypatch)
    again, _ = hyperplanes.fit_hyperplanes(estimator, rows, labels, smallest=1e-9)
    np.testing.assert_array_equal(again.toarray(), whole.toarray())


@pytest.mark.parametrize("classifier", ["linear_svc", "logistic_regression", "multinomial_nb"])
def test_positions_in_a_table_have_32_bits(classifier):
    table = training.train(TITLES, PATHS, TitleSettings(classifier=classifier)).scorer.parts[0].table
    assert table.indices.dtype == table.indptr.dtype == np.int32


def test_a_wide_node_is_trained_and_stays_in_its_place(monkeypatch):
    expected = training.train(TITLES, PATHS, TitleSettings()).scorer
    wide(monkeypatch, OUTCOMES_TOGETHER=1, ADS_BY_CHANCE=5)
    done = []
    scorer = training.train(
        TITLES, PATHS, TitleSettings(), progress=lambda _, now, total: done.append((now, total))
    ).scorer
    np.testing.assert_array_equal(scorer.tree.path_edges, expected.tree.path_edges)
    assert done[-1][0] == done[-1][1]
    answers = [[offer.category for offer in each.suggest_many(TITLES, 1)[0]] for each in (scorer, expected)]
    assert answers[0] == answers[1]


def test_naive_bayes_leaves_out_what_most_categories_have(monkeypatch):
    rows, labels = ads()
    categories = tuple((number,) for number in range(OUTCOMES))
    whole = flat.train_naive_bayes(rows, labels, categories)
    assert whole.counted.all()
    # The three features of its outcome that an ad has lie in one category, the five others in all nine.
    monkeypatch.setattr(flat, "MAX_COUNTS_OF_TITLE", 4)
    narrow = flat.train_naive_bayes(rows, labels, categories)
    assert set(np.flatnonzero(narrow.counted)) >= set(range(90))
    assert narrow.counted[90:200].sum() < 30
    titles = rows[:50]
    left_out = sparse.csr_array(titles @ sparse.diags_array(narrow.counted))
    # What is left out changes no score, of a large category or of a small one.
    np.testing.assert_allclose(narrow.scores(titles), narrow.scores(left_out))
    assert (narrow.scores(titles).argmax(axis=1) == labels[:50]).all()


def test_what_naive_bayes_leaves_out_is_left_out_of_the_compiled_table(monkeypatch):
    monkeypatch.setattr(flat, "MAX_COUNTS_OF_TITLE", 5)
    given = {}
    original = training.compile_scorer
    monkeypatch.setattr(
        training, "compile_scorer", lambda *parts: given.setdefault("scorer", (parts, original(*parts)))[1]
    )
    scorer = training.train(TITLES, PATHS, TitleSettings()).scorer
    (_, learned, classifiers, flat_model, _), _ = given["scorer"]
    assert 0 < flat_model.counted.sum() < len(flat_model.counted)
    contents = features.Contents.of([TITLES[0].lower().split()], TitleSettings())
    matrix = learned.transform(contents)
    edges = [each.margins(matrix)[0] / each.temperature for each in classifiers]
    log_path = np.zeros(len(scorer.tree.categories))
    for classifier, margins in zip(classifiers, edges, strict=True):
        logs = margins - np.log(np.exp(margins).sum())
        for column, path in enumerate(scorer.tree.categories):
            for outcome, log in zip(classifier.outcomes, logs, strict=True):
                log_path[column] += log * (
                    path[: len(outcome)] == outcome and (len(outcome) > len(classifier.node) or path == outcome)
                )
    order = np.argsort(-(log_path + flat_model.scores(matrix)[0]))
    assert [scorer.tree.categories[index][-1] for index in order[:3]] == [
        offer.category for offer in scorer.suggest(TITLES[0])
    ]


def test_words_fold_in_no_more_entries_than_allowed(monkeypatch):
    whole = training.train(TITLES, PATHS, TitleSettings()).scorer
    monkeypatch.setattr(compilation, "MAX_FOLDED_ENTRIES", 2_000)
    bounded = training.train(TITLES, PATHS, TitleSettings()).scorer
    assert 0 < bounded._vocabulary.entries.folded_rows < whole._vocabulary.entries.folded_rows
    np.testing.assert_allclose(bounded.probabilities(TITLES), whole.probabilities(TITLES), atol=1e-5)


def test_a_search_among_many_categories_takes_fewer_of_them_with_all_their_ads():
    contents = features.Contents.of([title.split() for title in TITLES], TitleSettings())
    examples = Examples(contents, list(PATHS))
    trial = tuning.Trial(examples, examples.part(np.arange(40)))
    assert trial.with_fewer_categories(len(set(PATHS)), seed=0) == trial
    learned, aside = trial.with_fewer_categories(3, seed=0)
    assert len(set(learned.paths)) == 3
    assert len(learned) == sum(path in set(learned.paths) for path in PATHS)
    assert set(aside.paths) <= set(learned.paths)


def test_a_temperature_is_fitted_to_a_part_of_many_margins(monkeypatch):
    rows, labels = ads()
    coefficients, intercepts = hyperplanes.fit_hyperplanes(svc(), rows, labels, smallest=0.01)
    classifier = LocalClassifier(tuple((1, number) for number in range(OUTCOMES)), coefficients, intercepts)
    fresh, targets = ads(seed=2)
    unseen = Unseen([classifier], fresh, [(1, int(target)) for target in targets])
    seen = []
    margins = LocalClassifier.margins
    monkeypatch.setattr(
        LocalClassifier, "margins", lambda self, rows: seen.append(rows.shape[0]) or margins(self, rows)
    )
    whole = fit_temperatures([unseen]).common
    monkeypatch.setattr("ad_autocategorize.titles.training.calibration.MAX_CELLS", 450 * OUTCOMES)
    assert fit_temperatures([unseen]).common == pytest.approx(whole, rel=0.2)
    assert seen == [900, 450]


def test_features_are_numbered_alike_however_many_at_a_time(monkeypatch):
    tokens = [title.split() for title in TITLES]
    whole = features.Contents.of(tokens, TitleSettings())
    monkeypatch.setattr(features, "NUMBERED_TOGETHER", 7)
    parts = features.Contents.of(tokens, TitleSettings())
    assert (list(parts.features), list(parts.words), list(parts.ngrams)) == (whole.features, whole.words, whole.ngrams)
    for name in ("occurrences", "membership", "spelling"):
        np.testing.assert_array_equal(getattr(parts, name).toarray(), getattr(whole, name).toarray())


def test_rank_gives_equal_categories_in_order(monkeypatch):
    scorer = training.train(TITLES, PATHS, TitleSettings()).scorer
    probabilities = np.array([[0.1, 0.4, 0.4, 0.1], [0.25, 0.25, 0.25, 0.25]])
    monkeypatch.setattr(scorer, "_score_batch", lambda batch: (probabilities.copy(), None))
    order, values = scorer.rank(["one", "two"], 3)
    np.testing.assert_array_equal(order, [[1, 2, 0], [0, 1, 2]])
    np.testing.assert_array_equal(values, [[0.4, 0.4, 0.1], [0.25, 0.25, 0.25]])


def test_a_tree_has_no_level_without_an_edge():
    scorer = training.train(TITLES, PATHS, TitleSettings()).scorer
    assert (scorer.tree.path_edges < scorer.tree.edges).any(axis=1).all()
