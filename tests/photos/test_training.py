from dataclasses import replace

import numpy as np
import pytest
import torch

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.fitting import is_frozen, train_network
from ad_autocategorize.photos.training.frozen import FEW_PHOTOS, BranchTrainer, embed
from ad_autocategorize.photos.training.losses import CarLoss
from ad_autocategorize.photos.training.network import CarNetwork, extend_weights
from ad_autocategorize.photos.training.training import Trainer, accuracy_by_head, predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, CarLabels, Vocabularies
from tests.photos.toys import toy_network, toy_settings


@pytest.fixture(scope="module")
def solved(toys, vocabularies):
    """A network that was trained on the toy world, and its epochs."""
    torch.manual_seed(0)
    network = toy_network(vocabularies)
    return network, Trainer(network, toy_settings(epochs=12), *toys).run()


def test_a_solvable_world_is_solved(solved, toys):
    network, epochs = solved
    accuracies, score = accuracy_by_head(network, toys[1])
    assert set(accuracies) == set(HEADS)
    assert min(accuracies.values()) > 0.9, accuracies
    # The best epoch's weights are kept.
    assert score == max(epoch.score for epoch in epochs)


def test_a_missing_label_gives_its_head_no_gradient(vocabularies):
    network = toy_network(vocabularies)
    labels = torch.tensor([[0, 0, 0, MISSING, 0, 1], [1, 2, MISSING, MISSING, 1, 1]])
    CarLoss()(network(torch.rand(2, 3, 24, 32)), labels, torch.ones(2)).backward()
    assert network.heads["color"].weight.grad.abs().max() == 0
    assert network.heads["year"].weight.grad.abs().max() > 0
    assert network.heads["body_type"].weight.grad.abs().max() > 0
    network.zero_grad()
    labels[:, 2] = MISSING
    CarLoss()(network(torch.rand(2, 3, 24, 32)), labels, torch.ones(2)).backward()
    assert network.heads["body_type"].weight.grad.abs().max() == 0


def test_a_photo_of_another_thing_teaches_the_car_branch_alone(vocabularies):
    network = toy_network(vocabularies)
    labels = torch.tensor([[MISSING] * 5 + [0]] * 2)
    CarLoss()(network(torch.rand(2, 3, 24, 32)), labels, torch.ones(2)).backward()
    assert network.heads["car"].weight.grad.abs().max() > 0
    assert all(network.heads[head].weight.grad.abs().max() == 0 for head in HEADS)


def test_a_guessed_color_counts_as_much_as_it_is_believed(vocabularies):
    network = toy_network(vocabularies).eval()
    outputs = network(torch.rand(2, 3, 24, 32))
    labels = torch.tensor([[MISSING] * 3 + [0, MISSING, MISSING]] * 2)
    seen, guessed = (float(CarLoss()(outputs, labels, torch.full((2,), weight)).detach()) for weight in (1.0, 0.25))
    assert guessed == pytest.approx(seen / 4)


def test_a_guessed_color_tests_nothing(toys):
    photos = toys[1]
    column = HEADS.index("color")
    guessed = photos.subset(photos.labels[:, column] != MISSING)
    guessed.color_weights[:] = 0.9
    assert (guessed.seen_labels[:, column] == MISSING).all()
    assert (guessed.labels[:, column] != MISSING).all()


def test_resuming_ends_where_an_uninterrupted_training_ends(toys, vocabularies, tmp_path):
    settings = toy_settings(augmentation="strong")

    def trainer(folder):
        torch.manual_seed(1)
        return Trainer(toy_network(vocabularies), settings, *toys, folder=folder)

    whole = trainer(None)
    whole.run()

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == 1:
            raise Killed

    with pytest.raises(Killed):
        trainer(tmp_path).run(reports=[kill])
    torch.manual_seed(99)
    second = Trainer(toy_network(vocabularies), settings, *toys, folder=tmp_path)
    epochs = second.run(resume=True)
    assert [epoch.number for epoch in epochs] == [2, 3]
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(second.network.state_dict()[name], value, msg=name)


def test_photos_grow_while_it_trains_and_stay_a_little_smaller_than_when_they_are_served(toys, vocabularies):
    settings = toy_settings(height=160, width=224, epochs=9)
    trainer = Trainer(CarNetwork("tiny_test_network", vocabularies, 160, 224), settings, *toys)
    assert [trainer._size(number) for number in (0, 4, 8)] == [(112, 160), (128, 176), (144, 200)]
    # A single epoch sees them as the last of many does.
    trainer.settings = replace(settings, epochs=1)
    assert trainer._size(0) == (144, 200)
    # A backbone that is built for one size sees no other.
    trainer.network.any_size = False
    assert trainer._size(0) == (160, 224)


@pytest.mark.parametrize("weights", ["pretrained", "none"])
def test_the_first_stages_of_a_backbone_that_knows_something_stay_as_they_are(toys, vocabularies, weights):
    network = CarNetwork("test_resnet", vocabularies, 24, 32)
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    Trainer(network, toy_settings(epochs=1, weights=weights), *toys).run()
    changed = {
        name.split(".")[0] for name, value in network.backbone.state_dict().items() if not value.equal(before[name])
    }
    # Running means included: the stages that stay see every photo as they will when they serve.
    kept = {"conv1", "bn1", "layer1"} if weights == "pretrained" else set()
    assert {name.split(".")[0] for name in before} - changed == kept


def test_the_backbone_learns_slower_than_the_branches_unless_it_knows_nothing(toys, vocabularies):
    rates = {}
    for weights in ("pretrained", "none"):
        trainer = Trainer(toy_network(vocabularies), toy_settings(weights=weights), *toys)
        rates[weights] = sorted({group["initial_lr"] for group in trainer.optimizer.param_groups})
    assert rates == {"pretrained": pytest.approx([1e-2, 1e-1]), "none": [1e-2]}


def test_a_frozen_backbone_stays_as_it_is_and_its_branches_learn(toys, vocabularies, solved):
    network = toy_network(vocabularies)
    network.backbone.load_state_dict(solved[0].backbone.state_dict())
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    assert accuracy_by_head(network, toys[1])[1] < 0.7
    train_network(network, toy_settings(weights="file", freeze_backbone=True), *toys)
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert accuracy_by_head(network, toys[1])[1] > 0.9


def test_embeddings_are_made_once(toys, vocabularies, tmp_path, monkeypatch):
    network = toy_network(vocabularies).eval()
    few = toys[0].subset(np.arange(len(toys[0])) < 40)
    (first,) = embed(network, [few], tmp_path)
    assert first.shape == (40, 2, 64)
    calls = []
    monkeypatch.setattr(network, "features", lambda photos: calls.append(len(photos)) or torch.zeros(len(photos), 64))
    assert torch.equal(embed(network, [few], tmp_path)[0], first)
    assert calls == []
    # Ten more photos go through it, each with its mirror image, and no others.
    embed(network, [toys[0].subset(np.arange(len(toys[0])) < 50)], tmp_path)
    assert calls == [10, 10]
    # Another backbone's are of no use.
    embed(toy_network(vocabularies).eval(), [few], tmp_path)
    (kept,) = tmp_path.glob("embeddings-*.npz")
    kept.write_bytes(b"damaged")
    monkeypatch.undo()
    torch.testing.assert_close(embed(network, [few], tmp_path)[0], first)


def test_answers_out_of_fold_are_those_of_branches_that_have_not_learned_from_the_ad(toys, vocabularies, solved):
    network = toy_network(vocabularies)
    network.backbone.load_state_dict(solved[0].backbone.state_dict())
    train, validation = toys
    # Noise instead of labels can be learned by heart, but not foretold.
    labels = train.labels.copy()
    labels[:, 2] = np.random.default_rng(0).integers(0, 2, len(labels))
    noisy = replace(train, labels=labels)
    trainer = BranchTrainer(network, noisy, validation)
    before = {name: value.clone() for name, value in network.heads.state_dict().items()}
    logits = trainer.out_of_fold()
    assert all(torch.equal(value, before[name]) for name, value in network.heads.state_dict().items())
    right = {head: (logits[head].argmax(1) == labels[:, place]).mean() for place, head in enumerate(HEADS)}
    assert right["model"] > 0.9
    assert 0.35 < right["body_type"] < 0.65


def test_few_photos_are_not_worth_a_fine_tuning():
    assert is_frozen(PhotoSettings(), FEW_PHOTOS - 1)
    assert not is_frozen(PhotoSettings(), FEW_PHOTOS)
    assert not is_frozen(PhotoSettings(freeze_backbone=False), 20)
    # Random weights are of no use frozen, however few the photos.
    assert not is_frozen(PhotoSettings(weights="none"), 20)
    with pytest.raises(ValueError, match="noise"):
        is_frozen(PhotoSettings(weights="none", freeze_backbone=True), 20)


def test_the_branches_of_a_frozen_backbone_keep_their_best_epoch(toys, vocabularies, solved):
    network = toy_network(vocabularies)
    network.backbone.load_state_dict(solved[0].backbone.state_dict())
    epochs = BranchTrainer(network, *toys).run()
    assert accuracy_by_head(network, toys[1])[1] == max(epoch.score for epoch in epochs)


def test_new_values_extend_the_heads_and_keep_the_old_answers(toys, vocabularies):
    old = toy_network(vocabularies)
    grown = Vocabularies.of([CarLabels("Ajax", "Three"), CarLabels("Aaa", "New", color="green")], before=vocabularies)
    assert grown.model[: len(vocabularies.model)] == vocabularies.model
    new = toy_network(grown)
    assert extend_weights(new, old.state_dict()) == 1 + 2 + 1
    _, validation = toys
    before, after = predict_logits(old, validation), predict_logits(new, validation)
    for head in HEADS:
        size = before[head].shape[1]
        np.testing.assert_allclose(after[head][:, :size], before[head], rtol=0.02, atol=0.02)


def test_a_new_brand_is_learned_and_the_old_ones_are_not_forgotten(toys, vocabularies):
    train, validation = toys
    settings = toy_settings(epochs=8)
    known = Vocabularies.of(
        CarLabels("Ajax", model, body, color, year)
        for model, body in (("One", "Sedan"), ("Two", "Van"))
        for color in vocabularies.color
        for year in vocabularies.year
    )
    torch.manual_seed(0)
    old = toy_network(known)
    # "Ajax" comes first in both, so that the labels of its cars are the same.
    ajax = train.subset(train.labels[:, 0] == 0)
    Trainer(old, settings, ajax, validation.subset(validation.labels[:, 0] == 0)).run()
    grown = Vocabularies.of([CarLabels("Bolt", "One")], before=known)
    assert grown == vocabularies
    new = toy_network(grown)
    extend_weights(new, old.state_dict())
    Trainer(new, settings, train, validation).run()
    for brand in (0, 1):
        accuracies, _ = accuracy_by_head(new, validation.subset(validation.labels[:, 0] == brand))
        assert min(accuracies["brand"], accuracies["model"]) > 0.9, accuracies


def test_weights_of_another_backbone_are_refused(vocabularies):
    other = CarNetwork("test_resnet", vocabularies, 32, 32)
    with pytest.raises(ValueError, match="backbones differ"):
        extend_weights(toy_network(vocabularies), other.state_dict())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"augmentation": "wild"}, "augmentation must be one of"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"learning_rate": 4}, "learning_rate must be between"),
        ({"freeze_backbone": "yes"}, "freeze_backbone must be"),
        ({"heigth": 3}, "unknown: heigth"),
    ],
)
def test_settings_refuse_what_cannot_be_meant(values, message):
    with pytest.raises(ValueError, match=message):
        PhotoSettings.from_dict(values)


def test_settings_survive_the_manifest():
    settings = PhotoSettings(backbone="resnet50", freeze_backbone=True)
    assert PhotoSettings.from_dict(settings.to_dict()) == settings
