"""Input files enter keys by what is in them, wherever they lie."""

import os
from dataclasses import dataclass, field

import pytest

from handful.core.errors import DataError
from handful.run.keys import Hashes, plain


@pytest.fixture
def hashes(tmp_path):
    return lambda: Hashes(tmp_path / "hashes.json")


def test_what_lies_behind_a_link_counts(hashes, tmp_path):
    site, folder = tmp_path / "site", tmp_path / "dumps"
    site.mkdir()
    folder.mkdir()
    (site / "Posts.xml").write_text("one")
    (folder / "beer").symlink_to(site)
    before = hashes().of(folder)
    (site / "Posts.xml").write_text("other")
    assert hashes().of(folder) != before


def test_what_cannot_be_read_twice_is_refused_at_once(hashes, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: is neither a file nor a folder; .* must be saved first"):
        hashes().of(tmp_path / "pipe")
    with pytest.raises(DataError, match="no such file or folder"):
        hashes().of(tmp_path / "nowhere")


def test_a_setting_that_came_later_changes_only_the_keys_of_recipes_that_use_it(hashes):
    @dataclass(frozen=True)
    class Params:
        old: int = 1
        shown: bool = field(default=True, metadata={"key": False})
        later: tuple[str, ...] = field(default=(), metadata={"key": "stated"})

    assert plain(Params(), hashes(), "params") == {"old": 1}
    assert plain(Params(later=("a",)), hashes(), "params") == {"old": 1, "later": ["a"]}
