"""The rate falls linearly from the first step to the last; an epoch sees each example once."""

from __future__ import annotations

import pytest

from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.schedule import batches, learning_rate, shuffled


def plan(examples, **changes):
    return batches(examples, Train(model=ModelRef("x"), **changes))


def test_the_papers_rate_at_its_480_steps():
    found = plan(1000)
    assert [len(batch.places) for batch in found[:32]] == [32] * 31 + [8]
    rates = [batch.learning_rate for batch in found]
    assert len(rates) == 15 * 32
    assert rates[0] == 1e-5
    assert rates[-1] == pytest.approx(1e-6, rel=1e-12)
    assert rates[239] == pytest.approx(1e-5 - 9e-6 * 239 / 479, rel=1e-12)


def test_the_rates_are_those_of_torchs_own_linear_schedule():
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1e-5)
    peer = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.1, total_iters=479)
    for batch in plan(1000):
        assert batch.learning_rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        peer.step()


def test_a_single_step_learns_at_the_first_rate():
    assert learning_rate(1, 1, 1e-5, 1e-6) == 1e-5


def test_each_epoch_sees_every_example_once_and_keeps_the_rest_as_a_small_batch():
    found = plan(10, epochs=2, batch_size=4)
    assert [len(batch.places) for batch in found] == [4, 4, 2, 4, 4, 2]
    assert [batch.ends_epoch for batch in found] == [False, False, True] * 2
    for epoch in (1, 2):
        assert sorted(p for batch in found if batch.epoch == epoch for p in batch.places) == list(range(10))


def test_epochs_are_shuffled_differently_and_by_the_seed_alone():
    assert shuffled(50, 0, 1) == shuffled(50, 0, 1)
    assert len({shuffled(50, 0, 1), shuffled(50, 0, 2), shuffled(50, 1, 1)}) == 3


def test_a_trial_stops_early_and_its_schedule_ends_there():
    found = plan(10, epochs=3, batch_size=4, max_steps=4)
    assert [batch.step for batch in found] == [1, 2, 3, 4]
    assert found[-1].learning_rate == pytest.approx(1e-6)
    assert [batch.ends_epoch for batch in found] == [False, False, True, True]


def test_more_steps_than_there_are_changes_nothing():
    assert plan(10, epochs=2, max_steps=99) == plan(10, epochs=2)
