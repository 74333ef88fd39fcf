"""The authored set's coverage as tables: Markdown for docs/authored.md, plain values for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from handful.dataset.markdown import plain, table
from handful.experiments.authored_set import Finding, Given
from handful.experiments.coverage import PAPER, Distance, Length, counts, distances, layouts, lengths
from handful.experiments.style import Piece

Numbers = dict[str, Any]


def numbers(
    pieces: Sequence[Piece],
    found: Sequence[Finding],
    beside: Sequence[Given] = (),
    tokens: Callable[[str], int] | None = None,
) -> Numbers:
    """Everything that the page says, as plain values."""
    return {
        "files": len(pieces),
        "findings": [asdict(each) for each in found],
        **{f"{key}s": counts(pieces, key) for key in ("kind", "form", "topic")},
        "intents": counts([one for one in pieces if one.kind == "sensitive"], "intent"),
        "layouts": layouts(pieces),
        "lengths": [msgspec.to_builtins(each) for each in lengths(pieces, beside, tokens)],
        "distances": [asdict(each) for each in distances(pieces, beside)],
        "paper": {f"{split} {side}": mean for (split, side), mean in PAPER.items()},
    }


def page(given: Numbers, model: str = "") -> str:
    """Markdown; `model` names whose tokens were counted."""
    return "\n\n".join(blocks(given, model)) + "\n"


def blocks(given: Numbers, model: str) -> Iterator[str]:
    yield by_split("kind", given["kinds"])
    if any(given["intents"].values()):
        intents = sum(given["intents"].values(), Counter[str]())
        listed = [f"{n} {name}" for name, n in intents.most_common()]
        yield f"Intent of the sensitive prompts: {', '.join(listed)}."
    yield by_split("form", given["forms"])
    yield topics(given["topics"])
    yield length_table(given["lengths"], model)
    if given["layouts"]:
        n = sum(given["layouts"].values())
        listed = [
            f"{name} {count} ({100 * count / n:.0f}%)"
            for name, count in Counter[str](given["layouts"]).most_common()
        ]
        head = f"Layout of the {n} answers to train and dev prompts, each by the first of {', '.join(given['layouts'])}"
        yield f"{head}: {', '.join(listed)}."
    yield distance_table(given["distances"])


def by_split(name: str, counted: dict[str, Counter[str]]) -> str:
    total = sum(counted.values(), Counter[str]())
    rows = [
        [plain(value) or "(none)", *(str(of[value]) for of in counted.values()), str(n)]
        for value, n in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    ]
    rows.append(["all", *(str(of.total()) for of in counted.values()), str(total.total())])
    return table([name, *counted, "all"], rows)


def topics(counted: dict[str, Counter[str]]) -> str:
    total = sum(counted.values(), Counter[str]())
    listed = ", ".join(f"{plain(name)} {n}" for name, n in sorted(total.items(), key=lambda i: (-i[1], i[0])))
    each = ", ".join(f"{len(of)} in {split}" for split, of in counted.items())
    return f"Topics: {len(total)} ({each}). {listed}."


def length_table(given: Sequence[dict[str, Any]], model: str) -> str:
    head = [
        "of",
        "side",
        "n",
        "mean words",
        "shortest",
        "median",
        "longest",
        "mean tokens",
        "Table 1, tokens",
    ]
    rows = [length_row(msgspec.convert(each, Length)) for each in given]
    note = (
        f"Tokens are those of {model}; Table 1's are of another tokenizer."
        if model
        else "Tokens were not counted."
    )
    return f"{table(head, rows)}\n\n{note}"


def length_row(each: Length) -> list[str]:
    paper = PAPER.get((each.group, each.side))
    return [
        plain(each.group),
        each.side,
        str(each.words.n),
        f"{each.words.estimate:.0f}",
        str(each.shortest),
        f"{each.middle:.0f}",
        str(each.longest),
        f"{each.tokens.estimate:.0f}" if each.tokens else "not counted",
        str(paper) if paper else "",
    ]


def distance_table(given: Sequence[dict[str, Any]]) -> str:
    head = ["nearest neighbours of", "by", "n", "mean", "median", "9 of 10 below", "highest"]
    rows = []
    for each in (msgspec.convert(one, Distance) for one in given):
        s = each.spread
        rows.append(
            [
                plain(each.of),
                each.what,
                str(s.n),
                *(f"{v:.2f}" for v in (s.mean, s.median, s.high, s.highest)),
            ]
        )
    return (
        f"{table(head, rows)}\n\nCosine of TF-IDF vectors: 0 shares no word, 1 has the same words; the lower, the more "
        "diverse."
    )


def told(found: Sequence[Finding]) -> Iterator[str]:
    """A line for each broken rule."""
    for each in found:
        yield f"{each.file}: {each.rule}: {each.words}"
