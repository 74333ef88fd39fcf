"""The stage's folder: five files always, counts that are their lines, and the same bytes each time."""

import pytest

from handful.core import jsonl
from handful.core.types import Candidate, Dropped, Example, Prompt
from handful.recipe.sources import Authored, Messages, StackExchange
from handful.recipe.values import InputPath
from handful.sources.work import work

KINDS = {"candidates": Candidate, "examples": Example, "dev": Example, "test": Prompt, "dropped": Dropped}


def params(source):
    rules = {"min_answer_score": 10, "min_chars": 1200} if source.kind == "stackexchange" else {}
    return {"other": {"source": source, "rules": rules}}


@pytest.fixture
def all_kinds(tmp_path, dump, pack, question, answer):
    rows = [question(1), answer(2, 1), question(3), question(4), answer(5, 4, Score=2), answer(6, 7)]
    plain = dump(*rows, site="a.example.com")
    archive = pack({"Posts.xml": plain.read_bytes()}, "b.example.com.7z")
    chat = tmp_path / "chat.jsonl"
    chat.write_text('{"conversations": ["Why?", "So."]}\n{"conversations": "Why?"}\n')
    note = tmp_path / "note.md"
    note.write_text("---\nsplit: test\n---\n## User\nWhy?")
    return [
        StackExchange(kind="stackexchange", paths=(InputPath(str(archive)), InputPath(str(plain)))),
        Messages(kind="messages", paths=(InputPath(str(chat)),)),
        Authored(kind="authored", paths=(InputPath(str(note)),)),
    ]


def test_the_five_files_are_always_there_and_the_counts_are_their_lines(all_kinds, tmp_path):
    for source in all_kinds:
        out = tmp_path / source.kind
        out.mkdir()
        counts = work(params(source), {}, out)
        lines = {name: list(jsonl.read(out / f"{name}.jsonl", kind)) for name, kind in KINDS.items()}
        assert sorted(path.name for path in out.iterdir()) == sorted(f"{name}.jsonl" for name in KINDS)
        assert {name: counts[name] for name in KINDS if name != "dropped"} == {
            name: len(records) for name, records in lines.items() if name != "dropped"
        }
        assert sum(counts["dropped"].values()) == len(lines["dropped"])


def test_sites_come_in_the_order_given_and_questions_by_their_id(all_kinds, tmp_path):
    counts = work(params(all_kinds[0]), {}, tmp_path)
    assert list(counts["communities"].items()) == [("b.example.com", 3), ("a.example.com", 3)]
    assert counts["dropped"] == {"low_score": 2, "no_answer": 2, "orphan_answer": 2}
    found = [record.id for record in jsonl.read(tmp_path / "candidates.jsonl", Candidate)]
    assert found == ["b.example.com/1", "a.example.com/1"]


def test_the_same_input_gives_the_same_bytes_over_what_an_interruption_left(all_kinds, tmp_path):
    for source in all_kinds:
        first, second = tmp_path / f"{source.kind}-1", tmp_path / f"{source.kind}-2"
        first.mkdir()
        second.mkdir()
        (second / "candidates.jsonl").write_text('{"id": "half a li')
        assert work(params(source), {}, first) == work(params(source), {}, second)
        for path in first.iterdir():
            assert path.read_bytes() == (second / path.name).read_bytes()


def test_no_file_of_the_stage_tells_where_the_input_lay(all_kinds, tmp_path):
    for source in all_kinds:
        out = tmp_path / source.kind
        out.mkdir()
        work(params(source), {}, out)
        assert not [path for path in out.iterdir() if str(tmp_path) in path.read_text()]
