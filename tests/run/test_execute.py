from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from handful.core.errors import CorruptFolder, DataError, HandfulError, Locked, RecipeError, Waiting
from handful.recipe.values import InputPath
from handful.run.execute import Stage, execute, plan
from handful.run.lock import locked
from handful.run.store import differences, only, read_manifest


@dataclass(frozen=True)
class Count:
    n: int = 1


@dataclass(frozen=True)
class Entry:
    needs = ("first",)
    n: int = 1


@dataclass(frozen=True)
class Fan:
    entries: dict[str, Count | Entry] = field(default_factory=lambda: {"a": Count(1), "b": Count(2)})


@dataclass(frozen=True)
class Recipe:
    first: Count | None = Count()
    second: Count | None = Count()
    fan: Fan = Fan()
    last: Count | None = Count()


def first(params, inputs, out):
    (out / "x.txt").write_text("x" * params.n)
    return {"letters": params.n}


def second(params, inputs, out):
    (out / "y.txt").write_text((inputs["first"] / "x.txt").read_text() * params.n)
    return {}


def fan(params, inputs, out):
    ((name, entry),) = params.entries.items()
    (out / "z.txt").write_text(name * entry.n)
    return {}


def last(params, inputs, out):
    folders = only(inputs, "fan")
    (out / "all.txt").write_text(",".join(f"{n}={(f / 'z.txt').read_text()}" for n, f in folders.items()))
    return {}


STAGES = (
    Stage(name="first", work=first),
    Stage(name="second", work=second, needs=("first",)),
    Stage(name="fan", work=fan, needs=("first", "second"), over="entries"),
    Stage(name="last", work=last, needs=("fan",)),
)
TWO = STAGES[:2]


def run(stages, recipe, root, **options):
    return [step.label for step in execute(plan(stages, recipe, root), root, **options)]


def test_finished_steps_are_not_run_again(tmp_path):
    assert run(STAGES, Recipe(), tmp_path) == ["first", "second", "fan/a", "fan/b", "last"]
    assert run(STAGES, Recipe(), tmp_path) == []


def test_recipes_share_what_they_agree_on(tmp_path):
    run(TWO, Recipe(), tmp_path)
    assert run(TWO, Recipe(second=Count(3)), tmp_path) == ["second"]


def test_a_change_upstream_reaches_everything_below(tmp_path):
    run(TWO, Recipe(), tmp_path)
    assert run(TWO, Recipe(first=Count(2)), tmp_path) == ["first", "second"]


def test_a_new_version_runs_again(tmp_path):
    run(TWO, Recipe(), tmp_path)
    assert run((TWO[0], replace(TWO[1], version=2)), Recipe(), tmp_path) == ["second"]


def test_a_new_entry_runs_alone_and_reaches_what_reads_it(tmp_path):
    run(STAGES, Recipe(), tmp_path)
    wider = Recipe(fan=Fan({"a": Count(1), "b": Count(2), "c": Count(1)}))
    assert run(STAGES, wider, tmp_path) == ["fan/c", "last"]
    assert (plan(STAGES, wider, tmp_path)[-1].folder / "all.txt").read_text() == "a=a,b=bb,c=c"


def test_an_entry_that_needs_less_does_not_wait_for_the_rest(tmp_path):
    recipe = Recipe(fan=Fan({"light": Entry()}))
    (step,) = [s for s in plan(STAGES, recipe, tmp_path) if s.label == "fan/light"]
    assert list(step.inputs) == ["first"]


def test_two_runs_make_the_same_bytes_manifests_included(tmp_path):
    for root in (tmp_path / "one", tmp_path / "two"):
        run(STAGES, Recipe(), root)
    for path in (tmp_path / "one").glob("*/*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_the_manifest_names_what_made_the_folder(tmp_path):
    run(TWO, Recipe(first=Count(2)), tmp_path)
    one, two = (read_manifest(step.folder) for step in plan(TWO, Recipe(first=Count(2)), tmp_path))
    assert (one.step, one.params, one.counts, one.inputs) == ("first", {"n": 2}, {"letters": 2}, {})
    assert two.inputs == {"first": one.key}
    assert list(two.files) == ["y.txt"]
    assert two.environment["python"] == ".".join(map(str, sys.version_info[:3]))


def test_it_stops_where_it_is_told_to_and_where_the_recipe_ends(tmp_path):
    assert [s.label for s in plan(STAGES, Recipe(), tmp_path, to="second")] == ["first", "second"]
    assert [s.label for s in plan(STAGES, Recipe(second=None), tmp_path)] == ["first"]
    with pytest.raises(RecipeError, match=r"--to second: the recipe has no \[second\] table"):
        plan(STAGES, Recipe(second=None), tmp_path, to="second")
    with pytest.raises(RecipeError, match=r"--to last: the recipe has no \[second\] table"):
        plan(STAGES, Recipe(second=None), tmp_path, to="last")
    with pytest.raises(RecipeError, match="--to third: no such stage; the stages are first, second"):
        plan(STAGES, Recipe(), tmp_path, to="third")


def test_a_stage_without_a_table_is_left_out_where_nothing_needs_it(tmp_path):
    recipe = Recipe(second=None, fan=Fan({"light": Entry()}))
    assert run(STAGES, recipe, tmp_path) == ["first", "fan/light", "last"]


def test_what_a_stage_only_wants_is_read_where_it_is_there(tmp_path):
    stages = (*TWO, Stage(name="last", work=last, needs=("first",), wants=("second",)))
    assert list(plan(stages, Recipe(), tmp_path)[-1].inputs) == ["first", "second"]
    assert list(plan(stages, Recipe(second=None), tmp_path)[-1].inputs) == ["first"]


def test_one_stage_alone_needs_what_it_reads(tmp_path):
    with pytest.raises(HandfulError, match="second needs first, which is not done"):
        run(STAGES, Recipe(), tmp_path, only="second")
    run(TWO, Recipe(), tmp_path)
    assert run(STAGES, Recipe(), tmp_path, only="fan") == ["fan/a", "fan/b"]


def test_an_interrupted_stage_is_handed_its_partial_folder(tmp_path):
    def interrupted(params, inputs, out):
        (out / "half.txt").write_text("half")
        (out / "rows.jsonl.4711.tmp").write_text("[")  # as a kill within `write_whole` leaves it
        raise KeyboardInterrupt

    def resumed(params, inputs, out):
        (out / "whole.txt").write_text((out / "half.txt").read_text() + " and half")
        return {}

    with pytest.raises(KeyboardInterrupt):
        run((Stage(name="first", work=interrupted),), Recipe(), tmp_path)
    assert not plan(TWO, Recipe(), tmp_path)[0].done
    run((Stage(name="first", work=resumed),), Recipe(), tmp_path)
    (step,) = plan(STAGES[:1], Recipe(), tmp_path)
    assert (step.folder / "whole.txt").read_text() == "half and half"
    assert sorted(path.name for path in step.folder.iterdir()) == ["half.txt", "manifest.json", "whole.txt"]


def test_a_stage_that_waits_for_people_goes_on_next_time(tmp_path):
    def waiting(params, inputs, out):
        raise Waiting("3 of 4")

    stages = (TWO[0], Stage(name="second", work=waiting, needs=("first",)))
    with pytest.raises(Waiting):
        run(stages, Recipe(), tmp_path)
    assert run(TWO, Recipe(), tmp_path) == ["second"]


# --- input files


@dataclass(frozen=True)
class Reading:
    first: InputPath


def read_file(params, inputs, out):
    (out / "copy.txt").write_text(Path(params).read_text())
    return {}


READ = (Stage(name="first", work=read_file),)


def test_an_input_file_enters_by_its_content_and_not_by_where_it_lies(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dump.xml").write_text("same")
    here, there = (Reading(InputPath(tmp_path / f / "dump.xml")) for f in ("here", "there"))
    assert plan(READ, here, tmp_path)[0].key == plan(READ, there, tmp_path)[0].key
    before = plan(READ, here, tmp_path)[0].key
    (tmp_path / "here" / "dump.xml").write_text("other")
    assert plan(READ, here, tmp_path)[0].key != before


def test_a_file_added_to_an_input_folder_changes_the_key(tmp_path):
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "a").write_text("a")
    before = plan(READ, Reading(InputPath(dump)), tmp_path)[0].key
    (dump / "b").write_text("b")
    assert plan(READ, Reading(InputPath(dump)), tmp_path)[0].key != before


def test_a_missing_input_is_named_before_anything_runs(tmp_path):
    with pytest.raises(DataError, match="absent: no such file or folder"):
        plan(READ, Reading(InputPath(tmp_path / "absent")), tmp_path)


# --- damage, and company


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda f: (f / "x.txt").write_text("y"), "x.txt differs"),
        (lambda f: (f / "x.txt").unlink(), "x.txt is missing"),
        (lambda f: (f / "z.txt").write_text(""), "z.txt does not belong there"),
        (lambda f: (f / "manifest.json").write_text("{"), "cannot be read"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_remedy(tmp_path, damage, problem):
    run(TWO, Recipe(), tmp_path)
    folder = plan(TWO, Recipe(), tmp_path)[0].folder
    damage(folder)
    with pytest.raises(CorruptFolder, match=rf"{problem}.*rm -r .*run again"):
        run(TWO, Recipe(), tmp_path)


def test_a_change_that_keeps_size_and_date_is_found_by_reading_every_byte(tmp_path):
    run(TWO, Recipe(first=Count(4)), tmp_path)
    file = plan(TWO, Recipe(first=Count(4)), tmp_path)[0].folder / "x.txt"
    stat = file.stat()
    file.write_text("xxyx")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert differences(file.parent) == ["x.txt differs"]


HOLD = """
import sys
from pathlib import Path
from handful.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


def holding(lock):
    """A process that holds the lock until it is given a line or killed."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_second_process_is_told_who_holds_the_folder(tmp_path):
    holder = holding(tmp_path / "lock")
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=rf"in use by process {holder.pid} on .* since .*wait for it"):
            run(TWO, Recipe(), tmp_path)
    finally:
        holder.communicate(b"\n")
    assert run(TWO, Recipe(), tmp_path) == ["first", "second"]


KILLED = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from handful.run.execute import Stage, execute, plan

@dataclass(frozen=True)
class Recipe:
    first: int = 1
    second: int = 1

def slow(params, inputs, out):
    for n in range(20):
        (out / f"{n}.txt").write_text(str(n))
        print("at", n, flush=True)
        time.sleep(0.01)
    return {}

root = Path(sys.argv[1])
stages = (Stage(name="first", work=slow), Stage(name="second", work=slow, needs=("first",)))
execute(plan(stages, Recipe(), root), root)
"""


@pytest.mark.parametrize("moment", [1, 19, 21, 33])
def test_a_kill_at_any_moment_leaves_what_the_same_command_goes_on_from(tmp_path, moment):
    script = tmp_path / "run.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(tmp_path / "work")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    for _ in range(moment):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(
        [sys.executable, str(script), str(tmp_path / "undisturbed")], check=True, capture_output=True
    )
    for path in (tmp_path / "undisturbed").glob("*/*"):
        assert (
            path.read_bytes() == (tmp_path / "work" / path.relative_to(tmp_path / "undisturbed")).read_bytes()
        )


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path):
    holder = holding(tmp_path / "lock")
    holder.stdout.readline()
    holder.kill()
    holder.communicate()
    start = time.monotonic()
    with locked(tmp_path / "lock"):
        assert time.monotonic() - start < 1


def test_the_journal_says_what_took_how_long(tmp_path):
    run(TWO, Recipe(), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == ["first", "second"]
    assert all(line["seconds"] >= 0 for line in lines)
