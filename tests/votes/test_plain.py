"""Tables of verdicts as they come: what is meant is read, and what cannot be a verdict is said with its line."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.votes.read import read
from handful.votes.table import COLUMNS
from handful.votes.words import words

HEAD = "prompt_id,annotator,left,right,choice\n"
ROWS = HEAD + "1,ann,tuned,base,left\n2,ann,base,tuned,tie\n"


@pytest.fixture
def load(tmp_path):
    def load(content, name="votes.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read([path], **options)

    return load


def rows_of(votes):
    """Every verdict in words."""
    places = (votes.prompt, votes.annotator, votes.left, votes.right, votes.choice)
    names = (votes.prompts, votes.annotators, votes.systems, votes.systems, ["left", "right", "tie", "none"])
    return [tuple(n[c] for n, c in zip(names, row, strict=True)) for row in zip(*places, strict=True)]


EXPECTED = [("1", "ann", "tuned", "base", "left"), ("2", "ann", "base", "tuned", "tie")]


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        "\ufeff" + ROWS,
        ROWS.replace("\n", "\r\n"),
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.encode("utf-16"),
        ROWS.upper().replace("TUNED", "tuned").replace("BASE", "base").replace("ANN,", "ann,"),
        "choice,Right,LEFT,Annotator,Prompt ID\nleft,base,tuned,ann,1\nTie , tuned,base,ann,2\n",
        "\n" + ROWS.replace("2,ann", "\n2,ann") + "\n\n",
        '"prompt_id","annotator","left","right","choice"\n"1","ann","tuned","base","left"\n2,ann,base,tuned,tie',
        "note," + ROWS.replace("\n1,", '\n"two\nlines, quoted",1,').replace("\n2,", "\n,2,"),
    ],
    ids=[
        "plain",
        "bom",
        "crlf",
        "semicolons",
        "tabs",
        "utf-16",
        "upper case",
        "order",
        "blank",
        "quoted",
        "breaks",
    ],
)
def test_spreadsheets_are_read(load, content):
    assert rows_of(load(content)) == EXPECTED


def test_gzip_json_lines_and_one_json_array_are_read(load):
    records = [dict(zip(COLUMNS, row, strict=False)) for row in EXPECTED]
    records[0]["prompt_id"], records[1]["prompt_id"] = 1, 2.0
    assert rows_of(load(gzip.compress(ROWS.encode()), "votes.csv.gz")) == EXPECTED
    assert rows_of(load("\n".join(map(json.dumps, records)), "votes.jsonl")) == EXPECTED
    assert rows_of(load(json.dumps(records, indent=1), "votes.json")) == EXPECTED


def test_several_files_count_as_one(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(ROWS)
    assert rows_of(read([tmp_path / "a.csv", tmp_path / "b.csv"])) == EXPECTED * 2


@pytest.mark.parametrize(
    ("row", "where", "why"),
    [
        ("3,ann,tuned,base", 4, "has 4 fields, and the header 5"),
        ("3,ann,tuned,base,left,left", 4, "has 6 fields, and the header 5"),
        (" ,ann,tuned,base,left", 4, "prompt_id is empty"),
        ("3,,tuned,base,left", 4, "annotator is empty"),
        ("3,ann,tuned,,left", 4, "right is empty"),
        ("3,ann,tuned,base,", 4, "choice is empty"),
        ("3,ann,tuned,base,lfet", 4, "did you mean 'left'?"),
    ],
)
def test_a_row_that_is_no_verdict_is_refused_with_its_line_or_counted(load, row, where, why):
    with pytest.raises(DataError) as error:
        load(ROWS + row + "\n")
    assert f"votes.csv:{where}: " in str(error.value)
    assert why in str(error.value)
    assert "--skip-bad" in str(error.value)
    votes = load(ROWS + row + "\n", skip_bad=True)
    assert rows_of(votes) == EXPECTED
    assert sum(votes.skipped.values()) == 1


def test_a_row_is_named_by_its_first_line_where_it_has_several(load):
    with pytest.raises(DataError, match=r"votes\.csv:4: annotator is empty"):
        load(HEAD + '"a\nb",ann,x,y,left\n"c\nd",,x,y,left\n')


@pytest.mark.parametrize("weight", ["heavy", "-1", "nan", "inf"])
def test_a_weight_must_be_a_number_from_0_on(load, weight):
    with pytest.raises(DataError, match=r":2: weight is "):
        load(f"{HEAD[:-1]},weight\n1,ann,x,y,left,{weight}\n")


def test_a_missing_column_is_named_with_the_nearest_and_what_to_type(load):
    renamed = ROWS.replace("annotator", "annotater")
    with pytest.raises(DataError) as error:
        load(renamed)
    assert "has no column 'annotator'; its columns are prompt_id, annotater" in str(error.value)
    assert "--column annotator=annotater" in str(error.value)
    assert rows_of(load(renamed, columns={"annotator": "annotater"})) == EXPECTED
    with pytest.raises(DataError, match="has no column 'worker'"):
        load(renamed, columns={"annotator": "worker"})
    with pytest.raises(DataError, match="has the column 'left' twice"):
        load(ROWS.replace("right,choice", "left,choice"))


@pytest.mark.parametrize(
    ("said", "preset", "mapping", "hint"),
    [
        (["A", "B", "C"], "letters", "left=A,right=B,tie=C", "--words letters"),
        (["model_a", "model_b", "tie"], "models", "left=model_a,right=model_b,tie=tie", "--words models"),
        (["1", "2", "0"], "numbers", "left=1,right=2,tie=0", "--words numbers"),
        (["win", "lose", "draw"], "outcomes", "left=win,right=lose,tie=draw", "--words outcomes"),
        (["x", "y", "tie"], "names", "left=x,right=y,tie=tie", "--words names may be meant"),
        (
            ["gauche", "droite", "nul"],
            "",
            "left=gauche,right=droite,tie=nul",
            "--map WHICH=gauche,WHICH=droite,WHICH=nul, with left, right, tie or unreadable for each WHICH",
        ),
    ],
)
def test_other_words_are_refused_until_they_are_explained(load, said, preset, mapping, hint):
    content = HEAD + "".join(f"{place},ann,x,y,{word}\n" for place, word in enumerate(said))
    with pytest.raises(DataError) as error:
        load(content)
    assert hint in str(error.value)
    with pytest.raises(DataError, match="left, right, tie"):
        load(content.replace(",tie\n", ",nothing\n"), skip_bad=True)  # nothing is left to count
    for vocabulary in [words(mapping=[mapping]), *([words(preset)] if preset else [])]:
        assert [row[-1] for row in rows_of(load(content, vocabulary=vocabulary))] == ["left", "right", "tie"]


@pytest.mark.parametrize(
    ("mapping", "why"),
    [("A", "is not like left=A"), ("up=A", "is not like left=A"), ("left=A,right=a", "two meanings")],
)
def test_a_mapping_that_says_nothing_is_refused(mapping, why):
    with pytest.raises(DataError, match=why):
        words(mapping=[mapping])


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        ("", "votes.csv", "is empty"),
        ("\n \n", "votes.csv", "is empty"),
        (HEAD, "votes.csv", "holds no verdict"),
        (b"\xff\x00\x81" + ROWS.encode(), "votes.csv", "is not UTF-8"),
        (ROWS.encode() + b"3,\xe9,x,y,left\n", "votes.csv", "is not UTF-8"),
        (HEAD + '1,"ann,x,y,left\n', "votes.csv", "unexpected end of data"),
        ('{"prompt_id": 1', "votes.jsonl", r":1: is not JSON"),
        (
            '{"prompt_id": 1}\n',
            "votes.jsonl",
            "has no columns 'annotator', 'left', 'right' and 'choice'; its",
        ),
        ("[1, 2]", "votes.json", ":1: is not an object"),
        (b"not gzip", "votes.csv.gz", "is not whole gzip"),
        (gzip.compress(ROWS.encode() * 900, mtime=0)[:-40], "votes.csv.gz", "is not whole gzip"),
        ('[{"generator_1": 1, "generator_2": 2, "preference": 1}]', "a.json", "add --format alpaca_eval"),
    ],
)
def test_what_is_no_table_is_said(load, content, name, why):
    with pytest.raises(DataError, match=why):
        load(content, name)


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read([tmp_path / "none.csv"])
    with pytest.raises(DataError, match="is a folder"):
        read([tmp_path])


names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1).filter(
    str.strip
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names, names, names, st.sampled_from(["left", "right", "tie"])), min_size=1))
def test_any_names_come_back(tmp_path_factory, rows):
    import csv

    path = tmp_path_factory.mktemp("names") / "votes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS[:5], *rows])
    assert rows_of(read([path])) == [tuple(cell.strip() for cell in row) for row in rows]
