"""Write the finished data set: its splits, a summary, a card and whom to credit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Example, Prompt
from handful.dataset.attribution import Splits, attribution, each, licenses, uncredited, written_by_a_model
from handful.dataset.card import DRAFT, Facts, card
from handful.dataset.describe import table
from handful.dataset.splits import RULES, split
from handful.recipe.curation import Dataset
from handful.run.store import read_manifest


def work(params: Dataset, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `dataset` (docs/artifacts.md). Reads `clean` for its manifest only: the card shows its rules.

    Raises:
        DataError: `params.dev` would leave nothing to train on.
    """
    folder = inputs["select"]
    splits = split(
        jsonl.read(folder / "train.jsonl", Example),
        jsonl.read(folder / "dev.jsonl", Example),
        jsonl.read(folder / "test.jsonl", Prompt),
        params,
    )
    dialogues: Splits = {"train": splits.train, "dev": splits.dev, "test": splits.test}
    for name, records in dialogues.items():
        jsonl.write(out / f"{name}.jsonl", records)
    jsonl.write(out / "dropped.jsonl", splits.dropped)
    by_rule = Counter(dropped.rule for dropped in splits.dropped)
    dropped = {rule: by_rule[rule] for rule in RULES if by_rule[rule]}
    sizes = {name: len(records) for name, records in dialogues.items()}
    rows = table(dialogues)
    clean, select = read_manifest(inputs["clean"]), read_manifest(folder)
    facts = Facts(
        rows=rows,
        sizes=sizes,
        clean_params=clean.params,
        clean_counts=clean.counts,
        select_params=select.params,
        select_counts=select.counts,
        dropped=dropped,
        licenses=licenses(dialogues),
        uncredited=uncredited(dialogues),
        model_authors=written_by_a_model(dialogues),
        drafts=sum(DRAFT in dialogue.tags for dialogue in each(dialogues)),
    )
    write_whole(out / "README.md", card(facts))
    write_whole(
        out / "table.json", json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n"
    )
    write_whole(out / "attribution.csv", attribution(dialogues))
    return {**sizes, "dropped": dropped}
