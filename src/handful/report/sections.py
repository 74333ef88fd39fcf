"""The twelve sections of the page, in order. Each says so where it has nothing to show; a study that trains nothing
has ten, or eleven where its prompts lost some on the way. One more, on robustness, stands where that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from handful.core.types import Example, Prompt
from handful.report import curation, tables
from handful.report import departures as from_paper
from handful.report.appendix_b import choice_notes, figure_9
from handful.report.conversations import conversations
from handful.report.departures import PAPER, departures, ours, settings, shown
from handful.report.distribution import distribution
from handful.report.facts import Facts
from handful.report.grading import graded
from handful.report.headline import constant_texts, headline
from handful.report.incomplete import owed
from handful.report.page import Answer, Block, Column, Sample, Section, Table, Text, warned
from handful.report.preferences import preference
from handful.report.robustness import robustness
from handful.report.standings import standings
from handful.report.trust import trust
from handful.report.words import in_words, number, stopped

MOST_FLAGS = 5


def sections(facts: Facts, incomplete: Sequence[str] = ()) -> list[Section]:
    found = [
        Section("headline", "What came out", came_out(facts, incomplete)),
        Section("systems", "What was compared", compared(facts)),
        Section("preference", "Preference", preference(facts)),
        Section("grades", "Grades", graded(facts)),
        Section("dialogues", "Dialogues", conversations(facts)),
        Section("robustness", "Robustness", robustness(facts)),
        Section("trust", "Can the judges be trusted?", trust(facts)),
        Section("samples", "Sample responses side by side", samples(facts)),
        Section("data", "Data", data(facts)),
        Section("training", "Training", training(facts)),
        Section("departures", "Departures from the paper", departed(facts)),
        Section("losses", "What was lost", lost(facts)),
        Section("settings", "All settings and versions", reproduce(facts)),
    ]
    return [
        section if section.id == "training" else replace(section, blocks=warned(section.blocks))
        for section in found
        if section.id not in out_of_place(facts)
    ]


def out_of_place(facts: Facts) -> set[str]:
    """Sections that a study without training, or with one sample a prompt and no variants, has no matter for."""
    found = set() if robustness(facts) else {"robustness"}
    if facts.trains():
        return found
    dropped = any(facts.counts("clean").get("dropped", {}).values())
    return found | ({"training"} if dropped else {"data", "training"})


def came_out(facts: Facts, incomplete: Sequence[str]) -> list[Block]:
    """Preference and grades, as far as they were asked. Half a study has neither."""
    if incomplete:
        return headline(facts, incomplete)
    grades = standings(facts)
    only_grades = grades and "preference" not in facts.recipe.study.tasks
    return [*constant_texts(facts), *grades] if only_grades else [*headline(facts), *grades]


def compared(facts: Facts) -> list[Block]:
    if not facts.rows("systems"):
        return [Text(["No system answered."])]
    pairs = [
        f"{pair['subject']} against {pair['baseline']}: {number(pair['comparisons'], 'comparison')} "
        f"on {number(pair['prompts'], 'prompt')}."
        for pair in facts.rows("pairs")
    ]
    compares = {"preference", "dialogues"} & set(facts.recipe.study.tasks)
    none = (
        "No prompt has two answers to compare." if compares else "No two answers were compared (study.tasks)."
    )
    blocks: list[Block | None] = [
        tables.systems(facts),
        tables.finishes(facts),
        Text(pairs or [none], "list"),
        None if "data" not in out_of_place(facts) else Text([where_from(facts)]),
        *flagged(facts),
    ]
    return [block for block in blocks if block]


def where_from(facts: Facts) -> str:
    """The prompts' sources and licences, in a study that has no section on data."""
    found = Counter(
        (prompt.origin.source, prompt.origin.license or "licence not stated")
        for prompt in facts.asked(variants=False)
    )
    listed = [f"{source}, {count:,} ({licence})" for (source, licence), count in sorted(found.items())]
    return f"Where the prompts are from: {'; '.join(listed)}."


def flagged(facts: Facts) -> list[Block]:
    """What `study` would have somebody read before its verdicts are believed."""
    if not facts.flags:
        return []
    columns = [Column("Prompt or system", "code"), Column("What was seen")]
    rows = [[flag.id, in_words(flag)] for flag in facts.flags]
    caption = f"Flagged: {len(rows)} to read before their verdicts are believed"
    return [
        Table(
            caption,
            columns,
            rows,
            "A flag changes no verdict.",
            folded=len(rows) > MOST_FLAGS,
        )
    ]


def samples(facts: Facts) -> list[Block]:
    asked = facts.asked(variants=False)
    chosen = spread(asked, facts.recipe.report.samples)
    if not chosen:
        return [Text(["There are no responses to show."])]
    intro = (
        f"{len(chosen)} of {len(asked)} prompts, evenly spaced and not chosen by anyone. "
        "The text is as the systems gave it."
    )
    if variants := len(facts.asked()) - len(asked):
        intro += f" The answers to {number(variants, 'variant')} of them are in browse.html."
    return [Text([intro]), *(side_by_side(facts, prompt) for prompt in chosen)]


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """`count` items, evenly spaced from the first on."""
    if count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def side_by_side(facts: Facts, prompt: Example | Prompt) -> Sample:
    turns = prompt.turns[:-1] if isinstance(prompt, Example) else prompt.turns
    text = turns[0].text if len(turns) == 1 else "\n\n".join(f"{t.role}: {t.text}" for t in turns)
    answers = [
        Answer(name, response.text, stopped(facts, response))
        for name, responses in facts.responses.items()
        for response in responses
        if response.prompt_id == prompt.id and response.sample == 0
    ]
    return Sample(prompt.id, text, answers)


def data(facts: Facts) -> list[Block]:
    blocks: list[Block | None] = [
        curation.table_1(facts),
        curation.funnel_figure(facts),
        curation.funnel_table(facts) if facts.counts("clean") else None,
        curation.drawn_table(facts) if facts.counts("select").get("drawn") else None,
        curation.licences(facts),
    ]
    graded_apart = any(row["split"] == "out_of_distribution" for row in facts.rows("grades.shares"))
    if facts.neighbours and not graded_apart:  # else they stand below Figure 3
        blocks += distribution(facts)
    return [block for block in blocks if block]


def training(facts: Facts) -> list[Block]:
    blocks: list[Block | None] = [
        curation.loss_figure(facts),
        curation.training_table(facts),
        curation.chosen_epoch(facts),
        curation.epochs_table(facts),
        figure_9(facts) if facts.epochs else None,
        choice_notes(facts),
    ]
    shown_samples = curation.dev_samples(facts)
    if shown_samples:
        blocks += [
            Text(["Dev prompts, as answered first and last while training"], "subtitle"),
            *shown_samples,
        ]
    else:
        blocks.append(Text(["There is no dev set, or none of it was answered while training."]))
    return [block for block in blocks if block]


def departed(facts: Facts) -> list[Block]:
    found = departures(facts.recipe)
    lines = [
        f"{key}: {here} here, {default} {'in the paper' if whose != 'ours' else 'by default (ours)'}"
        + (f" ({whose})" if whose != "ours" else "")
        for key, here, default, whose in found
    ]
    kept = [[key, value] for key, value in ours(facts.recipe)]
    blocks: list[Block] = [
        Text(lines or ["No setting departs from its default."], "list"),
        Text(from_paper.in_words(facts), "list"),
    ]
    columns = [Column("Setting", "code"), Column("Value", "code")]
    return [*blocks, Table("Where the paper is silent and the default is ours", columns, kept, folded=True)]


def lost(facts: Facts) -> list[Block]:
    found = facts.stats.get("losses", {})
    lines = [
        f"Prompts that could not be compared ({rule.replace('_', ' ')}): {count}."
        for rule, count in found.get("unpaired", {}).items()
    ]
    if found.get("unjudged_by_people"):
        lines.append(f"Comparisons that no person judged: {found['unjudged_by_people']}.")
    if facts.trains():
        lines += curation.lost_tails(facts)
    failed = {
        name: sum(r.finish == "error" for r in responses) for name, responses in facts.responses.items()
    }
    lines += [
        f"Answers to prompts that {name} does not have in its file: {count}."
        if facts.elsewhere(name)
        else f"Responses of {name} that failed: {count}."
        for name, count in failed.items()
        if count
    ]
    lines += [
        f"Rows of {name}'s file that were passed over ({rule.replace('_', ' ')}): {taken.count}, "
        f"such as {taken.detail}."
        for name in facts.responses
        for rule, taken in facts.taken.get(f"generate/{name}", {}).items()
        if facts.elsewhere(name)
    ]
    lines += [
        f"Answers that {judge} gave no readable grade: {grades.unreadable:,} of {grades.total:,}."
        for judge, grades in owed(facts).items()
        if grades.unreadable
    ]
    if not found.get("unpaired") and facts.rows("pairs"):
        lines.insert(0, "Every prompt with a baseline's answer could be compared.")
    if leaks := facts.counts("study").get("leaks"):
        lines.append(f"Responses that name a system, so that a judge may know whose they are: {leaks}.")
    blocks: list[Block | None] = [Text(lines, "list")]
    if found.get("judges"):
        blocks.append(tables.losses(facts))
    blocks.append(curation.dropped_late(facts))
    return [block for block in blocks if block]


def reproduce(facts: Facts) -> list[Block]:
    values = settings(facts.recipe)
    rows = [[key, shown(value), PAPER.get(key, "")] for key, value in values.items()]
    columns = [Column("Setting", "code"), Column("Value", "code"), Column("Where the paper sets it")]
    keys = [[label, step.key] for label, step in facts.steps.items()]
    return [
        Text(
            [
                "To make this again: handful run RECIPE, with a recipe of these settings and the same inputs. "
                "A folder's key follows from its settings and inputs, so equal keys mean equal work.",
            ]
        ),
        versions(facts),
        Table("Keys of the folders", [Column("Step", "code"), Column("Key", "code")], keys, folded=True),
        Table("All settings", columns, rows, folded=True),
    ]


def versions(facts: Facts) -> Table:
    """One row a library; where steps were made with different versions, which."""
    found: dict[str, dict[str, list[str]]] = {}
    for label, step in facts.steps.items():
        for library, version in step.environment.items():
            found.setdefault(library, {}).setdefault(version, []).append(label)
    rows = [
        [
            library,
            next(iter(by_version))
            if len(by_version) == 1
            else "; ".join(f"{version} ({', '.join(labels)})" for version, labels in by_version.items()),
        ]
        for library, by_version in found.items()
    ]
    return Table("Versions", [Column("What"), Column("Version", "code")], rows)
