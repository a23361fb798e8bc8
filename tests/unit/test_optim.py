"""Optimizers, sharpness-aware steps and averaged weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mien.lab.nets import build
from mien.lab.optim import MovingAverage, make_optimizer, sharpest_neighbour
from mien.lab.recipe import SGD, Adam, OwnNet
from mien.preprocess import Preprocess

GRADIENTS = (0.5, -0.25, 1.0)


def moved(choice: SGD | Adam, lr: float) -> tuple[float, float]:
    """The weight and the bias of a layer, 1 and 1 at first, after three steps with the same gradients."""
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    optimizer = make_optimizer(choice, layer, lr)
    for gradient in GRADIENTS:
        layer.weight.grad, layer.bias.grad = torch.tensor([[gradient]]), torch.tensor([gradient])
        optimizer.step()
    return layer.weight.item(), layer.bias.item()


def by_hand_sgd(decay: float, lr: float, momentum: float, nesterov: bool) -> float:
    value, velocity = 1.0, 0.0
    for gradient in GRADIENTS:
        gradient += decay * value
        velocity = momentum * velocity + gradient
        value -= lr * (gradient + momentum * velocity if nesterov else velocity)
    return value


def by_hand_adam(choice: Adam, decay: float, lr: float) -> float:
    value, first, second = 1.0, 0.0, 0.0
    for step, gradient in enumerate(GRADIENTS, start=1):
        if choice.decoupled:
            value -= lr * decay * value
        else:
            gradient += decay * value
        first = choice.betas[0] * first + (1 - choice.betas[0]) * gradient
        second = choice.betas[1] * second + (1 - choice.betas[1]) * gradient**2
        root = (second / (1 - choice.betas[1] ** step)) ** 0.5
        value -= lr * first / (1 - choice.betas[0] ** step) / (root + choice.epsilon)
    return value


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_decays_weights_and_not_biases(nesterov: bool) -> None:
    weight, bias = moved(SGD(lr=9.0, momentum=0.8, weight_decay=0.3, nesterov=nesterov), lr=0.1)
    assert weight == pytest.approx(by_hand_sgd(0.3, 0.1, 0.8, nesterov))
    assert bias == pytest.approx(by_hand_sgd(0.0, 0.1, 0.8, nesterov))


@pytest.mark.parametrize("decoupled", [True, False])
def test_adam_has_its_constants_and_decays_as_it_says(decoupled: bool) -> None:
    choice = Adam(lr=9.0, betas=(0.7, 0.6), epsilon=0.2, weight_decay=0.3, decoupled=decoupled)
    weight, bias = moved(choice, lr=0.1)
    assert weight == pytest.approx(by_hand_adam(choice, 0.3, 0.1))
    assert bias == pytest.approx(by_hand_adam(choice, 0.0, 0.1))


def test_the_sharpest_neighbour_lies_up_the_gradient() -> None:
    layer = nn.Linear(2, 1)  # the bias is frozen: it has no gradient
    layer.weight.data[:] = torch.tensor([[1.0, 2.0]])
    layer.weight.grad = torch.tensor([[3.0, -4.0]])
    with sharpest_neighbour(layer, rho=0.5):
        assert layer.weight.flatten().tolist() == pytest.approx([1 + 0.5 * 3 / 5, 2 - 0.5 * 4 / 5])
    assert layer.weight.flatten().tolist() == pytest.approx([1.0, 2.0])


def test_the_way_to_the_sharpest_neighbour_is_measured_over_all_weights() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data[:], layer.bias.data[:] = torch.tensor([[1.0, 2.0]]), 3.0
    layer.weight.grad, layer.bias.grad = torch.tensor([[2.0, 3.0]]), torch.tensor([6.0])  # 7 long
    with sharpest_neighbour(layer, rho=0.7):
        assert [*layer.weight.flatten().tolist(), layer.bias.item()] == pytest.approx([1.2, 2.3, 3.6])


def test_the_sharpest_neighbour_leaves_no_statistics() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).train()
    network(torch.randn(8, 2)).square().sum().backward()
    before = {name: value.clone() for name, value in network.named_buffers()}
    with sharpest_neighbour(network, rho=0.5):
        near = network(torch.randn(8, 2) + 5)
        torch.testing.assert_close(near.mean(0), torch.zeros(3), rtol=0, atol=1e-5)  # by its own statistics
    for name, value in network.named_buffers():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    network(torch.randn(8, 2) + 5)
    assert not torch.equal(network.get_buffer("1.running_mean"), before["1.running_mean"])


def test_the_weights_come_back_from_a_neighbour_where_something_fails() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).train()
    network(torch.randn(8, 2)).square().sum().backward()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    with pytest.raises(KeyboardInterrupt), sharpest_neighbour(network, rho=0.5):
        raise KeyboardInterrupt
    for parameter, old in zip(network.parameters(), before, strict=True):
        torch.testing.assert_close(parameter.detach(), old)
    assert network[1].track_running_stats


def test_the_moving_average_is_young_first_and_then_decays_as_asked() -> None:
    classifier = build(OwnNet(name="residual-pico"), Preprocess(), 7)
    parameter = next(p for p in classifier.parameters() if p.ndim == 4)
    averaged = MovingAverage(classifier, decay=0.2)
    kept = next(p for p in averaged.module.parameters() if p.ndim == 4)
    expected = None
    for value, keep in ((1.0, 0.0), (2.0, 2 / 11), (4.0, 0.2), (8.0, 0.2)):  # the first is taken as it is
        parameter.data.fill_(value)
        averaged.update_parameters(classifier)
        expected = value if expected is None else keep * expected + (1 - keep) * value
        assert kept.flatten()[0].item() == pytest.approx(expected)


def test_the_moving_average_is_one_of_statistics_too() -> None:
    classifier = build(OwnNet(name="residual-pico"), Preprocess(), 7)
    averaged = MovingAverage(classifier, decay=0.5)
    norm = next(name for name, part in classifier.named_modules() if isinstance(part, nn.BatchNorm2d))
    ours, kept = classifier.get_submodule(norm), averaged.module.get_submodule(norm)
    for count, (mean, expected) in enumerate(((1.0, 1.0), (12.0, 1.0 * 2 / 11 + 12.0 * 9 / 11)), start=1):
        ours.running_mean.fill_(mean)
        ours.num_batches_tracked.fill_(count)
        averaged.update_parameters(classifier)
        assert kept.running_mean[0].item() == pytest.approx(expected)
        assert kept.num_batches_tracked.item() == count  # counts have no mean


def test_frozen_weights_are_left_out() -> None:
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    for choice in (SGD(lr=0.1), Adam(lr=0.1)):
        groups = make_optimizer(choice, layer, lr=0.1).param_groups
        assert [parameter is layer.weight for group in groups for parameter in group["params"]] == [True]
