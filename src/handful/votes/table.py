"""Verdicts made elsewhere, as columns of codes: a million of them are some 40 MB.

A row is one verdict: who judged which prompt, which system stood left and which right, what was chosen. Nothing
is computed here; what cannot be a verdict is refused with its line, or counted with `skip_bad`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from handful.core.errors import DataError
from handful.votes.words import LEFT, NONE, RIGHT, Words, unknown, words

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
COLUMNS = ("prompt_id", "annotator", "left", "right", "choice", "group", "turn", "weight")
NEEDED = COLUMNS[:5]
WIDTH = 7
KINDS = 50
"""Different reasons, or unknown words, that are told apart; the others are counted together."""
OTHERS = "other"


class Bad(ValueError):
    """Why a row is no verdict."""


class Coder(dict[str, int]):
    """Text -> number, in the order of first appearance; spaces around a text do not count."""

    def __init__(self, column: str, names: list[str] | None = None, empty: bool = False) -> None:
        super().__init__()
        self.column = column
        self.names = [] if names is None else names
        self.empty = empty
        self.known: dict[str, int] = {}

    def __missing__(self, raw: str) -> int:
        text = raw.strip()
        if not text and not self.empty:
            raise Bad(f"{self.column} is empty")
        if text not in self.known:
            self.known[text] = len(self.names)
            self.names.append(text)
        self[raw] = self.known[text]
        return self[raw]


class Weights(dict[str, float]):
    """The text of a weight -> the number."""

    def __missing__(self, raw: str) -> float:
        try:
            value = float(raw) if raw.strip() else 1.0
        except ValueError:
            raise Bad(f"weight is {raw!r}, which is not a number") from None
        if not isfinite(value) or value < 0:
            raise Bad(f"weight is {raw!r}; it must be 0 or more")
        self[raw] = value
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """Names, and for each verdict the place of its own among them. Arrays have one length, the number of verdicts."""

    prompts: list[str]
    annotators: list[str]
    systems: list[str]
    groups: list[str]
    turns: list[str]
    prompt: Ints
    annotator: Ints
    left: Ints
    right: Ints
    choice: Ints
    """A code of words.py."""
    group: Ints
    turn: Ints
    weight: Floats
    score: Floats
    """How far the verdict is for the left system, from 0 to 1; a tie is 1/2. Finer than `choice` where a file
    has probabilities; nan where nothing could be read."""
    shown: bool = True
    """Whether `left` is what the annotator saw first."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Why a row is no verdict -> rows."""

    def __len__(self) -> int:
        return len(self.prompt)


class Builder:
    """Takes verdicts one at a time, from any number of files."""

    def __init__(self, vocabulary: Words | None = None, skip_bad: bool = False) -> None:
        self.words = vocabulary or words()
        self.skip_bad = skip_bad
        self.where = ""
        self.shown = True
        self.prompts, self.annotators = Coder("prompt_id"), Coder("annotator")
        self.lefts = Coder("left")
        self.rights = Coder("right", self.lefts.names)
        self.rights.known = self.lefts.known  # one list of systems, whichever side they stand on
        self.groups, self.turns = Coder("group", empty=True), Coder("turn", empty=True)
        self.weights = Weights()
        self.choices: dict[str, int] = {}
        self.rows = array("i")
        self.weight = array("d")
        self.scores: dict[int, float] = {}
        self.skipped: Counter[str] = Counter()
        self.unknown: dict[str, tuple[int, int]] = {}

    def add(
        self,
        line: int,
        prompt: str,
        annotator: str,
        left: str,
        right: str,
        choice: str,
        group: str = "",
        turn: str = "",
        weight: str = "",
        score: float | None = None,
    ) -> None:
        """One verdict, from the `line` of the file.

        Raises:
            DataError: it is none, and bad rows are not skipped. A choice of unknown words is told by `finish`.
        """
        try:
            code = self.choices.get(choice)
            if code is None:
                code = self.code_of(choice, left, right)
            row = (
                self.prompts[prompt],
                self.annotators[annotator],
                self.lefts[left],
                self.rights[right],
                code,
                self.groups[group],
                self.turns[turn],
            )
            weighs = self.weights[weight]
        except Bad as bad:
            self.reject(line, str(bad))
            return
        if code < 0:
            word = choice if choice in self.unknown or len(self.unknown) < KINDS else OTHERS
            rows, first = self.unknown.get(word, (0, line))
            self.unknown[word] = (rows + 1, first)
            return
        if score is not None:
            self.scores[len(self.weight)] = score
        self.rows.extend(row)
        self.weight.append(weighs)

    def code_of(self, choice: str, left: str, right: str) -> int:
        """The code of a choice, or -1; remembered where it does not depend on the systems' names."""
        if not choice.strip() and "" not in self.words.codes:
            raise Bad("choice is empty")
        code = self.words.read(choice)
        if code is None and self.words.by_name and choice.strip() in (left.strip(), right.strip()):
            return LEFT if choice.strip() == left.strip() else RIGHT
        if code is not None and not self.words.by_name:
            self.choices[choice] = code
        return -1 if code is None else code

    def reject(self, line: int, why: str) -> None:
        if not self.skip_bad:
            raise DataError(
                f"{self.where}:{line}: {why}; mend the row, or leave such rows out with --skip-bad"
            )
        self.skipped[why if why in self.skipped or len(self.skipped) < KINDS else OTHERS] += 1

    def check_words(self) -> None:
        """Raise DataError if the file that was just read holds words that nobody explained."""
        if self.unknown and not (self.skip_bad and self.weight):
            raise unknown(self.where, self.unknown, self.words, len(self.weight))
        for word, (rows, _) in self.unknown.items():
            self.skipped[f"choice is {word!r}"] += rows
        self.unknown = {}

    def finish(self) -> Votes:
        """All verdicts.

        Raises:
            DataError: there is none.
        """
        if not self.weight:
            left_out = f" ({sum(self.skipped.values()):,} rows left out)" if self.skipped else ""
            raise DataError(f"{self.where}: holds no verdict{left_out}")
        table = np.frombuffer(self.rows, dtype=np.int32).reshape(-1, WIDTH).astype(np.int64).T
        prompt, annotator, left, right, choice, group, turn = table
        score = np.array([1.0, 0.0, 0.5, np.nan])[choice]
        if self.scores:
            score[list(self.scores)] = list(self.scores.values())
        score[choice == NONE] = np.nan
        return Votes(
            prompts=self.prompts.names,
            annotators=self.annotators.names,
            systems=self.lefts.names,
            groups=self.groups.names,
            turns=self.turns.names,
            prompt=prompt,
            annotator=annotator,
            left=left,
            right=right,
            choice=choice,
            group=group,
            turn=turn,
            weight=np.array(self.weight, dtype=np.float64),
            score=score,
            shown=self.shown,
            skipped=dict(self.skipped),
        )
