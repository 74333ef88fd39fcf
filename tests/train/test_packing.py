"""Rows hold every document once, stay within the limit, and change neither loss nor gradient nor logits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from handful.core.errors import DataError
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.attention import packed_attention, packed_sdpa, prove_packing
from handful.train.loop import Trainee, adamw, pack_loss
from handful.train.loss import head_of
from handful.train.masking import IGNORED, Document
from handful.train.packing import first_fit, pack, row


def documents(lengths, vocabulary=97, seed=0):
    generator = torch.Generator().manual_seed(seed)
    found = []
    for number, length in enumerate(lengths):
        ids = torch.randint(3, vocabulary, (length,), generator=generator).tolist()
        asked = length // 3
        targets = [IGNORED] * asked + ids[asked + 1 :] + [IGNORED]
        found.append(Document(f"e{number}", "s", tuple(ids), tuple(targets), length - asked - 1))
    return found


def trainee_of(model):
    return Trainee(model, head_of(model), adamw(model, Train(model=ModelRef("x"))), "cpu", torch.float32)


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 50))
def test_every_document_is_in_one_row_and_rows_stay_within_the_limit(lengths, limit):
    bins = first_fit(lengths, limit)
    assert sorted(index for bin in bins for index in bin) == list(range(len(lengths)))
    for bin in bins:
        assert sum(lengths[index] for index in bin) <= limit or len(bin) == 1


def test_first_fit_decreasing_by_hand():
    assert first_fit([4, 8, 1, 4, 2, 1], 10) == [[1, 4], [0, 3, 2, 5]]


def test_a_row_by_hand():
    one = Document("a", "s", (5, 6, 7), (IGNORED, 7, IGNORED), 1)
    two = Document("b", "s", (8, 9), (9, IGNORED), 1)
    made = row([one, two])
    assert made.ids.tolist() == [[5, 6, 7, 8, 9]]
    assert made.positions.tolist() == [[0, 1, 2, 0, 1]]
    assert made.doc_ends == (3, 5)
    assert made.labelled.tolist() == [1, 3]
    assert made.targets.tolist() == [7, 9]
    assert made.weights is None


def test_a_row_of_weighted_documents_by_hand():
    one = Document("a", "s", (5, 6, 7), (6, 7, IGNORED), 1, (0.25, 1.0, 0.0))
    two = Document("b", "s", (8, 9), (9, IGNORED), 1)
    made = row([one, two])
    assert made.targets.tolist() == [6, 7, 9]
    assert made.weights.tolist() == [0.25, 1.0, 1.0]


def test_packed_loss_and_gradient_are_those_of_one_example_at_a_time(network, family):
    """The reference is transformers' own forward pass with its own mask, and torch's loss, in float64."""
    batch = documents([17, 9, 4, 23, 12])
    labels = sum(document.labels for document in batch)
    model = network(family)
    trainee = trainee_of(model)
    with packed_attention(model):
        packs = pack(batch, 32)
        loss = sum(pack_loss(trainee, part, 1 / labels) for part in packs)
    loss.backward()
    assert len(packs) == 3

    reference = network(family).double()
    total = torch.zeros((), dtype=torch.float64)
    for document in batch:
        logits = reference(input_ids=torch.tensor([document.ids])).logits[0]
        targets = torch.tensor(document.targets)
        total = total + cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum") / labels
    total.backward()

    assert loss.item() == pytest.approx(total.item(), rel=1e-6)
    expected = dict(reference.named_parameters())
    for name, weight in model.named_parameters():
        scale = (
            expected[name].grad.norm().clamp(min=1e-3)
        )  # OPT's biases of keys have no gradient but rounding
        error = (weight.grad - expected[name].grad).norm() / scale
        assert error < 1e-4, name


@pytest.mark.parametrize("limit", [1, 16, 40, 1000])
def test_the_row_length_changes_nothing(network, limit):
    batch = documents([17, 9, 4, 23, 12])
    model = network("gemma3")
    trainee = trainee_of(model)
    with packed_attention(model), torch.no_grad():
        losses = sum(pack_loss(trainee, part, 1.0).item() for part in pack(batch, limit))
        alone = sum(pack_loss(trainee, row([document]), 1.0).item() for document in batch)
    assert losses == pytest.approx(alone, rel=1e-6)


def test_changing_one_document_changes_no_bit_of_the_others(network, family):
    model = network(family)
    before, after = documents([13, 11, 8]), documents([13, 11, 8])
    other = documents([11], seed=1)[0]
    after[1] = other

    def logits(batch):
        part = row(batch)
        with torch.no_grad(), packed_attention(model):
            return model(
                input_ids=part.ids, position_ids=part.positions, doc_ends=part.doc_ends, use_cache=False
            ).logits[0]

    old, new = logits(before), logits(after)
    assert torch.equal(old[:13], new[:13])
    assert torch.equal(old[24:], new[24:])
    assert not torch.equal(old[13:24], new[13:24])


def test_supported_families_pass_the_packing_probe(network, family):
    model = network(family)
    own = model.config._attn_implementation
    prove_packing(model)
    assert model.config._attn_implementation == own


def test_a_model_that_carries_state_between_documents_is_refused():
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(0)
    model = MambaForCausalLM(MambaConfig(vocab_size=97, hidden_size=32, num_hidden_layers=2, state_size=4))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    with pytest.raises(DataError, match="Mamba"):
        prove_packing(model)


def test_an_encoder_is_refused():
    from transformers import BertConfig, BertLMHeadModel

    config = BertConfig(
        vocab_size=97, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    with pytest.raises(DataError, match=r"BertSelfAttention: its attention is not causal"):
        prove_packing(BertLMHeadModel(config))


@pytest.mark.parametrize("name", ["Bloom", "Falcon"])
def test_an_attention_that_cannot_be_replaced_is_refused(name):
    import transformers

    sizes = {"vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(getattr(transformers, f"{name}Config")(**sizes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(6.0)
    with pytest.raises(DataError, match=f"{name}ForCausalLM: examples packed into one row change each other"):
        prove_packing(model)


def test_weights_that_are_not_numbers_are_refused(network):
    model = network("llama")
    with torch.no_grad():
        model.model.norm.weight[0] = float("nan")
    with pytest.raises(DataError, match="LlamaForCausalLM: its hidden states are not numbers"):
        prove_packing(model)


def attend(**changes):
    module = torch.nn.Module()
    module.is_causal = changes.pop("is_causal", True)
    q = torch.randn(1, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    return packed_sdpa(module, q, q, q, **{"attention_mask": None, "doc_ends": (2, 6), **changes})[0]


def test_a_window_as_long_as_the_document_is_no_window():
    assert torch.equal(attend(sliding_window=4), attend())
    assert not torch.allclose(attend(sliding_window=3), attend())


def test_a_softcap_far_above_the_scores_is_no_softcap():
    assert torch.allclose(attend(softcap=1e4), attend(), atol=1e-5)


def test_scaling_is_honoured():
    assert not torch.allclose(attend(scaling=1.0), attend())
    assert torch.allclose(attend(scaling=8**-0.5), attend())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"doc_ends": None}, "doc_ends"),
        ({"dropout": 0.1}, "dropout"),
        ({"s_aux": torch.zeros(2)}, "s_aux"),
        ({"is_causal": False}, "causal"),
    ],
)
def test_what_the_packed_attention_cannot_do_it_refuses(asked, message):
    with pytest.raises(DataError, match=message):
        attend(**asked)
