"""The verdicts of a study for other tools: the plain table, AlpacaEval's annotations, MT-Bench's judgments.

This opens the study's sealed key: what is written names the system behind every side. Nothing that judges may see it.
The only module of the package, besides the readers, that touches the disk.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.files import write_whole
from handful.core.types import MIRROR, Choice, Comparison, Seal, Verdict
from handful.dataset.export import check_free, whole
from handful.run.store import read_manifest
from handful.stats.readings import reading
from handful.votes.table import COLUMNS

FILES = {
    "verdicts": ("verdicts.csv",),
    "alpaca_eval": ("annotations.json",),
    "mt_bench": ("model_judgments.jsonl", "human_judgments.jsonl"),
}
"""Format -> what it writes."""
OURS = {name for names in FILES.values() for name in names}
JUDGE, PEOPLE = "judge", "people"


@dataclass(frozen=True, slots=True)
class Judged:
    """What one annotator said of one comparison, and what stood behind it."""

    shown: Comparison
    seal: Seal
    annotator: str
    group: str
    orders: Mapping[str, Choice | None]
    """Order -> choice, said of the comparison as the study wrote it."""
    turn: str
    """Tells samples, and whole dialogues, of one prompt apart; "" where there is one response each."""


def export(
    study: Path, judges: Mapping[str, Path], people: Path | None, to: Path, format: str, overwrite: bool
) -> dict[str, int]:
    """Write every verdict to the folder `to`; returns how many rows each file has.

    Args:
        judges: name -> finished folder.
        people: the finished folder of `annotate`, if there is one.

    Raises:
        DataError: there is no verdict, one is of no comparison, or `to` is taken.
    """
    judged = list(read(study, judges, people))
    if not judged:
        raise DataError(f"{study}: nobody has judged it yet; there is nothing to export")
    check_free(to, study, overwrite, OURS)
    with whole(to) as folder:
        return WRITERS[format](judged, subjects(study), folder)


def read(study: Path, judges: Mapping[str, Path], people: Path | None) -> Iterable[Judged]:
    """All verdicts in the order of the comparisons, models before people."""
    comparisons = {c.id: c for c in jsonl.read(study / "comparisons.jsonl", Comparison)}
    seals = {s.comparison_id: s for s in jsonl.read(study / "sealed" / "key.jsonl", Seal)}
    several = any(seal.sample for seal in seals.values())
    found: dict[tuple[str, str, str], dict[str, Choice | None]] = defaultdict(dict)
    folders = [(JUDGE, folder) for _, folder in sorted(judges.items())]
    for group, folder in [*folders, *([(PEOPLE, people)] if people else [])]:
        path = folder / "verdicts.jsonl"
        for verdict in jsonl.read(path, Verdict) if path.exists() else ():
            if verdict.comparison_id not in seals or verdict.comparison_id not in comparisons:
                raise DataError(f"{path}: comparison {verdict.comparison_id!r} is not in {study}")
            found[verdict.comparison_id, group, verdict.judge][verdict.order] = verdict.choice
    place = {id: number for number, id in enumerate(comparisons)}
    for (id, group, name), orders in sorted(found.items(), key=lambda item: (place[item[0][0]], item[0][1:])):
        seal = seals[id]
        turn = f"sample {seal.sample}" if several else ""
        if seal.task != "preference":
            turn = f"{turn} {seal.task}".strip()
        yield Judged(comparisons[id], seal, name, group, orders, turn)


def subjects(study: Path) -> set[str]:
    """The systems under study, against which others are baselines: of "tuned vs base" the first."""
    return {name.partition(" vs ")[0] for name in read_manifest(study).counts.get("pairs", {})}


# --- the three forms


def write_table(judged: Sequence[Judged], subjects: set[str], folder: Path) -> dict[str, int]:
    """verdicts.csv: a row a verdict, the sides as that annotator saw them."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS[:-1])
    count = 0
    for one in judged:
        for order, choice in sorted(one.orders.items()):
            sides = (one.seal.left, one.seal.right)
            left, right = sides if order == "forward" else sides[::-1]
            said = (choice if order == "forward" else MIRROR[choice]) or "unreadable"
            rows.writerow([one.seal.prompt_id, one.annotator, left, right, said, one.group, one.turn])
            count += 1
    write_whole(folder / "verdicts.csv", out.getvalue())
    return {"verdicts.csv": count}


def write_annotations(judged: Sequence[Judged], subjects: set[str], folder: Path) -> dict[str, int]:
    """annotations.json: an annotation a reading; both orders are one, a tie where they differ.

    The subject is generator_2, as the model under evaluation is in AlpacaEval's files.
    """
    rows: list[dict[str, Any]] = []
    for one in judged:
        left_last = one.seal.left in subjects and one.seal.right not in subjects
        names = (one.seal.right, one.seal.left) if left_last else (one.seal.left, one.seal.right)
        texts = (one.shown.right, one.shown.left) if left_last else (one.shown.left, one.shown.right)
        choice = reading(one.orders).choice
        choice = MIRROR[choice] if left_last else choice
        rows.append(
            {
                "instruction": asked(one.shown),
                "output_1": texts[0],
                "generator_1": names[0],
                "output_2": texts[1],
                "generator_2": names[1],
                "dataset": one.turn,
                "annotator": one.annotator,
                "preference": {"left": 1.0, "right": 2.0, "tie": 1.5, None: None}[choice],
            }
        )
    write_whole(folder / "annotations.json", json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    return {"annotations.json": len(rows)}


def asked(shown: Comparison) -> str:
    """The prompt in one text; of a dialogue, all its turns with their speakers."""
    if len(shown.turns) == 1:
        return shown.turns[0].text
    return "\n\n".join(f"{turn.role}: {turn.text}" for turn in shown.turns)


def write_judgments(judged: Sequence[Judged], subjects: set[str], folder: Path) -> dict[str, int]:
    """model_judgments.jsonl (both orders in a line) and human_judgments.jsonl, and models asked in one order there."""
    models, others = [], []
    for one in judged:
        turn = 1
        base = {"question_id": one.seal.prompt_id + (f" ({one.turn})" if one.turn else "")}
        left, right = one.seal.left, one.seal.right
        judge: Any = [one.annotator, "handful"] if one.group == JUDGE else one.annotator
        if {"forward", "swapped"} <= set(one.orders):
            winners = {"left": "model_1", "right": "model_2", "tie": "tie", None: "error"}
            models.append(
                {
                    **base,
                    "model_1": left,
                    "model_2": right,
                    "g1_winner": winners[one.orders["forward"]],
                    "g2_winner": winners[one.orders["swapped"]],
                    "judge": judge,
                    "turn": turn,
                }
            )
            continue
        for order, choice in one.orders.items():
            a, b = (left, right) if order == "forward" else (right, left)
            said = choice if order == "forward" else MIRROR[choice]
            winner = {"left": "model_a", "right": "model_b", "tie": "tie", None: "error"}[said]
            others.append(
                {**base, "model_a": a, "model_b": b, "winner": winner, "judge": judge, "turn": turn}
            )
    counts = {}
    for name, rows in zip(FILES["mt_bench"], (models, others), strict=True):
        if rows:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            write_whole(folder / name, "".join(lines))
            counts[name] = len(rows)
    return counts


WRITERS: dict[str, Callable[[Sequence[Judged], set[str], Path], dict[str, int]]] = {
    "verdicts": write_table,
    "alpaca_eval": write_annotations,
    "mt_bench": write_judgments,
}
