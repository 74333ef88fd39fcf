"""What an engine promises: the same folders, whatever runs the shards, and whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
import shard_work
from shard_work import Shard, copy_twice

from handful.core.errors import DataError, HandfulError
from handful.run import engine as module
from handful.run.engine import ATTEMPTS, PART, Engine, Part, each, report, run_shard, to_nobody, using
from handful.run.progress import Shares

TEXTS = ("water", "copper", "", "seven", "light", "root")


@pytest.fixture
def shards(tmp_path):
    """{text: Shard} of some texts, which leave their signs in `tmp_path`."""
    return lambda *texts, mode="": {text: Shard(text, mode, str(tmp_path)) for text in texts}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def run(shards, out, workers, **more):
    with using(Engine(workers=workers)):
        return each(copy_twice, shards, out, **more)


def tree(folder):
    """{name: bytes} of all that is below a folder, whatever its name begins with."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_for(found, seconds=30):
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(process):
    """Whether a process runs; a zombie does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


def workers_in(folder):
    return [int(path.name.rpartition(".")[2]) for path in folder.glob("*.*") if path.suffix[1:].isdecimal()]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_leaves_the_same_folders_in_the_order_of_the_shards(shards, tmp_path, workers):
    numbered = {f"{number}": shard for number, shard in enumerate(shards(*TEXTS).values())}
    ended = []
    parts = run(numbered, tmp_path / "out", workers, ended=ended.append)
    assert list(parts) == ["0", "1", "2", "3", "4", "5"]
    assert sorted(ended) == list(parts)
    assert parts["1"] == Part(tmp_path / "out/1", {"letters": 6, "process": 0})
    alone = tmp_path / "alone"
    run(numbered, alone, 1)
    assert tree(tmp_path / "out") == tree(alone)
    assert tree(alone)["1/below/second.txt"] == b"coppercopper"
    assert len(tree(alone)) == 3 * len(TEXTS)


def test_no_shards_are_no_work(out):
    assert run({}, out, 2) == {}


def test_what_is_done_is_not_done_again(shards, out):
    run(shards("water"), out, 1)
    before = (out / "water" / PART).stat().st_mtime_ns
    ended = []
    parts = run(shards("water", "light"), out, 2, ended=ended.append)
    assert (out / "water" / PART).stat().st_mtime_ns == before
    assert ended == ["water", "light"]
    assert parts["water"].counts == {"letters": 5, "process": 0}


def spoil_bytes(folder):
    (folder / "below/second.txt").write_text("waterwatex")


def lose_file(folder):
    (folder / "first.txt").unlink()


def lose_record(folder):
    (folder / PART).unlink()


def cut_record(folder):
    content = (folder / PART).read_bytes()
    (folder / PART).write_bytes(content[: len(content) // 2])


def become_file(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    folder.write_text("no folder")


@pytest.mark.parametrize("harm", [spoil_bytes, lose_file, lose_record, cut_record, become_file])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_shard_whose_bytes_are_not_those_it_left_is_done_again(shards, out, harm, workers):
    run(shards("water", "light"), out, 1)
    whole = tree(out)
    harm(out / "water")
    assert tree(out) != whole
    run(shards("water", "light", "root"), out, workers)
    run(shards("water", "light"), out, workers)
    assert {name: content for name, content in tree(out).items() if "root" not in name} == whole


def test_a_shard_that_has_changed_is_done_again(shards, out):
    run({"a": Shard("water")}, out, 1)
    assert run({"a": Shard("rice")}, out, 1)["a"].counts["letters"] == 4


def test_the_order_of_a_set_does_not_make_another_shard():
    code = "from handful.run.engine import fingerprint as f; print(f(f, {'b', 'a', 'c', 'd'}))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(seen) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_shard_is_raised_as_it_was_and_the_others_are_kept(shards, out, workers):
    some = shards("water", "light") | shards("root", mode="data error")
    with pytest.raises(DataError) as caught:
        run(some, out, workers)
    assert str(caught.value) == "root: is damaged"
    assert caught.value.__cause__ is None
    assert sorted(os.listdir(out)) == ["light", "water"]


def test_after_an_error_those_that_run_end_and_no_other_begins(shards, out, tmp_path):
    def go_when_the_error_is_known():
        wait_for(lambda: list(tmp_path.glob("root.*")))
        (worker,) = (int(sign.suffix[1:]) for sign in tmp_path.glob("root.*"))
        wait_for(lambda: not alive(worker))
        (tmp_path / "go").touch()

    some = shards("root", mode="data error beside another") | shards("water", mode="wait") | shards("light")
    ended = []
    go = Thread(target=go_when_the_error_is_known)
    go.start()
    with pytest.raises(DataError, match="root"):
        run(some, out, 2, ended=ended.append)
    go.join()
    assert ended == ["water"]
    assert os.listdir(out) == ["water"]


def test_an_error_of_the_system_is_raised_as_it_was(shards, out, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        run(shards("water", "root", mode="system error"), out, 2)
    assert caught.value.filename == str(tmp_path / "not there")


def test_a_mistake_of_ours_shows_where_it_was_made(shards, out):
    with pytest.raises(RuntimeError, match=r"in raise_mistake"):
        run(shards("water", "root", mode="mistake"), out, 2)


def test_a_worker_that_is_killed_is_replaced(shards, out, tmp_path):
    some = shards("water", "root", mode="kill the first") | shards("light", "seven")
    assert list(run(some, out, 2)) == ["water", "root", "light", "seven"]
    assert len(tree(out)) == 12


@pytest.mark.parametrize(
    ("mode", "how"), [("kill each", "was killed by SIGKILL"), ("leave", "ended with exit code 7")]
)
def test_a_worker_that_is_lost_again_and_again_is_one_clear_error(shards, out, tmp_path, mode, how):
    with pytest.raises(HandfulError, match=rf"out/root: .* {how}, {ATTEMPTS} times, .* --workers 1"):
        run(shards("root", mode=mode) | shards("water", "light"), out, 2)
    assert (out / "light" / PART).exists()
    if mode == "kill each":
        assert (tmp_path / "attempts").read_text() == "x" * ATTEMPTS


def test_half_written_folders_of_a_killed_run_are_removed_and_change_nothing(shards, out):
    run(shards("water"), out, 1)
    whole = tree(out)
    left = out / f"{module.DRAFTS}of-another-run" / "8a1f"
    left.mkdir(parents=True)
    (left / "first.txt").write_text("wat")
    run(shards("water"), out, 1)
    assert tree(out) == whole
    assert os.listdir(out) == ["water"]


def test_an_attempt_of_a_killed_run_that_goes_on_elsewhere_leaves_nothing(shards, tmp_path, out):
    """It loses its folder when the next run begins, here in the middle of its work."""
    other = {"water": Shard("WATER")}

    def meanwhile(shard, draft):
        (draft / "first.txt").write_text("half of it")
        run(other, out, 1)
        copy_twice(shard, draft)

    old = out / f"{module.DRAFTS}old"
    old.mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        run_shard(meanwhile, Shard("water"), out / "water", old, to_nobody)
    assert (out / "water/first.txt").read_text() == "WATER"
    assert os.listdir(out) == ["water"]


def test_of_two_attempts_at_a_shard_the_second_to_end_finds_it_done(tmp_path):
    drafts, target = tmp_path / "drafts", tmp_path / "water"
    drafts.mkdir()

    attempts = []

    def while_another_ends(shard, draft):
        attempts.append(draft)
        if len(attempts) == 1:
            run_shard(while_another_ends, shard, target, drafts, to_nobody)
        return copy_twice(shard, draft)

    run_shard(while_another_ends, Shard("water"), target, drafts, to_nobody)
    assert len(attempts) == 2
    assert (target / "first.txt").read_text() == "water"
    assert os.listdir(drafts) == []


def drive(tmp_path, *texts):
    """A driver in a process of its own, with two workers that wait for the file `go`."""
    (tmp_path / "go").unlink(missing_ok=True)
    arguments = [str(tmp_path), str(tmp_path / "out"), *texts]
    code = f"import sys; sys.path[:] = {sys.path!r}; import shard_work; shard_work.drive(*{arguments!r})"
    log = (tmp_path / "log").open("w")
    with log:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=log, stderr=log)
    wait_for(lambda: len(workers_in(tmp_path)) == 2)
    return process


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, -2)])
def test_workers_end_with_their_driver_within_a_second(shards, tmp_path, out, sent, code):
    driver = drive(tmp_path, "water", "light", "root")
    workers = workers_in(tmp_path)
    assert all(map(alive, workers))
    driver.send_signal(sent)
    wait_for(lambda: not any(map(alive, workers)), seconds=1)
    assert driver.wait(10) == code
    log = (tmp_path / "log").read_text()
    assert log.count("Traceback") == (1 if sent == signal.SIGINT else 0), log  # of the driver alone
    for sign in tmp_path.glob("*.*"):
        sign.unlink()
    undisturbed = tmp_path / "undisturbed"
    (tmp_path / "go").touch()
    again = shards("water", "light", "root", mode="wait")
    run(again, out, 2)
    run(again, undisturbed, 1)
    assert tree(out) == tree(undisturbed)


def test_interrupting_this_process_ends_its_workers_at_once(shards, tmp_path, out):
    timer = subprocess.Popen(
        [sys.executable, "-c", INTERRUPT, str(tmp_path), str(os.getpid())], stdin=subprocess.DEVNULL
    )
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(shards("water", "light", "root", mode="wait"), out, 2)
    assert timer.wait(10) == 0
    assert time.monotonic() - start < 20
    assert not any(map(alive, workers_in(tmp_path)))
    assert os.listdir(out) == []


INTERRUPT = """
import os, pathlib, signal, sys, time
while len([p for p in pathlib.Path(sys.argv[1]).glob("*.*")]) < 2:
    time.sleep(0.01)
os.kill(int(sys.argv[2]), signal.SIGINT)
"""


def test_an_error_of_the_caller_ends_the_workers_too(shards, tmp_path, out):
    def stumble(name):
        raise ValueError("no room on the terminal")

    some = shards("water") | shards("light", "root", mode="wait")
    with pytest.raises(ValueError, match="no room"):
        run(some, out, 3, ended=stumble)
    assert not any(map(alive, workers_in(tmp_path)))


def test_what_a_shard_prints_does_not_disturb_its_line(out):
    with using(Engine(workers=2)):
        parts = each(shard_work.print_much, {"a": 1, "b": 2}, out)
    assert parts["b"].counts == {"printed": 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_shard_reports_while_it_runs_and_adds_up_to_its_size(shards, out, workers):
    moved = []
    shares = Shares(
        {"water": 5.0, "light": 5.0, "copper": 9.0}, lambda amount, name: moved.append((name, amount))
    )
    run(
        shards("water", "copper", mode="report") | shards("light"),
        out,
        workers,
        ended=shares.ended,
        moved=shares.moved,
    )
    assert ("water", 2.5) in moved
    assert ("copper", 3.0) in moved
    totals = {name: sum(amount for at, amount in moved if at == name) for name in shares.sizes}
    assert totals == {"water": 5, "light": 5, "copper": 9}


def test_a_shard_that_is_tried_again_is_not_counted_twice():
    moved = []
    shares = Shares({"a": 10.0}, lambda amount, name: moved.append(amount))
    for done in (4, 6, 3, 6, 8, 12):  # lost at 6, and begun again
        shares.moved("a", done)
    shares.ended("a")
    assert moved == [4, 2, 2, 2]


def test_to_report_where_nobody_watches_does_nothing():
    report(3)


def test_a_system_that_does_not_tell_which_cores_are_ours_has_those_of_the_machine(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert Engine().processes == os.cpu_count()
    assert Engine(workers=3).processes == 3


def test_the_record_names_every_file_and_tells_no_time(shards, out):
    run(shards("water"), out, 1)
    record = json.loads((out / "water" / PART).read_bytes())
    assert list(record) == ["fingerprint", "counts", "files"]
    assert list(record["files"]) == ["below/second.txt", "first.txt"]
