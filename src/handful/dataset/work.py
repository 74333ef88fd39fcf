"""Write the finished data set: its splits, a summary, a card and whom to credit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handful.core import jsonl
from handful.core.files import write_whole
from handful.core.types import Example, Prompt
from handful.dataset.attribution import Splits, attribution, each, licenses, uncredited, written_by_a_model
from handful.dataset.card import DRAFT, Facts, card
from handful.dataset.describe import table
from handful.dataset.neighbours import neighbours, tagged
from handful.dataset.splits import RULES, split
from handful.dataset.variants import is_variant, kind_of, with_variants
from handful.recipe.curation import Dataset
from handful.run.store import read_manifest


def work(params: Dataset, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Fill the folder `dataset` (docs/artifacts.md). Reads `clean` for its manifest only: the card shows its rules.

    Raises:
        DataError: `params.dev` would leave nothing to train on, or a variant has no original.
    """
    folder = inputs["select"]
    splits = split(
        jsonl.read(folder / "train.jsonl", Example),
        jsonl.read(folder / "dev.jsonl", Example),
        jsonl.read(folder / "test.jsonl", Prompt),
        params,
    )
    test, more = tested(splits.train, splits.test, params, out)
    originals = [prompt for prompt in test if not is_variant(prompt)]
    dialogues: Splits = {"train": splits.train, "dev": splits.dev, "test": test}
    for name, records in dialogues.items():
        jsonl.write(out / f"{name}.jsonl", records)
    jsonl.write(out / "dropped.jsonl", splits.dropped)
    by_rule = Counter(dropped.rule for dropped in splits.dropped)
    dropped = {rule: by_rule[rule] for rule in RULES if by_rule[rule]}
    sizes = {name: len(records) for name, records in dialogues.items()}
    rows = table({**dialogues, "test": originals})
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
        variants=len(test) - len(originals),
    )
    write_whole(out / "README.md", card(facts))
    write_whole(
        out / "table.json", json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n"
    )
    write_whole(out / "attribution.csv", attribution(dialogues))
    return {**sizes, "dropped": dropped, **more}


def tested(
    train: Sequence[Example], test: Sequence[Prompt], params: Dataset, out: Path
) -> tuple[list[Prompt], dict[str, Any]]:
    """The test prompts, tagged and with their variants, and what the manifest says of that: only what was asked for.

    Raises:
        DataError: a prompt says to be a variant of what is no test prompt.
    """
    prompts, more = list(test), {}
    if params.out_of_distribution:
        found = neighbours(train, [p for p in test if not is_variant(p)], params.ood_similarity)
        jsonl.write(out / "neighbours.jsonl", found)
        prompts = tagged(test, found)
        more["out_of_distribution"] = sum(neighbour.ood for neighbour in found)
    prompts = with_variants(prompts, params.variants, params.seed)
    kinds = Counter(kind for prompt in prompts if (kind := kind_of(prompt)))
    return prompts, {**more, **({"variants": dict(sorted(kinds.items()))} if kinds else {})}
