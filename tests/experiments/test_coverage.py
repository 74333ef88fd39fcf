"""`handful authored`: what breaks a rule of the set, what is counted, and what the command says of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from handful.cli.main import cli
from handful.core.errors import DataError
from handful.core.types import Turn
from handful.experiments.authored_set import findings, openings, read_given, read_set
from handful.experiments.coverage import SHAPES, counts, distances, layouts, lengths
from handful.experiments.covered import numbers, page

HEADER = (
    "---\nsplit: {split}\nkind: plain\ntopic: {topic}\nform: explain\nauthor: A\nlicense: CC BY 4.0\n---\n"
)
ASKED = {
    "tides": "Why do tides come twice a day, and not once?",
    "bread": "Explain how yeast lifts a loaf of rye bread.",
    "chess": "When is a rook worth more than two bishops?",
}
ANSWERS = {
    name: f"{asked[:-1]} has one reason. " + f"More of {name} follows. " * 15 for name, asked in ASKED.items()
}


def write(folder, name, asked, answer="", split="train", topic="science"):
    (folder / split).mkdir(parents=True, exist_ok=True)
    text = HEADER.format(split=split, topic=topic) + f"## User\n\n{asked}\n"
    text += f"\n## Assistant\n\n{answer.strip()}\n" if answer else ""
    (folder / split / f"{name}.md").write_text(text)


@pytest.fixture
def folder(tmp_path):
    for name in ("tides", "bread"):
        write(tmp_path, name, ASKED[name], ANSWERS[name])
    write(tmp_path, "chess", ASKED["chess"], split="test", topic="games")
    return tmp_path


def found(folder, given=()):
    return {(Path(each.file).stem, each.rule) for each in findings(read_set(folder), given)}


def test_a_good_set_breaks_no_rule(folder):
    assert found(folder) == set()


def test_what_stands_twice_or_nearly_twice_is_named(folder):
    write(folder, "tides-again", ASKED["tides"].upper(), ANSWERS["tides"])
    assert found(folder) == {("tides", "same_prompt"), ("tides-again", "near_duplicate")}, "each pair once"


def test_training_on_a_test_prompt_is_named(folder):
    write(folder, "rooks", ASKED["chess"], ANSWERS["chess"])
    assert ("rooks", "test_overlap") in found(folder)


def test_a_name_stands_in_one_split_only(folder):
    write(folder, "chess", "Do rooks or bishops count more in an end game?", ANSWERS["chess"])
    assert ("chess", "name") in found(folder)


def test_many_answers_that_open_alike_are_named(folder):
    for number in range(4):
        write(folder, f"x{number}", f"Subject {number}?", f"Subject matter {number} is here.", split="dev")
    (one,) = openings(read_set(folder))
    assert one.words.startswith("4 answers begin with 'subject matter', and 3 may: x0, x1, x2, x3")


def test_what_stands_in_another_file_is_named_with_its_row(folder, tmp_path):
    other = tmp_path / "other.jsonl"
    rows = [
        {"conversations": ["Who?", "He."]},
        {"conversations": ["Why do tides come twice a day, not once?", "So."]},
    ]
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = read_given(other)
    told = [each for each in findings(read_set(folder), [given]) if each.rule == "elsewhere"]
    assert [each.file for each in told] == [str(folder / "train/tides.md")]
    assert "row 2 of other.jsonl" in told[0].words


def test_rows_of_a_file_are_counted_from_one_and_both_ends_are_taken(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"conversations": [f"Q{n}", "A"]}) + "\n" for n in range(1, 6)))
    given = read_given(path, (2, 4))
    assert given.prompts() == ["Q2", "Q3", "Q4"]
    assert given.dialogues[0] == (Turn("user", "Q2"), Turn("assistant", "A"))
    with pytest.raises(DataError, match="none of its rows 6 to 9 is a dialogue"):
        read_given(path, (6, 9))


def test_counts_and_lengths_are_those_of_the_files(folder):
    pieces = read_set(folder)
    assert counts(pieces, "topic") == {"train": {"science": 2}, "test": {"games": 1}}
    by = {(each.group, each.side): each for each in lengths(pieces, tokens=len)}
    assert by["train", "in"].words.estimate == (10 + 9) / 2
    assert by["train", "in"].tokens.estimate == (len(ASKED["tides"]) + len(ASKED["bread"])) / 2
    assert ("test", "out") not in by
    assert by["train", "in"].words.n == 2
    assert (by["train", "in"].words.low, by["train", "in"].words.high) == (None, None)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("One.\n\nTwo.", "prose"),
        ("So:\n\n1. a\n2. b", "steps"),
        ("So:\n\n- a\n- b", "bullets"),
        ("So:\n\n| a |\n|---|", "table"),
        ("So:\n\n```\n1. a\n```", "code"),
        ("So:\n\n- only one", "prose"),
        ("In 1999. a\nb", "prose"),
    ],
)
def test_a_layout_is_told_by_its_marks(text, layout):
    assert next(name for name, fits in SHAPES.items() if fits(text)) == layout


def test_layouts_and_distances_cover_what_is_there(folder):
    pieces = read_set(folder)
    assert layouts(pieces)["prose"] == 2
    assert {(each.of, each.what, each.spread.n) for each in distances(pieces)} == {
        ("train", "prompts", 2),
        ("train", "answers", 2),
        ("test to train", "prompts", 1),
    }


def test_the_page_says_what_the_numbers_say(folder):
    pieces = read_set(folder)
    told = page(numbers(pieces, findings(pieces)))
    assert "| plain | 2 | 1 | 3 |" in told
    assert "Topics: 2 (1 in train, 1 in test). science 2, games 1." in told
    assert "Tokens were not counted." in told


def run(*words):
    return CliRunner().invoke(cli, ["authored", *map(str, words), "--model", ""])


def test_the_command_prints_tables_or_json(folder):
    told = run(folder)
    assert (told.exit_code, told.stderr) == (0, "")
    assert "| explain | 2 | 1 | 3 |" in told.stdout
    assert json.loads(run(folder, "--json").stdout)["files"] == 3


def test_a_broken_rule_is_named_and_the_command_fails(folder):
    write(folder, "rooks", "Why do rooks move straight?", "Sure! " + ANSWERS["chess"])
    told = run(folder)
    assert told.exit_code == 1
    assert f"{folder / 'train/rooks.md'}: opens_with_sentence: begins with a greeting" in told.stderr
    assert "error: 1 of 4 files break a rule" in told.stderr


def test_files_that_cannot_be_read_are_all_named_with_what_the_others_break(folder):
    for name, text in (("a", "split: train\n"), ("b", "---\nsplit: tran\ntopics: x\n---\n")):
        (folder / "dev").mkdir(exist_ok=True)
        (folder / "dev" / f"{name}.md").write_text(text)
    write(folder, "rooks", "Why do rooks move straight?", "Sure! " + ANSWERS["chess"])
    told = run(folder)
    assert told.exit_code == 1
    read, broken = told.stderr.splitlines()[:4], told.stderr.splitlines()[4:]
    assert read == [
        "error: 2 of 6 files cannot be read as authored examples:",
        f"{folder}/dev/a.md:1: has no front matter; the first line must be ---, then lines as in `split: train`",
        f"{folder}/dev/b.md:2: split must be one of train, dev, test, found 'tran'",
        f"{folder}/dev/b.md:3: no key 'topics'; did you mean 'topic'?",
    ]
    assert broken[0].startswith(f"{folder}/train/rooks.md: opens_with_sentence: begins with a greeting")


def test_what_a_user_can_get_wrong_is_one_line(folder, tmp_path):
    (folder / "train" / "bad.md").write_text("split: train\n")
    (tmp_path / "none").mkdir()
    for words, code, message in [
        ([folder], 1, r"bad.md:1: has no front matter"),
        ([tmp_path / "none"], 1, "none: holds no *.md file"),
        ([tmp_path / "nowhere"], 1, "nowhere: no such folder"),
        ([folder, "--rows", "1:2"], 2, "--rows says which rows of --beside to take"),
        ([folder, "--beside", "x.jsonl", "--rows", "9:2"], 2, "--rows 9:2: expected FIRST:LAST, as 401:600"),
        ([folder / "test", "--beside", "x.jsonl"], 1, "x.jsonl: no such file"),
    ]:
        told = run(*words)
        assert told.exit_code == code
        assert message in told.stderr
        assert "Traceback" not in told.stderr
