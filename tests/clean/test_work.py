import pytest

from handful.clean.work import work
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Example, Prompt
from handful.recipe.schema import Clean

HTML = f"<p>{'word ' * 300}</p>"


def dropped(folder):
    return {line.id: (line.rule, line.detail) for line in jsonl.read(folder / "dropped.jsonl", Dropped)}


def test_candidates_become_text_and_the_rest_is_named(tmp_path, make_source, make_candidate, make_example):
    inputs = make_source(
        candidates=[
            make_candidate(id="q/1", title="A &amp; B", body="<p>x</p>", answer=HTML),
            make_candidate(id="q/2", answer_score=3),
            make_candidate(id="q/3", title="a & b?", answer=HTML),
            make_candidate(id="q/4", title="<", answer=f"<p>I know</p>{HTML}"),
        ],
        examples=[make_example(id="e/1"), make_example(id="e/2", asked="x", answered=" \n")],
        dropped={"no_answer": 5, "low_score": 20},
    )
    out = tmp_path / "clean"
    out.mkdir()
    counts = work(Clean(), inputs, out)
    (kept,) = jsonl.read(out / "candidates.jsonl", Candidate)
    assert (kept.id, kept.title, kept.body) == ("q/1", "A & B", "x")
    assert kept.answer == ("word " * 300).strip()
    assert [example.id for example in jsonl.read(out / "examples.jsonl", Example)] == ["e/1"]
    assert dropped(out) == {
        "q/2": ("low_score", "score 3 < 10"),
        "q/3": ("duplicate", "same prompt as q/1"),
        "q/4": ("first_person", 'says "I"'),
        "e/2": ("empty_turn", "turn 1, by the assistant, has no text"),
    }
    taken = {"no_answer": 5, "low_score": 21, "first_person": 1, "empty_turn": 1, "duplicate": 1}
    alone = {"candidates": 31, "kept": 2, "dropped": taken}
    assert counts == {**alone, "sources": {"other": alone}}
    assert list(counts["dropped"]) == list(taken)
    assert not (out / "passed.jsonl").exists()


def test_dev_and_test_pass_but_for_empty_turns(tmp_path, make_source, make_example, make_prompt):
    inputs = make_source(
        "prompts",
        dev=[make_example(id="d/1")],
        test=[make_prompt(id="t/1"), make_prompt(id="t/2", asked="\t")],
    )
    out = tmp_path / "clean"
    out.mkdir()
    assert work(Clean(), inputs, out)["kept"] == 0
    assert [example.id for example in jsonl.read(out / "dev.jsonl", Example)] == ["d/1"]
    assert [prompt.id for prompt in jsonl.read(out / "test.jsonl", Prompt)] == ["t/1"]
    assert dropped(out) == {"t/2": ("empty_turn", "turn 0, by the user, has no text (test)")}


def test_the_order_of_the_sources_does_not_matter(tmp_path, make_source, make_candidate):
    first = make_source("a", candidates=[make_candidate(id="a/1", answer=HTML)])
    second = make_source("b", candidates=[make_candidate(id="b/1", answer=HTML)])
    results = []
    for name, inputs in (("x", {**first, **second}), ("y", {**second, **first})):
        (tmp_path / name).mkdir()
        work(Clean(), inputs, tmp_path / name)
        results.append({path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())})
    assert results[0] == results[1]
    assert dropped(tmp_path / "x") == {"b/1": ("duplicate", "same prompt as a/1")}


def test_duplicates_may_stay(tmp_path, make_source, make_candidate):
    inputs = make_source(candidates=[make_candidate(id=id, answer=HTML) for id in "ab"])
    out = tmp_path / "clean"
    out.mkdir()
    assert work(Clean(drop_duplicates=False), inputs, out)["kept"] == 2


def test_when_nothing_is_left_the_error_says_what_took_it(tmp_path, make_source, make_candidate):
    inputs = make_source(
        candidates=[make_candidate(answer="short")], dropped={"low_score": 500, "no_answer": 55}
    )
    with pytest.raises(DataError) as error:
        work(Clean(), inputs, tmp_path)
    assert str(error.value) == (
        "no candidate left of 556: low_score took 500, no_answer took 55, too_short took 1; "
        "lower clean.min_answer_score, or add sources"
    )


def test_sources_without_anything_are_an_error_too(tmp_path, make_source):
    with pytest.raises(DataError, match="hold no question, no example and no prompt"):
        work(Clean(), make_source(), tmp_path)


def test_an_interrupted_folder_is_written_again(tmp_path, make_source, make_candidate):
    inputs = make_source(candidates=[make_candidate(id="q/1", answer=HTML)])
    out = tmp_path / "clean"
    out.mkdir()
    for name in ("passed.jsonl", "candidates.jsonl", "dropped.jsonl"):
        (out / name).write_text('{"half": ')
    assert work(Clean(), inputs, out)["kept"] == 1
    assert dropped(out) == {}
