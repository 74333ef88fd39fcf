"""Rows that are no verdicts: each reason with its count and a place, and no figure that counts them."""

import pytest

from handful.core.errors import DataError
from handful.votes.read import read
from handful.votes.summary import tally
from handful.votes.words import words

HEAD = "prompt_id,annotator,left,right,choice\n"


@pytest.fixture
def load(tmp_path):
    def load(*rows, **options):
        path = tmp_path / "votes.csv"
        path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
        return read([path], **options)

    return load


GOOD = [f"{n},ann,x,y,left" for n in range(6)]


def test_reasons_are_counted_with_their_first_place(load, tmp_path, quick):
    votes = load(*GOOD, "7,bob,x", "8,bob,x", "9,,x,y,left", "10,bob,x,z,lfet", skip_bad=True)
    found = tally(votes, quick).counts
    path = tmp_path / "votes.csv"
    assert found.skipped == {
        "has 3 fields, and the header 5": 2,
        "annotator is empty": 1,
        "choice is 'lfet'": 1,
    }
    assert found.skipped_examples == {
        "has 3 fields, and the header 5": f"{path}:8",
        "annotator is empty": f"{path}:10",
        "choice is 'lfet'": f"{path}:11",
    }


def test_names_that_only_stand_in_rows_left_out_are_not_counted(load, quick):
    votes = load("p0,zoe,new,x,oops", *GOOD, "9,bob,z,y,oops", "9,bob,z,,left", skip_bad=True)
    assert (votes.prompts, votes.annotators, votes.systems) == (list("012345"), ["ann"], ["x", "y"])
    assert [votes.systems[code] for code in (votes.left[0], votes.right[0])] == ["x", "y"]
    found = tally(votes, quick).counts
    assert (found.verdicts, found.prompts, found.annotators, found.systems) == (6, 6, 1, 2)


def test_another_vocabulary_is_no_dirt(load):
    with pytest.raises(DataError, match="another vocabulary rather than bad rows") as error:
        load("1,ann,x,y,A", "2,ann,x,y,B", "3,ann,x,y,C", "4,ann,x,y,tie", skip_bad=True)
    assert "--words letters may be meant" in str(error.value)
    assert "read: 'tie' as tie (1 row)" in str(error.value)


@pytest.mark.parametrize("row", ["1,ann,x,y,left,why", "1,,x,y,left"])
def test_nor_is_any_other_fault_of_most_rows(load, row):
    with pytest.raises(DataError, match=r"votes\.csv:2: .*and so with 7 of the file's 13 rows"):
        load(*[row] * 7, *GOOD, skip_bad=True)
    assert len(load(*[row] * 6, *GOOD, skip_bad=True)) == 6


def test_rows_that_nobody_judged_may_be_most(load):
    assert load(*["1,ann,x,y,"] * 20, *GOOD, skip_bad=True).skipped == {"choice is empty": 20}


def test_no_word_is_ever_given_another_meaning(load):
    """The word for a tie stands among letters that are known: it is never offered as left."""
    rows = ["1,ann,x,y,A", "2,ann,x,y,B", "3,ann,x,y,draw", "4,ann,x,y,same"]
    with pytest.raises(DataError) as error:
        load(*rows, vocabulary=words("letters"))
    said = str(error.value)
    assert "'draw' (1 row), 'same' (1 row)" in said
    assert "read: 'A' as left (1 row), 'B' as right (1 row)" in said
    assert "--map left=A,right=B,tie=draw,WHICH=same, with left, right, tie or unreadable" in said


def test_the_template_is_ready_for_a_shell(load):
    with pytest.raises(DataError, match=r"--map 'WHICH=left one,WHICH=it.*s B'"):
        load("1,ann,x,y,left one", "2,ann,x,y,it's B")


# --- several files


def files(tmp_path, *contents):
    paths = []
    for place, rows in enumerate(contents):
        paths.append(tmp_path / f"{place}.csv")
        paths[-1].write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return paths


def test_what_files_share_is_said(tmp_path, quick):
    paths = files(tmp_path, GOOD, [*GOOD[:2], "0,ann,x,y,right", "9,bob,x,y,left"])
    notes = tally(read(paths), quick).notes
    assert any(note.startswith("1 annotator (such as 'ann') stands in more than one file") for note in notes)
    assert any(note.startswith("2 rows of later files repeat one of an earlier file") for note in notes)
    assert not any("file" in note for note in tally(read(paths[:1]), quick).notes)
    twice = tally(read([paths[0], paths[0]]), quick)
    assert any(note.startswith("6 rows of later files repeat") for note in twice.notes)
    assert (twice.counts.verdicts, twice.counts.items) == (12, 6)


def test_files_that_share_nothing(tmp_path, quick):
    notes = tally(read(files(tmp_path, GOOD, ["9,bob,x,y,left"])), quick).notes
    assert any("No two files have a prompt in common" in note for note in notes)
    assert not any("stand" in note and "file" in note for note in notes)


# --- each system


def test_each_system_against_all_others(load, quick):
    """Counted by hand: x beats y on 0 to 5, ties with z on 6, and z beats y on 7."""
    votes = load(*GOOD, "6,ann,z,x,tie", "7,ann,y,z,right")
    rows = {row.system: row for row in tally(votes, quick).systems}
    assert list(rows) == ["x", "z", "y"]
    said = {
        name: (row.verdicts, row.opponents, row.win.estimate, row.loss.estimate) for name, row in rows.items()
    }
    assert said == {"x": (7, 2, 6 / 7, 0), "z": (2, 2, 1 / 2, 0), "y": (7, 2, 0, 1)}
    assert rows["x"].ties_as_half.estimate == pytest.approx(6.5 / 7)
    assert rows["x"].win.n == 7
    assert not tally(load(*GOOD), quick).systems
