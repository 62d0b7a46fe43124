import numpy as np
import pytest
import torch

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.losses import CarLoss
from ad_autocategorize.photos.training.network import CarNetwork, extend_weights
from ad_autocategorize.photos.training.training import Trainer, accuracy_by_head, predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, CarLabels, Vocabularies
from tests.photos.toys import toy_settings


@pytest.mark.parametrize("year", ["classes", "neighbours", "regression"])
def test_a_solvable_world_is_solved(toys, vocabularies, year):
    train, validation = toys
    torch.manual_seed(0)
    network = CarNetwork(toy_settings(epochs=12, year=year), vocabularies)
    Trainer(network, toy_settings(epochs=12, year=year), train, validation).run()
    accuracies = accuracy_by_head(network, validation)
    assert set(accuracies) == set(HEADS)
    assert min(accuracies.values()) > 0.9, accuracies


@pytest.mark.parametrize("pair_loss", ["plain", "label", "pair"])
def test_a_missing_label_gives_its_head_no_gradient(vocabularies, pair_loss):
    settings = toy_settings(pair_loss=pair_loss)
    network = CarNetwork(settings, vocabularies)
    labels = torch.tensor([[0, 0, 0, MISSING, 0, 1], [1, 2, MISSING, MISSING, 1, 1]])
    outputs = network(torch.rand(2, 3, 24, 32))
    sum(CarLoss(settings, network, labels.numpy())(outputs, labels).values()).backward()
    assert network.heads["color"].weight.grad.abs().max() == 0
    assert network.heads["year"].weight.grad.abs().max() > 0
    before = network.heads["body_type"].weight.grad.clone()
    network.zero_grad()
    outputs = network(torch.rand(2, 3, 24, 32))
    labels[:, 2] = MISSING
    sum(CarLoss(settings, network, labels.numpy())(outputs, labels).values()).backward()
    assert before.abs().max() > 0
    assert network.heads["body_type"].weight.grad.abs().max() == 0


def test_a_photo_of_another_thing_teaches_the_car_branch_alone(vocabularies):
    network = CarNetwork(toy_settings(), vocabularies)
    labels = torch.tensor([[MISSING] * 5 + [0]] * 2)
    losses = CarLoss(toy_settings(), network, labels.numpy())(network(torch.rand(2, 3, 24, 32)), labels)
    assert losses["car"] > 0
    assert all(losses[head] == 0 for head in HEADS)


def test_rare_classes_weigh_more(vocabularies):
    labels = np.array([[0, 0, 0, 0, 0, 1]] * 9 + [[1, 2, 0, 0, 0, 1]])
    settings = toy_settings(class_weights=1.0)
    loss = CarLoss(settings, CarNetwork(settings, vocabularies), labels)
    common, rare = loss.class_weights["brand"]
    assert rare == pytest.approx(9 * common)


def test_resuming_ends_where_an_uninterrupted_training_ends(toys, vocabularies, tmp_path):
    settings = toy_settings(augment=True, ema=0.9, dropout=0.2)

    def trainer(folder):
        torch.manual_seed(1)
        return Trainer(CarNetwork(settings, vocabularies), settings, *toys, folder=folder)

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
    second = Trainer(CarNetwork(settings, vocabularies), settings, *toys, folder=tmp_path)
    epochs = second.run(resume=True)
    assert [epoch.number for epoch in epochs] == [2, 3]
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(second.network.state_dict()[name], value, msg=name)


def test_resuming_with_the_backbone_frozen_in_between_is_refused(toys, vocabularies, tmp_path):
    settings = toy_settings(epochs=1)
    Trainer(CarNetwork(settings, vocabularies), settings, *toys, folder=tmp_path).run()
    frozen = Trainer(CarNetwork(settings, vocabularies), settings, *toys, folder=tmp_path, freeze_backbone=True)
    with pytest.raises(ValueError, match="a trained backbone"):
        frozen.run(resume=True)


def test_training_stops_when_validation_gets_no_better(toys, vocabularies):
    settings = toy_settings(epochs=50, learning_rate=0.0, patience=2)
    trainer = Trainer(CarNetwork(settings, vocabularies), settings, *toys, freeze_backbone=True)
    assert [epoch.number for epoch in trainer.run()] == [0, 1, 2]


def test_a_frozen_backbone_stays_as_it_is(toys, vocabularies):
    network = CarNetwork(toy_settings(epochs=1), vocabularies)
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    head = network.heads["brand"].weight.detach().clone()
    Trainer(network, toy_settings(epochs=1), *toys, freeze_backbone=True).run()
    for name, value in network.backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not torch.equal(network.heads["brand"].weight, head)


def test_new_values_extend_the_heads_and_keep_the_old_answers(toys, vocabularies):
    settings = toy_settings()
    old = CarNetwork(settings, vocabularies)
    grown = Vocabularies.of([CarLabels("Ajax", "Three"), CarLabels("Aaa", "New", color="green")], before=vocabularies)
    assert grown.model[: len(vocabularies.model)] == vocabularies.model
    new = CarNetwork(settings, grown)
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
    old = CarNetwork(settings, known)
    # "Ajax" comes first in both, so that the labels of its cars are the same.
    ajax = train.subset(train.labels[:, 0] == 0)
    Trainer(old, settings, ajax, validation.subset(validation.labels[:, 0] == 0)).run()
    grown = Vocabularies.of([CarLabels("Bolt", "One")], before=known)
    assert grown == vocabularies
    new = CarNetwork(settings, grown)
    extend_weights(new, old.state_dict())
    Trainer(new, settings, train, validation).run()
    for brand in (0, 1):
        accuracies = accuracy_by_head(new, validation.subset(validation.labels[:, 0] == brand))
        assert min(accuracies["brand"], accuracies["model"]) > 0.9, accuracies


def test_weights_of_another_architecture_are_refused(vocabularies):
    old = CarNetwork(toy_settings(), vocabularies)
    new = CarNetwork(toy_settings(architecture="resnet18"), vocabularies)
    with pytest.raises(ValueError, match="architectures differ"):
        extend_weights(CarNetwork(toy_settings(), vocabularies), new.state_dict())
    assert extend_weights(CarNetwork(toy_settings(), vocabularies), old.state_dict()) == 0


def test_settings_refuse_what_cannot_be_meant():
    with pytest.raises(ValueError, match="year must be one of"):
        PhotoSettings(year="age")
    with pytest.raises(ValueError, match="unknown: heigth"):
        PhotoSettings.from_dict({"heigth": 3})
    again = PhotoSettings.from_dict(PhotoSettings(stages=((0.0, 8, 8),)).to_dict())
    assert again.size_at(0.5) == (8, 8)
