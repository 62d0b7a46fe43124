"""What is learned from embeddings: sums, the classifier, and the fusion with titles."""

import numpy as np
import pytest

from ad_autocategorize.item_photos.classifier import join_photos, log_softmax
from ad_autocategorize.item_photos.fusion import Confidence, Fusion
from ad_autocategorize.item_photos.training import sums as sums_module
from ad_autocategorize.item_photos.training.fitting import (
    Shrinkage,
    calibrate,
    fit_classifier,
    fit_confidence,
    fit_fusion,
    fit_temperature,
)
from ad_autocategorize.item_photos.training.sums import AdPhotos, add_up

CATEGORIES = ((1,), (1, 2), (1, 3), (4, 5), (4, 6))
CENTRES = np.array([[0, 0, 0, 2.0], [3, 0, 0, 2], [0, 3, 0, 2], [0, 0, 3, -2], [3, 3, 0, -2]])
MILD = Shrinkage(0.1, 2.0)


def make_photos(count=400, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CATEGORIES), count)
    vectors = (CENTRES[labels] + spread * rng.standard_normal((count, 4))).astype(np.float16)
    return AdPhotos(vectors, np.arange(count)), labels


def test_chunks_add_up_to_the_whole(monkeypatch):
    photos, labels = make_photos(50)
    weights = np.linspace(0.5, 2, 50)
    whole = add_up(photos, labels, 5, weights)
    monkeypatch.setattr(sums_module, "CHUNK", 7)
    parts = add_up(photos, labels, 5, weights)
    plain = photos.vectors.astype(np.float64)
    np.testing.assert_allclose(parts.scatter, (plain * weights[:, None]).T @ plain, rtol=1e-4)
    np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-4)
    np.testing.assert_allclose(parts.sums, whole.sums, rtol=1e-4)
    inside = labels < 2
    part = add_up(AdPhotos(photos.vectors[inside], photos.ads[inside]), labels, 5, weights)
    left = whole - part
    assert left.weights[:2] == pytest.approx(0) and left.weights[2:] == pytest.approx(whole.weights[2:])


def test_an_ad_counts_once_however_many_photos_it_has():
    vectors = np.array([[1, 0], [3, 0], [0, 1]], np.float16)
    found = add_up(AdPhotos(vectors, np.array([0, 0, 2])), np.array([0, 1, 1]), 2, None)
    assert found.weights.tolist() == [1, 1]
    assert found.sums.tolist() == [[2, 0], [0, 1]]


def test_photos_of_chosen_ads_are_renamed():
    photos = AdPhotos(np.arange(5, dtype=np.float16)[:, None], np.array([0, 2, 2, 3, 7]))
    found = photos.of(np.array([2, 5, 7]))
    assert found.ads.tolist() == [0, 0, 2] and found.vectors[:, 0].tolist() == [1, 2, 4]


def test_the_classifier_tells_categories_apart():
    classifier = fit_classifier(add_up(*make_photos(), 5, None), CATEGORIES, MILD)
    asked, truth = make_photos(seed=1)
    said = classifier.log_probabilities(asked.vectors)
    assert np.exp(said).sum(axis=1) == pytest.approx(1)
    assert (said.argmax(axis=1) == truth).mean() > 0.85


def test_a_category_without_photos_is_like_its_parent():
    photos, labels = make_photos()
    seen = labels != 4
    classifier = fit_classifier(
        add_up(AdPhotos(photos.vectors[seen], photos.ads[seen]), labels, 5, None), CATEGORIES, MILD
    )
    # A photo of its only sibling speaks for it more than for a category of another branch.
    said = classifier.log_probabilities(CENTRES[3:4])[0]
    assert said.argmax() == 3 and said[4] > said[1]


def test_photos_that_are_all_the_same_are_no_trouble():
    photos = AdPhotos(np.ones((10, 4), np.float16), np.arange(10))
    classifier = fit_classifier(add_up(photos, np.arange(10) % 5, 5, None), CATEGORIES, MILD)
    assert np.isfinite(classifier.log_probabilities(photos.vectors)).all()


def test_temperature_undoes_overconfidence():
    photos, labels = make_photos(2000, spread=2.0)
    classifier = fit_classifier(add_up(photos, labels, 5, None), CATEGORIES, MILD)
    sharp = calibrate(classifier, 0.2)
    temperature = fit_temperature(sharp.log_probabilities(photos.vectors), labels)
    assert temperature == pytest.approx(5, rel=0.2)


def test_one_screenshot_does_not_spoil_the_other_photos():
    good, screenshot = np.log([0.9, 0.05, 0.05]), np.log([0.0001, 0.0001, 0.9998])
    assert join_photos(np.stack([good, good, screenshot])).argmax() == 0
    assert join_photos(good[None]) is not None and join_photos(good[None]).tolist() == good.tolist()
    assert np.exp(join_photos(np.stack([good, screenshot]))).sum() == pytest.approx(1)


def said_by(labels, strength, seed):
    """Probabilities over three categories that favour the right one."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((len(labels), 3))
    scores[np.arange(len(labels)), labels] += strength
    return log_softmax(scores)


def test_the_fusion_is_right_more_often_than_either_side_and_honest():
    labels = np.random.default_rng(0).integers(0, 3, 4000)
    title, photos = said_by(labels, 1.5, 1), said_by(labels, 1.0, 2)
    fusion = fit_fusion(np.exp(title), photos, labels).fusion
    both = fusion.combine(np.exp(title), photos)
    right = both.argmax(axis=1) == labels
    assert right.mean() > max((title.argmax(axis=1) == labels).mean(), (photos.argmax(axis=1) == labels).mean()) + 0.03
    assert both.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)


def test_photos_that_say_nothing_hardly_weigh():
    labels = np.random.default_rng(0).integers(0, 3, 2000)
    title, noise = said_by(labels, 1.5, 1), said_by(labels, 0.0, 2)
    fusion = fit_fusion(np.exp(title), noise, labels).fusion
    assert fusion.photo_weight < 0.1 and 0.5 < fusion.title_weight < 2


def test_photos_weigh_more_where_the_title_leaves_more_open_if_the_ads_say_so():
    labels = np.random.default_rng(0).integers(0, 3, 3000)
    title = said_by(labels, 1.5, 1)
    vague = np.arange(3000) % 2 == 0
    title[vague] /= 20
    title = log_softmax(title)
    photos = said_by(labels, 1.0, 2)
    # Photos that say the same, however vague the title is.
    assert fit_fusion(np.exp(title), log_softmax(photos), labels).fusion.entropy_weight == 0
    # Photos of clear titles are of no use.
    photos[~vague] = said_by(labels, 0.0, 3)[~vague]
    fusion = fit_fusion(np.exp(title), log_softmax(photos), labels).fusion
    assert fusion.entropy_weight > 0.05
    weight = fusion.scores(np.exp(title), photos) - fusion.title_weight * np.log(np.exp(title) + 1e-5)
    ratio = (weight / photos)[:, 0]
    assert ratio[vague].min() > ratio[~vague].mean()


def test_a_confidence_tells_an_ad_between_two_categories_from_one_without_a_rival():
    rng = np.random.default_rng(0)
    # Alike to a softmax: half for the best, the other half for one rival or for fifty.
    two, many = np.full((4000, 52), -30.0), np.full((4000, 52), np.log(0.5 / 51))
    two[:, 0] = many[:, 0] = np.log(0.5)
    two[:, 1] = np.log(0.5) - 1e-3
    scores = np.vstack([two, many])
    right = rng.random(8000) < np.repeat([0.5, 0.8], 4000)
    confidence = fit_confidence(scores, np.where(right, 0, 3))
    said = confidence.apply(scores)
    assert said.sum(axis=1) == pytest.approx(1) and (said.argmax(axis=1) == 0).all()
    assert said[0, 0] == pytest.approx(0.5, abs=0.03) and said[-1, 0] == pytest.approx(0.8, abs=0.03)


def test_the_best_category_stays_the_best_however_unsure():
    scores = np.array([[3.0, 2.9, 0.0], [0.0, 900.0, -900.0], [5.0, 5.0, 5.0]])
    for confidence in (Confidence(-8.0), Confidence(8.0), Confidence(0.0, 0.0, 0.0)):
        said = confidence.apply(scores)
        assert np.isfinite(said).all() and said.sum(axis=1) == pytest.approx(1)
        assert (said.argmax(axis=1) == scores.argmax(axis=1)).all()
        assert (np.argsort(-said, axis=1, kind="stable") == np.argsort(-scores, axis=1, kind="stable")).all()
    # With nothing to mend it is a softmax.
    assert Confidence().apply(scores[:1])[0] == pytest.approx(np.exp(log_softmax(scores[:1]))[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"photo_weight": float("nan")},
        {"title_weight": -1},
        {"entropy_weight": 1e9},
        {"together": {"intercept": float("nan"), "sureness": 1, "lead": 0}},
        {"alone": {"intercept": 0, "sureness": 1}},
        {"alone": None},
    ],
)
def test_a_fusion_that_cannot_be_is_refused(changes):
    fusion = Fusion(1.0, 0.5, 0.1, Confidence(), Confidence(-1.0, 0.5, 0.2))
    sound = fusion.to_dict()
    assert Fusion.from_dict(sound) == fusion
    with pytest.raises((ValueError, TypeError, KeyError)):
        Fusion.from_dict({**sound, **changes})
