import pytest
import torch
from torch import nn

from mien.lab.muon import orthogonal
from mien.lab.optim import make_optimizer
from mien.lab.recipe import Muon

CHOICE = Muon(lr=0.1, momentum=0.5, other_lr=0.01, weight_decay=0.1)


def test_orthogonal_comes_near_the_nearest_orthogonal_matrix():
    matrix = torch.randn(24, 90, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    result = orthogonal(matrix)
    assert torch.linalg.svdvals(result).sub(1).abs().max() < 0.35
    assert torch.nn.functional.cosine_similarity(result.flatten(), (u @ v).flatten(), 0) > 0.98


def test_a_step_turns_filters_and_moves_all_else_as_sgd_does():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(1, 2, 3), nn.Linear(5, 3))
    rivals = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(5, 3))
    rivals.load_state_dict({f"{int(key[0]) - 1}{key[1:]}": value for key, value in network[1:].state_dict().items()})
    muon = make_optimizer(CHOICE, network, lr=0.1)
    groups = [
        {"params": [p for p in rivals.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": [p for p in rivals.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    sgd = torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True)
    for _ in range(3):
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
        for ours, theirs in zip(network[1:].parameters(), rivals.parameters(), strict=True):
            theirs.grad = ours.grad.clone()
        before, gradient = network[0].weight.detach().clone(), network[0].weight.grad.clone()
        muon.step()
        sgd.step()
    for ours, theirs in zip(network[1:].parameters(), rivals.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    held = before * 6**0.5 / before.norm()  # filters keep the root of their number as norm
    moved = network[0].weight.detach() - held
    assert moved.norm() == pytest.approx(0.1 * 6**0.5, rel=0.2)
    assert (moved * gradient).sum() < 0


def test_filters_that_begin_at_zero_learn_too():
    layer = nn.Conv2d(4, 6, 3, bias=False)
    nn.init.zeros_(layer.weight)
    layer.weight.grad = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    muon = make_optimizer(CHOICE, layer, lr=0.1)
    muon.step()
    assert layer.weight.detach().norm() == pytest.approx(0.1 * 6**0.5, rel=0.2)


def test_filters_step_along_nesterovs_momentum():
    layer = nn.Conv2d(4, 6, 3, bias=False)
    expected, momentum = layer.weight.detach().clone(), torch.zeros(6, 4, 3, 3)
    muon = make_optimizer(CHOICE, layer, lr=0.1)
    draw = torch.Generator().manual_seed(0)
    for _ in range(3):
        gradient = torch.randn(6, 4, 3, 3, generator=draw)
        momentum = CHOICE.momentum * momentum + gradient
        turn = orthogonal((gradient + CHOICE.momentum * momentum).reshape(6, 36)).reshape(6, 4, 3, 3)
        expected = expected * 6**0.5 / expected.norm() - 0.1 * turn
        layer.weight.grad = gradient
        muon.step()
        torch.testing.assert_close(layer.weight.detach(), expected)


def test_all_else_has_its_own_rate_in_proportion_to_that_of_the_filters():
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Linear(2, 1))
    filters, *others = make_optimizer(CHOICE, network, lr=0.05).param_groups  # half of the recipe's
    assert (filters["lr"], filters.get("lr_ratio")) == (0.05, None)
    assert [(group["lr"], group["lr_ratio"]) for group in others] == [(pytest.approx(0.005), pytest.approx(0.1))] * 2
