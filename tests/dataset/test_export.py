"""From a dump's row to a folder that `datasets` loads: every format, every row, and whom to credit."""

import csv
import json

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from handful import STAGES, execute, load, plan
from handful.core import jsonl
from handful.core.errors import CorruptFolder, DataError
from handful.core.types import Candidate, Example, Prompt
from handful.dataset.export import export
from handful.dataset.layouts import LAYOUTS

RECIPE = """
name = "small"
[sources.other]
kind = "stackexchange"
paths = ["dump/cooking.stackexchange.com/Posts.xml"]
[sources.chat]
kind = "messages"
paths = ["chat.jsonl"]
license = "CC BY-NC-SA 3.0"
[sources.asked]
kind = "messages"
paths = ["asked.jsonl"]
split = "test"
[clean]
min_chars = 20
[select]
quota = { other = 1 }
title_probability = 0.0
"""
QUESTION = (
    '  <row Id="7" PostTypeId="1" CreationDate="2019-03-01T10:00:00.000" Score="30" '
    'Body="&lt;p&gt;The rice sticks to the pot.&lt;/p&gt;" OwnerUserId="3" Title="How is rice kept loose?" '
    'Tags="&lt;rice&gt;&lt;pot&gt;" AnswerCount="1" ContentLicense="CC BY-SA 4.0" />\r\n'
)
ANSWER = (
    '  <row Id="8" PostTypeId="2" ParentId="7" CreationDate="2019-03-02T10:00:00.000" Score="12" '
    'Body="&lt;p&gt;Rinse it until the water is clear, and &lt;b&gt;fry&lt;/b&gt; it in &amp;quot;ghee&amp;quot;.'
    '&lt;/p&gt;" OwnerUserId="4" ContentLicense="CC BY-SA 4.0" />\r\n'
)
ROW = {
    "source": "other",
    "community": "cooking.stackexchange.com",
    "title": "How is rice kept loose?",
    "url": "https://cooking.stackexchange.com/a/8",
    "license": "CC BY-SA 4.0",
}
ASKED = "The rice sticks to the pot."
REPLIED = 'Rinse it until the water is clear, and fry it in "ghee".'
MANY_TURNS = [
    "Why is the sky blue?",
    "It scatters.",
    "And at dusk?\u2028\u0000",
    "The way is longer.\r\n\r\n\tSo.",
]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """A finished run: one row of a dump, one dialogue of four turns, one of two, one prompt."""
    folder = tmp_path_factory.mktemp("run")
    site = folder / "dump/cooking.stackexchange.com"
    site.mkdir(parents=True)
    posts = f'\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n{QUESTION}{ANSWER}</posts>'
    (site / "Posts.xml").write_text(posts, encoding="utf-8", newline="")
    rows = [
        {"conversations": MANY_TURNS, "author": "Ann, B."},
        {"conversations": ["How are kites made?", "Of sticks."]},
    ]
    (folder / "chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "asked.jsonl").write_text(json.dumps({"conversations": "Who was first?"}) + "\n")
    (folder / "small.toml").write_text(RECIPE)
    made = plan(STAGES, load(folder / "small.toml"), folder / "work")
    execute(made, folder / "work")
    return {step.label: step.folder for step in made}


@pytest.fixture
def exported(steps, tmp_path):
    def exported(format, name="out"):
        export(steps["dataset"], tmp_path / name, format)
        return tmp_path / name

    return exported


def loaded(folder, tmp_path):
    return load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize("format", LAYOUTS)
def test_datasets_loads_every_row_split_and_column_as_it_is(steps, exported, tmp_path, format):
    layout = LAYOUTS[format]
    found = loaded(exported(format), tmp_path)
    expected = {
        split: [layout.row(record) for record in jsonl.read(steps["dataset"] / f"{split}.jsonl", kind)]
        for split, kind in (("train", Example), ("test", Prompt))
    }
    assert {split: rows.to_list() for split, rows in found.items()} == expected
    assert {tuple(rows.column_names) for rows in found.values()} == {tuple(layout.columns)}
    assert [len(rows) for rows in expected.values()] == [3, 1]


@pytest.mark.parametrize("format", ["messages", "parquet", "alpaca"])
def test_a_row_of_a_dump_keeps_its_address_author_and_licence(exported, tmp_path, format):
    (row,) = [row for row in loaded(exported(format), tmp_path)["train"] if row["source"] == "other"]
    assert {name: row[name] for name in ROW} == ROW
    assert "https://cooking.stackexchange.com/users/4" in row["author"]
    assert "https://cooking.stackexchange.com/users/3" in row["author"]
    assert row["tags"] == ["prompt=body", "tag=rice", "tag=pot"]
    assert {ASKED, REPLIED} <= set(map(str, (row.get("instruction"), row.get("output")))) or row[
        "messages"
    ] == [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": REPLIED},
    ]


@pytest.mark.parametrize("format", LAYOUTS)
def test_attribution_names_title_address_author_and_licence_of_each_row(exported, format):
    folder = exported(format)
    with (folder / "ATTRIBUTION.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["split"], row["row"]) for row in rows] == [
        ("train", "1"),
        ("train", "2"),
        ("train", "3"),
        ("test", "1"),
    ]
    (row,) = [row for row in rows if row["source"] == "other"]
    assert {name: row[name] for name in ROW} == ROW
    assert "users/4" in row["author"]
    if format == "conversations":  # its rows hold no credit: it is found by split and row
        line = (folder / "train.jsonl").read_text(encoding="utf-8").split("\n")[int(row["row"]) - 1]
        assert json.loads(line) == {"conversations": [ASKED, REPLIED], "source": "stackexchange"}


def test_the_releases_format_has_its_two_fields_and_one_text_for_a_prompt(exported):
    folder = exported("conversations")
    assert sorted(path.name for path in folder.iterdir()) == [
        "ATTRIBUTION.csv",
        "README.md",
        "test.jsonl",
        "train.jsonl",
    ]
    assert json.loads((folder / "test.jsonl").read_text()) == {
        "conversations": ["Who was first?"],
        "source": "asked",
    }
    train = [json.loads(line) for line in (folder / "train.jsonl").read_text().split("\n") if line]
    assert MANY_TURNS in [row["conversations"] for row in train]


@pytest.mark.parametrize("format", LAYOUTS)
def test_the_card_says_what_the_rows_hold_and_which_licences_there_are(exported, format):
    folder = exported(format)
    card = DatasetCard.load(folder / "README.md")
    assert card.data.license == ["cc-by-nc-sa-3.0", "cc-by-sa-4.0"]  # the prompt that states none is in words
    assert [entry["path"] for entry in card.data.configs[0]["data_files"]] == [
        f"train.{LAYOUTS[format].suffix}",
        f"test.{LAYOUTS[format].suffix}",
    ]
    for line in (
        LAYOUTS[format].words,
        "2 dialogues to train on may only be used non-commercially",
        "3 dialogues to train on may, once changed, only be passed on under the same licence (ShareAlike)",
        "Held out, in dev and test:\n\n- 1 dialogue states no licence",
        "| licence | train | test |",
        "| not stated | 0 | 1 |",
        "| train | other | 1 | 2 | 27 / 27 | 6 / 6 | 56 / 56 | 12 / 12 | 200 examples, 119 / 530 tokens |",
        "`ATTRIBUTION.csv` names the title, the address, the author",
    ):
        assert line in card.text
    assert "`attribution.csv`" not in card.text


@pytest.mark.parametrize("format", LAYOUTS)
def test_an_export_makes_the_same_bytes_again(exported, format):
    one, two = exported(format, "one"), exported(format, "two")
    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in two.iterdir()}


def test_the_folder_of_the_stage_can_be_loaded_as_it_is(steps, tmp_path):
    train = loaded(steps["dataset"], tmp_path)["train"].to_list()
    (row,) = [row for row in train if row["origin"]["source"] == "other"]
    assert row["turns"][1] == {"role": "assistant", "text": REPLIED}
    assert row["origin"]["title"] == ROW["title"]


def test_clean_gives_all_candidates_and_examples_as_parquet(steps, tmp_path):
    assert export(steps["clean"], tmp_path / "out") == {"candidates": 3}
    rows = pq.read_table(tmp_path / "out/candidates.parquet").to_pylist()
    (candidate,) = jsonl.read(steps["clean"] / "candidates.jsonl", Candidate)
    assert rows[0] | ROW == rows[0]
    assert (rows[0]["id"], rows[0]["body"], rows[0]["answer"]) == (candidate.id, ASKED, REPLIED)
    assert (rows[0]["question_score"], rows[0]["answer_score"], rows[0]["tags"]) == (30, 12, ["rice", "pot"])
    assert [turn["content"] for turn in rows[1]["messages"]] == MANY_TURNS
    assert loaded(tmp_path / "out", tmp_path)["train"].to_list() == rows
    card = DatasetCard.load(tmp_path / "out/README.md")
    assert card.data.license == ["cc-by-nc-sa-3.0", "cc-by-sa-4.0"]
    assert "| too_short | the answer is shorter than 20 characters | 0 | 3 |" in card.text


def test_a_source_gives_its_candidates_as_the_dump_has_them(steps, tmp_path):
    assert export(steps["sources/other"], tmp_path / "out", "parquet") == {"candidates": 1}
    assert pq.read_table(tmp_path / "out/candidates.parquet")["body"].to_pylist() == [f"<p>{ASKED}</p>"]
    assert "HTML where that is HTML" in (tmp_path / "out/README.md").read_text()


def test_a_folder_that_holds_something_is_replaced_only_if_asked_and_if_it_is_an_export(steps, tmp_path):
    out = tmp_path / "out"
    out.mkdir()  # empty: free
    export(steps["dataset"], out, "parquet")
    with pytest.raises(DataError, match=r"out: is not empty; .*--overwrite"):
        export(steps["dataset"], out)
    export(steps["dataset"], out, "messages", overwrite=True)
    assert not list(out.glob("*.parquet"))
    (out / "thesis.tex").write_text("Chapter 1")
    with pytest.raises(DataError, match="which is not of an export and would be lost"):
        export(steps["dataset"], out, overwrite=True)
    assert (out / "train.jsonl").exists()


def test_an_export_that_fails_leaves_the_one_before_as_it_was(steps, tmp_path):
    export(steps["clean"], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(DataError, match="there is nothing to export"):
        export(steps["sources/asked"], tmp_path / "out", overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("source", "to", "format", "error"),
    [
        ("select", "out", "", "is a folder of select; export takes one of dataset, or of clean"),
        ("clean", "out", "alpaca", "come as Parquet only: --format parquet"),
        ("sources/asked", "out", "", "holds no candidate and no example"),
        ("dataset", "run/inside", "", "which is finished; name a folder outside it"),
        ("dataset", "file", "", "is a file; name a folder"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(steps, tmp_path, source, to, format, error):
    (tmp_path / "file").write_text("x")
    target = steps["dataset"] / "inside" if to.startswith("run") else tmp_path / to
    with pytest.raises(DataError, match=error):
        export(steps[source], target, format)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not (steps["dataset"] / "inside").exists()


def test_an_unfinished_or_damaged_folder_is_refused(steps, tmp_path):
    with pytest.raises(CorruptFolder, match="not a finished folder"):
        export(tmp_path, tmp_path.parent / "out")
    copy = tmp_path / "copied" / steps["dataset"].name
    copy.mkdir(parents=True)
    for path in steps["dataset"].iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "train.jsonl").write_bytes(b"")
    with pytest.raises(CorruptFolder, match=r"train\.jsonl differs"):
        export(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_killed_export_left_is_no_obstacle(steps, tmp_path):
    left = tmp_path / ".out.partial"
    left.mkdir()
    (left / "train.jsonl").write_text('{"half')
    export(steps["dataset"], tmp_path / "out", "parquet")
    assert not left.exists()
    assert not (tmp_path / "out/train.jsonl").exists()
