"""Every kind of source, given what is no file of its kind: one line that names the file, nothing half done, and the
same command works once the file is mended. What is odd inside a file of the right kind: tests beside the readers.
"""

from __future__ import annotations

import gzip
import json
import os
from typing import NamedTuple

import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner

from handful.cli.main import cli

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60)
ERROR_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
)
HEAD = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n'
BY = 'CreationDate="2020-01-02T00:00:00.000" OwnerUserId'
POSTS = f"""{HEAD}<posts>\r
  <row Id="1" PostTypeId="1" Score="20" Title="Why ale?" Body="&lt;p&gt;Why?&lt;/p&gt;" {BY}="3" />\r
  <row Id="2" PostTypeId="2" ParentId="1" Score="20" Body="&lt;p&gt;{"word " * 300}&lt;/p&gt;" {BY}="4" />\r
</posts>"""
COMMENTS = f"""{HEAD}<comments>\r
  <row Id="1" PostId="2" Score="0" Text="But why is it so?" CreationDate="2020-01-03T00:00:00.000" UserId="3" />\r
  <row Id="2" PostId="2" Score="0" Text="For it is so." CreationDate="2020-01-04T00:00:00.000" UserId="4" />\r
</comments>"""
STEP = "Stir the water with a spoon until it is warm. " * 8
PAGE = f"""<!DOCTYPE html><html lang="en"><body><h1>How to Warm Water</h1><p>It is easy.</p><h2>Steps</h2><ol>
<li><div class="step"><b>Take one.</b> {STEP}</div></li><li><div class="step"><b>Take two.</b> {STEP}</div></li></ol>
</body></html>"""
TALK = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}
TASK = {
    "Definition": ["Ask about the text."],
    "Categories": ["Question Generation"],
    "Instances": [{"input": f"Birds, {n}.", "output": [f"What do {n} birds eat?"]} for n in range(30)],
}
STORY = {"id": "c1", "link_id": "t3_a1", "parent_id": "t3_a1", "score": 50, "body": "Long ago. " * 30}
ASKED = {
    "id": "a1",
    "title": "[WP] The sea is gone.",
    "score": 50,
    "subreddit": "WritingPrompts",
    "is_self": True,
}


def lines(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def archive(path):
    with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as file:
        file.writestr(POSTS, "Posts.xml")
        file.writestr(COMMENTS, "Comments.xml")


def table(path):
    pq.write_table(pa.table({"messages": [TALK["messages"]] * 500}), path)


class Kind(NamedTuple):
    kind: str
    name: str
    good: bytes | object
    """What a good file holds, or a function that writes one."""

    def write(self, path):
        if isinstance(self.good, bytes):
            path.write_bytes(self.good)
        else:
            self.good(path)


KINDS = {
    ".7z": Kind("stackexchange", "tea.example.com.7z", archive),
    "Posts.xml": Kind("stackexchange", "Posts.xml", POSTS.encode()),
    "chains": Kind("comment_chains", "tea.example.com.7z", archive),
    "page": Kind("wikihow", "a.html", PAGE.encode()),
    "csv": Kind(
        "wikihow", "a.csv", f"title,text\nHow to Warm Water,{STEP}\nHow to Warm Water,Now {STEP}\n".encode()
    ),
    "jsonl": Kind("wikihow", "a.jsonl", lines({"title": "Warm Water", "steps": [STEP, f"Now {STEP}"]})),
    "reddit": Kind("reddit", "a.zst", zstandard.compress(lines(ASKED))),
    "ndjson": Kind("reddit", "a.ndjson", lines(ASKED)),
    "task": Kind("super_natural_instructions", "a.json", json.dumps(TASK).encode()),
    "task.zst": Kind(
        "super_natural_instructions", "a.json.zst", zstandard.compress(json.dumps(TASK).encode())
    ),
    "messages": Kind("messages", "a.jsonl", lines(TALK)),
    "parquet": Kind("messages", "a.parquet", table),
    "authored": Kind("authored", "a.md", b"---\n---\n## User\n\nWhy?\n\n## Assistant\n\nSo.\n"),
}


def nothing(path):
    pass


def folder(path):
    path.mkdir()


def link_to_itself(path):
    path.symlink_to(path)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def holding(content):
    return lambda path: path.write_bytes(content)


WRONG = {
    "missing": nothing,
    "folder": folder,
    "loop": link_to_itself,
    "pipe": os.mkfifo,
    "empty": holding(b""),
    "image": holding(PNG),
    "error page": holding(ERROR_PAGE),
    "packed": holding(gzip.compress(b"hello")),
}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "comments.zst").write_bytes(zstandard.compress(lines(STORY)))

    def run(kind, path):
        files = (
            {"submissions": [path], "comments": ["comments.zst"]} if kind == "reddit" else {"paths": [path]}
        )
        settings = "".join(f"{key} = {json.dumps(list(map(str, value)))}\n" for key, value in files.items())
        (tmp_path / "recipe.toml").write_text(f'name = "wrong"\n[sources.mine]\nkind = "{kind}"\n{settings}')
        command = ["run", str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "work"), "--to", "sources"]
        result = CliRunner().invoke(cli, command)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def refused(result, path, work):
    assert result.exit_code in (1, 2), result.output
    *_, error = said = result.output.splitlines()
    assert [line for line in said if not line.startswith("sources/mine …")] == [error]
    assert error.startswith("error: ")
    assert path.name in error
    assert error.isprintable()
    assert not list(work.glob("*/manifest.json"))
    return error


def remove(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


CASES = [
    (kind, wrong)
    for kind in KINDS
    for wrong in WRONG
    if (KINDS[kind].kind, wrong) != ("reddit", "packed")  # which is read, whatever the file's name
]


@pytest.mark.parametrize(("kind", "wrong"), CASES)
def test_what_is_no_such_file_is_refused_in_a_line_and_mended_it_runs(run, tmp_path, kind, wrong):
    path = tmp_path / "Tee & Küche" / KINDS[kind].name
    path.parent.mkdir()
    WRONG[wrong](path)
    refused(run(KINDS[kind].kind, path), path, tmp_path / "work")
    remove(path)
    KINDS[kind].write(path)
    assert run(KINDS[kind].kind, path).exit_code == 0


@pytest.mark.parametrize(
    "kind", [".7z", "chains", "reddit", "task", "task.zst", "parquet", "messages", "authored"]
)
def test_a_file_that_is_cut_off_is_refused_and_whole_it_runs(run, tmp_path, kind):
    path = tmp_path / KINDS[kind].name
    KINDS[kind].write(path)
    cut(path)
    refused(run(KINDS[kind].kind, path), path, tmp_path / "work")
    KINDS[kind].write(path)
    assert run(KINDS[kind].kind, path).exit_code == 0


@pytest.mark.parametrize("kind", [".7z", "page", "task", "messages", "authored"])
def test_in_a_folder_a_folder_with_the_name_of_a_file_is_passed_over(run, tmp_path, kind):
    path = tmp_path / "dumps" / KINDS[kind].name
    path.parent.mkdir()
    KINDS[kind].write(path)
    path.with_name(f"b{path.name}").mkdir()
    assert run(KINDS[kind].kind, path.parent).exit_code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_named_twice_is_read_once(tmp_path, run, kind):
    path = tmp_path / KINDS[kind].name
    KINDS[kind].write(path)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / path.name).symlink_to(path)
    recipe = f'["{path}", "{tmp_path / "link" / path.name}"]'
    run(KINDS[kind].kind, path)
    counts = counted(tmp_path)
    text = (tmp_path / "recipe.toml").read_text().replace(f'["{path}"]', recipe)
    (tmp_path / "recipe.toml").write_text(text)
    command = ["run", str(tmp_path / "recipe.toml"), "--work", str(tmp_path / "again"), "--to", "sources"]
    assert CliRunner().invoke(cli, command).exit_code == 0
    assert counted(tmp_path, "again") == counts


def counted(tmp_path, work="work"):
    (manifest,) = (tmp_path / work).glob("sources-*/manifest.json")
    counts = json.loads(manifest.read_text())["counts"]
    return [counts[name] for name in ("candidates", "examples", "dev", "test")]
