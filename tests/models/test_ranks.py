"""Ranks of a text's tokens are those of reading it one token at a time, whatever is beside it in the batch."""

import pytest
import torch

from handful.models.ranks import Place, Read, places, token_places
from handful.models.sampling import GREEDY, Sampling, sample

READS = [
    Read([1, 5, 9, 20, 33], [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]),
    Read([1], [40, 41, 42]),
    Read([1, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70], [300]),
    Read([1, 2, 3], []),
]


@torch.inference_mode()
def one_at_a_time(model, read, known):
    """The definition: read everything before a token, sort all tokens, look up where it is."""
    found = []
    for at, token in enumerate(read.tokens):
        ids = torch.tensor([[*read.context, *read.tokens[:at]]])
        chances = model(input_ids=ids).logits[0, -1, :known].double().softmax(dim=0)
        order = chances.argsort(descending=True).tolist()
        found.append(Place(order.index(token) + 1, float(chances[token]), order[0]))
    return found


@pytest.mark.parametrize("at_once", [1, 320 * 4 * 3, 2**26], ids=["a column", "three columns", "all"])
def test_ranks_are_those_of_one_token_at_a_time(model, at_once):
    found = token_places(model, READS, known=310, at_once=at_once)
    for read, places_ in zip(READS, found, strict=True):
        expected = one_at_a_time(model, read, 310)
        assert [(p.rank, p.best) for p in places_] == [(p.rank, p.best) for p in expected]
        assert [p.probability for p in places_] == pytest.approx([p.probability for p in expected], rel=1e-4)


def test_what_a_model_decodes_greedily_is_its_own_first_choice_everywhere(model):
    contexts = [[1, 5, 9], [1, 70, 71, 72, 73, 74, 75]]
    greedy = Sampling(**GREEDY, max_tokens=20, limit="new")
    outputs = sample(model, contexts, greedy, {}, [0, 0])
    reads = [Read(context, output.ids) for context, output in zip(contexts, outputs, strict=True)]
    found = token_places(model, reads, known=320)
    assert [[place.rank for place in row] for row in found] == [[1] * 20, [1] * 20]
    assert [[place.best for place in row] for row in found] == [output.ids for output in outputs]


def test_probabilities_and_ranks_by_hand():
    logits = torch.tensor([[[0.0, 1.0, 2.0, 1.0]]])
    total = 1 + 2 * 2.718281828 + 7.389056099
    (((rank, chance, best),),) = [
        [(p.rank, p.probability, p.best) for p in row] for row in places(logits, torch.tensor([[3]]))
    ]
    assert (rank, best) == (2, 2)  # its equal, token 1, does not push it down
    assert chance == pytest.approx(2.718281828 / total)


def test_padding_of_the_embedding_is_no_rival(llama):
    read = Read([1, 5], [7])
    every = token_places(llama, [read], known=320)[0][0]
    few = token_places(llama, [read], known=8)[0][0]
    assert few.rank <= 8
    assert few.best < 8
    assert few.probability > every.probability


def test_progress_counts_tokens_and_no_padding(llama):
    told = []
    token_places(llama, READS, known=320, advance=told.append, at_once=1)
    assert sum(told) == sum(len(read.tokens) for read in READS)
    assert max(told) == 3  # a column of four texts, one of which is empty


def test_texts_without_tokens_have_no_places(llama):
    assert token_places(llama, [Read([1], []), Read([1, 2], [])], known=320) == [[], []]
