"""The whole source: what becomes an example, what is dropped and why, and files that are not what they should be."""

import json
from itertools import pairwise

import pytest

from handful.core.errors import DataError
from handful.recipe.values import InputPath
from handful.sources.wikihow.categories import TOP, top_of


@pytest.fixture
def lines(tmp_path, long):
    def write(*rows, name="articles.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        return path

    return write


@pytest.fixture
def row(long):
    return lambda **changed: {
        "title": "How to Warm Tea",
        "categories": ["Categories", "Youth", "School"],
        "summary": "This article helps.",
        "method": "Part 1 of 2:On a Stove",
        "steps": [f"Boil it. {long}", f"Wait. {long}"],
        **changed,
    }


def test_rows_of_one_title_are_methods_of_one_article(found, lines, row, long):
    path = lines(row(), row(method="Part 2 of 2:In a Kettle", steps=[{"headline": "Press", "text": long}]))
    all = found(path)
    step = long.strip()
    assert all.answers == [
        f"The following answer helps.\n\n## On a Stove\n\n1. Boil it. {step}\n2. Wait. {step}\n\n"
        f"## In a Kettle\n\n1. Press. {step}"
    ]
    assert all.counts["communities"] == {"Youth": 1}


def test_an_article_may_have_its_sections_in_one_row(found, lines, row, long):
    whole = row(
        method="", steps=None, sections=[{"heading": "A", "steps": [long]}, {"title": "B", "steps": [long]}]
    )
    assert [line for line in found(lines(whole)).answers[0].split("\n") if line[:1] == "#"] == [
        "## A",
        "## B",
    ]


def test_what_is_no_article_is_dropped_with_its_reason(found, lines, row):
    path = lines(
        row(),
        '{"title": "How to',
        "[]",
        row(title=3),
        row(title="How to Rest", steps=[]),
        row(title="How to Walk", steps=["Go, and go on." * 50]),
        row(title="How to Sit", steps=["Sit.", "Stay."]),
        row(title="Angel Number 333: Meaning"),
        row(title="3 Ways to Warm Tea - wikiHow"),
        "",
    )
    all = found(path)
    rules = [record.rule for record in all.dropped]
    assert rules == [
        *("bad_row", "bad_row", "bad_row"),
        *("no_steps", "few_steps", "short_article", "not_a_question", "same_title"),
    ]
    assert "articles.jsonl:2" in all.dropped[0].detail
    assert all.dropped[-1].detail.endswith("'How to warm tea?' is wikihow/Warm-Tea already")


def test_switches(found, lines, row):
    path = lines(row())
    plain = found(path, sentence_case=False, replace_opening=False)
    assert plain.prompts == ["How to Warm Tea?"]
    assert plain.answers[0].startswith("This article helps.")
    assert found(lines(row(title="Warm Tea")), question=False, sentence_case=False).prompts == ["Warm Tea"]
    assert found(path, license="wikiHow's terms").examples[0].origin.license == "wikiHow's terms"
    with pytest.raises(DataError, match="few_steps took 1"):
        found(path, min_steps=3)


def test_a_folder_is_read_in_order_and_what_is_something_else_is_named(found, tmp_path, page, lines, row):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "Boil Water - wikiHow").write_text(page(title="Boil Water"))
    (tmp_path / "empty.html").write_bytes(b"\0\0")
    (tmp_path / "french.html").write_text(page(lang="fr"))
    (tmp_path / "README.md").write_text("# notes")
    (tmp_path / "index.html").write_text("<html><h1>wikiHow</h1><p>Welcome</p></html>")
    (tmp_path / "list.csv").write_text("Category,Title,Link\nYouth,Play,x\n")
    lines(row())
    all = found(tmp_path)
    assert all.prompts == ["How to warm tea?", "How to boil water?"]
    assert [(record.id, record.rule) for record in all.dropped if record.rule != "no_steps"] == [
        ("empty.html", "empty_file"),
        ("french.html", "not_english"),
        ("list.csv", "other_file"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.html", b" \n", "is empty"),
        ("a.html", b"<html><body><p>Nothing here", "no article can be used: no_steps took 1"),
        ("a.json", b'[{"title": ', "begins as a JSON list"),
        ("a.jsonl", b"{\n{\n", "2 of 2 lines are not JSON, the first in line 1"),
        ("a.json", b"[" * 200_000, "begins as a JSON list"),
        ("a.csv", b"\x1f\x8b\x08\xff\xfe,\x00\x01", "is packed with gzip"),
        ("a.csv", b"\x07\x1b[1mred,blue\n1,2\n", r"its columns are '\\x07\\x1b\[1mred', blue"),
        ("a.jsonl", '{"title": "Go"}'.encode("utf-16"), "is text in UTF-16; `iconv"),
        ("a.csv", b'title,text\n"How to Go,never closed', "no_steps|no article"),
        ("a.csv", b"title,text\nHow to Go", "no article can be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_says_why(found, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        found(path)


def test_a_control_character_in_json_goes_and_its_step_stays(found, tmp_path, long):
    path = tmp_path / "a.jsonl"
    path.write_text(
        json.dumps({"title": "Warm\0 Water", "steps": [f"Take\0 one. {long}", f"Take two.\x08 {long}"]})
    )
    all = found(path)
    assert all.prompts == ["How to warm water?"]
    assert "1. Take one." in all.answers[0]
    assert "2. Take two." in all.answers[0]


def test_a_row_nested_without_end_is_a_bad_row(found, tmp_path, long):
    path = tmp_path / "a.jsonl"
    good = json.dumps({"title": "Warm Water", "steps": [long, f"Now {long}"]})
    path.write_text(f'{good}\n{{"title": {"[" * 200_000}\n')
    (dropped,) = found(path).dropped
    assert (dropped.id, dropped.rule) == ("a.jsonl:2", "bad_row")


def test_a_row_whose_quotation_mark_is_never_closed_is_left_out_and_told(found, tmp_path, long):
    path = tmp_path / "a.csv"
    steps = "".join(f'How to Warm Water,Step {n}.,"{long}\n{n}"\n' for n in range(3))
    path.write_text(
        f'title,heading,paragraph\n{steps}How to Cool Water,Step 1.,"{long}\nHow to Cool Water,Step 2.,x\n'
    )
    all = found(path)
    assert all.prompts == ["How to warm water?"]
    (dropped,) = all.dropped
    assert (dropped.id, dropped.rule) == ("a.csv:8", "bad_row")
    assert dropped.detail.endswith("is never closed: 2 of 9 lines are left out")
    path.write_text(f'title,heading,paragraph\n{steps}How to Cool Water,"Step 1.\n' + "a,b,c\n" * 30)
    with pytest.raises(
        DataError, match=r"a\.csv:8: .*: 31 of 38 lines are one field; close it, or fetch the file again"
    ):
        found(path)


def test_categories_may_have_long_fields(found, tmp_path, page):
    (tmp_path / "a.html").write_text(page(breadcrumb=""))
    table = tmp_path / "categories.csv"
    table.write_text(f'Category,Title\nHealth,Warm Water\n"{"x" * 200_000}",y\n')
    assert found(tmp_path / "a.html", categories=(InputPath(table),)).counts["communities"] == {"Health": 1}


def test_a_path_that_is_not_there(found, tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        found(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no page"):
        found(tmp_path)


def test_the_top_category_is_one_of_wikihows_nineteen():
    assert len(set(TOP)) == 19
    assert top_of(["Categories", "Cars-and-Other-Vehicles", "Motorcycles"]) == "Cars & Other Vehicles"
    assert top_of(["Categories", "Featured Articles", "youth"]) == "Youth"
    assert top_of(["Categories", "Curly-Hair"]) == "Curly Hair"
    assert top_of(["Home", ""]) == ""


def test_real_pages_give_whole_articles(found, shared_data):
    all = found(shared_data / "wikihow" / "html")
    assert len(all.examples) == 8
    assert not all.dropped
    assert all.counts["communities"] == {
        "Computers and Electronics": 1,
        "Food and Entertaining": 5,
        "Health": 1,
        "Sports and Fitness": 1,
    }
    assert "How to verify your YouTube account?" in all.prompts
    for example in all.examples:
        asked, answer = (turn.text for turn in example.turns)
        assert asked.startswith("How to ")
        assert asked.endswith("?")
        assert example.origin.url.startswith("https://www.wikihow.com/")
        for junk in ("wikiHow", "Research source", "Advertisement", "WH.", "<", "Helpful"):
            assert junk not in answer
        numbers = [int(line.partition(".")[0]) for line in answer.split("\n") if line[:1].isdigit()]
        assert all_in_turn(numbers)


def all_in_turn(numbers):
    return numbers[0] == 1 and all(later in (earlier + 1, 1) for earlier, later in pairwise(numbers))


def test_real_steps_and_methods(found, shared_data):
    steps = found(shared_data / "wikihow" / "wikihow_steps.csv")
    assert len(steps.examples) + len(steps.dropped) == 223
    assert {record.rule for record in steps.dropped} == {"not_a_question"}
    assert not any("Research source" in answer or "Go to source" in answer for answer in steps.answers)
    assert sum(prompt.startswith("How to ") for prompt in steps.prompts) > 210
    methods = found(shared_data / "wikihow" / "wikihow_methods_with_categories.jsonl")
    assert len(methods.examples) + len(methods.dropped) == 24
    assert set(methods.counts["communities"]) <= set(TOP)


def test_real_answers_are_as_long_as_limas(found, shared_data):
    lima = (shared_data / "lima" / "derived_train.jsonl").read_text().splitlines()[600:800]
    theirs = [len(json.loads(line)["conversations"][1]) for line in lima]
    ours = [len(answer) for answer in found(shared_data / "wikihow" / "html").answers]
    assert min(theirs) == 883
    assert 0.7 < (sum(ours) / len(ours)) / (sum(theirs) / len(theirs)) < 1.4
