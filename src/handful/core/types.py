"""The nouns of the toolkit: what a dump becomes, what a model is asked, what a judge says.

Every type is frozen and holds only plain values, so each record is one line of JSON.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["user", "assistant"]
Choice = Literal["left", "right", "tie"]
Task = Literal["preference", "helpfulness", "quality", "safety", "turns", "dialogues"]
"""What a judge is asked (Sections 4 and 6): the first and the last of two texts, the others of one."""
Finish = Literal["eot", "eos", "stop", "length", "error"]


class Noun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen record; reading one refuses fields that it does not know."""


class Origin(Noun, frozen=True):
    """Where a text came from, in enough detail to credit it and to find it again."""

    source: str
    """The recipe's name for the source, as in `[sources.stem]`: a row of Table 1."""
    community: str
    item: str
    url: str = ""
    author: str = ""
    license: str = ""
    title: str = ""
    """Of the page that the text is from: what credit under CC BY-SA names, beside author and address."""


class Candidate(Noun, frozen=True):
    """A question and its top answer, as the dump has them (HTML) or, after `clean`, as text."""

    id: str
    title: str
    body: str
    answer: str
    question_score: int
    answer_score: int
    origin: Origin
    tags: tuple[str, ...] = ()
    views: int | None = None
    """Of the question; None where the dump does not say."""
    asked: str = ""
    answered: str = ""
    """When question and answer were written, as the dump has it (ISO 8601, UTC)."""


class Turn(Noun, frozen=True):
    role: Role
    text: str


class Example(Noun, frozen=True):
    """A dialogue to train on. Turns alternate, the user first and the assistant last."""

    id: str
    turns: tuple[Turn, ...]
    origin: Origin
    tags: tuple[str, ...] = ()
    score: int | None = None
    """What its community thought of it (votes), where there is one: the best are drawn first."""

    def __post_init__(self) -> None:
        check_turns(self.id, self.turns, last="assistant")

    def prompt(self) -> Prompt:
        """The same dialogue without its last answer: what a model is asked."""
        return Prompt(self.id, self.turns[:-1], self.origin, self.tags)


class Prompt(Noun, frozen=True):
    """A dialogue to answer: as an Example, but the user has the last word."""

    id: str
    turns: tuple[Turn, ...]
    origin: Origin
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_turns(self.id, self.turns, last="user")


class Dropped(Noun, frozen=True):
    """What did not go on to the next stage, the rule that took it, and what that rule saw."""

    id: str
    rule: str
    detail: str = ""


class Response(Noun, frozen=True):
    """What one system answered to one prompt, and why it stopped.

    `finish` is "eot" or "eos" where the model ended its turn, "stop" for a stop string, "length" where
    it ran out of tokens, "error" where the system failed (the text is then empty).
    """

    prompt_id: str
    system: str
    text: str
    sample: int
    finish: Finish
    tokens: int


class Comparison(Noun, frozen=True):
    """Two responses to one prompt, blinded: sides, never systems. `turns` is the prompt as asked."""

    id: str
    prompt_id: str
    turns: tuple[Turn, ...]
    left: str
    right: str
    task: Task = "preference"
    """Or "dialogues": both sides are then whole dialogues, written out."""

    def swapped(self) -> Comparison:
        return msgspec.structs.replace(self, left=self.right, right=self.left)


class Seal(Noun, frozen=True):
    """Which systems stand behind a comparison's sides. Nothing that judges may read it."""

    comparison_id: str
    prompt_id: str
    left: str
    right: str
    sample: int = 0
    task: Task = "preference"


class Submission(Noun, frozen=True):
    """One response to be graded, blinded. `turns` is the prompt as asked; of a dialogue's turn, all before it."""

    id: str
    prompt_id: str
    turns: tuple[Turn, ...]
    text: str
    task: Task


class Signature(Noun, frozen=True):
    """Which system wrote a submission. Nothing that judges may read it."""

    submission_id: str
    prompt_id: str
    system: str
    sample: int
    task: Task
    turn: int = 0
    """Of "turns": which of the system's turns in its dialogue, from 0."""


class Grade(Noun, frozen=True):
    """What one judge says of one submission: "1" to "6", "fail", "pass", "excellent", "safe" or "unsafe"; None where
    it could not be read, which is no grade at all."""

    submission_id: str
    judge: str
    grade: str | None
    raw: str = ""


class Dialogue(Noun, frozen=True):
    """A prompt's dialogue as one system played it: its own answers between the user's turns, the last one its."""

    prompt_id: str
    system: str
    turns: tuple[Turn, ...]
    sample: int
    finish: Finish


class Verdict(Noun, frozen=True):
    """One judge's reading of one comparison, shown in one order.

    `choice` is said of the comparison as `study` wrote it, whatever the order shown, and is None
    where it could not be read: that is a third outcome, never a tie.
    """

    comparison_id: str
    judge: str
    choice: Choice | None
    order: Literal["forward", "swapped"] = "forward"
    raw: str = ""

    def swapped(self) -> Verdict:
        """The same verdict, said of the swapped comparison."""
        return msgspec.structs.replace(
            self,
            choice=MIRROR[self.choice],
            order="forward" if self.order == "swapped" else "swapped",
        )


MIRROR: dict[Choice | None, Choice | None] = {"left": "right", "right": "left", "tie": "tie", None: None}


class Check(Noun, frozen=True):
    """What a person said of a pair whose answer is known (checks.jsonl)."""

    id: str
    judge: str
    known: Choice
    choice: Choice
    passed: bool


class Respondent(Noun, frozen=True):
    """Somebody who answered (people.jsonl). No date, so that equal answers make equal files."""

    judge: str
    """As verdicts and grades name them: GROUP:NAME, or NAME."""
    name: str
    group: str
    answered: int
    skipped: int
    seconds: float | None
    """Median of what an answer took."""
    dropped: bool = False
    """What they said is in no other file."""
    reason: str = ""
    """Why they were dropped."""
    checks: int = 0
    """Answered; `checks_passed` of them rightly. Of dropped people too: it may be why."""
    checks_passed: int = 0
    repeats: int = 0
    """Items answered twice; `repeats_same` of them alike."""
    repeats_same: int = 0


class Interval(Noun, frozen=True):
    """An estimate with its confidence bounds and how many `unit`s (prompts, mostly) stand behind it.

    None stands where the data give no estimate, or no honest bounds; `note` then says why.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    unit: str = "prompts"
    note: str = ""


def check_turns(id: str, turns: tuple[Turn, ...], last: Role) -> None:
    """Raise ValueError unless `turns` alternate from the user and end with `last`."""
    if not turns:
        raise ValueError(f"{id}: has no turns")
    for number, turn in enumerate(turns):
        expected = "assistant" if number % 2 else "user"
        if turn.role != expected:
            raise ValueError(f"{id}: turn {number} is by the {turn.role}, not the {expected}")
    if turns[-1].role != last:
        raise ValueError(f"{id}: the last turn is by the {turns[-1].role}, not the {last}")
