"""Causal attention by blocks, beside attention written out in float64 and beside torch's own kernel."""

import pytest
import torch
import torch.nn.functional as F

from handful.train.causal import BLOCK, causal_attention, later

LENGTHS = (1, 2, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 40)


def made(tokens, heads=6, key_heads=2, size=16, value_size=16, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = (heads, size), (key_heads, size), (key_heads, value_size)
    drawn = [torch.randn(1, n, tokens, s, generator=generator, dtype=torch.float64) for n, s in shapes]
    return [x.to(dtype).requires_grad_() for x in drawn]


def written_out(query, key, value, scaling=None, window=None):
    """Every score of the square, and a mask."""
    groups, tokens = query.shape[1] // key.shape[1], query.shape[2]
    key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    back = torch.arange(tokens)[:, None] - torch.arange(tokens)
    hidden = (back < 0) | (back >= (window or tokens))
    return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value


def gradients(found, inputs, upstream):
    return torch.autograd.grad(found, inputs, upstream.to(found.dtype))


@pytest.mark.parametrize("tokens", LENGTHS)
@pytest.mark.parametrize("window", [None, 1, 5, BLOCK + 3])
def test_it_is_attention_written_out_in_float64(tokens, window):
    inputs = made(tokens)
    upstream = torch.randn(1, 6, tokens, 16, dtype=torch.float64)
    found, expected = causal_attention(*inputs, window=window), written_out(*inputs, window=window)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    for mine, theirs in zip(
        gradients(found, inputs, upstream), gradients(expected, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)


def test_scaling_and_heads_of_any_number_and_a_size_of_values_of_its_own():
    for heads, key_heads in ((1, 1), (4, 4), (8, 1)):
        inputs = made(150, heads, key_heads, value_size=24)
        found = causal_attention(*inputs, scaling=0.3)
        assert found.shape == (1, heads, 150, 24)
        torch.testing.assert_close(found, written_out(*inputs, scaling=0.3), rtol=1e-12, atol=1e-12)


def test_its_gradient_is_the_numerical_one():
    assert torch.autograd.gradcheck(causal_attention, made(9, 2, 1, 4, 4))


def test_a_later_token_changes_nothing_before_it():
    query, key, value = made(200)
    before = causal_attention(query, key, value)
    with torch.no_grad():
        key[:, :, 150] += 5
        value[:, :, 150] += 5
    after = causal_attention(query, key, value)
    assert torch.equal(before[:, :, :150], after[:, :, :150])
    assert not torch.allclose(before[:, :, 150:], after[:, :, 150:])


@pytest.mark.parametrize("tokens", [100, 300])
def test_in_bfloat16_it_errs_about_as_torchs_own_kernel_does(tokens):
    exact = made(tokens, size=64, value_size=64)
    upstream = torch.randn(1, 6, tokens, 64, dtype=torch.float64)
    truth = written_out(*exact)
    true = [truth, *gradients(truth, exact, upstream)]
    rounded = [x.detach().bfloat16().requires_grad_() for x in exact]
    mine = causal_attention(*rounded)
    full = [x.repeat_interleave(3, dim=1) if x.shape[1] == 2 else x for x in rounded]
    theirs = F.scaled_dot_product_attention(*full, is_causal=True)
    for ours, torchs, value in zip(
        [mine, *gradients(mine, rounded, upstream)],
        [theirs, *gradients(theirs, rounded, upstream)],
        true,
        strict=True,
    ):
        assert ours.dtype == torch.bfloat16
        assert (ours.double() - value).norm() < 1.25 * (torchs.double() - value).norm()


def test_autocast_decides_the_type_but_does_not_round_the_scores():
    inputs = made(300, dtype=torch.float32)
    rounded = [x.detach().bfloat16() for x in inputs]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = causal_attention(*inputs)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, causal_attention(*rounded))


def test_masks_are_remembered_for_no_more_lengths_than_a_block_has():
    later.cache_clear()
    for tokens in range(1, 3 * BLOCK, 7):
        causal_attention(*made(tokens, 1, 1, 4, 4))
    assert later.cache_info().currsize <= BLOCK
