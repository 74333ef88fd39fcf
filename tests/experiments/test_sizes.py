"""Sizes of a quantity ablation: in proportion, nested, up to what there is."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from handful.core.errors import DataError, RecipeError
from handful.experiments.arms import read
from handful.experiments.sizes import doubled, read_quantity, scaled, too_large

BASE = """
name = "base"
[sources.stem]
kind = "messages"
paths = ["stem.jsonl"]
[sources.other]
kind = "messages"
paths = ["other.jsonl"]
[sources.authored]
kind = "messages"
paths = ["authored.jsonl"]
[sources.test]
kind = "messages"
paths = ["test.jsonl"]
split = "test"
[train]
model = "gemma3-270m"
"""
FILE = """
base = "base.toml"
[all.select.quota]
stem = 3
other = 1
authored = 0
[quantity]
sizes = [4, 10]
name = "se"
"""


def written(folder, text):
    (folder / "base.toml").write_text(BASE)
    path = folder / "quantity.toml"
    path.write_text(text)
    return path


def test_sources_share_each_size_in_proportion(tmp_path):
    found = read(written(tmp_path, FILE))
    assert list(found.arms) == ["se-4", "se-10"]
    quotas = [found.trained(arm, 0).select.quota for arm in found.arms]
    # Webster for 3:1 and ten seats: quotients 3, 1, .6, .43, .33 (x3) against 1, .33 (x1): the first of equals wins.
    assert quotas == [{"stem": 3, "other": 1, "authored": 0}, {"stem": 8, "other": 2, "authored": 0}]


def test_a_source_that_does_not_grow_keeps_its_quota(tmp_path):
    text = FILE.replace("authored = 0", "authored = 7").replace('name = "se"', 'of = ["stem", "other"]')
    found = read(written(tmp_path, text))
    assert found.trained("n-4", 0).select.quota == {"stem": 3, "other": 1, "authored": 7}


def test_arms_of_the_file_stand_beside_those_of_a_size(tmp_path):
    found = read(written(tmp_path, FILE + "[arms.none.select.quota]\nstem = 1\n"))
    assert list(found.arms) == ["se-4", "se-10", "none"]


def test_no_source_gives_back_what_a_smaller_size_gave_it():
    proportions = {"a": 6, "b": 6, "c": 2}  # with these the largest remainder takes one from c at 11
    totals = [scaled(proportions, total) for total in range(60)]
    for size, shares in enumerate(totals):
        assert sum(shares.values()) == size
        assert all(abs(n - size * proportions[name] / 14) < 1 for name, n in shares.items())
    for smaller, larger in pairwise(totals):
        assert not Counter(smaller) - Counter(larger)


def test_sizes_double_as_long_as_every_source_has_enough():
    quantity = read_quantity({"sizes": "double", "from": 10})
    assert doubled(quantity, {"a": 1, "b": 1}, {"a": 45, "b": 1000}) == [10, 20, 40, 80]
    assert doubled(quantity, {"a": 1, "b": 1}, {"a": 40, "b": 40}) == [10, 20, 40, 80]
    with pytest.raises(DataError, match=r"makes 1 of the two arms .* a 9, b 30; lower quantity.from"):
        doubled(quantity, {"a": 1, "b": 1}, {"a": 9, "b": 30})


def test_an_arm_that_is_too_large_names_each_source_and_what_to_lower():
    cleaned = {"a": {"kept": 5, "dropped": {"too_short": 9}}, "b": {"kept": 5}, "test": {"kept": 0}}
    lines = too_large("se-20", {"a": 10, "b": 6, "c": 7}, cleaned, ["a"])
    assert lines == [
        "arm se-20: select.quota.a: asked for 10, but the rules left 5 (too_short took 9); lower quantity.sizes, add "
        "sources or relax clean",
        "arm se-20: select.quota.b: asked for 6, but the rules left 5; lower the quota, add sources or relax clean",
    ]
    assert too_large("se-5", {"a": 5, "b": 0}, cleaned, ["a"]) == []


def test_only_the_arms_of_a_quantity_grow(tmp_path):
    found = read(written(tmp_path, FILE + "[arms.none.select.quota]\nstem = 1\n"))
    assert [list(found.grows(arm)) for arm in found.arms] == [["stem", "other"], ["stem", "other"], []]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sizes = [4, 10]", "sizes = [10, 4]", "each size once, the smallest first"),
        ("sizes = [4, 10]", "sizes = [4, 4]", "each size once"),
        ("sizes = [4, 10]", "sizes = [0, 4]", "whole numbers above 0"),
        ("sizes = [4, 10]", 'sizes = "all"', 'whole numbers above 0, or "double"'),
        ("sizes = [4, 10]", "size = [4, 10]", "quantity.size: is no setting"),
        ("sizes = [4, 10]", "sizes = []", "whole numbers above 0"),
        ('name = "se"', 'name = "7"', "ends in no digit"),
        ('name = "se"', 'of = ["wikihow"]', "'wikihow' is no source; there are stem"),
        ('name = "se"', 'of = ["authored"]', "authored has no quota above 0"),
        ("authored = 0\n", "", "source 'authored' has no quota"),
        ("stem = 3\nother = 1\n", "stem = 0\nother = 0\n", "no source has a quota above 0"),
        ('name = "se"', "[arms.n-4]", r"\[arms.n-4\] has the name of an arm of \[quantity\]"),
    ],
)
def test_a_table_that_does_not_fit_is_one_clear_error(tmp_path, old, new, words):
    with pytest.raises(RecipeError, match=words) as error:
        read(written(tmp_path, FILE.replace(old, new)))
    assert "quantity.toml" in str(error.value)


def test_double_waits_for_the_data_to_be_counted(tmp_path):
    found = read(written(tmp_path, FILE.replace("[4, 10]", '"double"')))
    assert not found.arms
    assert list(found.with_sizes([5]).arms) == ["se-5"]
    assert list(replace(found, arms={"own": {}}).with_sizes([5]).arms) == ["se-5", "own"]
