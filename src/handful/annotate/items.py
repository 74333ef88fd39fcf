"""What people are asked: every comparison and submission of a study as an item, and what an answer says of it.

An item is named by the sha256 of all that is shown, whatever the sides, so the same question in another study, or
twice in one, is the same item and is asked once. Texts stay in the study's files: an item knows where its line begins
and reads it when it is shown.

It reads neither `sealed/` nor a system's name, and knows of no person.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import msgspec

from handful.annotate.ledger import Answer, Order
from handful.annotate.rows import hash_of
from handful.core.errors import DataError
from handful.core.types import Choice, Comparison, Submission, Task, Turn, Verdict

Kind = Literal["item", "check", "practice"]

PAIRS: tuple[Task, ...] = ("preference", "dialogues")
"""Tasks that show two texts; the others show one."""
GRADES: Mapping[Task, tuple[str, ...]] = {
    "helpfulness": ("1", "2", "3", "4", "5", "6"),
    "quality": ("fail", "pass", "excellent"),
    "turns": ("fail", "pass", "excellent"),
    "safety": ("safe", "unsafe"),
}
SIDES = ("first", "second", "neither")
SKIP = "skip"
LETTERS = {"first": "A", "second": "B", "neither": "neither"}
READ: Mapping[tuple[str, str], Choice] = {
    ("first", "forward"): "left",
    ("second", "forward"): "right",
    ("neither", "forward"): "tie",
    ("first", "swapped"): "right",
    ("second", "swapped"): "left",
    ("neither", "swapped"): "tie",
}
VERSION = 1
"""Part of an item's name: raise it when the page of a task asks something else."""
FILES: tuple[tuple[type[Comparison] | type[Submission], str], ...] = (
    (Comparison, "comparisons.jsonl"),
    (Submission, "submissions.jsonl"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """What is on the page: the prompt as asked, and one text, or two of which the first is A."""

    turns: tuple[Turn, ...]
    texts: tuple[str, ...]

    def swapped(self) -> Content:
        return Content(self.turns, self.texts[::-1])


@dataclass(frozen=True, slots=True)
class Item:
    """One question to people."""

    key: str
    """64 hex digits; the only name of it that a page may hold."""
    task: Task
    subject: str
    """Id of the comparison or submission; of a check or practice pair, its own. Never on a page."""
    prompt_id: str
    """Never on a page."""
    first: str
    """sha256 of the text that stands first in order "forward"."""
    kind: Kind = "item"
    path: Path | None = None
    offset: int = 0
    content: Content | None = None
    """Held in memory where no file has it: checks, practice, live dialogues."""
    known: Choice | None = None
    """Of checks and practice: the better side as the file has it."""
    explanation: str = ""

    @property
    def known_text(self) -> str:
        """sha256 of the text that is known to be better; empty where neither is."""
        if self.known in (None, "tie"):
            return ""
        return hash_of(self.load().texts[0 if self.known == "left" else 1])

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be answered, without the skip."""
        return SIDES if self.task in PAIRS else GRADES[self.task]

    def load(self, order: str = "") -> Content:
        """What to show; "swapped" puts the right text first.

        Raises:
            DataError: the study's file is gone, or is another one now.
        """
        found = self.content or self._read()
        return found.swapped() if order == "swapped" else found

    def _read(self) -> Content:
        assert self.path is not None, "an item has a file or holds its content"
        kind: type[Comparison] | type[Submission] = Comparison if self.task in PAIRS else Submission
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                one: Comparison | Submission = msgspec.json.decode(file.readline(), type=kind)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DataError(f"{self.path}: changed or gone while the study was served ({error})") from error
        if one.id != self.subject:
            raise DataError(f"{self.path}: changed while the study was served; start the server again")
        return content_of(one)


@dataclass(frozen=True, slots=True)
class Study:
    """All that people are asked: items by key, in the study's order, task by task."""

    tasks: tuple[Task, ...]
    instructions: Mapping[Task, str]
    items: Mapping[str, Item]
    twins: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    """Key -> further comparisons or submissions that look the same: an answer counts for them too."""

    def alike(self, key: str) -> list[Item]:
        """The item and its twins."""
        return [self.items[key], *self.twins.get(key, ())]

    def of(self, task: Task) -> list[Item]:
        return [item for item in self.items.values() if item.task == task]


def read_study(folder: Path, tasks: Sequence[Task] = ()) -> Study:
    """The items of a finished study and the instructions; what is sealed stays sealed.

    Args:
        tasks: what people are asked of it; empty means all that it asks.

    Raises:
        DataError: a file is missing or cannot be read, or the study does not ask one of `tasks`.
    """
    asked = asked_of(folder)
    for task in tasks:
        if task not in asked:
            raise DataError(
                f"annotate.tasks: the study does not ask {task!r}; it asks {', '.join(asked) or 'nothing'} "
                "(study.tasks)"
            )
    chosen = tuple(dict.fromkeys(tasks)) or asked
    texts = {task: instructions(folder, task) for task in chosen}
    items: dict[str, Item] = {}
    twins: dict[str, list[Item]] = {}
    for kind, name in FILES:
        if any((task in PAIRS) == (kind is Comparison) for task in chosen):
            for item in indexed(folder / name, kind, texts):
                if item.key in items:
                    twins.setdefault(item.key, []).append(item)
                else:
                    items[item.key] = item
    place = {task: number for number, task in enumerate(chosen)}
    ordered = dict(sorted(items.items(), key=lambda pair: place[pair[1].task]))
    return Study(
        tuple(task for task in chosen if any(i.task == task for i in items.values())), texts, ordered, twins
    )


def asked_of(folder: Path) -> tuple[Task, ...]:
    """The tasks of a study, as its folder of instructions has them."""
    known: tuple[Task, ...] = get_args(Task)
    found = tuple(task for task in known if (folder / "instructions" / f"{task}.md").exists())
    return found or (("preference",) if (folder / "instructions.md").exists() else ())


def instructions(folder: Path, task: Task) -> str:
    """What everybody is told who does a task, models and people alike."""
    path = folder / "instructions" / f"{task}.md"
    if task == "preference" and not path.exists():
        path = folder / "instructions.md"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from error


def indexed(
    path: Path, kind: type[Comparison] | type[Submission], texts: Mapping[Task, str]
) -> Iterator[Item]:
    """An item a line, for the tasks that `texts` has; holds one line in memory at a time."""
    decoder: msgspec.json.Decoder[Comparison | Submission] = msgspec.json.Decoder(kind)
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    with file:
        offset = 0
        for number, line in enumerate(file, start=1):
            try:
                one = decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise DataError(f"{path}:{number}: {error}") from error
            if one.task in texts:
                shown = content_of(one)
                key = key_of(one.task, texts[one.task], shown)
                yield Item(
                    key, one.task, one.id, one.prompt_id, hash_of(shown.texts[0]), "item", path, offset
                )
            offset += len(line)


def content_of(one: Comparison | Submission) -> Content:
    return Content(one.turns, (one.left, one.right) if isinstance(one, Comparison) else (one.text,))


def key_of(task: str, told: str, shown: Content) -> str:
    """The name of an item: it depends on all that is shown, and not on the sides."""
    turns = [(turn.role, turn.text) for turn in shown.turns]
    facts = [f"{task} {VERSION}", told, turns, sorted(shown.texts)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def held(
    task: Task, told: str, shown: Content, *, subject: str, prompt_id: str = "", kind: Kind = "item",
    known: Choice | None = None, explanation: str = "",
) -> Item:  # fmt: skip
    """An item whose texts no file of the study has."""
    name = task if kind == "item" else kind
    return Item(
        key_of(name, told, shown), task, subject, prompt_id, hash_of(shown.texts[0]), kind,
        content=shown, known=known, explanation=explanation,
    )  # fmt: skip


def order_seen(item: Item, shown: str, first: str) -> Order | Literal[""]:
    """In which order a person saw `item`, even if another study asked, with its sides the other way round.

    Args:
        shown: the order that the answer has; empty where one text was graded.
        first: sha256 of the text that stood first.
    """
    if item.task not in PAIRS:
        return ""
    if first != item.first:
        return "swapped"
    return "swapped" if shown == "swapped" and same_texts(item) else "forward"


def same_texts(item: Item) -> bool:
    one, other = item.load().texts
    return one == other


def side_of(item: Item, shown: str, first: str, choice: str) -> Choice:
    """A choice between A and B, said of left and right."""
    return READ[choice, order_seen(item, shown, first)]


def verdict_of(item: Item, judge: str, answer: Answer) -> Verdict:
    """An answer to a pair, said of the comparison as the study wrote it."""
    assert answer.choice is not None, "what was taken back does not stand"
    order = order_seen(item, answer.shown, answer.first) or "forward"
    choice = side_of(item, answer.shown, answer.first, answer.choice)
    return Verdict(item.subject, judge, choice, order, raw=LETTERS[answer.choice])


def meaning(item: Item, said: Answer) -> str:
    """An answer said of the study's texts: a side, or the grade; a skip as it is."""
    assert said.choice is not None, "what was taken back does not stand"
    if said.choice == SKIP or item.task not in PAIRS:
        return said.choice
    return side_of(item, said.shown, said.first, said.choice)
