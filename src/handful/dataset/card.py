"""The dataset card: what is in it, how it was made, what every rule took, and whom to credit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handful.core.types import Origin
from handful.dataset.describe import Length, Row
from handful.dataset.front import Column, front_matter
from handful.dataset.funnel import funnel, meaning
from handful.dataset.layouts import CANDIDATE_COLUMNS, IN_CANDIDATES
from handful.dataset.licences import address, notes
from handful.dataset.markdown import plain, table

DRAFT = "needs=editing"
"""The tag of a dialogue that was made by rule and awaits an editor."""
COLUMNS: dict[str, Column] = {
    "id": "string",
    "turns": [{"role": "string", "text": "string"}],
    "origin": dict.fromkeys(Origin.__struct_fields__, "string"),
    "tags": ["string"],
    "score": "int64",
}
"""Of an Example, and of a Prompt but for the score: what a line of this folder's files has."""


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
    licenses: Mapping[str, Mapping[str, int]]
    """Split -> licence as stated -> dialogues."""
    uncredited: Counter[str]
    model_authors: Counter[str]
    drafts: int = 0
    """Dialogues made by rule that people were to edit."""
    variants: int = 0
    """Test prompts that are others' asked in another way."""


def card(facts: Facts) -> str:
    """README.md, as a Hugging Face dataset card (YAML first)."""
    files = {split: f"{split}.jsonl" for split, dialogues in facts.sizes.items() if dialogues}
    parts = [
        front_matter(
            {license for counts in facts.licenses.values() for license in counts},
            language(facts.clean_params),
            sum(facts.sizes.values()),
            files,
            COLUMNS,
        ),
        "# A handful of examples",
        introduction(facts),
        "## Composition",
        composition(facts.rows),
        "## How it was made",
        how_made(facts),
        "## What the rules took",
        taken(facts),
        "## Licences and attribution",
        credit(
            facts.licenses,
            facts.uncredited,
            "Texts of communities were changed as described above. `attribution.csv` names",
        ),
    ]
    return "\n\n".join(parts) + "\n"


def candidates_card(
    step: str,
    params: Mapping[str, Any],
    counts: Mapping[str, Any],
    licenses: Mapping[str, int],
    files: Mapping[str, str],
) -> str:
    """README.md of what may be drawn, before selection.

    Args:
        step, params, counts: of the manifest of `clean`, or of a source.
        files: split -> file.
    """
    rows = sum(licenses.values())
    cleaned = step == "clean"
    state = "as text, after the rules below" if cleaned else "as the source has them: HTML where that is HTML"
    parts = [
        front_matter(licenses, language(params) if cleaned else "", rows, files, CANDIDATE_COLUMNS),
        "# Candidates",
        f"{rows:,} questions with their best answer, and ready-made dialogues, {state}. Curated with Handful after "
        "LIMA (Zhou et al. 2023); nothing is selected yet.",
        f"## Rows\n\n{IN_CANDIDATES}",
    ]
    if cleaned:
        parts += ["## What the rules took", funnel(counts, params)]
    parts += ["## Licences and attribution", credit({"": licenses}, {}, "Each row names")]
    return "\n\n".join(parts) + "\n"


def language(clean_params: Mapping[str, Any]) -> str:
    return str(clean_params.get("language", ""))


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
    if facts.drafts:
        text += (
            f"\n\n**Drafts**: {facts.drafts:,} of them are tagged `{DRAFT}`: a rule made them of what people said, and "
            "nobody has rewritten them since."
        )
    if facts.variants:
        text += (
            f"\n\n**Variants**: {facts.variants:,} of the test prompts are others' asked in another way, to measure "
            "robustness; their tags `variant_of:` and `variant:` say of which, and how. The table leaves them out."
        )
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
    return table(header, cells) + "\n\n" + note


def in_the_paper(row: Row) -> str:
    paper = row.paper
    if paper is None:
        return ""
    if paper.mean_input_tokens is None:
        return f"{paper.examples:,} prompts"
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
    text += reviewed(facts.select_counts.get("reviews", {}))
    return f"{text} Seed: {params['seed']}.\n\n" + table(
        ("source", "available", "drawn", "communities drawn from"), samples
    )


def reviewed(counts: Mapping[str, Any]) -> str:
    """What people did by hand, and how far two of them agreed; nothing where nobody did."""
    done = ", ".join(
        f"{counts[name]:,} {name}" for name in ("accepted", "edited", "written", "rejected") if counts
    )
    if not done:
        return ""
    text = (
        f" People reviewed candidates by hand: {done}. What they kept was drawn first, what they wrote was added to "
        "its source; `edited_by=` among the tags names who changed a text."
    )
    found = counts["agreement"]
    if found["n"]:
        kappa = "" if found["kappa"] is None else f", kappa {found['kappa']:.2f}"
        text += (
            f" Of {found['n']:,} texts that two people decided without knowing of each other, they agreed on "
            f"{found['exact']:.0%} whether to keep them{kappa}."
        )
    return text


def communities(facts: Facts, source: str, shown: int = 12) -> str:
    counts = Counter(facts.select_counts["communities"].get(source, {}))
    listed = [f"{plain(name)} ({n:,})" for name, n in counts.most_common(shown)]
    return ", ".join(listed) + (f" and {len(counts) - shown:,} more" if len(counts) > shown else "")


def taken(facts: Facts) -> str:
    """The funnel, and what the splits lost after it."""
    text = funnel(facts.clean_counts, facts.clean_params, facts.select_counts)
    if facts.dropped:
        listed = ", ".join(f"{rule} {n:,} ({meaning(rule, {})})" for rule, n in facts.dropped.items())
        text += f"\n\nTaken out of the splits afterwards: {listed}."
    return text


def credit(licenses: Mapping[str, Mapping[str, int]], lacking: Mapping[str, int], kept_in: str) -> str:
    """Which licences there are and what they ask, first of the rows to train on, then of the others.

    Args:
        licenses: split, or "" where nothing is split -> licence as stated, "" for none -> dialogues.
        lacking: "title", "author" or "address" -> dialogues whose source does not state it.
        kept_in: where each dialogue's credit stands, as the subject of a sentence.
    """
    splits = [split for split, counts in licenses.items() if counts]
    stated = sorted({license for counts in licenses.values() for license in counts})
    cells = [
        (linked(license) or "not stated", *(f"{licenses[split].get(license, 0):,}" for split in splits))
        for license in stated
    ]
    listed = ", ".join(f"{n:,} without {part}" for part, n in lacking.items() if n)
    return (
        f"Each dialogue keeps the licence of its source. {kept_in} the title, the address, the author and the "
        "licence of every one, as far as its source states them: keep that with the data."
        + (f" Not stated: {listed}." if listed else "")
        + "\n\n"
        + "".join(f"{text}\n\n" for text in heeded(licenses))
        + table(("licence", *(split or "dialogues" for split in splits)), cells)
    )


def heeded(licenses: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What is to be heeded, as lists under a line; those who train on the data care for its training rows only."""
    held_out = [counts for split, counts in licenses.items() if split not in ("", "train")]
    both: Counter[str] = Counter()
    for counts in held_out:
        both.update(counts)
    first = licenses.get("", licenses.get("train", {}))
    told = {
        "To be heeded:": notes(first, " to train on" if "train" in licenses else ""),
        "Held out, in dev and test:": notes(both),
    }
    return ["\n".join([head, "", *(f"- {note}." for note in found)]) for head, found in told.items() if found]


def linked(license: str) -> str:
    name, url = plain(license), address(license)
    return f"[{name}]({url})" if url and "]" not in name else name
