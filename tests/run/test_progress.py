import pytest
from rich.console import Console

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


@pytest.fixture
def clock(monkeypatch):
    """A function that sets what the time will be, from call to call; the first is the beginning."""

    def clock(*times):
        now = iter(map(float, times))
        monkeypatch.setattr(module.time, "monotonic", lambda: next(now))

    return clock


def test_a_line_says_how_far_how_fast_and_how_long_yet(clock, capsys):
    clock(0, 4, 5, 6, 7, 40)
    with progress("fetching a.7z", 200, "MB") as advance:
        for _ in range(5):
            advance(10, "2.5 MB/s")
    assert capsys.readouterr().err == (
        "  fetching a.7z: 10 of 200 MB  2.5 MB/s\n  fetching a.7z: 50 of 200 MB (0:02:00 left) 2.5 MB/s\n"
    )


def test_one_slow_first_answer_makes_no_estimate(clock, capsys):
    clock(0, 27, 28, 43)
    with progress("g judges", 200, "verdicts") as advance:
        advance()
        advance(0, "nothing yet")
        advance()
    assert "left" not in capsys.readouterr().err


def test_slow_work_is_estimated_after_two_of_it_and_a_minute(clock, capsys):
    clock(0, 30, 60)
    with progress("training", 10, "steps") as advance:
        advance()
        advance()
    assert capsys.readouterr().err.splitlines()[-1] == "  training: 2 of 10 steps (0:04:00 left)"


def test_what_an_earlier_run_has_done_tells_nothing_of_the_pace(clock, capsys):
    clock(0, 1, 1, 1, 1, 10)
    with progress("g judges", 200, "verdicts", done=150) as advance:
        for _ in range(5):
            advance()
    assert capsys.readouterr().err == "  g judges: 155 of 200 verdicts (0:01:30 left)\n"


def test_a_bar_waits_for_a_few_before_it_tells_how_long(monkeypatch):
    """On a terminal of its own kind, since there is none here."""
    shown = Console(force_terminal=True, width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    monkeypatch.setattr("rich.console.Console", lambda **_: shown)
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True, raising=False)
    with shown.file, progress("g judges", 200, "verdicts", done=20) as advance:
        for _ in range(4):
            advance()
    told = shown.export_text()
    assert "24/200 verdicts -:--:--" in told
