import random
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from handful.clean import work as module
from handful.clean.shards import cut, read_range
from handful.clean.work import work
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Candidate, Dropped, Example, Prompt, Turn
from handful.recipe.curation import Clean
from handful.run.engine import Engine, using

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
    assert counts["sources"] == {"other": {"candidates": 31, "kept": 2, "dropped": taken}}
    assert {rule: n for rule, n in counts["dropped"].items() if n} == taken
    assert (counts["candidates"], counts["kept"]) == (31, 2)
    assert sorted(path.name for path in out.iterdir()) == FILES


FILES = ["candidates.jsonl", "dev.jsonl", "dropped.jsonl", "examples.jsonl", "masked.jsonl", "test.jsonl"]


def test_a_rule_that_is_on_and_took_nothing_says_so(tmp_path, make_source, make_example):
    inputs = make_source(examples=[make_example()])
    counts = work(Clean(), inputs, tmp_path)
    assert list(counts["dropped"].items()) == [
        (rule, 0)
        for rule in (
            *("low_score", "too_short", "too_long", "first_person", "cross_reference", "test_overlap"),
            *("secret", "duplicate", "near_duplicate"),
        )
    ]
    assert counts["masked"] == {"email": 0, "phone": 0, "card": 0, "iban": 0}
    off = Clean(
        filtered=False,
        overlap_words=0,
        secrets="keep",
        personal_data="drop",
        language="en",
        drop_duplicates=False,
        drop_near_duplicates=False,
    )
    counts = work(off, inputs, tmp_path)
    assert (counts["dropped"], counts["masked"]) == ({"language": 0, "personal_data": 0}, {})


def test_unfiltered_only_empty_texts_go(tmp_path, make_source, make_candidate):
    inputs = make_source(
        candidates=[
            make_candidate(id="q/1", answer="<p>I am short</p>", answer_score=-3, title="one", body=""),
            make_candidate(id="q/2", answer="<p> </p>"),
            make_candidate(id="q/3", answer="<p>x</p>", title=" ", body="<p></p>"),
        ]
    )
    counts = work(Clean(filtered=False), inputs, tmp_path)
    assert [kept.id for kept in jsonl.read(tmp_path / "candidates.jsonl", Candidate)] == ["q/1"]
    assert {id: rule for id, (rule, _) in dropped(tmp_path).items()} == {
        "q/2": "empty_answer",
        "q/3": "empty_prompt",
    }
    assert "low_score" not in counts["dropped"]


def test_the_rules_for_texts_of_any_source(tmp_path, make_source, make_candidate, make_example, make_prompt):
    words = " ".join(f"word{n}" for n in range(100))
    inputs = {
        **make_source(
            "a",
            candidates=[
                make_candidate(id="q/1", title="one", answer=f"<p>Ask jane@gmail.com. {'word ' * 300}</p>"),
                make_candidate(id="q/2", title="How high is the sky", body="", answer=HTML),
            ],
            examples=[
                make_example(id="e/1", asked="b", answered=words),
                make_example(id="e/2", asked="c", answered=f"{words} more"),
                make_example(id="e/3", asked="d", answered="It is AKIA" + "Q3ZT7XB2MN5RW8KD"),
                make_example(
                    id="e/4",
                    asked="e",
                    answered="Weil das Wasser beim Gefrieren leichter wird, schwimmt Eis oben.",
                ),
            ],
        ),
        **make_source("b", test=[make_prompt(id="t/1")]),
    }
    counts = work(Clean(language="en"), inputs, tmp_path)
    (kept,) = jsonl.read(tmp_path / "candidates.jsonl", Candidate)
    assert kept.answer.startswith("Ask <EMAIL>. word")
    assert list(jsonl.read(tmp_path / "masked.jsonl", Dropped)) == [
        Dropped("q/1", "masked_email", "1 masked")
    ]
    assert {id: rule for id, (rule, _) in dropped(tmp_path).items()} == {
        "q/2": "test_overlap",
        "e/2": "near_duplicate",
        "e/3": "secret",
        "e/4": "language",
    }
    assert counts["masked"]["email"] == 1
    assert counts["sources"]["a"]["kept"] == counts["kept"] == 2


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


@pytest.fixture
def many(make_source, make_candidate, make_example):
    """Two sources of a few hundred texts, with everything that the rules see among them."""
    rng = random.Random(1)
    bodies = [" ".join(f"w{rng.randrange(400)}" for _ in range(330)) for _ in range(40)]
    texts = ["{}", "<p>{}</p>", "I think {}", "{} mail a.b@gmail.com", "{} x", "As mentioned, {}"]

    def candidates(name):
        for number in range(150):
            answer = rng.choice(texts).format(rng.choice(bodies) + " é" * rng.randrange(9))
            yield make_candidate(
                id=f"{name}/{number}",
                title=f"t{rng.randrange(400)}",
                body="",
                answer=answer,
                answer_score=number % 20,
            )

    examples = [make_example(f"e/{n}", f"asked {n % 70}", rng.choice(bodies)) for n in range(90)]
    return {
        **make_source("a", candidates=list(candidates("a")), examples=examples),
        **make_source("b", candidates=list(candidates("b"))),
    }


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def whole(many, tmp_path):
    out = tmp_path / "whole"
    out.mkdir()
    return work(Clean(), many, out), contents(out)


def test_the_rules_meet_something_to_take(whole):
    counts, files = whole
    assert {"low_score", "first_person", "cross_reference", "duplicate", "near_duplicate"} <= {
        rule for rule, n in counts["dropped"].items() if n
    }
    assert counts["masked"]["email"]
    assert counts["candidates"] == 390 == counts["kept"] + sum(counts["dropped"].values())
    assert files["dropped.jsonl"].count(b"\n") == sum(counts["dropped"].values())


@pytest.mark.parametrize(("size", "workers"), [(4_999, 1), (50_000, 1), (120_000, 2)])
def test_however_it_is_cut_the_bytes_are_the_same(many, whole, tmp_path, monkeypatch, size, workers):
    monkeypatch.setattr(module, "cut", partial(cut, size=size))
    with using(Engine(workers=workers)):
        assert work(Clean(), many, tmp_path) == whole[0]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == whole[1]


def test_cut_at_any_byte_each_line_is_in_one_range(many):
    folders = {label.partition("/")[2]: folder for label, folder in many.items()}
    for size in (301, 1009, 100_000):
        shards = cut(folders, Clean(), size)
        ranges = [part for shard in shards.values() for part in shard.ranges]
        assert all(
            sum(part.end - part.start for part in shard.ranges) == size
            for shard in list(shards.values())[:-1]
        )
        ids = [text.id for part in ranges for text in read_range(part)]
        assert len(ids) == 390 == len(set(ids))


PROGRAM = """
import sys
from functools import partial
from pathlib import Path
from handful.clean import work as module
from handful.clean.shards import cut
from handful.recipe.curation import Clean
from handful.run.engine import Engine, using

if __name__ == "__main__":
    module.cut = partial(cut, size=30_000)
    with using(Engine(workers=int(sys.argv[1]))):
        module.work(Clean(), {a: Path(b) for a, b in (pair.split("=") for pair in sys.argv[3:])}, Path(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_with_the_same_bytes(many, whole, tmp_path, workers):
    out, program = tmp_path / "out", tmp_path / "program.py"
    out.mkdir()
    program.write_text(PROGRAM)
    command = [
        sys.executable,
        program,
        str(workers),
        out,
        *(f"{label}={path}" for label, path in many.items()),
    ]
    rng, killed = random.Random(workers), 0
    for _ in range(6):  # on a busy machine one may end before its kill comes: the next begins anew
        process = subprocess.Popen(command)
        parts = len(list(out.glob("parts/0*")))
        deadline = time.monotonic() + 10
        while (
            len(list(out.glob("parts/0*"))) <= parts
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    assert killed
    subprocess.run(command, check=True)
    assert contents(out) == whole[1]


def test_a_broken_line_is_named(tmp_path, make_source, make_candidate):
    inputs = make_source(candidates=[make_candidate(), make_candidate()])
    path = inputs["sources/other"] / "candidates.jsonl"
    path.write_text(path.read_text() + '{"id": 1}\n')
    with pytest.raises(DataError, match=r"candidates\.jsonl:3: "):
        work(Clean(), inputs, tmp_path)


def test_a_dialogues_turns_are_all_masked(tmp_path, make_source, make_example):
    first = make_example()
    turns = (*first.turns, Turn("user", "jane@gmail.com?"), Turn("assistant", "jane@gmail.com!"))
    work(Clean(), make_source(examples=[Example("e/1", turns, first.origin)]), tmp_path)
    (kept,) = jsonl.read(tmp_path / "examples.jsonl", Example)
    assert [turn.text for turn in kept.turns[2:]] == ["<EMAIL>?", "<EMAIL>!"]


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
