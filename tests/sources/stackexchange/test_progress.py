"""The bar moves while a large file is read, and ends at the bytes that there are."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from made_up_sites import write_site

from handful.recipe.sources import StackExchange
from handful.recipe.values import InputPath
from handful.run.engine import Engine, using
from handful.sources.stackexchange import read as module
from handful.sources.stackexchange import scan, windows
from handful.sources.work import work


@pytest.mark.parametrize("range_bytes", [1 << 40, 100_000], ids=["whole", "in ranges"])
def test_bytes_are_told_as_they_are_read_and_once(tmp_path, monkeypatch, range_bytes):
    paths = [write_site(tmp_path, f"{name}.example.com", 100) for name in ("one", "two")]
    total = sum(path.stat().st_size for path in paths) / 1e6
    told = []

    @contextmanager
    def progress(description, total, unit):
        told.append(total)
        yield lambda amount, note: told.append(amount)

    monkeypatch.setattr(module, "progress", progress)
    monkeypatch.setattr(module, "RANGE_BYTES", range_bytes)
    monkeypatch.setattr(module, "BUCKET_BYTES", range_bytes)
    monkeypatch.setattr(scan, "LOOK", 1)
    monkeypatch.setattr(windows, "SIZE", 30_000)
    (tmp_path / "out").mkdir()
    source = StackExchange(kind="stackexchange", paths=tuple(InputPath(str(path)) for path in paths))
    with using(Engine(workers=1)):
        work({"stem": {"source": source, "rules": {}}}, {}, tmp_path / "out")
    assert told[0] == pytest.approx(total)
    assert sum(told[1:]) == pytest.approx(total)
    assert len(told) > 20
    assert max(told[1:]) < total / 5
