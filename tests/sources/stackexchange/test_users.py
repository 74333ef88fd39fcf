"""Authors are credited by their names, which are in another table, and nobody else's name is kept."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from handful.core.errors import DataError
from handful.pipeline import facts
from handful.recipe.sources import CommentChains, StackExchange
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using
from handful.run.keys import Hashes, plain
from handful.sources.stackexchange import archive
from handful.sources.stackexchange import read as module
from handful.sources.stackexchange.users import credit, nameless, read_names
from handful.sources.work import work

SITE = "tea.example.com"
ESCAPES = {'"': "&quot;", "\n": "&#xA;"}
RULES = {"min_answer_score": 10, "min_chars": 1200}


def user(id, name, **changed):
    """A row of Users.xml, with a profile whose text speaks of rows and names."""
    row = {
        "Id": id,
        "Reputation": 101,
        "CreationDate": "2014-01-21T20:21:18.797",
        "DisplayName": name,
        "LastAccessDate": "2016-05-06T20:34:57.983",
        "AboutMe": '<p>I am <row Id="22" DisplayName="Eve" /></p>\n',
        **changed,
    }
    found = " ".join(f"{key}={quoteattr(str(value), ESCAPES)}" for key, value in row.items() if value != "")
    return f"  <row {found} />\r\n"


def table(*rows):
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<users>\r\n' + "".join(rows) + "</users>"
    ).encode()


def names(content, *ids):
    wanted = {str(id).encode() for id in ids}
    return [(int(id), name) for id, name in read_names(io.BufferedReader(io.BytesIO(content)), wanted)]


@pytest.fixture
def curate(tmp_path):
    """Read paths into a folder's bytes, as {file: content}, and the counts."""

    def run(*paths, processes=1, **options):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        source = StackExchange(
            kind="stackexchange", paths=tuple(InputPath(str(path)) for path in paths), **options
        )
        with using(Engine(workers=processes)):
            counts = work({"other": {"source": source, "rules": RULES}}, {}, out)
        return {file.name: file.read_bytes() for file in sorted(out.iterdir())}, counts

    return run


def authors(files):
    lines = files["candidates.jsonl"].splitlines()
    return {record["id"]: record["origin"]["author"] for record in map(json.loads, lines)}


def link(id):
    return f"(https://{SITE}/users/{id})"


# --- one table


def test_only_wanted_names_are_read_in_the_order_of_the_file():
    content = table(user(-1, "Community"), user(5, "Ann"), user(6, "Bob"), user(7, "Cy"))
    assert names(content, 7, -1, 5, 99) == [(-1, "Community"), (5, "Ann"), (7, "Cy")]
    assert names(content) == names(b"", 5) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Zo&#235; &amp; &quot;Q&quot; &lt;x&gt;", 'Zoë & "Q" <x>'),
        ("Æsir \U0001f375", "Æsir \U0001f375"),
        ("Ann\x00\x01 &#x0;&#xA; B", "Ann B"),
        ("\u202eevil\u202c", "evil"),
        ("a &amp;amp; b", "a &amp; b"),
        (
            "\u0645\u06cc\u200c\u062e",
            "\u0645\u06cc\u200c\u062e",
        ),  # in Persian a joiner is part of how it is written
    ],
)
def test_a_name_is_unescaped_once_and_stands_on_one_line(written, name):
    assert names(table(user(5, "NAME").replace("NAME", written)), 5) == [(5, name)]


def test_bytes_that_are_no_text_are_marked():
    assert names(table(user(5, "NAME")).replace(b"NAME", b"An\xffn"), 5) == [(5, "An\ufffdn")]


def test_rows_of_another_form_are_read_with_care_and_broken_ones_passed_over():
    odd = [
        '  <row DisplayName="Ann" Id="5" />\r\n',
        "  <row Id='6' DisplayName='Bob' />\r\n",
        '  <row Id="7"\r\n    DisplayName="Cy"\r\n  />\r\n',
        '<row Id="8" DisplayName="Di" /><row Id="9" DisplayName="Ed" /></users>',
        '  <row Id="10" Reputation="1" />\r\n',
        '  <row Id="11" DisplayName="" />\r\n',
        '  <row Id="12" DisplayName=" &#xA;" />\r\n',
        '  <row Id="13" DisplayName="Half\r\n',
        user(14, "Fay"),
        '  <row Id="5" DisplayName="Second" />\r\n',
        '  <row DisplayName="Gus" />\r\n',
        '  <row Id="15" DisplayName="Cut',
    ]
    found = names(table(*odd)[: -len("</users>")], *range(5, 16))
    assert found == [(5, "Ann"), (6, "Bob"), (7, "Cy"), (8, "Di"), (9, "Ed"), (14, "Fay"), (5, "Second")]


def test_rows_without_line_feeds_are_read_too():
    content = table(*(user(id, f"n{id}") for id in range(9))).replace(b"\r\n", b"")
    assert names(content, 0, 3, 8) == [(0, "n0"), (3, "n3"), (8, "n8")]


@given(st.binary(max_size=300), st.sampled_from([b"", b'<row Id="5"', b'  <row Id="5" DisplayName="']))
def test_no_table_does_worse_than_no_names(content, lead):
    names(lead + content, 5)


@given(st.integers(1, 900))
def test_ranges_of_any_size_hold_every_row_once(step):
    content = table(
        *(user(id, f"n{id}") for id in range(6)), "  <row Id='7'\n DisplayName='B' />\n", user(8, "C")
    )
    found = []
    for start in range(0, len(content), step):
        file = io.BytesIO(content)
        file.seek(max(0, start - 1))
        position = start and start - 1 + len(file.readline())
        found += read_names(file, {b"0", b"5", b"7", b"8"}, position, start + step)
    assert found == [(b"0", "n0"), (b"5", "n5"), (b"7", "B"), (b"8", "C")]


# --- names in records


def test_names_stand_where_the_numbers_did_and_nothing_else_changes(tmp_path):
    told = f"user 5 {link(5)} says "
    records = [
        {"id": "a", "answer": f'{told}","author":"{told}","license":"', "author": f"user 5 {link(5)}"},
        {"id": "b", "answer": told, "author": f"user 6 {link(6)} (answer), user 5 {link(5)} (question)"},
        {"id": "c", "answer": told, "author": f"Ann {link(5)} (answer), user 7 {link(8)} (question)"},
        {"id": "d", "answer": told, "author": ""},
    ]
    lines, target = tmp_path / "lines", tmp_path / "target"
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    lines.write_text("".join(json.dumps(r | {"license": "CC"}, **compact) + "\n" for r in records))
    assert nameless(lines, SITE) == {b"5", b"6"}
    credit(lines, target, SITE, {b"5": 'An "A" Å', b"7": "No"})
    changed = [json.loads(line) for line in target.read_text().splitlines()]
    assert [record["author"] for record in changed] == [
        f'An "A" Å {link(5)}',
        f'user 6 {link(6)} (answer), An "A" Å {link(5)} (question)',
        records[2]["author"],
        "",
    ]
    assert [record["answer"] for record in changed] == [record["answer"] for record in records]


# --- a site


@pytest.fixture
def rows(question, answer):
    return [question(1, OwnerUserId=5), answer(2, 1, OwnerUserId=6)]


@pytest.fixture
def site(dump, rows):
    """SITE/Posts.xml with SITE/Users.xml beside it."""
    path = dump(*rows)
    path.with_name("Users.xml").write_bytes(table(user(-1, "Community"), user(5, "Ann"), user(6, "Bob")))
    return path


BOTH = {f"{SITE}/1": f"Bob {link(6)} (answer), Ann {link(5)} (question)"}


def test_authors_of_a_plain_site_are_named(site, curate):
    files, counts = curate(site)
    assert authors(files) == authors(curate(site.parent)[0]) == BOTH
    assert counts["authors"] == {"named": 2, "unnamed": 0}
    assert "without_users" not in counts
    assert list(files) == ["candidates.jsonl", "dev.jsonl", "dropped.jsonl", "examples.jsonl", "test.jsonl"]


def test_without_the_table_or_with_the_setting_off_authors_are_numbers(site, curate):
    by_number = {f"{SITE}/1": f"user 6 {link(6)} (answer), user 5 {link(5)} (question)"}
    files, counts = curate(site, author_names=False)
    assert authors(files) == by_number
    assert not counts.keys() & {"authors", "without_users"}
    site.with_name("Users.xml").unlink()
    files, counts = curate(site)
    assert authors(files) == by_number
    assert counts["without_users"] == [SITE]
    assert "authors" not in counts


def test_a_site_that_is_there_twice_takes_the_accounts_from_where_they_are(site, curate, seven_zip):
    """Unpacked without Users.xml, beside the dump's archive with it: the unpacked posts are read, and named."""
    folder = site.parent.parent
    seven_zip("a", folder / f"{SITE}.7z", "Posts.xml", "Users.xml", cwd=site.parent)
    site.with_name("Users.xml").unlink()
    files, counts = curate(folder, sites="all")
    assert authors(files) == BOTH
    assert "without_users" not in counts


def test_who_is_not_in_the_table_stays_a_number_and_is_counted(dump, question, answer, curate):
    gone = {"OwnerUserId": "", "OwnerDisplayName": "user99"}
    rows = [
        question(1, OwnerUserId=5),
        answer(2, 1, OwnerUserId=404),
        question(3, **gone),
        answer(4, 3, OwnerUserId=-1),
        question(5, OwnerUserId=""),
        answer(6, 5, OwnerUserId=5, OwnerDisplayName="Then", LastEditorUserId=6),
    ]
    path = dump(*rows)
    path.with_name("Users.xml").write_bytes(table(user(-1, "Community"), user(5, "Ann"), user(6, "Editor")))
    files, counts = curate(path)
    assert authors(files) == {
        f"{SITE}/1": f"user 404 {link(404)} (answer), Ann {link(5)} (question)",
        f"{SITE}/3": f"Community {link(-1)} (answer), user99 (question)",
        f"{SITE}/5": f"Then {link(5)}",
    }
    assert counts["authors"] == {"named": 2, "unnamed": 1}
    assert b"Editor" not in b"".join(files.values())


@pytest.mark.parametrize("program", [True, False])
@pytest.mark.parametrize(
    "order", ["Badges Posts Tags Users Votes", "Posts Users", "Users Badges Posts", "Posts"]
)
def test_an_archive_gives_the_same_whatever_the_order_of_its_tables(
    site, pack, curate, monkeypatch, program, order
):
    plain, counts = curate(site)
    tables = dict.fromkeys(("Badges", "Tags", "Votes"), random.Random(0).randbytes(100_000))
    tables |= {name: site.with_name(f"{name}.xml").read_bytes() for name in ("Posts", "Users")}
    packed = pack({f"{name}.xml": tables[name] for name in order.split()})
    if not program:
        monkeypatch.setattr(archive, "seven_zip", lambda: None)
    files, found = curate(packed)
    if "Users" in order:
        assert (files, found) == (plain, counts)
    else:
        assert found["without_users"] == [SITE]


def test_an_archive_is_unpacked_once_for_both_tables(site, pack, curate, monkeypatch):
    packed = pack({f"{name}.xml": site.with_name(f"{name}.xml").read_bytes() for name in ("Posts", "Users")})
    begun = []

    class Counted(archive.ByProgram):
        def __init__(self, members, program):
            begun.append([member.member.name for member in members])
            super().__init__(members, program)

    monkeypatch.setattr(archive, "ByProgram", Counted)
    curate(packed)
    assert begun == [["Posts.xml", "Users.xml"]]


def test_each_table_in_a_block_or_an_archive_of_its_own(site, curate, seven_zip, tmp_path):
    plain = curate(site)
    folder = tmp_path / "packed"
    folder.mkdir()
    for name in ("Posts", "Users"):
        seven_zip("a", folder / f"{SITE}-{name}.7z", f"{name}.xml", cwd=site.parent)
    seven_zip("a", "-ms=off", tmp_path / f"{SITE}.7z", "Posts.xml", "Users.xml", cwd=site.parent)
    assert curate(folder) == curate(folder / f"{SITE}-Posts.7z") == plain
    assert curate(tmp_path / f"{SITE}.7z") == plain


def test_a_damaged_table_is_one_clear_error_that_says_how_to_do_without(site, pack, curate):
    import py7zr

    tables = {name: site.with_name(name).read_bytes() for name in ("Posts.xml", "Users.xml")}
    packed = pack(tables, filters=[{"id": py7zr.FILTER_COPY}])
    content = packed.read_bytes()
    packed.write_bytes(content.replace(b"Ann", b"Ans"))
    with pytest.raises(DataError, match=r"7z: Users\.xml is damaged: .* \(author_names = false"):
        curate(packed)
    assert curate(packed, author_names=False)[1]["candidates"] == 1
    packed.write_bytes(content.replace(b"Title of 1", b"Title of 2"))
    with pytest.raises(DataError, match=r"7z: Posts\.xml is damaged"):
        curate(packed)


# --- a large site


@pytest.fixture
def large(question, answer, dump):
    """Posts and accounts enough for many ranges and several buckets; every seventh account is gone."""
    draw = random.Random(0)
    made = []
    for id in range(1, 400, 4):
        far = id + draw.choice((0, 70_000, 140_000))
        made.append(question(far, OwnerUserId=draw.randrange(1, 300)))
        made.append(answer(far + 1, far, Score=draw.randrange(0, 30), OwnerUserId=draw.randrange(1, 300)))
    path = dump(*made)
    accounts = [user(id, f"Ann {id} é") for id in range(-1, 300) if id % 7]
    accounts.insert(9, "  <row DisplayName='Odd'\r\n Id='9' />\r\n")
    path.with_name("Users.xml").write_bytes(table(*accounts, user(8, "Second")))
    return path


def in_parts(monkeypatch, part=7_000):
    monkeypatch.setattr(module, "BUCKET_BYTES", 60_000)
    monkeypatch.setattr(module, "RANGE_BYTES", part)


def by_question(files):
    return {name: sorted(content.splitlines()) for name, content in files.items()}


@pytest.mark.parametrize("part", [900, 7_000, 33_333])
def test_a_site_read_in_ranges_names_the_same_people(large, curate, monkeypatch, part):
    whole, counts = curate(large)
    assert counts["authors"]["named"] > 50
    assert counts["authors"]["unnamed"] > 5
    by_hand = {
        int(row.get("Id")): row.get("DisplayName")
        for row in reversed(etree.parse(large.with_name("Users.xml")).getroot())
    }
    for author in authors(whole).values():
        for name, id in re.findall(r"(?:^|, )(.+?) \(https://tea\.example\.com/users/(\d+)\)", author):
            assert name == by_hand.get(int(id), f"user {id}")
    in_parts(monkeypatch, part)
    cut, counts_in_parts = curate(large)
    assert by_question(cut) == by_question(whole)
    assert counts_in_parts == counts


def test_two_processes_give_the_same_bytes_as_one(large, curate, monkeypatch):
    in_parts(monkeypatch, 40_000)
    assert curate(large, processes=2) == curate(large, processes=1)


@pytest.mark.parametrize("method", ["bzip2:d=100k", "lzma2"])
def test_large_archives_of_one_table_name_the_same_people(large, curate, monkeypatch, tmp_path, method):
    plain, counts = curate(large)
    users, draw = large.with_name("Users.xml"), random.Random(0)
    rows = users.read_bytes().splitlines(keepends=True)
    for place in range(len(rows) - 1, 20, -1):
        rows[place:place] = [user(n, draw.randbytes(60).hex()).encode() for n in range(10**6, 10**6 + 4)]
    users.write_bytes(b"".join(rows))
    for name in ("Posts", "Users"):
        command = [archive.seven_zip(), "a", f"-m0={method}", tmp_path / f"{SITE}-{name}.7z", f"{name}.xml"]
        subprocess.run(command, check=True, capture_output=True, cwd=large.parent)
    in_parts(monkeypatch)
    monkeypatch.setattr(module, "PACKED_RANGE_BYTES", 20_000)
    monkeypatch.setattr(module, "current", lambda: Engine(workers=2))
    scanned, scan = [], module.scan_accounts

    def counted(shard, out):
        scanned.append(shard.start)
        return scan(shard, out)

    monkeypatch.setattr(module, "scan_accounts", counted)
    cut, counts_in_parts = curate(tmp_path / f"{SITE}-Posts.7z")
    assert by_question(cut) == by_question(plain)
    assert counts_in_parts == counts
    if "bzip2" in method:
        assert len(scanned) > 3


# --- keys and dialogues


@pytest.mark.parametrize("named", ["Posts.xml", "Posts.7z", "folder"])
def test_the_key_follows_the_accounts_beside_a_named_file(site, tmp_path, named):
    path, beside = site, site.with_name("Users.xml")
    if named == "Posts.7z":
        path, beside = (
            site.rename(tmp_path / f"{SITE}-{name}.7z") for name, site in [("Posts", site), ("Users", beside)]
        )
    if named == "folder":
        path = site.parent

    def key(**options):
        source = StackExchange(kind="stackexchange", paths=(InputPath(str(path)),), **options)
        return plain(
            {"source": source, **facts(source, {})}, Hashes(tmp_path / "hashes.json"), "sources/stem"
        )

    before, without = key(), key(author_names=False)
    beside.write_bytes(beside.read_bytes() + b"\n")
    assert key() != before
    assert (key(author_names=False) == without) is (named != "folder")
    beside.unlink()
    assert key() != before


def test_dialogues_credit_their_people_by_name_too(site, pack, tmp_path):
    talk = "".join(
        f'  <row Id="{id}" PostId="2" Score="0" Text="Word {id}." CreationDate="2015-04-0{id}" UserId="{by}" />\r\n'
        for id, by in enumerate((5, 6, 5, 6), start=1)
    )
    site.with_name("Comments.xml").write_text(f"<comments>\r\n{talk}</comments>")
    tables = ("Comments.xml", "Posts.xml", "Users.xml")
    packed = pack({name: site.with_name(name).read_bytes() for name in tables})

    def read(path, **options):
        source = CommentChains(kind="comment_chains", paths=(InputPath(str(path)),), **options)
        out = Path(tmp_path / "out")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        counts = work({"chains": {"source": source, "rules": {}}}, {}, out)
        return (out / "examples.jsonl").read_bytes(), counts

    content, counts = read(site.parent)
    author = json.loads(content)["origin"]["author"]
    assert author == f"Bob {link(6)} (answer, comments), Ann {link(5)} (question, comments)"
    assert counts["authors"] == {"named": 2, "unnamed": 0}
    assert read(packed) == (content, counts)
    assert b"user 6 (https" in read(packed, author_names=False)[0]


# --- a real archive


def test_real_authors_have_the_names_that_lxml_finds(shared_data, curate, seven_zip, tmp_path):
    packed = shared_data / "stackexchange" / "beer.stackexchange.com.7z"
    files, counts = curate(packed)
    unnamed = authors(curate(packed, author_names=False)[0])
    seven_zip("x", packed, "Users.xml", cwd=tmp_path)
    known = {row.get("Id"): row.get("DisplayName") for row in etree.parse(tmp_path / "Users.xml").getroot()}
    expected = {
        id: re.sub(r"user (\d+) \(", lambda found: f"{known[found[1]]} (", author)
        for id, author in unnamed.items()
    }
    assert authors(files) == expected
    assert len(expected) == 53  # top answers of 10 and more whose HTML has 1,200 characters, by lxml
    assert counts["authors"] == {"named": 63, "unnamed": 0}
