"""Residual dropout acts where the branches join the stream, at the rate of its depth, and only in training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from handful.core.errors import DataError
from handful.train import dropout
from handful.train.course import checkpoint_activations
from handful.train.dropout import add_residual_dropout, branch_ends, layers_of, prove_sites, rates, silence

IDS = torch.randint(3, 97, (1, 12), generator=torch.Generator().manual_seed(0))


def test_rates_rise_linearly_from_zero_to_the_maximum():
    assert rates(0.3, 4) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert rates(0.3, 1) == [0.3]
    assert rates(0.3, 80)[0] == 0
    assert rates(0.3, 80)[-1] == 0.3


def test_the_sites_of_known_families_are_proved(network, family):
    prove_sites(network(family))


def test_zeros_mean_and_variance_are_those_of_each_layers_rate(network, family):
    """With every branch forced to give ones, each end's output is 0 or 1/(1-p), and 0 in a share p: the mean stays 1
    and the variance is p/(1-p). Bounds are four standard errors."""
    model = network(family)
    add_residual_dropout(model, 0.3)
    seen: list[torch.Tensor] = []
    for layer in layers_of(model):
        for end in branch_ends(layer):
            ones = end.register_forward_hook(
                lambda module, args, output: dropout.replaced(output, torch.ones_like(dropout.first(output)))
            )
            end._forward_hooks.move_to_end(ones.id, last=False)  # before the dropout
            end.register_forward_hook(lambda module, args, output: seen.append(dropout.first(output)))
    torch.manual_seed(0)
    model.train()
    model(input_ids=IDS.repeat(8, 4))
    assert len(seen) == 8
    for output, p in zip(seen, [p for p in (0.0, 0.1, 0.2, 0.3) for _ in range(2)], strict=True):
        assert set(output.unique().tolist()) <= {0.0, torch.tensor(1 / (1 - p)).item()}
        n = output.numel()
        error = (p * (1 - p) / n) ** 0.5  # of the share of zeros, q
        assert (output == 0).double().mean().item() == pytest.approx(p, abs=4 * error + 1e-9)
        assert output.double().mean().item() == pytest.approx(1, abs=4 * error / (1 - p) + 1e-6)
        # the variance is q (1 - q) / (1 - p)^2, of slope (1 - 2p) / (1 - p)^2 at q = p
        assert output.double().var(correction=0).item() == pytest.approx(
            p / (1 - p), abs=4 * error * (1 - 2 * p) / (1 - p) ** 2 + 20 / n + 1e-6
        )
    for attention, mlp in list(zip(seen[::2], seen[1::2], strict=True))[1:]:
        assert not torch.equal(attention == 0, mlp == 0)  # each has a mask of its own
        assert len((attention == 0).flatten(0, 1).unique(dim=0)) > 350  # and so has each of its 384 tokens


def test_nothing_changes_in_evaluation_or_at_rate_zero(network, family):
    with torch.no_grad():
        plain = network(family)(input_ids=IDS).logits
        hooked = network(family)
        add_residual_dropout(hooked, 0.3)
        assert torch.equal(hooked(input_ids=IDS).logits, plain)
        none = network(family)
        assert add_residual_dropout(none, 0.0) == []
        assert torch.equal(none.train()(input_ids=IDS).logits, plain)


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
def test_activations_that_are_computed_again_get_the_same_masks(network, family):
    """Gradients under activation checkpointing are those without it, bit for bit, with dropout on."""
    found = []
    for again in (False, True):
        model = network(family)
        add_residual_dropout(model, 0.3)
        if again:
            checkpoint_activations(model)
        torch.manual_seed(0)
        model.train()(input_ids=IDS, use_cache=False).logits.logsumexp(-1).sum().backward()
        found.append([weight.grad for weight in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_weights_keep_their_names_and_handles_take_it_away_again(network):
    model = network("gemma3")
    names = list(model.state_dict())
    handles = add_residual_dropout(model, 0.3)
    assert list(model.state_dict()) == names
    for handle in handles:
        handle.remove()
    with torch.no_grad():
        assert torch.equal(model.train()(input_ids=IDS).logits, network("gemma3")(input_ids=IDS).logits)


def test_the_mean_of_many_masks_is_the_layer_without_dropout(network):
    model = network("llama")
    end = branch_ends(layers_of(model)[0])[1]
    hidden = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = end(hidden)
        end.register_forward_hook(dropout.dropper(0.3))
        end.train()
        torch.manual_seed(0)
        draws = torch.stack([end(hidden) for _ in range(4000)])
    spread = plain.square() * 0.3 / 0.7
    assert torch.allclose(draws.mean(0), plain, atol=5 * (spread.max().item() / 4000) ** 0.5)
    assert torch.allclose(draws.var(0), spread, rtol=0.2, atol=1e-6)


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "olmo2"])
def test_a_site_before_the_norm_is_caught(network, family, monkeypatch):
    """The MLP of these families is normalised after it: dropout there would be undone in part."""
    monkeypatch.setattr(dropout, "BRANCH_ENDS", (("self_attn", "mlp"),))
    with pytest.raises(DataError, match="layer 0"):
        prove_sites(network(family))


def test_a_site_before_a_norm_of_ones_is_caught_too(network, monkeypatch):
    monkeypatch.setattr(dropout, "BRANCH_ENDS", (("self_attn", "mlp"),))
    model = network("olmo2")
    for module in model.modules():
        if "Norm" in type(module).__name__:
            nn.init.ones_(module.weight)
    with pytest.raises(DataError, match="residual_dropout = 0"):
        prove_sites(model)


def test_an_unknown_architecture_is_refused_unless_there_is_no_dropout():
    from transformers import BloomConfig, BloomForCausalLM

    model = BloomForCausalLM(BloomConfig(vocab_size=97, hidden_size=32, n_layer=2, n_head=4))
    with pytest.raises(DataError, match=r"BloomForCausalLM.*residual_dropout = 0"):
        add_residual_dropout(model, 0.1)
    assert add_residual_dropout(model, 0.0) == []


@pytest.mark.parametrize(
    ("family", "own"),
    [
        ("gpt2", {"resid_pdrop": 0.4, "embd_pdrop": 0.4, "attn_pdrop": 0.4}),
        ("opt", {"dropout": 0.4, "attention_dropout": 0.4}),  # functions of numbers, not modules
        ("phi", {"resid_pdrop": 0.4, "embd_pdrop": 0.4, "attention_dropout": 0.4}),
        ("llama", {"attention_dropout": 0.4}),
    ],
)
def test_an_architectures_own_dropout_is_turned_off(network, family, own):
    with torch.no_grad():
        noisy = network(family, **own).train()
        assert not torch.equal(noisy(input_ids=IDS).logits, noisy(input_ids=IDS).logits)
        silence(noisy)
        assert torch.equal(noisy(input_ids=IDS).logits, network(family)(input_ids=IDS).logits)


def test_a_dropout_that_cannot_be_turned_off_is_refused(network):
    model = network("llama")
    model.model.norm.register_forward_hook(
        lambda module, args, output: nn.functional.dropout(output, 0.5, training=module.training)
    )
    with pytest.raises(DataError, match=r"LlamaForCausalLM: computes something else in training mode"):
        add_residual_dropout(model, 0.0)
