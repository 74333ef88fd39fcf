"""Rows as token ids, the same for every side of the training benchmarks: LIMA's, or made-up ones of like lengths.

No token is added to the vocabulary: one more would make its size odd, which slows the products of those who do not
pad it. Every utterance ends with the model's own EOS instead. The file is JSON lines,
{"ids": […], "spoken": […]}: `spoken` says which ids count in the loss.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handful.core.types import Turn
from handful.models.layout import encode_dialogue
from handful.models.load import load_tokenizer

MADE_UP_LENGTHS = (80, 713)
LABELLED = 0.69
WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "was",
    "on",
    "are",
    "as",
    "with",
    "be",
    "by",
    "this",
    "have",
    "from",
    "or",
    "had",
    "not",
    "but",
    "what",
    "all",
    "were",
    "when",
    "we",
    "there",
    "can",
    "an",
    "your",
    "which",
    "their",
    "said",
    "if",
    "do",
    "will",
    "each",
    "about",
    "how",
    "up",
    "out",
    "them",
    "then",
    "she",
    "many",
    "some",
    "so",
    "these",
    "would",
    "other",
    "into",
    "has",
    "more",
    "her",
    "two",
    "like",
    "him",
    "see",
    "time",
    "could",
    "no",
    "make",
    "than",
    "first",
    "been",
    "its",
    "who",
    "now",
    "people",
    "my",
    "made",
    "over",
    "did",
    "down",
    "only",
    "way",
    "find",
    "use",
    "may",
    "water",
    "long",
    "little",
    "very",
    "after",
    "words",
    "called",
    "just",
    "where",
    "most",
    "know",
    "get",
    "through",
    "back",
    "much",
    "before",
    "go",
    "good",
    "new",
    "write",
    "our",
    "used",
    "me",
    "man",
    "too",
    "any",
    "day",
    "same",
    "right",
    "look",
    "think",
    "also",
    "around",
    "another",
    "came",
    "come",
    "work",
    "three",
    "word",
    "must",
    "because",
    "does",
    "part",
    "even",
    "place",
    "well",
    "such",
    "here",
    "take",
    "why",
    "things",
    "help",
    "put",
    "years",
    "different",
    "away",
]


def find(data: Path | None) -> Path | None:
    """LIMA's file: as given, or in the folder $HANDFUL_TEST_DATA; None where neither is."""
    if data is not None:
        return data
    folder = os.environ.get("HANDFUL_TEST_DATA")
    file = Path(folder) / "lima" / "lima.json" if folder else None
    return file if file and file.is_file() else None


def write(path: Path, model: str, count: int, data: Path | None, max_tokens: int, seed: int = 0) -> str:
    """Write `count` rows in an order drawn with `seed`, and say what they are."""
    tokenizer = load_tokenizer(model)
    draws = random.Random(seed)
    dialogues = list(lima(data)) if data else list(made_up(tokenizer, count, draws))
    draws.shuffle(dialogues)
    rows = []
    for turns in dialogues * (1 + count // len(dialogues)):
        ids, speaks = encode_dialogue(turns, tokenizer, tokenizer.eos_token_id)
        if len(rows) < count and any(speaks[1:max_tokens]):
            rows.append({"ids": ids[:max_tokens], "spoken": speaks[:max_tokens]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if len(rows) < count:
        raise SystemExit(f"only {len(rows)} of {count} rows have a label within {max_tokens} tokens")
    tokens = sum(len(row["ids"]) for row in rows)
    share = sum(sum(row["spoken"]) for row in rows) / tokens
    return (
        f"{len(rows)} {'LIMA' if data else 'made-up'} rows, {tokens:,} tokens, {share:.0%} of them labelled"
    )


def lima(path: Path) -> Iterator[list[Turn]]:
    """Dialogues of the file that LLaMA-Factory had: instruction, input (empty), output, history."""
    for row in json.loads(path.read_text(encoding="utf-8")):
        exchanges = [*(row["history"] or []), [row["instruction"] + row["input"], row["output"]]]
        yield [
            Turn(role, text)
            for pair in exchanges
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]


def made_up(tokenizer: Any, count: int, draws: random.Random) -> Iterator[list[Turn]]:
    """Two turns of common words, log-uniform in length: nearly every such word is one token."""
    low, high = MADE_UP_LENGTHS
    for _ in range(count):
        length = round(low * (high / low) ** draws.random())
        answer = round(length * LABELLED)
        yield [
            Turn("user", " ".join(draws.choices(WORDS, k=length - answer - 1))),
            Turn("assistant", " ".join(draws.choices(WORDS, k=answer - 1))),
        ]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
