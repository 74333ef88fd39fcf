"""The sampler against a float64 reference, and against `generate` of transformers."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from handful.models.sampling import Sampling, choose, penalize, sample

PAPER = Sampling(
    temperature=0.7, top_p=0.9, repetition_penalty=1.2, penalty_scope="output", max_tokens=40, limit="new"
)
GREEDY = replace(PAPER, temperature=0.0, repetition_penalty=1.0)
PROMPTS = [[7, 8, 9], list(range(20, 61)), [5], [30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41]]


def reference(logits, seen, sampling):
    """(token, probability) of the nucleus, likeliest first, in plain float64 arithmetic."""
    logits = logits.double().tolist()
    for token in set(seen):
        x = logits[token]
        logits[token] = x / sampling.repetition_penalty if x > 0 else x * sampling.repetition_penalty
    logits = [x / sampling.temperature for x in logits]
    top = max(logits)
    weights = [math.exp(x - top) for x in logits]
    total = math.fsum(weights)
    mass = sorted(((w / total, token) for token, w in enumerate(weights)), reverse=True)
    nucleus, held = [], 0.0
    for probability, token in mass:
        if held >= sampling.top_p:
            break
        nucleus.append((token, probability))
        held += probability
    return nucleus


class Fixed(random.Random):
    """A stream that always gives the same number."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def random(self):
        return self.value


def drawn_by(nucleus, uniform):
    target, held = uniform * math.fsum(p for _, p in nucleus), 0.0
    for token, probability in nucleus:
        held += probability
        if target < held:
            return token
    return nucleus[-1][0]


@pytest.mark.parametrize(("vocabulary", "spread"), [(50, 1.0), (2000, 3.0), (2000, 0.2)])
@pytest.mark.parametrize("top_p", [0.3, 0.9, 1.0])
def test_tokens_are_those_of_the_reference(vocabulary, spread, top_p):
    """A spread of 0.2 over 2,000 tokens is flat: the nucleus is larger than the prefilter, and is sorted whole."""
    sampling = replace(PAPER, top_p=top_p)
    torch.manual_seed(vocabulary)
    rows = 60
    logits = torch.randn(rows, vocabulary) * spread
    seen = torch.randint(0, vocabulary, (rows, 30))
    uniforms = [random.Random(row).random() for row in range(rows)]
    expected = [
        drawn_by(reference(logits[row], seen[row].tolist(), sampling), uniforms[row]) for row in range(rows)
    ]
    scores = logits.clone()
    penalize(scores, seen, sampling.repetition_penalty)
    assert choose(scores, sampling, [Fixed(u) for u in uniforms]) == expected


def test_draws_follow_the_nucleus():
    torch.manual_seed(3)
    logits = torch.randn(1, 40) * 2
    nucleus = dict(reference(logits[0], [], replace(PAPER, repetition_penalty=1.0)))
    held, draws = math.fsum(nucleus.values()), 20_000
    streams = [random.Random(number) for number in range(draws)]
    tokens = choose(logits.expand(draws, -1), PAPER, streams)
    assert set(tokens) <= set(nucleus)
    for token, probability in nucleus.items():
        share = probability / held
        error = math.sqrt(share * (1 - share) / draws)
        assert abs(tokens.count(token) / draws - share) < 4.5 * error


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53])
def test_the_extremes_of_the_stream_stay_in_the_nucleus(uniform):
    logits = torch.tensor([[3.0, 2.0, 1.0, -4.0, -math.inf]])
    allowed = [token for token, _ in reference(logits[0], [], PAPER)]
    assert choose(logits, PAPER, [Fixed(uniform)])[0] in (allowed[0], allowed[-1])


def test_a_token_seen_thrice_is_penalised_once():
    scores = torch.tensor([[2.4, -1.0, 0.6]])
    penalize(scores, torch.tensor([[0, 0, 0, 1]]), 1.2)
    assert scores[0].tolist() == pytest.approx([2.0, -1.2, 0.6])


def generate(model, prompt, new, penalty=1.0):
    """Greedy tokens by transformers, whose penalty counts the prompt as well."""
    ids = torch.tensor([prompt])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=new,
        do_sample=False,
        repetition_penalty=penalty,
        eos_token_id=None,
        pad_token_id=0,
    )
    return out[0, len(prompt) :].tolist()


@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_equals_transformers_in_a_padded_batch(model, penalty):
    sampling = replace(GREEDY, repetition_penalty=penalty, penalty_scope="all")
    outputs = sample(model, PROMPTS, sampling, {}, [0] * len(PROMPTS))
    assert [output.ids for output in outputs] == [generate(model, prompt, 40, penalty) for prompt in PROMPTS]
    assert len({tuple(output.ids) for output in outputs}) == len(PROMPTS)  # else the test says little


def test_penalty_of_the_output_leaves_the_prompt_alone(llama):
    """By hand: one forward pass a token, the penalty on what was generated alone."""
    prompt, ids = PROMPTS[1], []
    for _ in range(25):
        logits = llama(torch.tensor([prompt + ids])).logits[0, -1].double()
        for token in set(ids):
            logits[token] = logits[token] / 1.2 if logits[token] > 0 else logits[token] * 1.2
        ids.append(int(logits.argmax()))
    sampling = replace(GREEDY, repetition_penalty=1.2, max_tokens=25)
    assert sample(llama, [prompt], sampling, {}, [0])[0].ids == ids
    assert sample(llama, [prompt], replace(sampling, penalty_scope="all"), {}, [0])[0].ids != ids


def test_an_answer_depends_on_its_seed_and_not_on_its_batch(llama):
    alone = [sample(llama, [p], PAPER, {}, [seed])[0] for seed, p in enumerate(PROMPTS)]
    assert sample(llama, PROMPTS, PAPER, {}, [0, 1, 2, 3]) == alone
    assert sample(llama, PROMPTS[::-1], PAPER, {}, [3, 2, 1, 0]) == alone[::-1]
    assert sample(llama, [PROMPTS[0]], PAPER, {}, [99])[0] != alone[0]


def test_rows_that_end_leave_the_others_as_they_were(model):
    free = sample(model, PROMPTS, GREEDY, {}, [0] * 4)
    end = free[1].ids[3]
    ended = sample(model, PROMPTS, GREEDY, {end: "eot"}, [0] * 4)
    for before, after in zip(free, ended, strict=True):
        cut = before.ids.index(end) if end in before.ids else None
        assert after.ids == before.ids[:cut]
        assert after.finish == ("length" if cut is None else "eot")


def test_the_end_is_named_by_its_token(llama):
    first, second = sample(llama, PROMPTS[:2], replace(GREEDY, max_tokens=1), {}, [0, 0])
    ends = {first.ids[0]: "eot", second.ids[0]: "eos"}
    outputs = sample(llama, PROMPTS[:2], GREEDY, ends, [0, 0])
    assert [(output.ids, output.finish) for output in outputs] == [([], "eot"), ([], "eos")]


def test_a_stop_ends_only_its_row(llama):
    outputs = sample(llama, PROMPTS, GREEDY, {}, [0] * 4, stopped=lambda ids: len(ids) == 5 + ids[0] % 3)
    assert {output.finish for output in outputs} == {"stop"}
    assert [len(output.ids) for output in outputs] == [5 + output.ids[0] % 3 for output in outputs]


@pytest.mark.parametrize(
    ("limit", "prompt", "room"),
    [("new", 10, 40), ("total", 10, 30), ("total", 39, 1), ("total", 500, 1), ("new", 240, 16)],
)
def test_room_after_a_prompt(limit, prompt, room):
    assert replace(PAPER, limit=limit).room(prompt, 256) == room


def test_total_limit_counts_each_prompt_of_its_own(llama):
    outputs = sample(llama, PROMPTS, replace(GREEDY, limit="total", max_tokens=45), {}, [0] * 4)
    assert [len(o.ids) for o in outputs] == [45 - len(p) for p in PROMPTS]
    assert {o.finish for o in outputs} == {"length"}
