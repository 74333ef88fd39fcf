"""`handful fetch`: what is on the command line and in a recipe becomes files; what goes wrong becomes a line."""

import hashlib

import pytest
from click.testing import CliRunner
from file_server import Way, file_server

import handful
from handful.cli.main import cli
from handful.pipeline import STAGES

CONTENT = b"a dump" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def fetch(tmp_path):
    def fetch(*arguments, code=0):
        result = CliRunner().invoke(cli, ["fetch", "--retries", "0", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result.output

    return fetch


def test_a_file_goes_into_dumps_unless_another_folder_is_named(fetch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with file_server(CONTENT) as server:
        assert fetch(f"{server.root}/a.7z") == "dumps/a.7z  0.0 MB\n"
        assert fetch(f"{server.root}/a.7z") == "dumps/a.7z  is there already\n"
        fetch(f"{server.root}/a.7z", "--to", "other")
    assert (tmp_path / "dumps/a.7z").read_bytes() == (tmp_path / "other/a.7z").read_bytes() == CONTENT


@pytest.mark.parametrize("how", ["option", "behind the address", "list"])
def test_a_checksum_may_be_given_in_three_ways(fetch, tmp_path, how):
    (tmp_path / "sums").write_text(f"{SHA256}  a.7z\n")
    with file_server(CONTENT) as server:
        url = f"{server.root}/a.7z"
        arguments = {
            "option": [url, "--sha256", SHA256],
            "behind the address": [f"{url}#sha256={SHA256}"],
            "list": [url, "--sums", tmp_path / "sums"],
        }[how]
        assert f"sha256 {SHA256} as it should be" in fetch(*arguments, "--to", tmp_path)


def test_a_recipe_lists_what_to_fetch_and_where(fetch, tmp_path):
    with file_server(CONTENT) as server:
        (tmp_path / "recipe.toml").write_text(
            'name = "one"\n[sources.mine]\nkind = "messages"\npaths = ["dumps/rows.jsonl"]\n'
            f'[[fetch]]\nurl = "{server.root}/rows.jsonl"\nsha256 = "{SHA256}"\n'
            f'[[fetch]]\nurl = "{server.root}/b.7z"\nto = "elsewhere"\n'
        )
        fetch("--recipe", tmp_path / "recipe.toml")
    assert (
        (tmp_path / "dumps/rows.jsonl").read_bytes() == (tmp_path / "elsewhere/b.7z").read_bytes() == CONTENT
    )


def test_where_files_come_from_changes_no_key(tmp_path, repository):
    base = (repository / "recipes/demo.toml").read_text().replace("../data", str(repository / "data"))
    (tmp_path / "a.toml").write_text(base)
    (tmp_path / "b.toml").write_text(f'{base}\n[[fetch]]\nurl = "https://example.org/a.7z"\n')
    keys = [
        [step.key for step in handful.plan(STAGES, handful.load(tmp_path / name), tmp_path)]
        for name in ("a.toml", "b.toml")
    ]
    assert keys[0] == keys[1]


def test_one_file_that_fails_does_not_keep_the_others(fetch, tmp_path):
    with file_server(CONTENT, Way(status=404), Way()) as server:
        shown = fetch(f"{server.root}/a.7z", f"{server.root}/b.7z", "--to", tmp_path, code=1)
    assert (tmp_path / "b.7z").read_bytes() == CONTENT
    assert "a.7z: the server says 404 (Not Found)" in shown
    assert shown.endswith("error: 1 of 2 files could not be fetched\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "error: nothing to fetch; give a URL, or a recipe that lists some with --recipe"),
        (["ftp://example.org/a"], 1, "error: ftp://example.org/a: not an http or https address"),
        ([""], 1, "error: '': not an http or https address; it begins with https:// and a host\n"),
        (
            ["file:///a.7z"],
            1,
            "error: file:///a.7z: not an http or https address; it begins with https:// and a host; the path",
        ),
        (
            ["http://a.org/x", "http://b.org/x"],
            1,
            "error: http://a.org/x and http://b.org/x would both become dumps/x",
        ),
        (["http://a.org/x", "http://a.org/y", "--sha256", "0"], 2, "error: --sha256 is of one file"),
        (
            ["http://a.org/x", "--sha256", "12"],
            1,
            "error: checksum '12': expected hex digits (64 for sha256)",
        ),
        (
            ["http://a.org/x", "--sums", "nowhere"],
            1,
            "error: nowhere: cannot be read (No such file or directory)",
        ),
    ],
)
def test_wrong_use_is_one_line(fetch, arguments, code, message):
    assert fetch(*arguments, code=code).startswith(message)


def test_a_recipe_without_a_list_says_what_to_add(fetch, repository):
    shown = fetch("--recipe", repository / "recipes/demo.toml", code=2)
    assert "lists nothing to fetch; add [[fetch]]" in shown
