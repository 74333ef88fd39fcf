"""What a user gets for bad input: one clear line and an exit code, never a traceback, never half a result.

Each case is a recipe on disk and the command line as typed. Damage inside formats is tested beside their readers.
"""

from __future__ import annotations

import json
from pathlib import Path

import py7zr
import pytest
from click.testing import CliRunner

from handful.cli.main import cli

HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'


def post(id, kind, body, **more):
    attributes = {"Id": id, "PostTypeId": kind, "Score": 12, "Body": body, **more}
    return "  <row " + " ".join(f'{name}="{value}"' for name, value in attributes.items()) + " />\r\n"


def question(id, **more):
    return post(id, 1, f"&lt;p&gt;What is number {id}?&lt;/p&gt;", Title=f"Number {id}?", **more)


def answer(id, parent, words=300, **more):
    return post(id, 2, f"&lt;p&gt;{'word ' * words}&lt;/p&gt;", ParentId=parent, **more)


GOOD = question(1) + answer(2, 1)


@pytest.fixture
def site(tmp_path):
    """Write rows as `tiny.stackexchange.com/Posts.xml`; returns the path."""

    def write(rows, tail="</posts>"):
        path = tmp_path / "tiny.stackexchange.com" / "Posts.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + rows + tail, encoding="utf-8", newline="")
        return path

    return write


@pytest.fixture
def archive(tmp_path):
    def write(members):
        path = tmp_path / "tiny.stackexchange.com.7z"
        with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as file:
            for name, text in members.items():
                file.writestr(text, name)
        return path

    return write


@pytest.fixture
def run(tmp_path):
    """Run a recipe over one path; returns the result. Whatever the input, there must be no traceback."""

    def run(path, more="", command="run", kind="stackexchange"):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(f'name = "bad"\n[sources.mine]\nkind = "{kind}"\npaths = ["{path}"]\n{more}')
        result = CliRunner().invoke(cli, [command, str(recipe), "--work", str(tmp_path / "work")])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def refused(result, *words, code=1):
    """One line says it, beside the lines that name the step; and no finished folder is wrong."""
    assert result.exit_code == code, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line
    return line


def test_the_good_input_runs(run, site):
    assert run(site(GOOD)).exit_code == 0


def test_a_missing_path_is_named(run, tmp_path):
    refused(run(tmp_path / "absent.7z"), "absent.7z: no such file or folder")


def test_a_path_of_the_wrong_kind_is_named(run, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    refused(run(tmp_path / "notes.txt"), "notes.txt: is neither a .7z archive nor a Posts.xml")


def test_a_folder_without_posts_is_named(run, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(run(tmp_path / "empty"), "empty: holds no Posts.xml")


def test_a_truncated_archive_is_refused(run, archive):
    path = archive({"Posts.xml": HEAD + GOOD + "</posts>"})
    path.write_bytes(path.read_bytes()[:-20])
    refused(run(path), "tiny.stackexchange.com.7z", "cut short")


def test_an_archive_without_posts_says_what_it_holds(run, archive):
    refused(run(archive({"Users.xml": "<users/>"})), "tiny.stackexchange.com.7z", "Posts.xml", "Users.xml")


def test_an_absurd_unpacked_size_is_refused_before_it_is_unpacked(run, archive):
    refused(run(archive({"Posts.xml": " " * 30_000_000})), "tiny.stackexchange.com.7z")
    path = archive({"Posts.xml": HEAD + GOOD + "</posts>"})
    refused(run(path, "max_unpacked_gb = 0.000001\n"), "max_unpacked_gb")


def test_xml_cut_in_a_row_loses_that_row_and_says_so(run, site, tmp_path):
    path = site(GOOD + question(3)[:-20], tail="")
    assert run(path).exit_code == 0
    assert dropped(tmp_path) == {"broken_row": 1}


def dropped(tmp_path):
    (manifest,) = (tmp_path / "work").glob("sources-*/manifest.json")
    return json.loads(manifest.read_text())["counts"]["dropped"]


def test_invalid_characters_are_passed_over(run, site, tmp_path):
    path = site(GOOD)
    path.write_bytes(path.read_bytes().replace(b"What is", b"What\x00\x0b \xff is"))
    assert run(path).exit_code == 0
    (examples,) = (tmp_path / "work").glob("dataset-*/train.jsonl")
    assert len(examples.read_text(encoding="utf-8").splitlines()) == 1


def test_a_row_that_lacks_an_attribute_is_skipped_and_counted(run, site, tmp_path):
    path = site(GOOD + question(5).replace('PostTypeId="1" ', "") + answer(6, 1).replace('Score="12" ', ""))
    assert run(path).exit_code == 0
    assert sum(dropped(tmp_path).values()) == 2


def test_a_file_that_is_mostly_broken_is_refused(run, site):
    refused(run(site(GOOD + answer(6, 1).replace('Score="12" ', "") * 30)), "rows cannot be read", "damaged")


@pytest.mark.parametrize("rows", ["", answer(2, 1)])
def test_an_empty_site_is_named(run, site, rows):
    refused(run(site(rows)), "tiny.stackexchange.com", "holds no questions")


def test_when_nothing_is_left_the_rules_that_took_it_are_named(run, site):
    line = refused(run(site(question(1) + answer(2, 1, Score=3) + question(3) + answer(4, 3, words=3))))
    assert "low_score" in line
    assert "too_short" in line


def test_a_quota_larger_than_what_is_left_says_what_is_left(run, site):
    refused(run(site(GOOD), "[select]\nquota = { mine = 5 }\n"), "select.quota.mine", "asked for 5", "left 1")


def test_a_quota_for_an_unknown_source_suggests_the_nearest(run, site):
    refused(
        run(site(GOOD), "[select]\nquota = { mime = 1 }\n"),
        "select.quota.mime: there is no 'mime'",
        "did you mean 'mine'?",
        code=2,
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[clean]\nmin_char = 5\n", "clean: has no field 'min_char'; did you mean 'min_chars'?"),
        ('[clean]\nmin_chars = "5"\n', "clean.min_chars: expected int, found '5'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(run, site, more, words):
    refused(run(site(GOOD), more), "recipe.toml: ", words, code=2)


def test_an_unknown_model_offline_says_how_to_get_it(run, site):
    line = refused(run(site(GOOD), '[train]\nmodel = "nobody/nothing"\ndevice = "cpu"\n'), "nobody/nothing")
    assert "gemma3-270m" in line
    assert "hf download nobody/nothing" in line


def test_a_folder_without_a_model_is_named(run, site, tmp_path):
    refused(run(site(GOOD), '[train]\nmodel = "./absent"\n'), str(tmp_path / "absent"), "no such")


def test_rows_that_are_not_dialogues_are_counted_and_a_file_of_them_is_refused(run, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hi."}]}\n{"x"\n'
    )
    assert run(rows, kind="messages").exit_code == 0
    assert dropped(tmp_path) == {"bad_row": 1}
    rows.write_text("not json\n")
    refused(run(rows, kind="messages"), "rows.jsonl")


def test_an_authored_file_with_a_broken_header_names_its_line(run, tmp_path):
    (tmp_path / "one.md").write_text("---\nsplitt: train\n---\n## User\n\nHow?\n\n## Assistant\n\nThus.\n")
    refused(run(tmp_path / "one.md", kind="authored"), "one.md:2", "splitt")


def test_no_failure_leaves_a_finished_folder_behind(run, archive, tmp_path):
    path = archive({"Posts.xml": HEAD + GOOD + "</posts>"})
    path.write_bytes(path.read_bytes()[:-20])
    run(path)
    assert not list(Path(tmp_path / "work").glob("*/manifest.json"))
