"""The chunked loss is the textbook's, in value and in gradient, whatever the chunk."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from handful.core.errors import DataError
from handful.train import loss as module
from handful.train.loss import Head, head_of


def case(rows=37, size=16, vocabulary=101, bias=False):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, size, generator=generator)
    weight = torch.randn(vocabulary, size, generator=generator)
    offset = torch.randn(vocabulary, generator=generator) if bias else None
    targets = torch.randint(vocabulary, (rows,), generator=generator)
    return hidden, weight, offset, targets


def reference(hidden, weight, bias, targets, softcap):
    """Loss and gradients by torch's own operations in float64."""
    inputs = [x.double().requires_grad_() for x in (hidden, weight, bias) if x is not None]
    logits = inputs[0] @ inputs[1].T + (inputs[2] if len(inputs) == 3 else 0)
    if softcap:
        logits = softcap * torch.tanh(logits / softcap)
    value = cross_entropy(logits, targets)
    return value, torch.autograd.grad(value, inputs)


@pytest.mark.parametrize("softcap", [None, 5.0])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk_rows", [1, 10, 37, 1000])
def test_loss_and_gradients_are_those_of_float64(monkeypatch, softcap, bias, chunk_rows):
    monkeypatch.setattr(module, "CHUNK_LOGITS", 101 * chunk_rows)
    hidden, weight, offset, targets = case(bias=bias)
    expected, gradients = reference(hidden, weight, offset, targets, softcap)
    inputs = [x.requires_grad_() for x in (hidden, weight, offset) if x is not None]
    value = Head(weight, offset, softcap).loss(hidden, targets, 1 / len(targets), torch.float32)
    value.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    for ours, theirs in zip(inputs, gradients, strict=True):
        assert torch.allclose(ours.grad.double(), theirs, rtol=1e-4, atol=1e-7)


def test_packs_add_up_to_the_mean_over_all_labels():
    hidden, weight, _, targets = case()
    head = Head(weight)
    parts = [head.loss(hidden[a:b], targets[a:b], 1 / 37, torch.float32).item() for a, b in ((0, 5), (5, 37))]
    assert sum(parts) == pytest.approx(head.loss(hidden, targets, 1 / 37, torch.float32).item(), rel=1e-6)


def test_a_pack_without_labels_costs_nothing_and_gives_no_gradient():
    hidden, weight, _, targets = case()
    hidden.requires_grad_()
    value = Head(weight).loss(hidden[:0], targets[:0], 1.0, torch.float32)
    value.backward()
    assert value.item() == 0
    assert hidden.grad.abs().sum() == 0


def test_very_large_logits_do_not_overflow():
    weight = torch.eye(4) * 1e4
    value = Head(weight).loss(torch.eye(4), torch.arange(4), 0.25, torch.float32)
    assert value.item() == pytest.approx(0.0, abs=1e-6)


def test_bfloat16_products_stay_close():
    hidden, weight, _, targets = case()
    exact, _ = reference(hidden, weight, None, targets, None)
    rounded = Head(weight).loss(hidden, targets, 1 / 37, torch.bfloat16).item()
    assert rounded == pytest.approx(exact.item(), rel=1e-2)


def test_the_head_gives_the_loss_of_transformers(network, family):
    model = network(family)
    ids = torch.randint(3, 97, (1, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = model(input_ids=ids, labels=ids).loss.item()
        hidden = model.base_model(input_ids=ids).last_hidden_state[0, :-1]
        ours = head_of(model).loss(hidden, ids[0, 1:], 1 / 19, torch.float32).item()
    assert ours == pytest.approx(theirs, rel=2e-5)


def test_logits_that_are_scaled_in_an_unknown_way_are_refused(network):
    with pytest.raises(DataError, match="Granite"):
        head_of(network("granite", logits_scaling=8.0))
