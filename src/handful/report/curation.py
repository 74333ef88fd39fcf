"""Tables and figures of data and training: Table 1, the funnel, the splits, licences, the curves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from handful.core.types import Example, Prompt
from handful.report.facts import Facts, Taken
from handful.report.figures import curves, funnel
from handful.report.page import DASH, Answer, Column, Figure, Sample, Table, Text
from handful.report.words import FINISH, number


def table_1(facts: Facts) -> Table:
    """The composition of the data, as in the paper's Table 1, with the paper's own row where it has one.

    Lengths are in words, which need no tokenizer, and for what was trained on in the model's tokens too.
    """
    splits: list[tuple[str, Sequence[Example | Prompt]]] = [
        ("train", facts.train),
        ("dev", facts.dev),
        ("test", facts.tested()),
    ]
    paper = {(row["split"], row["source"]): row.get("paper") for row in facts.table}
    note = "Lengths are means per example, over all turns; tokens are those of the model that was trained."
    tokens: Mapping[str, Mapping[str, float]] = facts.counts("train").get("tokens_by_source", {})
    rows: list[list[Any]] = []
    for split, examples in splits:
        for source in dict.fromkeys(e.origin.source for e in examples):
            group = [e for e in examples if e.origin.source == source]
            mean = tokens.get(source, {}) if split == "train" else {}
            rows.append(
                [
                    split,
                    source,
                    len(group),
                    mean_words(group, "user"),
                    mean_words(group, "assistant"),
                    rounded(mean.get("mean_input")),
                    rounded(mean.get("mean_output")),
                    in_the_paper(paper.get((split, source))),
                ]
            )
    return Table(
        "Composition, in the manner of the paper's Table 1",
        [
            Column("Split"),
            Column("Source"),
            Column("Examples", "count"),
            Column("Input, words", "count"),
            Column("Output, words", "count"),
            Column("Input, tokens", "count"),
            Column("Output, tokens", "count"),
            Column("In the paper: examples, tokens in, tokens out"),
        ],
        rows,
        note=f"{note} {variants_left_out(facts)}".strip(),
    )


def variants_left_out(facts: Facts) -> str:
    """A sentence on the test prompts that a table does not count; nothing where there are none."""
    variants = len(facts.test) - len(facts.tested())
    is_ = "is" if variants == 1 else "are"
    return f"{number(variants, 'variant')} of test prompts {is_} not counted." if variants else ""


def rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def in_the_paper(row: Mapping[str, int | None] | None) -> str:
    """As "200, 117, 523"; what the paper does not give is a dash."""
    return ", ".join(DASH if value is None else f"{value:,}" for value in row.values()) if row else DASH


def mean_words(examples: Sequence[Example | Prompt], role: str) -> int | None:
    counts = [len(t.text.split()) for e in examples for t in e.turns if t.role == role]
    return round(sum(counts) / len(examples)) if counts else None


def funnel_figure(facts: Facts) -> Figure | None:
    """What each rule of `clean` left, over all sources."""
    counts = facts.counts("clean")
    if not counts.get("candidates"):
        return None
    left = int(counts["candidates"])
    steps = [("candidates", left, 0)]
    for rule, taken in counts.get("dropped", {}).items():
        if taken:
            left -= taken
            steps.append((words_of(rule), left, taken))
    data = [{"rule": name, "left": left, "taken": taken} for name, left, taken in steps]
    return Figure(
        "The curation funnel",
        funnel(steps),
        data,
        "Candidates left after each rule, all sources together.",
        "funnel",
        "funnel",
    )


def words_of(rule: str) -> str:
    return rule.replace("_", " ")


def funnel_table(facts: Facts) -> Table:
    """Each rule's count per source, and the first that it took."""
    per_source: Mapping[str, Any] = facts.counts("clean").get("sources", {})
    total: Mapping[str, int] = facts.counts("clean").get("dropped", {})
    examples = first_taken(facts)
    rows: list[list[Any]] = [
        [
            words_of(rule),
            *(counts.get("dropped", {}).get(rule, 0) for counts in per_source.values()),
            taken,
            examples[rule].example if rule in examples else "",
        ]
        for rule, taken in total.items()
    ]
    rows.insert(
        0,
        [
            "candidates",
            *(c.get("candidates", 0) for c in per_source.values()),
            sum_of(facts, "candidates"),
            "",
        ],
    )
    rows.append(["kept", *(c.get("kept", 0) for c in per_source.values()), sum_of(facts, "kept"), ""])
    columns = [Column("Rule"), *(Column(name, "count") for name in per_source), Column("All", "count")]
    return Table("What each rule took, by source", [*columns, Column("The first it took", "code")], rows)


def sum_of(facts: Facts, name: str) -> int | None:
    found: int | None = facts.counts("clean").get(name)
    return found


def first_taken(facts: Facts) -> dict[str, Taken]:
    found: dict[str, Taken] = {}
    for label in sorted(facts.taken, key=lambda label: (not label.startswith("sources"), label)):
        for rule, taken in facts.taken[label].items():
            found.setdefault(rule, taken)
    return found


def drawn_table(facts: Facts) -> Table:
    counts = facts.counts("select")
    available: Mapping[str, int] = counts.get("available", {})
    drawn: Mapping[str, int] = counts.get("drawn", {})
    communities: Mapping[str, Any] = counts.get("communities", {})
    return Table(
        "Drawn for training",
        [
            Column("Source"),
            Column("Left after the rules", "count"),
            Column("Drawn", "count"),
            Column("From communities"),
        ],
        [
            [name, available.get(name, 0), drawn.get(name, 0), listed(communities.get(name, {}))]
            for name in dict.fromkeys([*available, *drawn])
        ],
    )


def listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or DASH


def licences(facts: Facts) -> Table:
    found: Counter[tuple[str, str]] = Counter()
    for origin in (e.origin for split in (facts.train, facts.dev, facts.tested()) for e in split):
        found[origin.license or "not stated", origin.source] += 1
    credited = (
        "Every author is credited in attribution.csv of the data set, by name or by a link to their page."
    )
    return Table(
        "Licences of what is used",
        [Column("Licence"), Column("Source"), Column("Examples", "count")],
        [[licence, source, count] for (licence, source), count in sorted(found.items())],
        note=f"{credited} {variants_left_out(facts)}".strip(),
    )


def dropped_late(facts: Facts) -> Table | None:
    """What `dataset` and `train` took after selection, with an example."""
    rows = [
        [label, words_of(rule), taken.count, taken.example, taken.detail]
        for label in ("dataset", "train")
        for rule, taken in facts.taken.get(label, {}).items()
    ]
    columns = [
        Column("Stage"),
        Column("Rule"),
        Column("Count", "count"),
        Column("For example", "code"),
        Column("Detail"),
    ]
    return Table("Lost after selection", columns, rows) if rows else None


def loss_figure(facts: Facts) -> Figure | None:
    """Training loss per step and dev loss per epoch, over one axis of steps."""
    train = [(float(row["step"]), float(row["loss"])) for row in facts.losses]
    dev = [(float(r["step"]), float(r["dev_loss"])) for r in facts.epochs if r.get("dev_loss") is not None]
    lines = {
        name: points
        for name, points in (("training loss, a step", train), ("dev loss, an epoch", dev))
        if points
    }
    if not lines:
        return None
    caption = (
        "Mean cross-entropy a response token, in nats. The first dev point is the model before training."
    )
    figure = curves(lines, "optimizer step", "Loss", marks=("dev loss, an epoch",))
    return Figure(
        "Loss",
        figure,
        lines,
        caption if dev else "Mean cross-entropy, in nats. There is no dev set.",
        "loss",
        "loss",
    )


CHOSEN_BY = {
    "last": "it is the last one",
    "hand": "by hand, by its answers to dev prompts",
    "people": "by people who read the epochs' answers to dev prompts blinded",
    "judge": "by a judge's grades of its answers to dev prompts",
}


def chosen_epoch(facts: Facts) -> Text | None:
    """Which epoch's checkpoint answers, where the recipe does not name one itself."""
    counts = facts.counts("choose")
    if not counts:
        return None
    return Text([f"Epoch {counts['epoch']} was chosen to be evaluated: {CHOSEN_BY[counts['by']]}."])


def epochs_table(facts: Facts) -> Table | None:
    rows = [[row["epoch"], row["step"], row.get("dev_loss")] for row in facts.epochs]
    columns = [Column("Epoch", "count"), Column("Step", "count"), Column("Dev loss", "number")]
    return (
        Table("Dev loss by epoch", columns, rows, note="Epoch 0 is the model before training.")
        if rows
        else None
    )


TRAINING = {
    "examples": "Examples",
    "tokens": "Tokens of the training set",
    "response_tokens": "Tokens that bear the loss",
    "truncated_train": "Examples that lost their tail",
    "truncated_dev": "Dev examples that lost their tail",
    "steps": "Optimizer steps",
    "epochs": "Epochs",
    "parameters": "Parameters",
    "first_step_loss": "Loss at the first step",
}


def training_table(facts: Facts) -> Table:
    counts = facts.counts("train")
    rows = [[words, counts[name]] for name, words in TRAINING.items() if name in counts]
    if "truncated_train" not in counts and "truncated" in counts:
        rows.append([OLD_TAILS, counts["truncated"]])
    return Table("In numbers", [Column("What"), Column("How many", "number")], rows)


OLD_TAILS = "Examples of train and dev that lost their tail or were left out"
"""What a training counted that did not yet count the two apart."""


def lost_tails(facts: Facts) -> list[str]:
    """How many examples lost their tail, as sentences: those of dev were never trained on."""
    counts = facts.counts("train")
    if "truncated_train" not in counts:
        return [f"{OLD_TAILS}: {counts.get('truncated', 0)}."]
    lines = [f"Training examples that lost their tail: {counts['truncated_train']}."]
    if counts["truncated_dev"]:
        lines.append(f"Dev examples that lost their tail: {counts['truncated_dev']}.")
    return lines


def dev_samples(facts: Facts) -> list[Sample]:
    """Dev prompts as answered first (before training, where that was asked) and last."""
    prompts = {e.id: e.prompt().turns[-1].text for e in facts.dev}
    by_prompt: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in facts.dev_samples:
        by_prompt.setdefault(row["prompt_id"], {})[int(row["epoch"])] = row
    found = []
    for id, rows in by_prompt.items():
        ends = sorted({min(rows), max(rows)})
        answers = [
            Answer(
                "before training" if e == 0 else f"after epoch {e}",
                rows[e]["text"],
                f"stopped: {FINISH.get(rows[e]['finish'], rows[e]['finish']).lower()}",
            )
            for e in ends
        ]
        found.append(Sample(id, prompts.get(id, ""), answers))
    return found
