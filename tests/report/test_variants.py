"""A prompt asked in another way is no other prompt: wherever the page counts prompts, variants stand beside them."""

from dataclasses import replace

import msgspec
import pytest

from handful.core import jsonl
from handful.core.types import Prompt, Turn
from handful.report.browse import pages
from handful.report.curation import licences, table_1
from handful.report.departures import in_words
from handful.report.incomplete import missing_people
from handful.report.sections import samples, where_from
from handful.report.tables import systems
from handful.report.work import read, subtitle


def variants_of(prompt):
    for kind in ("typos", "adversarial"):
        tags = (*prompt.tags, f"variant_of:{prompt.id}", f"variant:{kind}")
        turns = (Turn("user", "a much longer question " * 20),)
        yield msgspec.structs.replace(prompt, id=f"{prompt.id}~{kind}", turns=turns, tags=tags)


@pytest.fixture
def facts(build):
    """24 test prompts, each with two variants, all of them answered."""
    recipe, inputs = build()
    path = inputs["dataset"] / "test.jsonl"
    originals = list(jsonl.read(path, Prompt))
    jsonl.write(path, [*originals, *(each for prompt in originals for each in variants_of(prompt))])
    found = read(recipe, inputs)
    answers = {
        name: [
            *own,
            *(
                msgspec.structs.replace(r, prompt_id=f"{r.prompt_id}~{kind}")
                for r in own
                for kind in ("typos", "adversarial")
            ),
        ]
        for name, own in found.responses.items()
    }
    return replace(found, responses=answers)


def test_the_subtitle_counts_prompts_and_names_variants(facts):
    assert subtitle(facts) == "20 training examples, 24 prompts and 48 variants of them asked, 3 systems"


def test_table_1_and_licences_are_of_originals_alone(facts):
    table = table_1(facts)
    (test,) = (row for row in table.rows if row[0] == "test")
    assert test[2] == 24
    assert test[3] < 20  # words of the originals
    assert table.note.endswith("48 variants of test prompts are not counted.")
    assert sum(row[2] for row in licences(facts).rows) == 20 + 2 + 24


def test_departures_count_originals(facts):
    assert "24 test examples here (and 48 variants of them), 300 in the paper." in in_words(facts)
    plain = replace(facts, test=[p for p in facts.test if "~" not in p.id])
    assert "24 test examples here, 300 in the paper." in in_words(plain)


def test_samples_are_of_originals(facts):
    intro, *shown = samples(facts)
    assert intro.lines[0].startswith("8 of 24 prompts, evenly spaced")
    assert intro.lines[0].endswith("The answers to 48 variants of them are in browse.html.")
    assert len(shown) == 8
    assert not [sample.id for sample in shown if "~" in sample.id]


def test_sources_of_prompts_are_of_originals(facts):
    assert where_from(facts) == "Where the prompts are from: authored, 24 (licence not stated)."


def test_the_table_of_systems_says_that_it_leaves_variants_out(facts):
    assert systems(facts).note.endswith("count in no table but those of robustness.")


def test_the_page_of_every_prompt_has_them_all(facts):
    assert pages(facts, 10**9)["browse.html"].count("<article") == 72


def test_what_people_owe_is_counted_over_originals(facts):
    """2 of 48 comparisons are fewer than one in twenty, 3 are more, however many variants were paired."""
    more = {
        f"{id}~{k}": msgspec.structs.replace(c, id=f"{id}~{k}", prompt_id=f"{c.prompt_id}~{k}")
        for id, c in facts.comparisons.items()
        for k in ("typos", "adversarial")
    }
    study = replace(facts, comparisons={**facts.comparisons, **more})

    def lacks(left):
        losses = {**facts.stats["losses"], "unjudged_by_people": left}
        return [lack.why for lack in missing_people(replace(study, stats={**facts.stats, "losses": losses}))]

    assert lacks(2) == []
    assert lacks(3) == ["No person judged 3 of 48 comparisons (more than 5%)."]
