"""The keys of an ablation's file as data: what the reader takes, what the help lists, what docs/experiments.md shows.

A table of a recipe is not listed key by key: `handful settings` has those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


class Needed:
    """The default of a key that must be given."""


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    type: type | None
    """None where the reader looks closer itself."""
    default: Any
    """What an absent key means; Needed where there must be one."""
    shown: str
    """The default as it is told."""
    about: str

    @property
    def absent(self) -> str:
        return self.shown if self.shown.startswith("must") else f"default {self.shown}"


TOP = (
    Key("question", str, "", "the file's name", "What the experiment asks: the page's title."),
    Key("paper", str, "", '""', "What the paper found, a sentence for the page."),
    Key(
        "base",
        str,
        Needed,
        "must be given",
        "The recipe of every arm and of the evaluation, from this file's folder on.",
    ),
    Key("seeds", list, [0], "[0]", "Whole numbers, each once. Every arm is trained once with each."),
    Key("vary", list, ["train.seed"], '["train.seed"]', "The settings that a seed is laid over."),
    Key("all", dict, {}, "empty", "Tables of a recipe, laid over the base for every arm and the evaluation."),
    Key(
        "arms",
        dict,
        {},
        "must be given, or quantity",
        "A table [arms.NAME] an arm: tables of a recipe, laid over that for this arm alone. The first arm is the one "
        "that the others are compared with.",
    ),
    Key("quantity", dict, None, "no such arms", "Arms of growing size, before those of [arms]."),
    Key(
        "evaluation",
        dict,
        {},
        "empty",
        "Tables of a recipe for the evaluation: judges, people, test prompts, systems beside the arms.",
    ),
)
QUANTITY = (
    Key(
        "sizes",
        None,
        Needed,
        "must be given",
        'Examples of each arm, the smallest first; "double": up to what there is.',
    ),
    Key("from", int, 50, "50", 'Of sizes = "double": the smallest.'),
    Key("of", list, [], "[]", "The sources that grow; empty means every source with a quota above 0."),
    Key(
        "name", str, "n", '"n"', 'What arms are called before their size: "se" makes se-50. Ends in no digit.'
    ),
)
"""Of the table [quantity]. How its sources share an arm is said in [all.select.quota]."""


def every() -> list[Key]:
    """All keys, under the names that stand in a file."""
    below = [replace(key, name=f"quantity.{key.name}") for key in QUANTITY]
    return [one for key in TOP for one in (titled(key), *(below if key.name == "quantity" else ()))]


def titled(key: Key) -> Key:
    """A table as its heading."""
    if key.type is not dict:
        return key
    return replace(key, name="[arms.NAME]" if key.name == "arms" else f"[{key.name}]")


def stated(table: Mapping[str, Any], keys: Sequence[Key], name: str) -> Any:
    """What a table says under a key, or what its absence means."""
    key = next(key for key in keys if key.name == name)
    return table.get(name, None if key.default is Needed else key.default)


def as_markdown() -> str:
    """The table of docs/experiments.md."""
    rows = [f"| `{key.name}` | {key.about} | {code(key.shown)} |" for key in every()]
    return "\n".join(["| key | what it says | default |", "|---|---|---|", *rows])


def code(shown: str) -> str:
    return f"`{shown}`" if shown[:1] in '["' or shown.isdigit() else shown
