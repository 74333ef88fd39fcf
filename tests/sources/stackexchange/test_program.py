"""7-Zip's own word on a checksum is asked for and taken; all else that it may do is one clear error."""

import fcntl
import os
import random
import shutil
import signal
import stat

import py7zr
import pytest

from handful.core.errors import DataError
from handful.sources.stackexchange import archive, program

POSTS = "".join(random.Random(1).choices("abcdefgh \n", k=3_000_000)).encode()
USERS = b"<u/>" * 5000
MEMBERS = {"Badges.xml": b"<b/>" * 5000, "Posts.xml": POSTS, "Users.xml": USERS}
METHODS = {
    "BZip2": [{"id": py7zr.FILTER_BZIP2}],
    "LZMA2": [{"id": py7zr.FILTER_LZMA2, "preset": 1}],
    "Copy": [{"id": py7zr.FILTER_COPY}],
}


@pytest.fixture
def find(pack, seven_zip):
    """A function that packs MEMBERS, and finds some of them. Needs 7-Zip."""
    return lambda *names, method="Copy": [
        archive.find(path, name, 1e9) for path in [pack(MEMBERS, filters=METHODS[method])] for name in names
    ]


def read(packed, tool=""):
    return b"".join(archive.chunks(packed, tool))


def change(packed, place):
    """Change one byte of the packed file."""
    content = bytearray(packed.path.read_bytes())
    content[place] ^= 1
    packed.path.write_bytes(content)


def in_posts(packed):
    """A byte of Posts.xml where nothing is compressed."""
    return packed.block.offset + len(MEMBERS["Badges.xml"]) + 1_000_000


@pytest.fixture
def script(tmp_path):
    """Write a program that stands for an odd 7-Zip."""

    def make(*lines):
        path = tmp_path / "7zz-odd"
        path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


def test_no_checksum_is_computed_where_7_zip_compares_it(find, monkeypatch):
    (packed,) = find("Posts.xml")
    monkeypatch.setattr(archive.zlib, "crc32", lambda *_: pytest.fail("a second checksum"))
    assert read(packed) == POSTS


def test_a_wrong_byte_is_found_by_the_program_as_by_the_library(find):
    (packed,) = find("Posts.xml")
    change(packed, in_posts(packed))
    for tool, whose in (("", "its bytes, or those before it in the archive,"), (None, "its bytes")):
        with pytest.raises(DataError) as caught:
            read(packed, tool)
        assert str(caught.value) == (
            f"{packed.path}: Posts.xml is damaged: {whose} do not match their checksum; copy the archive again"
        )


@pytest.mark.parametrize("method", ["BZip2", "LZMA2"])
def test_damage_inside_packed_data_is_found(find, method):
    (packed,) = find("Posts.xml", method=method)
    change(packed, packed.block.offset + packed.block.packed // 2)
    with pytest.raises(DataError, match=r"tea\.example\.com\.7z: .*is damaged"):
        read(packed)


def test_damage_behind_a_member_is_no_fault_of_it(find):
    (packed,) = find("Posts.xml")
    change(packed, packed.block.offset + packed.block.packed - 10)
    assert read(packed) == POSTS


def test_damage_before_a_member_is_not_passed_over_where_7_zip_reports_it(find):
    (packed,) = find("Posts.xml")
    change(packed, packed.block.offset + 100)
    with pytest.raises(DataError, match="or those before it in the archive, do not match their checksum"):
        read(packed)


def test_bytes_behind_the_archive_are_no_damage(find):
    (packed,) = find("Posts.xml", method="LZMA2")
    packed.path.write_bytes(packed.path.read_bytes() + b"behind" * 1000)
    assert read(packed) == POSTS


def test_of_two_members_the_first_is_checked_at_its_own_end(find):
    """The second may never be opened, and 7-Zip would tell only behind it."""
    posts, users = find("Posts.xml", "Users.xml")
    change(posts, in_posts(posts))
    both = archive.Pass([posts, users])
    with pytest.raises(DataError, match=r"Posts\.xml is damaged: its bytes do not match"):
        both.open_next().read()
    both.close()


def test_of_two_members_the_second_is_checked_by_7_zip(find):
    posts, users = find("Posts.xml", "Users.xml")
    change(posts, posts.block.offset + posts.block.packed - 10)
    both = archive.Pass([posts, users])
    with both.open_next() as file:
        assert file.read() == POSTS
    with (
        both.open_next() as file,
        pytest.raises(DataError, match=r"Users\.xml is damaged: its bytes, or"),
    ):
        file.read()


@pytest.mark.parametrize("method", METHODS)
def test_an_archive_that_is_cut_short_while_it_is_looked_at_is_damaged(find, method):
    (packed,) = find("Posts.xml", method=method)
    os.truncate(packed.path, packed.block.packed // 2)
    with pytest.raises(
        DataError, match=r"Posts\.xml is damaged: [\d,]+ of 3,000,000 bytes could be unpacked"
    ):
        read(packed)


def test_7_zip_killed_in_the_middle_says_so_and_blames_no_archive(find):
    (packed,) = find("Posts.xml")
    with archive.open_member(packed) as file:
        assert file.read(10) == POSTS[:10]
        file.raw.stream.program.process.send_signal(signal.SIGKILL)
        with pytest.raises(DataError) as caught:
            file.read()
    assert str(caught.value) == (
        f"{packed.path}: Posts.xml could not be unpacked: 7-Zip was stopped by signal 9 (Killed); "
        "run the same command again"
    )


def test_7_zip_killed_before_it_has_compared_the_checksum_is_not_believed(find, script):
    (packed,) = find("Posts.xml")
    tool = script(f'{shutil.which("7zz") or shutil.which("7z")} "$@"', "kill -9 $$")
    with pytest.raises(DataError, match=r"Posts\.xml could not be unpacked: 7-Zip was stopped by signal 9"):
        read(packed, tool)


def test_a_program_that_writes_nothing_is_not_needed(find, script):
    """As one that does not know the switches, or the name; with the library, the checksum is ours again."""
    (packed,) = find("Posts.xml")
    for status in (0, 7):
        assert read(packed, script(f"exit {status}")) == POSTS
    change(packed, in_posts(packed))
    with pytest.raises(DataError, match="do not match their checksum"):
        read(packed, script("exit 7"))


def test_a_program_that_only_warns_is_believed(find, script):
    (packed,) = find("Posts.xml")
    tool = script(f'{shutil.which("7zz") or shutil.which("7z")} "$@"', "exit 1")
    assert read(packed, tool) == POSTS


def test_more_bytes_than_the_archive_states_are_an_error(find, script):
    (packed,) = find("Posts.xml")
    tool = script(f'{shutil.which("7zz") or shutil.which("7z")} "$@"', "head -c 4000000 /dev/zero")
    with pytest.raises(DataError, match=r"Posts\.xml is longer than its archive says"):
        read(packed, tool)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="only Linux sets the size of a pipe")
def test_a_pipe_that_cannot_be_widened_is_used_as_it_is(find, monkeypatch):
    (packed,) = find("Posts.xml")
    monkeypatch.setattr(program, "PIPE", 1 << 30)  # more than a user may have
    assert read(packed) == POSTS
