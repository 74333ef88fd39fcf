"""Workers are started once for all that a block does, none is trusted to be there still, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from shard_work import Shard, copy_twice

from handful.core.errors import DataError
from handful.run import processes as module
from handful.run.engine import Engine, each, using
from handful.run.execute import Stage, execute, plan


@pytest.fixture
def workers_of(tmp_path):
    """A function that runs a call of `each` with two shards, and tells which processes worked on them."""
    (tmp_path / "go").touch()
    calls = count()

    def run(mode="meet", **more):
        number = next(calls)
        signs = tmp_path / f"signs-{number}"
        signs.mkdir()
        shards = {text: Shard(text, mode, str(signs)) for text in ("water", "light")}
        each(copy_twice, shards, tmp_path / f"out-{number}", **more)
        return signed(signs)

    return run


def signed(folder):
    """The processes that left their sign there."""
    return {int(path.name.rpartition(".")[2]) for path in folder.glob("*.*")}


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


def children():
    """This process's, dead ones included that nobody has waited for."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def test_workers_are_kept_for_the_next_shards_and_end_with_the_block(workers_of):
    before = children()
    with using(Engine(workers=2)):
        first = workers_of()
        assert len(first) == 2
        assert workers_of() == first
        assert children() - before == first
    assert children() == before


def test_without_a_block_they_end_with_the_shards(workers_of, monkeypatch):
    monkeypatch.setattr(Engine, "processes", 2)
    before = children()
    assert len(workers_of()) == 2
    assert children() == before


def test_a_block_within_shares_the_workers_of_the_same_engine(workers_of):
    with using(Engine(workers=2)):
        first = workers_of()
        with using(Engine(workers=2)):
            assert workers_of() == first
        assert workers_of() == first


def test_a_block_within_of_another_engine_has_its_own_and_ends_them(workers_of):
    with using(Engine(workers=2)):
        first = workers_of()
        with using(Engine(workers=3)):
            second = workers_of()
        assert not first & second
        assert not any(map(alive, second))
        assert workers_of() == first


def test_fewer_shards_at_a_time_take_some_of_the_workers_and_more_start_more(workers_of, tmp_path):
    with using(Engine(workers=3)):
        first = workers_of()
        assert workers_of(processes=2) == first
        three = {text: Shard(text, "wait", str(tmp_path)) for text in ("root", "seven", "copper")}
        each(copy_twice, three, tmp_path / "out")
        assert first < signed(tmp_path)


def test_stages_of_one_run_share_workers(workers_of, tmp_path, monkeypatch):
    monkeypatch.setattr(Engine, "processes", 2)
    before, seen = children(), []

    def work(params, inputs, out):
        seen.append(workers_of())
        (out / "done").touch()
        return {}

    stages = [Stage(name=name, work=work, params=lambda recipe: 1) for name in ("first", "second")]
    execute(plan(stages, None, tmp_path / "work"), tmp_path / "work")
    assert seen[0] == seen[1]
    assert children() == before


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_while_it_waits_is_replaced(workers_of, sent):
    before = children()
    with using(Engine(workers=2)):
        first = workers_of()
        killed = min(first)
        os.kill(killed, sent)
        wait_for(lambda: not alive(killed))
        second = workers_of()
        assert len(second) == 2
        assert first - second == {killed}
        assert children() - before == second  # the dead one is buried
    assert children() == before


def test_one_that_dies_as_it_is_asked_costs_its_shard_an_attempt_only(workers_of, monkeypatch):
    """Between the look whether it lives and the order there is a moment."""
    with using(Engine(workers=2)):
        first = workers_of()
        take = module.Worker.take

        def kill_and_take(worker, job, name):
            if worker.process.pid in first:
                os.kill(worker.process.pid, signal.SIGKILL)
                wait_for(lambda: not alive(worker.process.pid))
            take(worker, job, name)

        monkeypatch.setattr(module.Worker, "take", kill_and_take)
        second = workers_of()
        assert len(second) == 2
        assert not first & second


def test_a_worker_without_work_ends_by_itself_and_another_takes_its_place(workers_of, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    with using(Engine(workers=2)):
        first = workers_of()
        wait_for(lambda: not any(map(alive, first)))
        second = workers_of()
        assert len(second) == 2
        assert not first & second


def test_the_variables_and_the_folder_of_a_worker_are_those_of_now(tmp_path, monkeypatch):
    shards = {text: Shard(text, "say variable", str(tmp_path)) for text in ("WATER", "LIGHT")}
    with using(Engine(workers=2)):
        each(copy_twice, shards, tmp_path / "first")
        assert (tmp_path / "WATER").read_text() == ""
        monkeypatch.setenv("WATER", "deep")
        each(copy_twice, shards, tmp_path / "second")
        assert (tmp_path / "WATER").read_text() == "deep"
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        moved = {text: Shard(text, "say folder", str(elsewhere)) for text in ("water", "light")}
        each(copy_twice, moved, tmp_path / "third")
        assert {Path(path.read_text()) for path in elsewhere.iterdir()} == {elsewhere}


@pytest.mark.parametrize(("given", "seen"), [(None, "1"), ("2", "2")])
def test_a_worker_computes_on_one_core_unless_told_otherwise(tmp_path, monkeypatch, given, seen):
    name = "OMP_NUM_THREADS"
    monkeypatch.delenv(name, raising=False)
    if given:
        monkeypatch.setenv(name, given)
    with using(Engine(workers=2)):
        each(
            copy_twice, {name: Shard(name, "say variable", str(tmp_path)), "b": Shard("b")}, tmp_path / "out"
        )
    assert (tmp_path / name).read_text() == seen
    assert os.environ.get(name) == given


def test_an_error_of_a_shard_leaves_the_block_able_to_go_on(workers_of):
    before = children()
    with using(Engine(workers=2)):
        workers_of()
        with pytest.raises(DataError):
            workers_of(mode="data error")
        assert len(workers_of()) == 2
    assert children() == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_in_the_block_ends_busy_and_waiting_workers(workers_of, tmp_path, error):
    def stumble(name):
        raise error

    before = children()
    three = {text: Shard(text, "", str(tmp_path)) for text in ("root", "seven", "copper")}

    def block():
        with using(Engine(workers=3)):
            workers_of()
            each(copy_twice, three, tmp_path / "out", ended=stumble)

    with pytest.raises(error):
        block()
    assert children() == before


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_waiting_workers_end_with_their_driver_within_a_second(tmp_path, sent):
    arguments = [str(tmp_path), str(tmp_path / "out"), "water", "light"]
    code = f"import sys; sys.path[:] = {sys.path!r}; import shard_work; shard_work.drive_and_rest(*{arguments!r})"
    (tmp_path / "go").touch()
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as driver:
        wait_for((tmp_path / "rests").exists)
        workers = signed(tmp_path)
        assert len(workers) == 2
        assert all(map(alive, workers))
        driver.send_signal(sent)
        wait_for(lambda: not any(map(alive, workers)), seconds=1)
        assert driver.wait(10) == -sent
