"""Pieces of text as tokens come: never half a character, never half a stop string, and together the whole."""

from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from handful.serving.text import LONGEST_HELD, Reader, overlap

TEXT = "Ein Bär 🐻 isst Käse — 「奶酪」, naïve façade. 👩‍👩‍👧 fin"


@pytest.fixture(scope="module")
def byte_level():
    """A byte a token, as GPT-2 writes them: every character beyond ASCII takes several."""
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {letter: place for place, letter in enumerate(sorted(ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@pytest.fixture(scope="module")
def byte_fallback():
    """As Llama's and Gemma's: words begin with ▁, and what is in no word is spelt in bytes."""
    words = ["▁Ein", "▁isst", "▁fin", "▁", "B", "r", "K", "s", "e", ".", ","]
    names = [*words, *(f"<0x{byte:02X}>" for byte in range(256))]
    backend = Tokenizer(
        models.BPE(
            vocab={name: place for place, name in enumerate(names)},
            merges=[],
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def decoder(tokenizer):
    return lambda ids: tokenizer.decode(ids, skip_special_tokens=True)


def pieces_of(reader, ids):
    pieces = []
    for token in ids:
        pieces.append(reader.push(token))
        if reader.stopped:
            break
    return [*pieces, reader.end()]


def test_characters_of_several_bytes_come_whole(byte_level):
    ids = byte_level(TEXT)["input_ids"]
    assert len(ids) == len(TEXT.encode())
    pieces = pieces_of(Reader(decoder(byte_level)), ids)
    assert "".join(pieces) == TEXT
    assert not any("\ufffd" in piece for piece in pieces)
    assert all(len(piece) <= 1 for piece in pieces)  # and at once, each as its last byte comes


def test_spaces_and_bytes_of_a_word_tokenizer_come_as_in_the_whole(byte_fallback):
    names = [
        "▁Ein",
        "▁",
        "B",
        "<0xC3>",
        "<0xA4>",
        "r",
        "▁",
        "<0xF0>",
        "<0x9F>",
        "<0x90>",
        "<0xBB>",
        "▁isst",
        ".",
    ]
    ids = byte_fallback.convert_tokens_to_ids(names)
    pieces = pieces_of(Reader(decoder(byte_fallback)), ids)
    assert "".join(pieces) == "Ein Bär 🐻 isst." == byte_fallback.decode(ids)
    assert not any("\ufffd" in piece for piece in pieces)


def test_bytes_that_are_no_text_are_shown_as_such_at_the_end(byte_level):
    ids = byte_level("ok 🐻")["input_ids"][:-1]
    assert "".join(pieces_of(Reader(decoder(byte_level)), ids)) == "ok \ufffd"


def test_a_model_that_says_bytes_without_end_is_not_waited_for(byte_level):
    """0x80 never begins a character: the text goes on, and nothing is decoded again and again."""
    (*_, stray) = byte_level("🐻")["input_ids"]
    reader = Reader(decoder(byte_level))
    pieces = pieces_of(reader, [stray] * 100)
    assert "".join(pieces) == "\ufffd" * 100
    assert max(map(len, pieces)) <= LONGEST_HELD
    assert len(reader.ids) - reader.from_ <= 2 * LONGEST_HELD


@pytest.mark.parametrize("seed", range(20))
def test_any_tokens_give_the_text_of_the_whole(byte_level, seed):
    stream = random.Random(seed)
    text = "".join(stream.choice("aé奶🐻 \n") for _ in range(60))
    ids = byte_level(text)["input_ids"]
    assert "".join(pieces_of(Reader(decoder(byte_level)), ids)) == text


@pytest.mark.parametrize(
    ("text", "stops", "shown"),
    [
        ("one two END three", ["END"], "one two "),
        ("one EN two", ["END"], "one EN two"),
        ("one EN", ["END"], "one EN"),
        ("aab", ["ab"], "a"),
        ("ababac!", ["abac"], "ab"),
        ("ENDone", ["END"], ""),
        ("Käse 🐻 x", ["🐻"], "Käse "),
        ("a\n\nb", ["\n\n", "b"], "a"),
        ("xyz", ["yz", "y"], "x"),
        ("nothing", [], "nothing"),
    ],
)
def test_an_answer_ends_before_the_first_stop_string(byte_level, text, stops, shown):
    reader = Reader(decoder(byte_level), stops)
    pieces = pieces_of(reader, byte_level(text)["input_ids"])
    assert "".join(pieces) == shown
    assert reader.stopped == (shown != text)


def test_no_piece_shows_the_beginning_of_a_stop_string(byte_level):
    reader = Reader(decoder(byte_level), ["\n# Query:"])
    shown = ""
    for token in byte_level("Done.\n# Query: more")["input_ids"]:
        shown += reader.push(token)
        assert shown in "Done."
        if reader.stopped:
            break
    assert shown + reader.end() == "Done."


@pytest.mark.parametrize(
    ("text", "stop", "held"),
    [("abc", "cd", 1), ("abc", "abc", 0), ("abc", "abcd", 3), ("", "a", 0), ("aaa", "aab", 2), ("x", "y", 0)],
)
def test_what_may_become_a_stop_string_is_held_back(text, stop, held):
    assert overlap(text, stop) == held
