"""Answers that travel together are those that each would have been alone."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, GPT2Config, LlamaConfig, Qwen2Config

from handful.models.sampling import Batch, Sampling, sample
from handful.serving.flight import Flight, Row, join, select, trim
from handful.serving.text import Reader

SHAPE = {
    "vocab_size": 120,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}
PAPER = Sampling(
    temperature=0.7, top_p=0.9, repetition_penalty=1.2, penalty_scope="output", max_tokens=20, limit="new"
)
PROMPTS = [[7, 8, 9], list(range(20, 61)), [5], list(range(30, 42)), [90, 3], list(range(60, 85))]
SETTINGS = [
    PAPER,
    replace(PAPER, temperature=0.0, max_tokens=9),
    replace(PAPER, penalty_scope="all", max_tokens=25),
    replace(PAPER, top_p=0.5, max_tokens=3),
    replace(PAPER, repetition_penalty=1.0, max_tokens=14),
    replace(PAPER, temperature=1.3, max_tokens=11),
]


def network(family):
    torch.manual_seed(1)
    if family == "gemma3":  # windows of 8 tokens on the first two layers
        config = Gemma3TextConfig(
            **SHAPE,
            head_dim=8,
            sliding_window=8,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
        )
    elif family == "gpt2":
        config = GPT2Config(vocab_size=120, n_embd=32, n_layer=3, n_head=4, n_positions=256)
    else:
        config = {"llama": LlamaConfig, "qwen2": Qwen2Config}[family](**SHAPE)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.normal_(std=0.2)
    return model


@pytest.fixture(params=["llama", "gemma3", "qwen2", "gpt2"], scope="module")
def model(request):
    return network(request.param)


def spell(ids):
    return "".join(f"{id} " for id in ids)


def row_of(prompt, sampling, seed, told):
    return Row(
        prompt=prompt,
        sampling=sampling,
        draws=random.Random(seed),
        room=sampling.room(len(prompt), 256),
        reader=Reader(spell),
        tell=lambda text, finish: told.append((text, finish)),
    )


def test_answers_are_those_of_the_sampler_whoever_comes_and_goes(model):
    """Six rows of six settings, one coming aboard every second token while others leave."""
    flight, told = Flight(model, {}), [[] for _ in PROMPTS]
    coming = [
        row_of(prompt, sampling, seed, told[seed])
        for seed, (prompt, sampling) in enumerate(zip(PROMPTS, SETTINGS, strict=True))
    ]
    together = 0
    for step in range(100):
        if flight.rows:
            flight.step()
        if coming and step % 2 == 0:
            flight.board(*flight.read([coming.pop(0)]))
        together = max(together, len(flight.rows))
        if not coming and not flight.rows:
            break
    assert together >= 4
    for seed, (prompt, sampling) in enumerate(zip(PROMPTS, SETTINGS, strict=True)):
        (alone,) = sample(model, [prompt], sampling, {}, [seed])
        assert "".join(text for text, _ in told[seed]) == spell(alone.ids)
        assert [finish for _, finish in told[seed] if finish] == [alone.finish]


def logits_of(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0, -1]


@torch.inference_mode()
def test_joined_and_trimmed_batches_score_as_each_row_alone(model):
    texts = [list(prompt) for prompt in PROMPTS]
    first, second = Batch(model, texts[:3], "output"), Batch(model, texts[3:], "output")

    def go_on(batch, rows, token, going=None):
        batch.scores()
        batch.step([token + row for row in rows], list(range(len(rows))) if going is None else going)
        for row in rows:
            texts[row].append(token + row)

    for token in (40, 50, 60):
        go_on(first, [0, 1, 2], token)
    go_on(second, [3, 4, 5], 70)
    join(first, second)
    for token in (80, 90):
        go_on(first, [0, 1, 2, 3, 4, 5], token)
    rows = [0, 2, 4]
    select(first, rows)  # the long ones are gone, and so is what they needed
    width = first.mask.shape[1]
    trim(first)
    assert first.mask.shape[1] == max(len(texts[row]) for row in rows) < width
    for token in (10, 20, 30):
        scores = first.scores()
        for place, row in enumerate(rows):
            torch.testing.assert_close(scores[place], logits_of(model, texts[row]), rtol=1e-4, atol=2e-4)
        first.step([token] * 3, [0, 1, 2])
        trim(first)
        for row in rows:
            texts[row].append(token)


def test_a_batch_that_never_empties_stays_as_narrow_as_its_longest_row():
    model, told = network("llama"), []
    flight = Flight(model, {})
    for number in range(30):
        if flight.rows:
            flight.step()
        if len(flight.rows) < 2:
            short = replace(PAPER, max_tokens=3 + number % 3)
            flight.board(*flight.read([row_of([4, 5, 6], short, number, told)]))
        if flight.batch is not None:
            assert flight.batch.mask.shape[1] <= 3 + 5 + 1


def test_rows_that_were_cancelled_leave_untold_and_the_others_go_on():
    model = network("llama")
    gone, stays, cancelled = [], [], False
    leaver = row_of(PROMPTS[1], PAPER, 1, gone)
    leaver.cancelled = lambda: cancelled
    flight = Flight(model, {})
    flight.board(*flight.read([leaver, row_of(PROMPTS[0], PAPER, 0, stays)]))
    flight.step()
    cancelled = True
    while flight.rows:
        flight.step()
    assert len(gone) == 2
    (alone,) = sample(model, [PROMPTS[0]], PAPER, {}, [0])
    assert "".join(text for text, _ in stays) == spell(alone.ids)


def test_a_token_that_ends_is_not_in_the_text_and_says_which_it_was():
    model, told = network("llama"), []
    (free,) = sample(model, [PROMPTS[0]], PAPER, {}, [0])
    end = free.ids[4]
    flight = Flight(model, {end: "eot"})
    flight.board(*flight.read([row_of(PROMPTS[0], PAPER, 0, told)]))
    while flight.rows:
        flight.step()
    before = free.ids[: free.ids.index(end)]
    assert "".join(text for text, _ in told) == spell(before)
    assert told[-1][1] == "eot"


def test_layers_with_another_state_than_keys_wait_until_the_batch_is_empty():
    model = network("llama")
    flight = Flight(model, {})
    flight.board(*flight.read([row_of(PROMPTS[0], PAPER, 0, [])]))
    assert flight.open

    class Recurrent(type(flight.batch.cache.layers[0])):
        """A layer of a kind that we do not know how to pad."""

    flight.batch.cache.layers[0].__class__ = Recurrent
    assert not flight.open
    while flight.rows:
        flight.step()
    assert flight.open
