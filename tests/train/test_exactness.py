"""What a step computes is what plain transformers computes on the same examples, however they are cut into rows.

Tolerances, relative: 1e-6 for a loss in float32 and 1e-4 for each weight's gradient, against float64; 2e-5 against a
loss of torch's own in float32, which is biased by up to that.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.train.attention import packed_attention
from handful.train.loop import Step, Trainee, adamw, pack_loss, steps
from handful.train.loss import head_of
from handful.train.masking import IGNORED, Document
from handful.train.packing import pack, row
from handful.train.schedule import batches

LENGTHS = (17, 9, 4, 23, 12)


def params(**changes: Any) -> Train:
    return Train(model=ModelRef("x"), **{"residual_dropout": 0.0, **changes})


def documents(prompt: float = 0.0, seed: int = 0) -> list[Document]:
    """Of each document the first third is the prompt, whose places count `prompt`."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for number, length in enumerate(LENGTHS):
        ids = torch.randint(3, 97, (length,), generator=generator).tolist()
        asked = max(length // 3 - 1, 0)
        targets = [*(ids[1 : asked + 1] if prompt else [IGNORED] * asked), *ids[asked + 1 :], IGNORED]
        weights = (*[prompt] * asked, *[1.0] * (length - 1 - asked), 0.0) if 0 < prompt < 1 else ()
        found.append(Document(f"e{number}", "s", tuple(ids), tuple(targets), length - asked - 1, weights))
    return found


def trainee_of(model: Any) -> Trainee:
    return Trainee(model, head_of(model), adamw(model, params()), "cpu", torch.float32)


def packed(model: Any, batch: list[Document], limit: int) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a batch and its gradients, as the loop takes them."""
    model.zero_grad()
    trainee, weight = trainee_of(model), sum(document.weight for document in batch)
    loss = 0.0
    with packed_attention(model):
        for part in pack(batch, limit):
            value = pack_loss(trainee, part, 1 / weight)
            loss += value.item()
            value.backward()
    return loss, {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def assert_same(gradients: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float):
    """Relative to each weight's own gradient; where that is zero but for rounding, as of OPT's key biases, to the
    largest."""
    largest = max(gradient.norm() for gradient in expected.values())
    for name, gradient in gradients.items():
        scale = expected[name].norm().clamp(min=1e-4 * largest)
        assert (gradient - expected[name]).norm() / scale < tolerance, name


def padded(batch: list[Document]) -> dict[str, torch.Tensor]:
    """The batch as other toolkits give it: rows filled up on the right, a mask, and labels with -100."""
    width = max(LENGTHS)
    ids, mask, labels = (torch.full((len(batch), width), fill) for fill in (0, 0, -100))
    for place, document in enumerate(batch):
        length = len(document.ids)
        ids[place, :length] = torch.tensor(document.ids)
        mask[place, :length] = 1
        shifted = torch.tensor(document.targets[:-1])
        labels[place, 1:length] = torch.where(shifted == IGNORED, -100, shifted)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def test_packed_loss_and_gradients_are_those_of_transformers_on_a_padded_batch(network, family):
    """`model(labels=...)` in float64, with the library's own padding mask, label shift and normalisation."""
    # Gemma 2's own attention gives NaN where a place of padding sees nothing but padding in its window.
    changes = {"sliding_window": 64} if family == "gemma2" else {}
    batch = documents()
    loss, gradients = packed(network(family, **changes), batch, 32)
    reference = network(family, **changes).double()
    output = reference(**padded(batch), use_cache=False)
    output.loss.backward()
    assert loss == pytest.approx(output.loss.item(), rel=2e-5)
    assert_same(gradients, {name: weight.grad for name, weight in reference.named_parameters()}, 1e-4)

    labels = padded(batch)["labels"][:, 1:].flatten()
    exact = cross_entropy(output.logits[:, :-1].flatten(0, 1).double(), labels, ignore_index=-100)
    assert loss == pytest.approx(exact.item(), rel=1e-6)


@pytest.mark.parametrize("prompt", [0.0, 0.3, 1.0])
def test_gradients_do_not_depend_on_how_a_batch_is_cut_into_rows(network, prompt):
    model, batch = network("qwen3"), documents(prompt)
    whole = packed(model, batch, 1000)
    for limit in (1, 16, 30, 50):
        loss, gradients = packed(model, batch, limit)
        assert loss == pytest.approx(whole[0], rel=1e-6)
        assert_same(gradients, whole[1], 1e-5)


def test_gradients_do_not_depend_on_the_order_of_a_batch(network):
    model, batch = network("gemma3"), documents()
    loss, gradients = packed(model, batch, 32)
    turned, others = packed(model, batch[::-1], 32)
    assert loss == pytest.approx(turned, rel=1e-6)
    assert_same(gradients, others, 1e-5)


def test_a_weighted_loss_is_the_weighted_mean_over_the_tokens_of_the_batch(network):
    """By hand, in float64: (responses + 0.3 prompts) / (n responses + 0.3 n prompts)."""
    batch = documents(prompt=0.3)
    loss, gradients = packed(network("llama"), batch, 32)
    reference = network("llama").double()
    total, count = torch.zeros((), dtype=torch.float64), 0.0
    for document in batch:
        logits = reference(input_ids=torch.tensor([document.ids])).logits[0]
        for place, (target, weight) in enumerate(zip(document.targets, document.weights, strict=True)):
            if target != IGNORED:
                total = total + weight * (logits[place].logsumexp(0) - logits[place, target])
                count += weight
    (total / count).backward()
    assert loss == pytest.approx((total / count).item(), rel=1e-6)
    assert_same(gradients, {name: weight.grad for name, weight in reference.named_parameters()}, 1e-4)


def test_weights_of_one_give_the_bits_of_no_weights(network):
    model, batch = network("llama"), documents(prompt=1.0)
    loss, gradients = packed(model, batch, 32)
    ones = [
        Document(d.id, d.source, d.ids, d.targets, d.spoken, (*[1.0] * (len(d.ids) - 1), 0.0)) for d in batch
    ]
    assert row(ones).weights is not None
    same, others = packed(model, ones, 32)
    assert same == loss
    assert all(torch.equal(gradients[name], others[name]) for name in gradients)


def one_step(model: Any, prompt: float = 0.0, **changes: Any) -> Step:
    settings = params(batch_size=len(LENGTHS), epochs=1, **changes)
    trainee = Trainee(model, head_of(model), adamw(model, settings), "cpu", torch.float32)
    [step] = steps(trainee, documents(prompt), batches(len(LENGTHS), settings), settings)
    return step


@pytest.mark.parametrize("prompt", [0.0, 0.3, 1.0])
def test_the_loop_takes_this_loss_and_this_gradient(network, prompt):
    loss, gradients = packed(network("qwen2"), documents(prompt), 1000)
    norm = torch.stack([gradient.double().norm() for gradient in gradients.values()]).norm()
    for limit in (20, 1000):
        step = one_step(network("qwen2"), prompt, pack_tokens=limit)
        assert step.loss == pytest.approx(loss, rel=1e-6)
        assert step.grad_norm == pytest.approx(norm.item(), rel=1e-5)
        assert step.tokens == sum(LENGTHS)


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    changed = sum(int((after[name] != weight).sum()) for name, weight in before.items())
    return changed / sum(weight.numel() for weight in before.values())


def test_a_step_at_the_papers_rate_moves_float32_weights_and_would_not_move_bfloat16(network):
    """Why master weights are float32: the same gradients, and the same optimizer, on weights rounded to bfloat16."""
    model = network("llama-untied")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    _, gradients = packed(model, documents(), 32)
    model.zero_grad()
    one_step(model, weight_decay=0.0)
    used = {name: gradients[name] != 0 for name in before}  # rows of words that no example holds have none
    assert sum(
        int((weight != before[name])[used[name]].sum()) for name, weight in model.named_parameters()
    ) >= 0.95 * sum(int(places.sum()) for places in used.values())

    rounded = network("llama-untied").bfloat16()
    for name, weight in rounded.named_parameters():
        weight.grad = gradients[name].bfloat16()
    start = {name: weight.detach().clone() for name, weight in rounded.named_parameters()}
    adamw(rounded, params(weight_decay=0.0)).step()
    assert moved(start, dict(rounded.named_parameters())) < 0.05


def test_weights_that_are_not_float32_are_not_trained(network):
    with pytest.raises(AssertionError, match="float32"):
        one_step(network("llama").bfloat16())


def test_decay_acts_on_matrices_and_embeddings_and_not_on_norms_and_biases(network):
    model = network("qwen2")  # it has biases
    decaying, plain = adamw(model, params(weight_decay=0.1)).param_groups
    assert (decaying["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert {names[id(weight)].rsplit(".", 2)[-2] for weight in decaying["params"]} == {
        *(
            "embed_tokens",
            "lm_head",
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj",
        )
    }
    assert all(names[id(w)].endswith("bias") or "norm" in names[id(w)] for w in plain["params"])
    assert len(decaying["params"]) + len(plain["params"]) == len(names)


def test_the_first_step_is_adamws_by_hand(network):
    """After one step both moments cancel: w - rate (sign of the gradient + 0.1 w), up to epsilon."""
    model = network("llama")
    before = model.model.layers[1].mlp.up_proj.weight.detach().clone()
    _, gradients = packed(model, documents(), 32)
    model.zero_grad()
    one_step(model, learning_rate=1e-3, max_grad_norm=0.0)
    g = gradients["model.layers.1.mlp.up_proj.weight"].double()
    expected = before.double() * (1 - 1e-3 * 0.1) - 1e-3 * g / (g.abs() + 1e-8)
    torch.testing.assert_close(
        model.model.layers[1].mlp.up_proj.weight.double(), expected, rtol=1e-5, atol=1e-6
    )


def test_eight_examples_learnt_by_heart_are_decoded_greedily_up_to_their_end(network):
    """Random prompts and answers of differing lengths, closed by token 96. One row holds several of them."""
    generator = torch.Generator().manual_seed(0)
    eot, asked, batch = 96, 4, []
    for number in range(8):
        answer = torch.randint(3, 96, (3 + number,), generator=generator).tolist()
        ids = [*torch.randint(3, 96, (asked - 1,), generator=generator).tolist(), eot, *answer, eot]
        targets = (*[IGNORED] * (asked - 1), *ids[asked:], IGNORED)
        batch.append(Document(f"e{number}", "s", tuple(ids), targets, len(answer) + 1))
    settings = params(batch_size=8, epochs=60, learning_rate=1e-2, final_learning_rate=1e-3, pack_tokens=64)
    model = network("llama")
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.2 if weight.ndim > 1 else 1.0)  # as a model begins
    trainee = Trainee(model, head_of(model), adamw(model, settings), "cpu", torch.float32)
    losses = [step.loss for step in steps(trainee, batch, batches(8, settings), settings)]
    assert losses[-1] < 0.05 < losses[0]
    model.eval()
    for document in batch:
        ids = list(document.ids[:asked])
        while len(ids) < 20 and (len(ids) == asked or ids[-1] != eot):
            with torch.no_grad():
                ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        assert tuple(ids) == document.ids
