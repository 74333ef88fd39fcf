"""Archives are read as 7-Zip and py7zr read them, and what is damaged or dangerous is refused in one sentence."""

import bz2
import contextlib
import random
import shutil
import zlib
from dataclasses import replace

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.sources.stackexchange import archive
from handful.sources.stackexchange.decoders import unpacked
from handful.sources.stackexchange.header import Contents, Cursor, Member, read_header, read_start

TEXT = "".join(random.Random(0).choices("abcdefgh \n", k=400_000)).encode()
MEMBERS = {"Badges.xml": b"<b/>" * 5000, "Posts.xml": TEXT, "Votes.xml": b"<v/>" * 3000}
LIMIT = 1e9


def read(path, name="Posts.xml", program=None):
    return b"".join(archive.chunks(archive.find(path, name, LIMIT), program))


FILTERS = {
    "BZip2": {"id": py7zr.FILTER_BZIP2},
    "LZMA": {"id": py7zr.FILTER_LZMA},
    "LZMA2": {"id": py7zr.FILTER_LZMA2, "preset": 6},
    "Copy": {"id": py7zr.FILTER_COPY},
}


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_of_a_solid_archive_reads_as_it_was_written(pack, method, member):
    assert read(pack(MEMBERS, filters=[FILTERS[method]]), member) == MEMBERS[member]


@pytest.mark.parametrize("method", ["BZip2", "LZMA", "LZMA2", "Copy"])
@pytest.mark.parametrize("solid", ["on", "off"])
@pytest.mark.parametrize("header", ["on", "off"])
def test_archives_by_7_zip_read_alike(tmp_path, seven_zip, method, solid, header):
    for name, content in MEMBERS.items():
        (tmp_path / name).write_bytes(content)
    switches = [f"-m0={method}", f"-ms={solid}", f"-mhc={header}"]
    seven_zip("a", "-t7z", *switches, "site.7z", *MEMBERS, cwd=tmp_path)
    assert read(tmp_path / "site.7z") == TEXT


def test_the_program_gives_the_same_bytes_as_the_library(pack, seven_zip):
    path = pack(MEMBERS)
    assert read(path, program=shutil.which("7zz") or shutil.which("7z")) == read(path, program=None) == TEXT


def test_a_program_that_fails_is_not_needed(pack):
    assert read(pack(MEMBERS), program=shutil.which("false")) == TEXT


def test_a_reader_that_stops_early_leaves_no_program_behind(pack, seven_zip):
    chunks = archive.chunks(archive.find(pack(MEMBERS), "Posts.xml", LIMIT), shutil.which("7zz"))
    assert next(chunks)
    chunks.close()  # would warn of a process still running, and warnings are errors


def test_no_chunk_is_larger_than_a_megabyte(pack):
    chunks = archive.chunks(
        archive.find(pack({"Posts.xml": bytes(8 << 20)}, filters=[FILTERS["Copy"]]), "Posts.xml", LIMIT), None
    )
    assert [len(chunk) for chunk in chunks] == [archive.CHUNK] * 8


def test_bzip2_streams_may_follow_one_another(pack):
    packed = archive.find(pack(MEMBERS), "Badges.xml", LIMIT)
    first, second = b"<posts>" * 100, b"</posts>" * 50
    content = bz2.compress(first) + bz2.compress(second)
    packed.path.write_bytes(content)
    block = replace(packed.block, offset=0, packed=len(content), sizes=(len(first) + len(second),))
    member = Member("Posts.xml", len(first + second), zlib.crc32(first + second), 0, 0)
    assert b"".join(archive.chunks(archive.Packed(packed.path, member, block), None)) == first + second


def test_an_empty_member_is_empty(pack):
    assert read(pack({"Posts.xml": b"", "Votes.xml": b"x"})) == b""


def test_posts_may_lie_in_a_folder(pack):
    assert read(pack({"tea/Votes.xml": b"v", "tea/Posts.xml": TEXT})) == TEXT


def refused(path, match, limit=LIMIT):
    with pytest.raises(DataError, match=match) as caught:
        b"".join(archive.chunks(archive.find(path, "Posts.xml", limit), None))
    assert str(path) in str(caught.value)


def test_what_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "tea.7z"
    for content in (b"", b"PK\x03\x04 a zip", TEXT):
        path.write_bytes(content)
        refused(path, "is not a .7z archive: it ")


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.99])
def test_an_archive_that_is_cut_short_is_refused(pack, share):
    path = pack(MEMBERS)
    content = path.read_bytes()
    path.write_bytes(content[: max(10, int(len(content) * share))])
    refused(path, "is cut short: ")


def test_a_changed_byte_is_found_wherever_it_is(pack):
    path = pack(MEMBERS, filters=[FILTERS["Copy"]])
    content = bytearray(path.read_bytes())
    for place, match in [
        (13, "first 32 bytes"),
        (100_000, "do not match their checksum"),
        (len(content) - 3, "header"),
    ]:
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        refused(path, match)


@pytest.mark.parametrize("method", ["BZip2", "LZMA", "LZMA2"])
def test_damage_inside_packed_data_is_found(pack, method):
    path = pack(MEMBERS, filters=[FILTERS[method]])
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = bytes(50)
    path.write_bytes(content)
    refused(path, "is damaged")


def test_without_posts_the_error_lists_what_is_there(pack):
    refused(pack({"Users.xml": b"u", "Tags.xml": b"t"}), "holds no Posts.xml, only Tags.xml, Users.xml")


def test_with_several_posts_the_error_names_them(pack):
    refused(
        pack({"a/Posts.xml": b"a", "b/Posts.xml": b"b"}), "more than one Posts.xml: a/Posts.xml, b/Posts.xml"
    )


@pytest.mark.parametrize(
    "name", ["../Posts.xml", "/etc/Posts.xml", "a/../../Posts.xml", "C:\\Posts.xml", "..\\x"]
)
def test_a_member_that_leads_out_of_the_archive_is_refused(name):
    contents = Contents((Member("Posts.xml", 1, None, 0, 0), Member(name, 1, None, 0, 1)), ())
    with pytest.raises(DataError, match="leads out of the archive"):
        archive._pick(contents, "Posts.xml")


def test_more_than_the_recipe_allows_is_refused_before_it_is_unpacked(pack):
    refused(pack(MEMBERS), r"claims 0\.00 GB unpacked, more than max_unpacked_gb = 0\.0001", limit=1e5)


def test_a_bomb_is_refused_by_its_ratio(pack):
    refused(pack({"Posts.xml": bytes(30_000_000)}), "over 1,000 times")


def test_an_encrypted_archive_is_refused_by_name(pack):
    path = pack(
        MEMBERS, password="secret", filters=[FILTERS["LZMA2"], {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}]
    )
    refused(path, "is encrypted")


def test_encrypted_names_are_refused_by_name(pack):
    aes = {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}
    path = pack(MEMBERS, password="secret", header_encryption=True, filters=[FILTERS["LZMA2"], aes])
    refused(path, "is encrypted")


def test_a_method_that_is_not_covered_is_named(pack):
    refused(
        pack(MEMBERS, filters=[{"id": py7zr.FILTER_X86}, FILTERS["LZMA2"]]),
        r"packed with (BCJ \+ LZMA2|LZMA2 \+ BCJ)",
    )


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\x05", 5),
        (b"\x7f", 127),
        (b"\x80\x80", 128),
        (b"\xbf\xff", 0x3FFF),
        (b"\xc0\x00\x40", 0x4000),
        (b"\xff" + b"\xff" * 8, 2**64 - 1),
    ],
)
def test_numbers_are_read_as_7_zip_writes_them(raw, value):
    assert Cursor(raw).number() == value


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x01", b"\x01\x04\x06", b"\x01\x05", b"\x17"]))
def test_no_header_does_worse_than_a_data_error(raw, lead):
    with contextlib.suppress(DataError):
        read_header(lead + raw, lambda block: b"")


@pytest.fixture
def header(pack) -> bytes:
    """The unpacked header of a solid archive of three members."""
    with pack(MEMBERS).open("rb") as file:
        start = read_start(file.read(32), 1 << 40)
        file.seek(start.offset)
        found = []

        def unpack(block):
            found.append(b"".join(unpacked(file, block, block.sizes[-1])))
            return found[-1]

        assert len(read_header(file.read(start.size), unpack).members) == 3
    return found[-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data())
def test_a_header_with_changed_bytes_does_no_worse_than_a_data_error(header, data):
    changed = bytearray(header)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        read_header(bytes(changed), lambda block: b"")


def test_the_table_of_contents_is_that_of_py7zr(shared_data):
    paths = sorted((shared_data / "stackexchange").glob("*.7z"))
    assert paths
    for path in paths:
        with path.open("rb") as file:
            ours = archive._contents(file)
        with py7zr.SevenZipFile(path) as peer:
            theirs = [(info.filename, info.uncompressed, info.crc32) for info in peer.list()]
        assert [(m.name, m.size, m.crc) for m in ours.members] == theirs


def test_the_official_archive_reads_as_the_plain_file(shared_data):
    site = shared_data / "stackexchange" / "beer.stackexchange.com"
    assert read(site.with_name(site.name + ".7z")) == (site / "Posts.xml").read_bytes()
