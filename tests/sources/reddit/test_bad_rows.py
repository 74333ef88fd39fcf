"""Rows that cannot be read are skipped, counted and listed with their place; a file of nothing else is refused."""

import re

import pytest

from handful.core.errors import DataError

BROKEN = [
    b"{not json",
    b'{"id": "x", "title": "cut of',
    b"null",
    b"[1, 2]",
    b'{"id": "x"}',
    b'{"id": "x", "title": 7, "link_id": {}, "body": 7}',
    b"\x00\x01\x02",
    b'{"id": "x", "title": "\xff\xfe", "body": "\xff", "link_id": "t3_abc"}',
    b'{"id": "x", "title": "\\ud800", "body": "\\ud800", "link_id": "t3_abc"}',
    b'{"id": "../../x", "title": "a", "body": "a", "link_id": "t3_abc"}',
]


@pytest.mark.parametrize("row", BROKEN)
def test_a_broken_row_is_one_line_that_says_where_and_why(dump, curate, submission, comment, row):
    asked = dump(b"", submission(), row, b"  ", name="RS.zst")
    told = dump(comment(), row, b"\r", name="RC.json")
    found = curate(asked, told)
    assert len(found.examples) == 1
    assert found.counts["dropped"] == {"bad_row": 2}
    assert [dropped.id for dropped in found.dropped] == [
        "writing_prompts/RS.zst:3",
        "writing_prompts/RC.json:2",
    ]
    assert re.match(r"RS\.zst:3: .{9}", found.dropped[0].detail)
    assert found.counts["comments"]["rows"] == 2


def test_rows_that_end_like_those_of_windows_are_read(tmp_path, dump, curate, submission, comment):
    for name, row in (("RS.json", submission()), ("RC.json", comment())):
        path = dump(row, row | {"id": row["id"] + "2"}, name=name)
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(curate(tmp_path / "RS.json", tmp_path / "RC.json", min_score=0).examples) == 1


def test_nul_and_zero_width_characters_leave_the_text(dump, curate, submission, comment):
    story = "The sea left.\u0000 &#x200B;\n\n" * 20
    found = curate(
        dump(submission(title="[WP] The\u0000 sea\u200b"), name="RS.zst"),
        dump(comment(body=story), name="RC.zst"),
    )
    (example,) = found.examples
    assert example.turns[0].text == "The sea"
    assert example.turns[1].text == "\n\n".join(["The sea left."] * 20)


def test_a_file_of_broken_rows_is_refused(dump, curate, submission, comment):
    good = dump(submission(), name="RS.zst")
    with pytest.raises(DataError, match="21 of 22 rows cannot be read"):
        curate(dump(submission(), *[b"{oops"] * 30, name="RS2.zst"), dump(comment(), name="RC.zst"))
    with pytest.raises(DataError, match=r"21 of 2[12] rows cannot be read"):
        curate(good, dump(comment(), *[b"{oops"] * 30, name="RC2.zst"))


def test_an_empty_file_is_refused_by_its_name(dump, curate, submission, comment):
    for empty in (dump(name="none.zst"), dump(b"", b" ", name="none.json")):
        with pytest.raises(DataError, match=rf"{empty.name}: is empty"):
            curate(empty, dump(comment(), name="RC.zst"))
        with pytest.raises(DataError, match=rf"{empty.name}: is empty"):
            curate(dump(submission(), name="RS.zst"), empty)


def test_files_of_the_other_kind_are_told_where_they_belong(dump, curate, submission, comment):
    asked, told = dump(submission(), name="RS.zst"), dump(comment(), name="RC.zst")
    with pytest.raises(DataError, match="holds comments, not submissions; name it under `comments`"):
        curate(told, asked)
    with pytest.raises(DataError, match="holds submissions, not comments; name it under `submissions`"):
        curate(asked, asked)


def test_a_missing_file_and_a_folder_without_any_are_errors(tmp_path, dump, curate, submission):
    with pytest.raises(DataError, match="cannot be opened"):
        curate(tmp_path / "no.zst", split="test")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="holds no file of comments"):
        curate(dump(submission(), name="RS.zst"), tmp_path / "folder")


def test_a_cut_off_file_in_a_folder_is_not_passed_over(tmp_path, dump, curate, comment, submission):
    path = dump(*(submission(f"a{n}") for n in range(99)), name="dumps/RS.zst")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"RS\.zst: cannot be unpacked to its end"):
        curate(tmp_path / "dumps", split="test")


def test_what_holds_none_of_the_subreddits_is_named(dump, curate, submission):
    path = dump(submission(subreddit="pics"))
    with pytest.raises(DataError, match=rf"no submission of r/WritingPrompts in .*{path.name}; check"):
        curate(path, split="test", subreddits=("WritingPrompts",))
