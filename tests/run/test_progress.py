import pytest

from handful.run import progress as module
from handful.run.progress import progress, time_left


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (25, 100, 10, "(0:00:30 left)"),
        (1, 3601, 2, "(2:00:00 left)"),
        (0, 100, 10, ""),
        (100, 100, 10, ""),
    ],
)
def test_the_time_left_is_told_from_the_pace_so_far(done, total, seconds, said):
    assert time_left(done, total, seconds) == said


def test_a_line_says_how_far_how_fast_and_how_long_yet(monkeypatch, capsys):
    now = iter([0.0, 4.0, 5.0, 40.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    with progress("fetching a.7z", 200, "MB") as advance:
        for _ in range(3):
            advance(10, "2.5 MB/s")
    assert capsys.readouterr().err == (
        "  fetching a.7z: 10 of 200 MB (0:01:16 left) 2.5 MB/s\n  fetching a.7z: 30 of 200 MB (0:03:47 left) 2.5 MB/s\n"
    )
