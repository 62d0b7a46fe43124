"""Categories of few ads in the evaluation."""

import numpy as np
import pytest

from ad_autocategorize.titles.evaluation.predictions import Predictions
from ad_autocategorize.titles.evaluation.sizes import FEW_ADS, list_thin, score_sizes


def test_accuracy_by_the_number_of_ads_learned_from():
    categories = ((1,), (2,), (3,))
    truth = ((1,), (1,), (2,), (3,))
    ranked = np.array([[0], [1], [1], [2]])
    confidence = np.array([[0.9], [0.5], [0.8], [0.6]])
    predictions = Predictions(categories, truth, ranked, confidence, np.zeros((4, 1), dtype=np.int8))
    sizes = score_sizes(predictions, [(1,)] * 60 + [(2,)] * 2 + [(3,)] * 2)
    assert [(size.least, size.most, size.categories, size.support) for size in sizes] == [
        (2, 2, 2, 2),
        (50, None, 1, 2),
    ]
    assert [size.accuracy for size in sizes] == [1.0, 0.5]
    assert sizes[1].confidence == pytest.approx(0.7)
    assert sizes[1].interval.low < 0.5 < sizes[1].interval.high


def test_categories_of_few_ads_and_leaves_without_any_are_listed():
    paths = [(1, 2)] * FEW_ADS + [(1, 3)] * 2 + [(4,)]
    taxonomy = [(1,), (1, 2), (1, 3), (1, 5), (4,), (6,)]
    found = [(category.path, category.ads) for category in list_thin(paths, taxonomy)]
    assert found == [((1, 5), 0), ((6,), 0), ((4,), 1), ((1, 3), 2)]
