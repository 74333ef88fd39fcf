"""What a conversation remembers, and what it leaves out once the window is full."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.models.sampling import sample
from handful.serving.conversation import Answer, Conversation
from handful.serving.engine import Engine
from handful.serving.speaker import Message


@pytest.fixture(scope="module")
def engine(speaker):
    with Engine(speaker, max_batch=1) as running:
        yield running


@pytest.fixture
def conversation(engine, paper):
    return Conversation(engine, replace(paper, max_tokens=12, limit="new"), seed=4)


def ask(conversation, text):
    return "".join(conversation.ask(text))


def test_an_answer_is_that_of_the_sampler(conversation, speaker):
    text = ask(conversation, "Why?")
    ids = speaker.encode([Message("user", "Why?")])
    seed = rng_for(4, "chat", "0").getrandbits(63)
    (output,) = sample(speaker.model, [ids], conversation.sampling, speaker.ends, [seed])
    assert text == speaker.decode(output.ids) == conversation.answer.text
    assert conversation.answer.tokens == len(output.ids)
    assert conversation.answer.prompt_tokens == len(ids)
    assert conversation.answer.finish == output.finish


def test_the_next_question_is_asked_after_what_was_said(conversation, speaker):
    first = ask(conversation, "Why?")
    ask(conversation, "And then?")
    said = [Message("user", "Why?"), Message("assistant", first), Message("user", "And then?")]
    assert conversation.messages[:3] == said
    assert conversation.answer.prompt_tokens == len(speaker.encode(said))


def test_the_same_seed_gives_the_same_conversation(engine, conversation):
    other = Conversation(engine, conversation.sampling, seed=4)
    assert [ask(conversation, q) for q in ("a", "b")] == [ask(other, q) for q in ("a", "b")]
    third = Conversation(engine, conversation.sampling, seed=5)
    assert ask(third, "a") != conversation.messages[1].text


def test_undo_forgets_one_exchange_and_reset_all(conversation):
    ask(conversation, "a")
    kept = list(conversation.messages)
    ask(conversation, "b")
    assert conversation.undo()
    assert conversation.messages == kept
    conversation.reset()
    assert conversation.messages == []
    assert conversation.answer == Answer()  # so that what is left out next is told anew
    assert not conversation.undo()


def test_an_answer_that_is_left_stays_as_far_as_it_came(conversation):
    with closing(conversation.ask("a")) as pieces:
        first = next(pieces)
    assert conversation.messages == [Message("user", "a"), Message("assistant", first)]
    assert conversation.answer.finish is None
    assert ask(conversation, "b")  # the engine is free again


def test_the_oldest_exchanges_are_left_out_once_they_do_not_fit(engine, paper, speaker):
    conversation = Conversation(engine, replace(paper, max_tokens=64), seed=0)
    for number in range(4):
        conversation.messages += [Message("user", f"q{number} " * 5), Message("assistant", "fine")]
    ask(conversation, "Now?")
    left_out = conversation.answer.left_out
    kept = [*conversation.messages[:8][2 * left_out :], Message("user", "Now?")]
    one_more = [*conversation.messages[:8][2 * left_out - 2 :], Message("user", "Now?")]
    assert left_out > 0
    assert (
        conversation.answer.prompt_tokens == len(speaker.encode(kept)) <= 48
    )  # a quarter of 64 for the answer
    assert len(speaker.encode(one_more)) > 48
    assert conversation.answer.prompt_tokens + conversation.answer.tokens <= 64


def test_a_message_that_is_too_long_by_itself_is_refused_and_forgotten(engine, paper):
    conversation = Conversation(engine, replace(paper, max_tokens=64), seed=0)
    with pytest.raises(
        DataError, match=r"has \d+ tokens, but the model reads at most 48 of its window of 64"
    ):
        ask(conversation, "word " * 200)
    assert conversation.messages == []


def test_a_model_that_fails_says_so_and_the_conversation_goes_on(engine, conversation, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("secret detail")

    with monkeypatch.context() as patch:
        patch.setattr(engine.speaker.model, "forward", broken)
        with pytest.raises(DataError, match=r"^no answer: the model failed$"):
            ask(conversation, "a")
    assert "secret detail" in capsys.readouterr().err
    assert conversation.messages == []
    assert ask(conversation, "a")
