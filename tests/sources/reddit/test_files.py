"""Dump files as they come: packed in several ways, in several frames, cut off, damaged, or no dump at all."""

import bz2
import contextlib
import gzip
import io
import json
import lzma

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.sources.reddit import files
from handful.sources.reddit.files import blocks, window

WIDE = zstandard.ZstdCompressionParameters.from_level(3, window_log=31)


def pack(content):
    packer = zstandard.ZstdCompressor(compression_params=WIDE).compressobj()
    return packer.compress(content) + packer.flush()


def lines(path):
    return [bytes(line) for buffer, size in blocks(path) for line in buffer[:size].split(b"\n")[:-1]]


ROWS = b"".join(b'{"id": "%x", "body": "%s"}\n' % (n, b"%d " % n * (n % 50)) for n in range(20_000))


@pytest.fixture
def write(tmp_path):
    def write(content, name="dump"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("way", [bytes, pack, bz2.compress, lzma.compress, gzip.compress])
@pytest.mark.parametrize("content", [ROWS, ROWS[:-1], b"{}\n", b"{}", b'{"a": 1}\r\n\r\n{}\r\n'])
def test_a_file_is_told_by_its_first_bytes_and_not_by_its_name(write, way, content):
    assert b"\n".join(lines(write(way(content)))).rstrip(b"\n") == content.rstrip(b"\n")


def test_several_frames_and_skippable_ones_are_one_file(write):
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    parts = [ROWS[:70_001], ROWS[70_001:70_002], ROWS[70_002:]]
    packed = skippable + skippable.join(map(pack, parts)) + skippable
    assert b"\n".join(lines(write(packed))).rstrip() == ROWS.rstrip()


def test_a_byte_order_mark_is_no_part_of_the_first_row(write):
    for way in (bytes, pack):
        assert json.loads(lines(write(way(b'\xef\xbb\xbf{"id": "a"}\n')))[0]) == {"id": "a"}


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.binary(max_size=300).filter(lambda row: b"\n" not in row), max_size=40),
    block=st.integers(1, 400),
)
def test_blocks_of_any_size_hold_the_same_lines(tmp_path_factory, rows, block):
    content = b"".join(row + b"\n" for row in [b"{", *rows])
    path = tmp_path_factory.mktemp("blocks") / "a"
    path.write_bytes(content)
    before, files.BLOCK = files.BLOCK, block
    try:
        assert lines(path) == [b"{", *rows]
        path.write_bytes(pack(content))
        assert b"\n".join(lines(path)).rstrip(b"\n") == b"\n".join([b"{", *rows]).rstrip(b"\n")
    finally:
        files.BLOCK = before


def test_a_post_of_millions_of_characters_is_one_row(write):
    row = json.dumps({"body": "x" * 3_000_000}).encode()
    for way in (bytes, pack):
        found = lines(write(way(b"{}\n" + row + b"\n{}")))
        assert [len(line) for line in found] == [2, len(row), 2]


def test_progress_is_told_in_bytes_of_the_packed_file(write):
    path, told = write(pack(ROWS)), []
    for _ in blocks(path, told.append):
        pass
    assert sum(told) == path.stat().st_size


PACKED = pack(ROWS)


@pytest.mark.parametrize("cut", [*range(4, 24), 100, len(PACKED) // 2, *range(len(PACKED) - 12, len(PACKED))])
def test_a_zst_that_was_cut_off_anywhere_is_one_clear_error(write, cut):
    path = write(PACKED[:cut], "RC_2019-10.zst")
    with pytest.raises(DataError, match=r"RC_2019-10\.zst: cannot be unpacked to its end .* fetch it again"):
        lines(path)


def test_a_second_frame_that_was_cut_off_is_the_same_error(write):
    with pytest.raises(DataError, match="cut off or is damaged"):
        lines(write(PACKED + PACKED[:-5]))


def test_garbage_behind_the_last_frame_is_an_error(write):
    with pytest.raises(DataError, match="cannot be unpacked to its end"):
        lines(write(PACKED + b"<html>503</html>"))


@pytest.mark.parametrize("way", [bz2.compress, lzma.compress, gzip.compress])
def test_other_packings_that_were_cut_off_are_the_same_error(write, way):
    with pytest.raises(DataError, match="cannot be unpacked to its end"):
        lines(write(way(ROWS)[:-20]))


@settings(max_examples=40, deadline=None)
@given(at=st.integers(4, len(PACKED) - 1), byte=st.integers(1, 255))
def test_a_damaged_byte_is_an_error_or_other_lines_but_no_crash(tmp_path_factory, at, byte):
    path = tmp_path_factory.mktemp("damaged") / "a.zst"
    path.write_bytes(PACKED[:at] + bytes([PACKED[at] ^ byte]) + PACKED[at + 1 :])
    with contextlib.suppress(DataError):
        lines(path)


def test_a_window_of_more_than_2_gib_is_refused_with_a_remedy(write):
    header = b"\x28\xb5\x2f\xfd\x00" + bytes([(32 - 10) << 3])  # a window descriptor of 2 ** 32
    with pytest.raises(DataError, match="a window of more than 2 GiB"):
        lines(write(header + PACKED[6:]))


def test_the_window_is_read_from_the_header(write):
    assert window(write(PACKED)) == 1 << 31
    assert window(write(ROWS)) == 0
    assert window(write(b"\x28\xb5\x2f\xfd")) == 0


def test_a_line_without_an_end_is_refused_in_bounded_memory(write):
    """A bomb: 2 GiB of zeros in 64 kB."""
    packer, packed = zstandard.ZstdCompressor(level=1).compressobj(), io.BytesIO()
    packed.write(packer.compress(b'{"body": "'))
    for _ in range(64):
        packed.write(packer.compress(bytes(1 << 20)))
    packed.write(packer.flush())
    with pytest.raises(DataError, match=r"a line of more than 16 MiB, \{\"body\""):
        lines(write(packed.getvalue()))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"id,title\n1,a\n", "is neither lines of JSON objects nor such lines packed"),
        (b"PK\x03\x04", "is neither lines of JSON"),
        (b'[{"id": "a"}]', "is one JSON list; `jq"),
    ],
)
def test_a_file_of_another_kind_says_what_would_fit(write, content, error):
    with pytest.raises(DataError, match=error):
        lines(write(content))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be opened"):
        lines(tmp_path / "no.zst")
