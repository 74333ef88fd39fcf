"""A site is found by its file, read once, and chosen by what the recipe says of it."""

import pytest

from handful.core.errors import DataError
from handful.recipe.sources import CommentChains, StackExchange
from handful.recipe.values import InputPath
from handful.sources.stackexchange.sites import COMMENTS, passed_over, site_name, sites

BEER, AI, RUSSIAN = "beer.stackexchange.com", "ai.stackexchange.com", "ru.stackoverflow.com"
META = "ai.meta.stackexchange.com"


def source(*paths, kind="stackexchange", **options):
    make = StackExchange if kind == "stackexchange" else CommentChains
    return make(kind=kind, paths=tuple(InputPath(str(path)) for path in paths), **options)


def names(*paths, table="Posts.xml", **options):
    return [(site.name, site.path.name) for site in sites(source(*paths, **options), table)]


def chosen(*paths, **options):
    return [name for name, _ in names(*paths, **options)]


@pytest.fixture
def network(dump, question, tmp_path):
    """A folder with a site of each group, and a meta site."""
    for site in (BEER, AI, META, RUSSIAN):
        dump(question(1), site=site)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "site"),
    [
        ("beer.stackexchange.com.7z", "beer.stackexchange.com"),
        ("stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("stackoverflow.com-Comments.7z", "stackoverflow.com"),
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


@pytest.mark.parametrize(
    ("options", "read", "skipped"),
    [
        ({}, [AI, BEER, RUSSIAN], {"meta": 1}),
        ({"meta": True}, [META, AI, BEER, RUSSIAN], {}),
        ({"sites": "stem"}, [AI], {"meta": 1, "niche": 1, "other": 1}),
        ({"sites": "stem", "meta": True}, [META, AI], {"niche": 1, "other": 1}),
        ({"sites": "other"}, [BEER], {"meta": 1, "niche": 1, "stem": 1}),
        ({"sites": "stem", "include": (BEER,)}, [AI, BEER], {"meta": 1, "niche": 1}),
        (
            {"sites": "stem", "include": ("alcohol.stackexchange.com",)},
            [AI, BEER],
            {"meta": 1, "niche": 1},
        ),
        ({"sites": "other", "include": (META,)}, [META, BEER], {"niche": 1, "stem": 1}),
        (
            {"sites": "other", "include": (RUSSIAN,)},
            [BEER, RUSSIAN],
            {"meta": 1, "stem": 1},
        ),
        ({"exclude": (BEER, META)}, [AI, RUSSIAN], {"excluded": 2}),
    ],
)
def test_the_recipe_chooses_among_the_sites_of_a_folder(network, options, read, skipped):
    assert chosen(network, **options) == read
    assert passed_over(source(network, **options)) == skipped


def test_a_path_that_names_a_site_is_read_whatever_its_group(network):
    for path in (network / BEER, network / BEER / "Posts.xml"):
        assert chosen(path, sites="stem") == [BEER]
        assert passed_over(source(path, sites="stem")) == {}
    assert chosen(network / META) == [META]
    assert chosen(network, network / BEER, sites="stem") == [AI, BEER]
    assert chosen(network / BEER, network / AI, exclude=(BEER,)) == [AI]


def test_two_names_of_one_site_are_read_once(tmp_path, dump, question):
    for site in ("beer.stackexchange.com", "alcohol.stackexchange.com"):
        dump(question(1), site=site)
    assert chosen(tmp_path) == ["alcohol.stackexchange.com"]


def test_sites_that_the_list_does_not_know_are_refused_by_name_all_at_once(tmp_path, dump, question):
    for site in ("tea.example.com", "cha.example.com", AI):
        dump(question(1), site=site)
    with pytest.raises(DataError) as refused:
        chosen(tmp_path, sites="stem")
    assert 'include = ["cha.example.com", "tea.example.com"]' in str(refused.value)
    assert 'exclude = ["cha.example.com", "tea.example.com"]' in str(refused.value)
    given = {"include": ("tea.example.com",), "exclude": ("cha.example.com",)}
    assert chosen(tmp_path, sites="stem", **given) == [AI, "tea.example.com"]
    assert chosen(tmp_path) == [AI, "cha.example.com", "tea.example.com"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"include": ("beer",)}, "did you mean 'beer.stackexchange.com'"),
        ({"exclude": ("al.stackexchange.com",)}, "did you mean 'ai.stackexchange.com'"),
        ({"include": (BEER,), "exclude": ("alcohol.stackexchange.com",)}, "both name beer"),
        ({"exclude": (BEER, AI, RUSSIAN)}, "none of the 4 sites .*excluded: 3, meta: 1"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(network, options, match):
    with pytest.raises(DataError, match=match):
        chosen(network, **options)


def test_comments_are_found_beside_the_posts(tmp_path, dump, pack, question):
    dump(question(1), site="plain.example.com").with_name(COMMENTS).write_bytes(b"<comments/>")
    dump(question(1), site="without.example.com")
    both = {"Posts.xml": b"<posts/>", COMMENTS: b"<comments/>"}
    pack(both, "packed.example.com.7z")
    pack({"Posts.xml": b"<posts/>"}, "alone.example.com.7z")
    for table in ("Posts", "Comments"):
        pack({f"{table}.xml": both[f"{table}.xml"]}, f"stackoverflow.com-{table}.7z")
    options = {"kind": "comment_chains", "table": COMMENTS}
    found = [
        ("packed.example.com", "packed.example.com.7z"),
        ("plain.example.com", COMMENTS),
        ("stackoverflow.com", "stackoverflow.com-Comments.7z"),
    ]
    assert names(tmp_path, **options) == found
    assert len(names(tmp_path, kind="comment_chains")) == 5
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert sorted(names(*files, **options)) == found
    assert names(tmp_path / "without.example.com", **options) == []


def test_a_damaged_archive_is_no_archive_without_comments(tmp_path, pack):
    path = pack({"Posts.xml": b"<posts/>", COMMENTS: b"<comments/>"})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"damaged|cut|copy"):
        names(path, kind="comment_chains", table=COMMENTS)
