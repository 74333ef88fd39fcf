"""The stage `annotate`: waits until enough people have judged every comparison, then writes what they said.

It asks nobody: the page of `handful serve study` does. Without people in the recipe it passes through.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.annotate.ledger import Ledger
from handful.annotate.pairs import Study, given_of_wanted, verdicts_of
from handful.core import jsonl
from handful.core.errors import DataError, Waiting
from handful.core.types import Comparison
from handful.recipe.evaluation import Annotate

LEDGER = "people.sqlite"


def work(params: Annotate, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """The ledger beside the stage folders -> verdicts.jsonl (Verdict, judge = the person's pseudonym).

    Raises:
        Waiting: some comparison has fewer than `params.people` verdicts.
    """
    study = read_study(inputs["study"])
    ledger = out.parent / LEDGER
    entries = []
    if params.people and ledger.exists():
        opened = Ledger(ledger)
        entries = opened.entries()
        opened.close()
    given, wanted = given_of_wanted(study, entries, params.people)
    if given < wanted:
        raise Waiting(f"{given} of {wanted} verdicts given; people answer at: handful serve study RECIPE")
    verdicts = verdicts_of(study, entries)
    jsonl.write(out / "verdicts.jsonl", verdicts)
    return {
        "people": len({verdict.judge for verdict in verdicts}),
        "verdicts": len(verdicts),
        "wanted": wanted,
    }


def read_study(folder: Path) -> Study:
    """The comparisons and the instructions of a study, and nothing else: the sealed key stays sealed."""
    instructions = folder / "instructions.md"
    try:
        text = instructions.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{instructions}: {error}") from error
    return Study(tuple(jsonl.read(folder / "comparisons.jsonl", Comparison)), text)
