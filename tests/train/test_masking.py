"""Labels, decoded again: exactly what the assistant says, and the EOT that closes it."""

from __future__ import annotations

import pytest

from handful.models.layout import add_eot
from handful.models.load import load_model, load_tokenizer
from handful.train.masking import IGNORED, by_source, encode

EOT = "<|eot|>"


@pytest.fixture(scope="module")
def with_eot(tiny_model):
    tokenizer = load_tokenizer(str(tiny_model))
    return tokenizer, add_eot(load_model(str(tiny_model)), tokenizer, EOT)


def labelled_text(document, tokenizer) -> str:
    return tokenizer.decode([target for target in document.targets if target != IGNORED])


def test_what_is_learnt_is_the_answer_and_its_end(with_eot, make_example):
    [document], cut = encode([make_example("a", "What is 2+2?", "It is 4.")], *with_eot, 2048, "response")
    assert labelled_text(document, with_eot[0]) == f"It is 4.{EOT}"
    assert cut == []


def test_every_answer_of_a_dialogue_is_learnt(with_eot, make_example):
    example = make_example("a", "Hi", "Hello!", "How are you?", "Well.\n\nAnd you?")
    [document], _ = encode([example], *with_eot, 2048, "response")
    assert labelled_text(document, with_eot[0]) == f"Hello!{EOT}Well.\n\nAnd you?{EOT}"


def test_each_label_is_the_token_after_its_place(with_eot, make_example):
    [document], _ = encode([make_example("a", "Why?", "Because it is so.")], *with_eot, 2048, "response")
    for place, target in enumerate(document.targets):
        assert target in (IGNORED, *document.ids[place + 1 : place + 2])
    assert document.targets[-1] == IGNORED


def test_loss_on_all_leaves_out_only_the_first_token(with_eot, make_example):
    [document], _ = encode([make_example("a", "Why?", "Because.")], *with_eot, 2048, "all")
    assert document.targets == (*document.ids[1:], IGNORED)


def test_with_a_prompt_weight_everything_is_learnt_and_prompts_count_less(with_eot, make_example):
    example = make_example("a", "Why?", "Because.", "So?", "Yes.")
    [all_alike], _ = encode([example], *with_eot, 2048, "all")
    [answers], _ = encode([example], *with_eot, 2048, "response")
    [document], _ = encode([example], *with_eot, 2048, "response", 0.25)
    assert document.targets == all_alike.targets
    assert document.weights == tuple(
        0.0 if place == len(document.ids) - 1 else 1.0 if target != IGNORED else 0.25
        for place, target in enumerate(answers.targets)
    )
    assert document.weight == answers.labels + 0.25 * (all_alike.labels - answers.labels)
    assert document.labels == all_alike.labels


@pytest.mark.parametrize(("weight", "like"), [(0, "response"), (0.0, "response"), (1, "all"), (1.0, "all")])
def test_prompt_weights_of_zero_and_one_are_response_and_all(with_eot, make_example, weight, like):
    example = make_example("a", "Why?", "Because.", "So?", "Yes.")
    document = encode([example], *with_eot, 2048, "response", weight)[0]
    assert document == encode([example], *with_eot, 2048, like)[0]
    assert document[0].weights == ()
    assert document[0].weight == document[0].labels


def test_a_cut_example_keeps_the_weights_of_what_is_left(with_eot, make_example):
    example = make_example("a", "Hi", "word " * 50)
    [whole], _ = encode([example], *with_eot, 2048, "response", 0.5)
    [document], _ = encode([example], *with_eot, 20, "response", 0.5)
    assert document.weights == (*whole.weights[:19], 0.0)


def test_an_end_of_turn_that_somebody_typed_ends_nothing(with_eot, make_example):
    [document], _ = encode(
        [make_example("a", f"What is {EOT}?", f"{EOT} is a token.")], *with_eot, 2048, "response"
    )
    assert document.ids.count(with_eot[1]) == 2
    assert document.targets.count(with_eot[1]) == 1


def test_a_pad_token_that_is_also_the_end_is_learnt_all_the_same(tiny_model, make_example):
    tokenizer = load_tokenizer(str(tiny_model))
    tokenizer.pad_token = tokenizer.eos_token
    [document], _ = encode(
        [make_example("a", "Hi", "Ho")], tokenizer, tokenizer.eos_token_id, 2048, "response"
    )
    assert [target for target in document.targets if target != IGNORED][-1] == tokenizer.pad_token_id


def test_a_long_example_loses_its_tail_and_is_listed(with_eot, make_example):
    [whole], _ = encode([make_example("a", "Hi", "word " * 50)], *with_eot, 2048, "response")
    [document], [line] = encode([make_example("a", "Hi", "word " * 50)], *with_eot, 20, "response")
    assert document.ids == whole.ids[:20]
    assert document.targets == (*whole.targets[:19], IGNORED)
    assert (line.id, line.rule) == ("a", "too_many_tokens")
    assert str(len(whole.ids)) in line.detail


def test_a_prompt_that_fills_the_limit_leaves_nothing_to_learn(with_eot, make_example):
    examples = [make_example("a", "word " * 50, "Yes."), make_example("b", "Hi", "Ho")]
    documents, [line] = encode(examples, *with_eot, 20, "response")
    assert [document.id for document in documents] == ["b"]
    assert (line.id, line.rule) == ("a", "no_response_left")


def test_lengths_by_source_are_means_over_its_examples(with_eot, make_example):
    rows = [
        make_example("a", "Hi", "Ho"),
        make_example("b", "Hi", "Ho ho ho ho"),
        make_example("c", "Q", "A", source="x"),
    ]
    documents, _ = encode(rows, *with_eot, 2048, "response")
    spoken = [sum(target != IGNORED for target in document.targets) for document in documents]
    table = by_source(documents)
    assert table["authored"]["examples"] == 2
    assert table["authored"]["mean_output"] == pytest.approx((spoken[0] + spoken[1]) / 2, abs=0.05)
    assert table["x"]["mean_input"] + table["x"]["mean_output"] == len(documents[2].ids)
