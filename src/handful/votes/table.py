"""Verdicts made elsewhere, as columns of codes: a million of them are some 40 MB.

A row is one verdict: who judged which prompt, which system stood left and which right, what was chosen. Nothing
is computed here; what cannot be a verdict is refused with its line, or counted with `skip_bad`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from handful.core.errors import DataError
from handful.votes.words import CODES, LEFT, NONE, RIGHT, Words, counted, unknown, words

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
COLUMNS = ("prompt_id", "annotator", "left", "right", "choice", "group", "turn", "weight")
NEEDED = COLUMNS[:5]
WIDTH, CHOICE = 7, 4
"""Numbers in a row of codes, and which of them is the choice."""
KINDS = 50
"""Different reasons, or unknown words, that are told apart; the others are counted together."""
OTHERS = "other"
NOT_JUDGED = "choice is empty"


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
    examples: dict[str, str] = field(default_factory=dict)
    """The same reasons -> the first such row, as "votes.csv:7"."""
    files: tuple[tuple[str, int], ...] = ()
    """Each file and where its rows begin."""

    def __len__(self) -> int:
        return len(self.prompt)


class Builder:
    """Takes verdicts one at a time, from any number of files."""

    def __init__(self, vocabulary: Words | None = None, skip_bad: bool = False) -> None:
        self.words = vocabulary or words()
        self.skip_bad = skip_bad
        self.where = ""
        self.files: list[tuple[str, int]] = []
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
        self.examples: dict[str, str] = {}
        self.here: Counter[str] = Counter()
        """Of the file that is being read: reasons -> rows."""
        self.unknown: dict[str, tuple[int, int]] = {}
        self.naming = 0
        """Rows of unknown words that are the name of the left or the right system."""

    def begin(self, path: Path) -> None:
        """What is added from now on is from this file."""
        self.where = str(path)
        self.here.clear()
        self.files.append((self.where, len(self.weight)))

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
            self.naming += choice.strip() in (left.strip(), right.strip())
            return
        if score is not None:
            self.scores[len(self.weight)] = score
        self.rows.extend(row)
        self.weight.append(weighs)

    def code_of(self, choice: str, left: str, right: str) -> int:
        """The code of a choice, or -1; remembered where it does not depend on the systems' names."""
        if not choice.strip() and "" not in self.words.codes:
            raise Bad(NOT_JUDGED)
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
        self.leave_out(line, why, 1)

    def leave_out(self, line: int, why: str, rows: int) -> None:
        kind = why if why in self.skipped or len(self.skipped) < KINDS else OTHERS
        self.skipped[kind] += rows
        self.here[kind] += rows
        self.examples.setdefault(kind, f"{self.where}:{line}")

    def check(self) -> None:
        """The file has been read.

        Raises:
            DataError: it holds words that nobody explained; or most of its rows are no verdicts for one reason, so
                that not the rows are wrong but an option. Rows without a choice are none: nobody has judged them.
        """
        added = len(self.weight) - self.files[-1][1]
        foreign = sum(rows for rows, _ in self.unknown.values())
        rows = added + foreign + sum(self.here.values())
        most = 2 * foreign > rows
        if foreign and (most or not self.skip_bad):
            raise unknown(
                self.where,
                self.unknown,
                self.words,
                self.read_words(),
                self.rows_by_code(),
                self.naming == foreign,
                self.skip_bad,
            )
        for word, (times, line) in self.unknown.items():
            self.leave_out(line, f"choice is {word!r}", times)
        self.unknown, self.naming = {}, 0
        for why, bad in self.here.items():
            if 2 * bad > rows and why not in (NOT_JUDGED, OTHERS):
                raise DataError(
                    f"{self.examples[why]}: {why}, and so with {bad:,} of the file's {counted(rows, 'row')}: these are "
                    "no single bad rows, which --skip-bad is for. Look at how the file was written, and at --column"
                )

    def read_words(self) -> dict[str, int]:
        """Words of the vocabulary that were found, each once however it is written -> their codes."""
        found: dict[str, tuple[str, int]] = {}
        for word, code in self.choices.items():
            found.setdefault(word.strip().lower(), (word.strip(), code))
        return dict(found.values())

    def rows_by_code(self) -> list[int]:
        """Of the file that was just read: how many verdicts say left, right, tie, nothing."""
        codes = self.rows[self.files[-1][1] * WIDTH + CHOICE :: WIDTH]
        return [codes.count(code) for code in CODES.values()]

    def finish(self) -> Votes:
        """All verdicts.

        Raises:
            DataError: there is none.
        """
        if not self.weight:
            left_out = f" ({counted(sum(self.skipped.values()), 'row')} left out)" if self.skipped else ""
            raise DataError(f"{self.where}: holds no verdict{left_out}")
        table = np.frombuffer(self.rows, dtype=np.int32).reshape(-1, WIDTH).astype(np.int64).T
        prompt, annotator, left, right, choice, group, turn = table
        score = np.array([1.0, 0.0, 0.5, np.nan])[choice]
        if self.scores:
            score[list(self.scores)] = list(self.scores.values())
        score[choice == NONE] = np.nan
        prompts, prompt = used(self.prompts.names, prompt)
        annotators, annotator = used(self.annotators.names, annotator)
        systems, sides = used(self.lefts.names, np.concatenate([left, right]))
        groups, group = used(self.groups.names, group)
        turns, turn = used(self.turns.names, turn)
        return Votes(
            prompts=prompts,
            annotators=annotators,
            systems=systems,
            groups=groups,
            turns=turns,
            prompt=prompt,
            annotator=annotator,
            left=sides[: len(left)],
            right=sides[len(left) :],
            choice=choice,
            group=group,
            turn=turn,
            weight=np.array(self.weight, dtype=np.float64),
            score=score,
            shown=self.shown,
            skipped=dict(self.skipped),
            examples=self.examples,
            files=tuple(self.files),
        )


def used(names: list[str], codes: Ints) -> tuple[list[str], Ints]:
    """The names without those that only rows that were left out have, and the codes accordingly."""
    there = np.bincount(codes, minlength=len(names)) > 0
    if there.all():
        return names, codes
    return [name for name, found in zip(names, there, strict=True) if found], (np.cumsum(there) - 1)[codes]
