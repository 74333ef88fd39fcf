"""`show` and `explain` in the terminal: what a rule took, with its text and the words that it saw."""

import json
import random
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from handful.cli.main import cli
from handful.core import jsonl
from handful.core.types import Dropped, Example, Origin, Seal, Turn
from handful.run.drops import survey, taken
from handful.run.explain import explain, in_words

BEER = "beer.stackexchange.com"


@pytest.fixture
def told():
    def told(*arguments, color=False, code=0):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], color=color)
        assert result.exit_code == code, result.output
        return result.output

    return told


def test_what_a_rule_took_is_shown_as_text_around_its_words(told, work):
    shown = told("show", work / "clean-ccc", "--dropped", "first_person")
    assert "first_person took 1; all:" in shown
    assert (
        f"{BEER}/2  Ale & lager?\n  https://{BEER}/a/102  question score 20, answer score 1,234  CC BY-SA 4.0"
        in shown
    )
    assert 'says "My"' in shown
    assert "Which is which?" in shown
    assert "My uncle brews." in shown
    assert "<p>" not in shown
    assert "\x1b[" not in shown  # plain where it is not a terminal


def test_the_words_are_highlighted_outside_of_code(told, work):
    shown = told("show", work / "clean-ccc", "--dropped", "first_person", color=True)
    marked = click.style("My", fg="black", bg="yellow")
    assert f"{marked} uncle brews." in shown
    assert f"{marked} = 1" not in shown


def test_a_dialogue_is_found_in_its_source(told, work):
    shown = told("show", work / "clean-ccc", "--dropped", "cross_reference", color=True)
    assert f"{click.style('As I said', fg='black', bg='yellow')}, hello." in shown
    assert "Hello?" in shown


def test_what_was_left_in_the_dump_has_an_address(told, work):
    shown = told("show", work / "sources-se-aaa", "--dropped", "low_score")
    assert f"{BEER}/3\n  https://{BEER}/q/3\n  top answer 103 has score 2, below 10\n" in shown
    assert "it was left in the dump" in shown


def test_clean_knows_what_its_sources_dropped_for_it(told, work):
    assert "low_score took 1; all:" in told("show", work / "clean-ccc", "--dropped", "low_score")


def test_a_whole_work_folder_is_looked_through(told, work, finish):
    finish(
        "clean",
        "ddd",
        {"dropped.jsonl": [Dropped(f"{BEER}/2", "first_person", 'says "My"')]},
        {},
        {"sources/se": "aaa"},
    )
    shown = told("show", work, "--dropped", "first_person")
    assert shown.count("first_person took 1; all:") == 2
    assert shown.count("My uncle brews.") == 2


def test_without_a_rule_a_work_folder_lists_its_folders(told, work):
    assert [line.split()[0].split("/")[-1] for line in told("show", work).splitlines()] == [
        "clean-ccc",
        "sources-se-aaa",
        "sources-talk-bbb",
    ]


def test_an_unknown_rule_is_answered_with_those_that_there_are(told, work):
    took = "first_person 1, cross_reference 1, low_score 1, too_short 1"
    expected = f"error: {work}: no rule 'first_persons' took anything here; these did: {took}\n"
    assert told("show", work, "--dropped", "first_persons", code=1) == expected
    assert "nothing was dropped here" in told("show", work / "sources-talk-bbb", "--dropped", "x", code=1)


def test_what_a_rule_took_as_json(told, work):
    (found,) = json.loads(told("show", work / "clean-ccc", "--dropped", "first_person", "--json"))
    assert (found["step"], found["rule"], found["took"]) == ("clean", "first_person", 1)
    (row,) = found["samples"]
    assert (row["id"], row["words"], row["url"], row["line"]) == (
        f"{BEER}/2",
        ["My"],
        f"https://{BEER}/a/102",
        1,
    )
    assert row["text"]["title"] == "Ale & lager?"


def test_a_sample_is_even_and_depends_on_the_seed_alone(finish):
    drops = [Dropped(f"a/{n}", "odd" if n % 2 else "even") for n in range(40)]
    folder = finish("sources/se", "aaa", {"dropped.jsonl": drops}, {})
    rules, sample = survey(folder, "odd", 5, random.Random(1))
    assert rules == {"odd": 20, "even": 20}
    assert [drop.line for drop in sample] == sorted(drop.line for drop in sample)
    assert {drop.record.rule for drop in sample} == {"odd"}
    assert [d.record.id for d, _ in taken(folder, "odd", 5, seed=3)[0].sample] == [
        d.record.id for d, _ in taken(folder, "odd", 5, seed=3)[0].sample
    ]
    drawn = [
        drop.record.id for seed in range(800) for drop in survey(folder, "odd", 5, random.Random(seed))[1]
    ]
    often = [drawn.count(f"a/{n}") for n in range(1, 40, 2)]
    assert all(140 < times < 260 for times in often), often  # 800 * 5 / 20 = 200, with a deviation of 12


def test_a_broken_line_is_named(told, work):
    file = work / "clean-ccc" / "dropped.jsonl"
    file.write_text(file.read_text() + '{"id": 3}\n')
    assert f"{file}:3: " in told("show", work, "--dropped", "first_person", code=1)


def test_counts_stand_in_columns_and_drops_as_a_funnel(told, work):
    shown = told("show", work / "clean-ccc")
    assert "  candidates  5\n  kept        1\n" in shown
    assert (
        "  dropped\n"
        "    rule             took  left\n"
        "                              5\n"
        "    low_score           1     4\n"
        "    too_short           1     3\n"
        "    first_person        1     2\n"
        "    cross_reference     1     1\n"
    ) in shown
    assert "Ale ferments warm." in shown
    assert f'  {BEER}/2  first_person: says "My"\n' in shown
    assert "empty: examples.jsonl" in shown
    assert "{" not in shown


def test_a_post_cannot_steer_the_terminal(told, finish, make_candidate):
    bad = make_candidate(title="\x1b]0;owned\x07Title", answer="\x1b[2J\u202eText\x9b1m", body="")
    folder = finish("clean", "ccc", {"candidates.jsonl": [bad]}, {"candidates": 1})
    shown = told("show", folder, color=True)
    assert "Title" in shown
    assert "Text" in shown
    assert not [harm for harm in ("\x1b]", "\x07", "\x1b[2J", "\u202e", "\x9b") if harm in shown]


@pytest.fixture
def recipe(tmp_path, repository):
    """A recipe over one site of the demo's dump, run as far as `select`."""
    path = tmp_path / "recipe.toml"
    dump = repository / "data/demo/dump/circuits.stackexchange.com"
    path.write_text(
        f'name = "one"\n[sources.stem]\nkind = "stackexchange"\npaths = ["{dump}"]\n[select]\nquota = {{ stem = 2 }}\n'
    )
    result = CliRunner().invoke(cli, ["run", str(path), "--work", str(tmp_path / "demo"), "--to", "select"])
    assert result.exit_code == 0, result.output
    return path


def test_explain_takes_an_id_however_it_is_spelt(told, recipe, tmp_path):
    (file,) = (tmp_path / "demo").glob("clean-*/candidates.jsonl")
    one = json.loads(file.read_text().splitlines()[0])
    site, number = one["id"].split("/")
    spelt = [
        one["id"],
        number,
        f"https://{site}/questions/{number}/a-title",
        f"https://{site}/questions/{number}/a-title/77#77",
        f"http://{site}/q/{number}",
        f"{site}/q/{number}",
        f"https://{site}/questions/{number}?sort=votes",
        one["origin"]["url"],
        f"{one['origin']['url']}#comment5",
    ]
    told_of = {told("explain", recipe, text, "--work", tmp_path / "demo") for text in spelt}
    assert len(told_of) == 1
    (shown,) = told_of
    assert shown.startswith(f"{one['id']}  {one['title']}\n  {one['origin']['url']}  question score")
    assert " ".join(one["answer"].split()[:8]) in " ".join(shown.split())
    rows = json.loads(told("explain", recipe, number, "--work", tmp_path / "demo", "--json"))
    assert [row["step"] for row in rows][:2] == ["sources/stem", "clean"]


def test_explain_finds_a_dropped_question_by_its_answer(told, recipe, tmp_path):
    (file,) = (tmp_path / "demo").glob("sources-*/dropped.jsonl")
    drop = next(d for d in map(json.loads, file.read_text().splitlines()) if d["rule"] == "low_score")
    answer = drop["detail"].split("answer ")[1].split()[0]
    site = drop["id"].split("/")[0]
    shown = told("explain", recipe, f"https://{site}/a/{answer}", "--work", tmp_path / "demo")
    assert shown.startswith(f"{drop['id']}\n  https://{site}/q/{drop['id'].split('/')[1]}\n")
    assert "dropped by low_score" in shown


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        (
            "circuits.stackexchange.com/99999",
            "; the nearest of circuits.stackexchange.com are circuits.stackexchange.com/",
        ),
        ("circuits/99999", "; did you mean 'circuits.stackexchange.com/99999'?"),
        ("curcuits.stackexchange.com/2", "; did you mean 'circuits.stackexchange.com/2'?"),
        ("99999", "; ids look like circuits.stackexchange.com/"),
        ("https://example.org/page", "; ids look like circuits.stackexchange.com/"),
    ],
)
def test_an_unknown_id_is_answered_with_those_that_come_near(told, recipe, tmp_path, id, hint):
    shown = told("explain", recipe, id, "--work", tmp_path / "demo", code=1)
    assert shown.startswith(f"error: no finished folder speaks of {id!r}")
    assert hint in shown


def test_before_a_run_there_is_nothing_to_explain(told, recipe, tmp_path):
    assert "nothing has run yet" in told("explain", recipe, "a/1", "--work", tmp_path / "new", code=1)


def step(folder, **files):
    """A finished step with these files, each a list of records."""
    folder.mkdir()
    for name, records in files.items():
        jsonl.write(folder / f"{name}.jsonl", records)
    return SimpleNamespace(folder=folder, done=True, label=folder.name)


def dialogue(id, url):
    origin = Origin(source="talk", community="tea.example.com", item=id, url=url)
    return Example(id, (Turn("user", "Why?"), Turn("assistant", "So.")), origin)


def test_a_page_is_known_by_the_addresses_that_people_copy(tmp_path):
    talk = dialogue("tea.example.com/1/2", "https://tea.example.com/a/2")
    asked = dialogue("AskReddit/9clji", "https://www.reddit.com/comments/9clji/")
    question = Dropped("tea.example.com/1", "low_score", "top answer 7 has score 3, below 10")
    steps = [step(tmp_path / "sources", examples=[talk, asked], dropped=[question])]
    for address in ("https://tea.example.com/questions/1/why", "tea.example.com/1"):
        assert explain(steps, address).made_of_it == ("tea.example.com/1/2",)
    assert explain(steps, "https://tea.example.com/a/2").id == "tea.example.com/1/2"
    for address in (
        "https://www.reddit.com/r/AskReddit/comments/9clji/why_so/",
        "old.reddit.com/comments/9clji",
    ):
        assert explain(steps, address).id == "AskReddit/9clji"


def test_what_was_masked_was_not_dropped(tmp_path):
    rows = [Dropped("tea.example.com/1", "masked_email", "2 masked")]
    (seen,) = explain([step(tmp_path / "clean", masked=rows)], "tea.example.com/1").sightings
    assert in_words(seen) == "kept, with private data masked (email: 2 masked)"


STUDY = """
name = "asked"
[sources.mine]
kind = "messages"
paths = ["test.jsonl"]
split = "test"
[generate.systems.ours]
kind = "fake"
text = "Yes, and: {prompt}"
[generate.systems.theirs]
kind = "fake"
text = "No"
[study]
tasks = ["preference", "quality"]
[judge.judges.rule]
kind = "fake"
[annotate]
people = 1
"""


@pytest.fixture
def waiting(tmp_path):
    """A study of two systems that has come as far as its people, who have not answered."""
    rows = [{"messages": [{"role": "user", "content": f"What is {n} and {n}?"}]} for n in range(4)]
    jsonl.write(tmp_path / "test.jsonl", rows)
    path = tmp_path / "asked.toml"
    path.write_text(STUDY)
    result = CliRunner().invoke(cli, ["run", str(path), "--work", str(tmp_path / "study")])
    assert "people answer at" in result.output, result.output
    return path


def sealed_lines(shown):
    """What `explain` says of the key, and of the signatures."""
    return [
        line.partition("  ")[2].strip()
        for line in shown.splitlines()
        if line.startswith("study ") and ("in key" in line or "in signatures" in line)
    ]


def test_explain_keeps_the_key_sealed_while_people_have_yet_to_answer(told, waiting, tmp_path):
    work = ("--work", tmp_path / "study")
    shown = told("explain", waiting, "mine/1", *work)
    assert "compared as" in shown
    assert sealed_lines(shown) == [
        "in key: sealed until the answers are in",
        *["in signatures: sealed until the answers are in"] * 2,
    ]
    rows = json.loads(told("explain", waiting, "mine/1", *work, "--json"))
    sealed = [row["record"] for row in rows if "/sealed/" in row["file"]]
    assert len(sealed) == 3
    for record in sealed:
        assert not {"left", "right", "system"} & record.keys()
        assert record["prompt_id"] == "mine/1"
        assert record["withheld"] == "sealed until the answers are in"


def test_show_prints_what_is_compared_and_never_whose_it_is(told, waiting, tmp_path):
    (study,) = (tmp_path / "study").glob("study-*")
    shown = json.loads(told("show", study, "--json"))["files"]
    assert "comparisons.jsonl" in shown
    assert not any("sealed" in name for name in shown)


def test_explain_opens_the_key_once_there_is_nobody_to_wait_for(told, waiting, tmp_path):
    alone = ("--work", tmp_path / "study", "--set", "annotate.people=0")
    told("run", waiting, *alone, "--to", "stats")
    assert list((tmp_path / "study").glob("stats-*/manifest.json"))
    rows = json.loads(told("explain", waiting, "mine/1", *alone, "--json"))
    key, *signatures = [row["record"] for row in rows if "/sealed/" in row["file"]]
    assert {key["left"], key["right"]} == {"ours", "theirs"} == {one["system"] for one in signatures}
    assert '"left": "' in " ".join(sealed_lines(told("explain", waiting, "mine/1", *alone)))
    waits = sealed_lines(told("explain", waiting, "mine/1", "--work", tmp_path / "study"))
    assert len(waits) == 3, "the recipe that waits shares the study, and still waits"
    assert all("sealed until the answers are in" in line for line in waits)


@pytest.mark.parametrize(
    ("done", "words"), [(False, "sealed until the answers are in"), (True, '"left": "a"')]
)
def test_the_folder_of_peoples_answers_opens_the_key(tmp_path, done, words):
    study = tmp_path / "study"
    (study / "sealed").mkdir(parents=True)
    jsonl.write(study / "sealed" / "key.jsonl", [Seal("c1", "mine/1", "a", "b")])
    steps = [
        SimpleNamespace(folder=study, done=True, label="study"),
        SimpleNamespace(folder=tmp_path / "annotate", done=done, label="annotate"),
        SimpleNamespace(folder=tmp_path / "stats", done=False, label="stats"),
    ]
    (seen,) = explain(steps, "mine/1").sightings
    assert words in in_words(seen)
