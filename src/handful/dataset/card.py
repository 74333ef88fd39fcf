"""The dataset card: what is in it, how it was made, what every rule took, and whom to credit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handful.dataset.attribution import license_identifier
from handful.dataset.describe import Length, Row

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

RULE_IN_WORDS = {
    "low_score": "the answer's score is below {min_answer_score}",
    "too_short": "the answer is shorter than {min_chars:,} characters",
    "too_long": "the answer is longer than {max_chars:,} characters",
    "first_person": "the answer is in the first person (word list: ours)",
    "cross_reference": "the answer refers to other answers, comments or the site (word list: ours)",
    "empty_prompt": "neither title nor body has text",
    "empty_turn": "a turn has no text",
    "duplicate": "the same prompt stands elsewhere",
    "also_in_test": "the same prompt stands in the test split",
    "also_in_dev": "the same prompt stands in the dev split",
}
ALWAYS_SHOWN = ("low_score", "too_short", "too_long", "first_person", "cross_reference", "duplicate")
SWITCHED_BY = {
    "first_person": "drop_first_person",
    "cross_reference": "drop_cross_references",
    "duplicate": "drop_duplicates",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is written from. Parameters and counts are those of the manifests."""

    rows: Sequence[Row]
    sizes: Mapping[str, int]
    """Split -> dialogues."""
    clean_params: Mapping[str, Any]
    clean_counts: Mapping[str, Any]
    select_params: Mapping[str, Any]
    select_counts: Mapping[str, Any]
    dropped: Mapping[str, int]
    """Rule -> what the splits dropped."""
    licenses: Counter[str]
    model_authors: Counter[str]


def card(facts: Facts) -> str:
    """README.md, as a Hugging Face dataset card (YAML first)."""
    parts = [
        front_matter(facts),
        "# A handful of examples",
        introduction(facts),
        "## Composition",
        composition(facts.rows),
        "## How it was made",
        how_made(facts),
        "## What the rules took",
        funnel(facts),
        "## Licences and attribution",
        credit(facts),
    ]
    return "\n\n".join(parts) + "\n"


def front_matter(facts: Facts) -> str:
    identifiers = sorted({license_identifier(license) for license in facts.licenses})
    total = sum(facts.sizes.values())
    size = next((name for most, name in SIZES if total < most), "n>1M")
    files = [
        f"  - split: {split}\n    path: {split}.jsonl"
        for split, dialogues in facts.sizes.items()
        if dialogues
    ]
    lines = ["---"]
    if identifiers:
        lines += ["license:", *(f"- {name}" for name in identifiers)]
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size}"]
    if files:
        lines += ["configs:", "- config_name: default", "  data_files:", *files]
    return "\n".join([*lines, "---"])


def introduction(facts: Facts) -> str:
    sizes = facts.sizes
    text = (
        f"{sizes['train']:,} dialogues to train on, {sizes['dev']:,} to watch training with and {sizes['test']:,} "
        "prompts to test on, curated with Handful after LIMA (Zhou et al. 2023). A prompt stands in one split only."
    )
    if facts.model_authors:
        written = sum(facts.model_authors.values())
        names = ", ".join(f"{plain(name)} ({n:,})" for name, n in facts.model_authors.most_common())
        text += f"\n\n**Written by a language model**, as their author field says: {written:,} of them, by {names}."
    return text


def composition(rows: Sequence[Row]) -> str:
    """The table, with the paper's row beside ours where the source's name is one of Table 1."""
    header = (
        "split",
        "source",
        "n",
        "turns",
        "input, chars",
        "words",
        "output, chars",
        "words",
        "Table 1 of the paper",
    )
    cells = [
        (
            row.split,
            plain(row.source),
            f"{row.examples:,}",
            f"{row.turns:,}",
            *lengths(row.input),
            *lengths(row.output),
            in_the_paper(row),
        )
        for row in rows
    ]
    note = (
        "Lengths are mean / median a dialogue, all turns of a side together. The paper counts tokens, by a tokenizer "
        "of its own; `train` counts those of the model that is tuned."
    )
    return markdown_table(header, cells) + "\n\n" + note


def in_the_paper(row: Row) -> str:
    paper = row.paper
    if paper is None:
        return ""
    return f"{paper.examples:,} examples, {paper.mean_input_tokens:,} / {paper.mean_output_tokens:,} tokens"


def lengths(length: Length | None) -> tuple[str, str]:
    if length is None:
        return ("", "")
    return (
        f"{length.mean_characters:,.0f} / {length.median_characters:,.0f}",
        f"{length.mean_words:,.0f} / {length.median_words:,.0f}",
    )


def how_made(facts: Facts) -> str:
    params, prompts = facts.select_params, facts.select_counts["prompts"]
    drawn, available = facts.select_counts["drawn"], facts.select_counts["available"]
    samples = [
        (plain(name), f"{available[name]:,}", f"{n:,}", communities(facts, name)) for name, n in drawn.items()
    ]
    text = (
        "Community answers were turned from HTML to text: links became their text, images and all tags went, code "
        "blocks and lists stayed. The rules below were applied, in their order. Then each source's quota was drawn "
        f"over its communities, temperature {params['temperature']:g} (p proportional to size ** (1 / temperature)): "
        "the best question of a community first."
    )
    if prompts["title"] or prompts["body"]:
        text += (
            f" The prompt is the question's title with probability {params['title_probability']:g}, else its body: "
            f"{prompts['title']:,} titles, {prompts['body']:,} bodies."
        )
    return f"{text} Seed: {params['seed']}.\n\n" + markdown_table(
        ("source", "available", "drawn", "communities drawn from"), samples
    )


def communities(facts: Facts, source: str, shown: int = 12) -> str:
    counts = Counter(facts.select_counts["communities"].get(source, {}))
    listed = [f"{plain(name)} ({n:,})" for name, n in counts.most_common(shown)]
    return ", ".join(listed) + (f" and {len(counts) - shown:,} more" if len(counts) > shown else "")


def funnel(facts: Facts) -> str:
    """Every rule with its value and what it took, and how many were left after it."""
    counts = facts.clean_counts
    left = counts["candidates"]
    cells = [("came in", "", "", f"{left:,}")]
    taken = {rule: counts["dropped"].get(rule, 0) for rule in (*counts["dropped"], *ALWAYS_SHOWN)}
    for rule, n in sorted(taken.items(), key=lambda item: order(item[0])):
        left -= n
        cells.append((rule, meaning(rule, facts.clean_params), f"{n:,}", f"{left:,}"))
    drawn = sum(facts.select_counts["drawn"].values())
    cells.append(("not_drawn", "more than the quota", f"{left - drawn:,}", f"{drawn:,}"))
    text = markdown_table(("rule", "drops what", "took", "left"), cells)
    if facts.dropped:
        listed = ", ".join(f"{rule} {n:,} ({meaning(rule, {})})" for rule, n in facts.dropped.items())
        text += f"\n\nTaken out of the splits afterwards: {listed}."
    return text


def order(rule: str) -> int:
    """Reasons of a reader come first: they took theirs before any rule was asked."""
    names = list(RULE_IN_WORDS)
    return names.index(rule) if rule in names else -1


def meaning(rule: str, params: Mapping[str, Any]) -> str:
    switch = SWITCHED_BY.get(rule)
    if switch and params and not params[switch]:
        return "switched off"
    return RULE_IN_WORDS.get(rule, rule.replace("_", " ")).format(**params)


def credit(facts: Facts) -> str:
    cells = [(plain(license) or "not stated", f"{n:,}") for license, n in sorted(facts.licenses.items())]
    return (
        "Each dialogue keeps the licence of its source. `attribution.csv` names the author, the address and the "
        "licence of every one; keep it with the data. Texts from CC BY-SA sources were changed as described above, "
        "and may only be passed on under the same licence.\n\n"
        + markdown_table(("licence", "dialogues"), cells)
    )


def markdown_table(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """A name that cannot break a table or start markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
