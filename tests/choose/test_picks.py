"""The file of picks, and what is refused of it."""

import json

import pytest

from handful.choose.offer import offer
from handful.choose.picks import Pick, read_picks
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Turn

OFFERS = [
    offer(f"dev/{n}", (Turn("user", f"Question {n}?"),), {5: "Same.", 6: "Other.", 7: "Same."})
    for n in range(2)
]


def pick(person="ann", n=0, best=(5, 7), **changes):
    return Pick(person, OFFERS[n].prompt_id, OFFERS[n].answers, best, **changes)


def test_several_files_are_one_in_the_order_of_prompts_and_names(tmp_path):
    jsonl.write(tmp_path / "b.jsonl", [pick("ben", 1), pick("ben")])
    jsonl.write(tmp_path / "a.jsonl", [pick("ann", 1, (6,), reason="clearer")])
    found = read_picks([tmp_path / "b.jsonl", tmp_path / "a.jsonl"], OFFERS)
    assert found == [pick("ben"), pick("ann", 1, (6,), reason="clearer"), pick("ben", 1)]


def test_the_same_line_twice_counts_once(tmp_path):
    jsonl.write(tmp_path / "a.jsonl", [pick(), pick()])
    assert read_picks([tmp_path / "a.jsonl", tmp_path / "a.jsonl"], OFFERS) == [pick()]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], r"a\.jsonl: hold no picks; let people read first: handful serve choice"),
        ([pick(), pick(best=(6,))], r"ann picks twice for dev/0, and not the same"),
        ([Pick("ann", "dev/9", "", (5,))], r"picks for dev/9, which is no dev prompt"),
        ([Pick("ann", "dev/0", "0" * 64, (5, 7))], r"is of other answers than this training's"),
        ([pick(best=())], r"best is \[\], which are not answers that were offered; the epochs are 5, 6, 7"),
        ([pick(best=(8,))], r"best is \[8\]"),
        ([pick(best=(6, 6))], r"best is \[6, 6\]"),
        ([pick(best=(5,))], r"best is \[5\]"),  # 7 says the same, so nobody can have marked 5 alone
    ],
)
def test_what_cannot_have_been_picked_is_refused(tmp_path, lines, problem):
    jsonl.write(tmp_path / "a.jsonl", lines)
    with pytest.raises(DataError, match=problem):
        read_picks([tmp_path / "a.jsonl"], OFFERS)


@pytest.mark.parametrize(
    "line", ["{", '{"person": "ann"}', json.dumps({"person": "ann", "best": "5"}), "\x00"]
)
def test_a_line_that_is_no_pick_names_file_and_line(tmp_path, line):
    (tmp_path / "a.jsonl").write_bytes(jsonl.dumps(pick()) + line.encode() + b"\n")
    with pytest.raises(DataError, match=r"a\.jsonl:2: "):
        read_picks([tmp_path / "a.jsonl"], OFFERS)
