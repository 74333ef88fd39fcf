"""Articles from CSV: rows that are steps, and the two files of Koupaee and Wang with all their quirks."""

import csv

import pytest

from handful.core.errors import DataError
from handful.sources.wikihow import assemble


@pytest.fixture
def table(tmp_path):
    def write(columns, *rows, name="steps.csv", quoting=csv.QUOTE_ALL):
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=quoting).writerows([columns.split(","), *rows] if columns else rows)
        return path

    return write


def test_rows_of_one_title_are_one_article_with_numbered_steps(found, table, long):
    path = table(
        "title,heading,paragraph",
        ("3 Ways to Warm Tea - wikiHow", "Boil it.", f"Boil it. {long}[1] X Research source"),
        ("3 Ways to Warm Tea - wikiHow", "Wait", long),
    )
    all = found(path)
    assert all.prompts == ["How to warm tea?"]
    assert all.answers == [f"1. Boil it. {long.strip()}\n2. Wait. {long.strip()}"]
    origin = all.examples[0].origin
    assert (origin.community, origin.url) == ("steps", "https://www.wikihow.com/Warm-Tea")
    assert (origin.author, origin.license) == ("wikiHow contributors", "CC BY-NC-SA 3.0")
    assert all.examples[0].score is None


def test_an_article_that_a_file_has_twice_is_read_once(found, table, long):
    rows = [("Warm Tea", "Boil it.", f"Boil it. {long}"), ("Warm Tea", "Wait.", f"Wait. {long}")]
    all = found(
        table(
            "title,heading,paragraph", *rows, ("Boil Eggs", "Boil.", long), ("Boil Eggs", "Eat.", long), *rows
        )
    )
    assert all.answers[1].count("\n2.") == 1
    assert all.counts["repeated_steps"] == 2


def test_a_file_without_a_header_is_known_by_its_titles(found, table, long):
    rows = [("How to Warm Tea - wikiHow", "Boil it.", long), ("How to Warm Tea - wikiHow", "Wait.", long)]
    assert found(table("", *rows)).prompts == ["How to warm tea?"]


SEP = "overview,headline,text,sectionLabel,title"


def test_sep_has_a_row_a_step_with_introduction_and_section(found, table, long):
    intro = "\n\tThis article shows how.\n"
    all = found(
        table(
            SEP,
            (intro, "\nBoil it.", f" {long};\n", "On a Stove", "How to Warm Tea"),
            (intro, "\nPour it.", f" {long}", "On a Stove", "How to Warm Tea"),
            (intro, "\nTurn it on.", f" {long}", "Method 2 of 2: With a Kettle", "How to Warm Tea"),
        )
    )
    step = long.strip()
    assert all.answers == [
        f"The following answer shows how.\n\n## On a Stove\n\n1. Boil it. {step}\n2. Pour it. {step}\n\n"
        f"## With a Kettle\n\n1. Turn it on. {step}"
    ]


def test_the_section_steps_needs_no_heading_and_bullets_are_set_in(found, table, long):
    text = f" {long}Some are:\n\n\nA pot .\nA pan.;\n"
    rows = [
        ("", "\nBoil.", text, "Steps", "How to Warm Tea"),
        ("", "\nWait.", long, "Steps", "How to Warm Tea"),
    ]
    answer = found(table(SEP, *rows)).answers[0]
    assert answer.startswith(f"1. Boil. {long}Some are:\n   - A pot .\n   - A pan.\n2. Wait. ")


ALL = "headline,title,text"
TWO_HEADS = "\r\nBoil it.,\r\nPour it."


def joint(*texts):
    return ";\n, ".join(texts[:2]) if len(texts) == 2 else "\n\n, ".join(texts)


def test_all_has_a_row_a_method_and_its_headlines_meet_their_texts(found, table, long):
    all = found(table(ALL, (TWO_HEADS, "How to Warm Tea", joint(long, long))))
    assert all.answers == [f"1. Boil it. {long.strip()}\n2. Pour it. {long.strip()}"]


def test_methods_of_one_article_are_found_by_the_number_behind_its_title(found, table, long):
    all = found(
        table(
            ALL,
            (TWO_HEADS, "How to Warm Tea2", joint(long, f"{long}Two.")),
            (TWO_HEADS, "How to Boil Eggs", joint(long, long)),
            (TWO_HEADS, "How to Warm Tea1", joint(long, f"{long}One.")),
        )
    )
    assert sorted(all.prompts) == ["How to boil eggs?", "How to warm tea?"]
    answer = all.answers[all.prompts.index("How to warm tea?")]
    first, second = answer.index("## Method 1"), answer.index("## Method 2")
    assert first < answer.index("One.") < second < answer.index("Two.")


def test_texts_that_do_not_match_their_headlines_stand_below_them(found, table, long):
    all = found(table(ALL, (TWO_HEADS, "How to Warm Tea", long + "\n\n, " + long + "\n\n, " + long)))
    text = long.strip()
    assert all.answers == [f"1. Boil it.\n2. Pour it.\n\n{text}\n\n{text}\n\n{text}"]


@pytest.mark.parametrize(
    ("titles", "title", "base", "number"),
    [
        ("Artist1 Artist2", "Artist2", "Artist", 2),
        ("Artist3", "Artist3", "Artist", 3),
        ("iOS@61 iOS@62", "iOS@61", "iOS@6", 1),
        ("iOS@11 iOS@12", "iOS@11", "iOS@11", 0),
        ("Windows@7", "Windows@7", "Windows@7", 0),
        ("Word@2011 Word@2012", "Word@2012", "Word@2012", 0),
        ("PS3", "PS3", "PS3", 0),
        ("Job1 Job2 Job12", "Job12", "Job", 12),
    ],
)
def test_a_number_at_the_end_is_a_method_only_if_it_can_be(titles, title, base, number):
    known = assemble.Counter(name.replace("@", " ") for name in titles.split())
    assert assemble.split_number(title.replace("@", " "), known) == (base.replace("@", " "), number)


def test_a_large_file_is_read_twice_to_the_same_end(found, table, long, monkeypatch):
    rows = [(TWO_HEADS, f"How to Warm Tea{number}", joint(long, long + str(number))) for number in (2, 1)]
    path = table(ALL, *rows, (TWO_HEADS, "How to Boil Eggs", joint(long, long)))
    once = found(path).records
    monkeypatch.setattr(assemble, "HELD_WHOLE", 0)
    assert found(path).records == once


def test_a_table_gives_the_category_of_a_title(found, table, long):
    path = table(
        ALL, *[(TWO_HEADS, f"How to {name}", joint(long, long)) for name in ("Warm Tea", "Boil Eggs")]
    )
    known = table(
        "Category,Title,Link",
        ("Hot-Drinks", "Warm Tea", ""),
        ("Food-and-Entertaining", "Make Warm Tea Fast", "https://www.wikihow.com/Warm-Tea"),
        name="categories.csv",
    )
    all = found(path, categories=(str(known),))
    assert [e.origin.community for e in all.examples] == ["Food and Entertaining", "steps"]


@pytest.mark.parametrize("missing", ["nowhere.csv", "bad.csv"])
def test_a_table_of_categories_that_cannot_be_used_is_named(found, table, long, tmp_path, missing):
    path = table(ALL, (TWO_HEADS, "How to Warm Tea", joint(long, long)))
    (tmp_path / "bad.csv").write_bytes(b"Name,Link\na,b\n")
    with pytest.raises(DataError, match=missing):
        found(path, categories=(str(tmp_path / missing),))


def test_columns_that_are_of_another_kind_are_refused_by_name(found, table):
    path = table("Category,Title,Link", ("Health", "Rest", "https://www.wikihow.com/Rest"))
    with pytest.raises(DataError, match=r"Category, Title, Link.*categories = "):
        found(path)
