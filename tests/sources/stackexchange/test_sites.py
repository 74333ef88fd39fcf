"""A site is found by its file, and read once."""

import pytest

from handful.core.errors import DataError
from handful.sources.stackexchange.sites import site_name, sites


def names(*paths):
    return [(site.name, site.path.name) for site in sites(map(str, paths), 1e9)]


@pytest.mark.parametrize(
    ("file", "site"),
    [
        ("beer.stackexchange.com.7z", "beer.stackexchange.com"),
        ("stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("beer.meta.stackexchange.com/Posts.xml", "beer.meta.stackexchange.com"),
    ],
)
def test_a_site_is_named_by_its_archive_or_its_folder(tmp_path, file, site):
    assert site_name(tmp_path / file) == site


def test_a_folder_may_hold_sites_in_both_forms_each_read_once(tmp_path, dump, pack, question):
    dump(question(1), site="b.example.com")
    for name in ("a.example.com.7z", "b.example.com.7z", "c.example.com-Posts.7z"):
        pack({"Posts.xml": b"<posts/>"}, name)
    pack({"Votes.xml": b"<votes/>"}, "c.example.com-Votes.7z")
    found = [
        ("a.example.com", "a.example.com.7z"),
        ("b.example.com", "Posts.xml"),
        ("c.example.com", "c.example.com-Posts.7z"),
    ]
    assert names(tmp_path) == found
    assert names(tmp_path, tmp_path / "b.example.com.7z") == found
    assert names(tmp_path / "b.example.com") == [("b.example.com", "Posts.xml")]
    assert names(tmp_path / "b.example.com.7z", tmp_path / "b.example.com") == [
        ("b.example.com", "b.example.com.7z")
    ]


def test_a_wrong_path_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "Users.xml").write_text("<users/>")
    for path, match in [
        ("no", "no such file"),
        ("empty", "holds no Posts.xml"),
        ("Users.xml", "is neither a .7z"),
    ]:
        with pytest.raises(DataError, match=match):
            names(tmp_path / path)
