"""A site comes out the same whether it is read in one go, in ranges, or from an archive; by one process or two."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest

from handful.core.errors import DataError
from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.run import engine
from handful.sources.stackexchange import archive
from handful.sources.stackexchange import read as module
from handful.sources.stackexchange.blocks import starts
from handful.sources.work import work

RULES = {"min_answer_score": 10, "min_chars": 1200}


@pytest.fixture
def rows(question, answer):
    """Questions and their answers in a muddle, with rows that are broken, odd, or spread over lines."""
    draw = random.Random(0)
    made = []
    for id in range(1, 400, 4):
        far = id + draw.choice((0, 70_000, 140_000))  # so that every bucket has some
        made.append(question(far))
        made += [
            answer(far + n, far, Score=draw.randrange(-2, 30)) for n in range(1, 4) if draw.random() < 0.7
        ]
    odd = answer(500_001, 1, Score=99).replace("&#xA;", "\r\n ")  # a row over two lines
    made += [odd, question(600_000)[:-9], "\r\n", made[0], answer(700_000, 77), question(2_000_000_000)]
    draw.shuffle(made)
    return made


@pytest.fixture
def curate(tmp_path):
    """Read a path into a folder's bytes, as {file: content}, and the counts."""

    def run(path, name="out", processes=1):
        out = tmp_path / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        source = StackExchange(kind="stackexchange", paths=(InputPath(str(path)),))
        with engine.using(engine.Engine(workers=processes)):
            counts = work({"other": {"source": source, "rules": RULES}}, {}, out)
        return {file.name: file.read_bytes() for file in sorted(out.iterdir())}, counts

    return run


def by_question(files):
    return {name: sorted(content.splitlines()) for name, content in files.items()}


def in_parts(monkeypatch, bucket=60_000, part=7_000):
    monkeypatch.setattr(module, "BUCKET_BYTES", bucket)
    monkeypatch.setattr(module, "RANGE_BYTES", part)


@pytest.mark.parametrize("part", [900, 7_000, 33_333])
def test_ranges_of_any_size_give_the_same_questions(rows, dump, curate, monkeypatch, part):
    path = dump(*rows)
    whole, counts = curate(path)
    assert counts["candidates"] > 20
    assert counts["dropped"].keys() >= {"broken_row", "orphan_answer", "repeated_post", "fabricated_post"}
    in_parts(monkeypatch, part=part)
    cut, counts_in_parts = curate(path)
    assert by_question(cut) == by_question(whole)
    assert counts_in_parts == counts


def test_buckets_do_not_change_what_an_archive_gives(rows, dump, pack, curate, monkeypatch):
    path = dump(*rows)
    plain, _ = curate(path)
    in_parts(monkeypatch)
    packed, _ = curate(pack({"PostHistory.xml": b"h" * 5000, "Posts.xml": path.read_bytes()}))
    assert by_question(packed) == by_question(plain)


@pytest.mark.parametrize("program", [True, False])
def test_an_archive_is_read_in_ranges_of_its_blocks(rows, dump, tmp_path, curate, monkeypatch, program):
    """Made by 7-Zip, with blocks of 100 kB: py7zr makes none so small."""
    path = dump(*rows * 12)
    packed = tmp_path / "tea.example.com.7z"
    command = [archive.seven_zip(), "a", "-m0=bzip2:d=100k", packed.name, "tea.example.com/Posts.xml"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    plain, counts = curate(path)
    blocks = bz2_blocks(packed)
    assert blocks > 8
    in_parts(monkeypatch)
    monkeypatch.setattr(module, "PACKED_RANGE_BYTES", packed.stat().st_size // 5)
    monkeypatch.setattr(module, "current", lambda: engine.Engine(workers=2))
    if not program:
        monkeypatch.setattr(archive, "seven_zip", lambda: None)
    read_blocks, sizes = module.scan_blocks, []

    def scan_blocks(shard, out):
        found = read_blocks(shard, out)
        sizes.append(found["bytes"])
        return found

    monkeypatch.setattr(module, "scan_blocks", scan_blocks)
    cut, counts_of_blocks = curate(packed)
    assert len(sizes) >= 5
    assert sum(sizes) == path.stat().st_size
    assert by_question(cut) == by_question(plain)
    assert counts_of_blocks == counts


def bz2_blocks(packed):
    return len(starts(packed.read_bytes()))


def test_a_damaged_block_of_an_archive_is_one_clear_error(rows, dump, tmp_path, curate, monkeypatch):
    path = dump(*rows * 12)
    packed = tmp_path / "tea.example.com.7z"
    command = [archive.seven_zip(), "a", "-m0=bzip2:d=100k", packed.name, str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 0x40
    packed.write_bytes(content)
    in_parts(monkeypatch)
    monkeypatch.setattr(module, "current", lambda: engine.Engine(workers=2))
    with pytest.raises(DataError, match=r"tea\.example\.com\.7z: is damaged"):
        curate(packed)


def test_two_processes_give_the_same_bytes_as_one(rows, dump, curate, monkeypatch):
    path = dump(*rows)
    in_parts(monkeypatch, part=40_000)
    assert curate(path, processes=2) == curate(path, processes=1)


def test_what_an_interrupted_read_has_finished_is_not_read_again(rows, dump, curate, monkeypatch, tmp_path):
    path = dump(*rows)
    in_parts(monkeypatch, part=40_000)
    whole = curate(path)
    read, scanned = module.scan_range, []

    def stop_after_two(shard, out):
        scanned.append(shard.start)
        if len(scanned) == 3:
            raise KeyboardInterrupt
        return read(shard, out)

    stop_after_two.__module__, stop_after_two.__qualname__ = read.__module__, read.__qualname__
    monkeypatch.setattr(module, "scan_range", stop_after_two)
    source = StackExchange(kind="stackexchange", paths=(InputPath(str(path)),))
    out = tmp_path / "again"
    out.mkdir()
    with engine.using(engine.Engine(workers=1)):
        with pytest.raises(KeyboardInterrupt):
            work({"other": {"source": source, "rules": RULES}}, {}, out)
        counts = work({"other": {"source": source, "rules": RULES}}, {}, out)
    assert scanned[:3] == [0, 40_000, 80_000]
    assert scanned.count(0) == scanned.count(40_000) == 1
    assert ({file.name: file.read_bytes() for file in sorted(out.iterdir())}, counts) == whole


def test_too_many_broken_rows_are_seen_over_all_ranges(question, answer, dump, curate, monkeypatch):
    in_parts(monkeypatch)
    broken = [question(id, Score="") for id in range(10, 31)]
    good = [question(1), *(answer(id, 1) for id in range(100, 160))]
    with pytest.raises(DataError, match=r"Posts\.xml: 21 of 82 rows cannot be read"):
        curate(dump(*good, *broken))


def test_rows_without_line_feeds_are_read_too(rows, dump, curate, monkeypatch):
    whole, _ = curate(dump(*rows))
    joined, _ = curate(dump(*(row.replace("\r\n", "") for row in rows)))
    assert by_question(joined)["candidates.jsonl"] == by_question(whole)["candidates.jsonl"]
    in_parts(monkeypatch)
    in_parts_too = curate(dump(*(row.replace("\r\n", "") for row in rows)), "parts")[0]
    assert by_question(in_parts_too) == by_question(joined)
