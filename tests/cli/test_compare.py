"""`handful compare`: what differs between two runs, paired by prompt where the prompts are the same."""

import json
from math import sqrt

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from handful.cli.changes import changes, unpaired
from handful.cli.main import cli
from handful.core.types import Interval

DRAWS = 400


def interval(estimate, low=None, high=None, n=20):
    return {"estimate": estimate, "low": low, "high": high, "n": n, "unit": "prompts", "note": ""}


def series(id, values, estimate=None, least=-1.0, most=1.0):
    mean = sum(values.values()) / len(values) if values else None
    found = estimate or interval(mean, mean - 0.2, mean + 0.2, len(values))
    return {"id": id, "what": id, "least": least, "most": most, "estimate": found, "values": values}


def report(name="one", figures=(), prompts=None, **changed):
    asked = {id for each in figures for id in each["values"]}
    return {
        "schema": 1,
        "name": name,
        "complete": True,
        "incomplete": [],
        "level": 0.95,
        "settings": {"train.epochs": "3", "train.model": "tiny"},
        "keys": {"train": "aaa", "stats": "bbb"},
        "prompts": prompts or {id: f"words of {id}" for id in sorted(asked)},
        "series": list(figures),
        "sections": {},
        **changed,
    }


def net(value_of, count=20):
    return series("net/people/tuned/base", {f"p{n}": value_of(n) for n in range(count)})


@pytest.fixture
def write(tmp_path):
    def write(name, found):
        folder = tmp_path / name / "report-0123"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(found))
        (folder / "manifest.json").write_text("{}")
        return tmp_path / name

    return write


def run(*words):
    result = CliRunner().invoke(cli, ["compare", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_same_prompts_are_compared_one_by_one():
    """Values that differ a lot between prompts, but by the same small step in each: only pairing can see it."""
    first = report(figures=[net(lambda n: (-1.0, 1.0)[n % 2])])
    second = report(figures=[net(lambda n: (-1.0, 1.0)[n % 2] + 0.1 + 0.01 * (n % 3))])
    (found,) = changes(first, second, DRAWS).figures
    assert (found.how, found.differs, found.difference.n) == ("paired", True, 20)
    assert found.difference.estimate == pytest.approx(0.1 + 0.01 * 19 / 20)
    assert found.difference.low < found.difference.estimate < found.difference.high


def test_prompts_with_other_words_are_not_the_same_prompts():
    figure = net(lambda n: float(n % 2))
    first = report(figures=[figure])
    second = report(figures=[figure], prompts={f"p{n}": f"other words {n}" for n in range(20)})
    (found,) = changes(first, second, DRAWS).figures
    assert (found.how, found.differs) == ("unpaired", False)


def test_only_the_prompts_that_both_have_are_paired():
    first, second = (report(figures=[net(lambda n: n % 3 - 1.0, count)]) for count in (20, 12))
    (found,) = changes(first, second, DRAWS).figures
    assert (found.difference.n, found.difference.estimate) == (12, 0)


def test_a_figure_from_the_same_folders_cannot_differ_and_is_left_out(write):
    """The steps behind it have one key in both runs, and said the same; so it is no evidence of anything."""
    same = {**net(lambda n: float(n % 2)), "steps": ["judge/rule"]}
    other = {**net(lambda n: float(n % 3 == 0)), "id": "good/x/a/b", "steps": ["judge/x"]}
    one, two = (
        write(name, report(name, [same, other], keys={"judge/rule": "k", "judge/x": name}))
        for name in ("one", "two")
    )
    result = run(one, two)
    assert "0 of 1 figures can be told apart (marked *).\n" in result.stdout
    assert "left out: 1 that cannot differ, both runs having them from the same folders" in result.stdout
    assert json.loads(run(one, two, "--json").stdout)["same"] == ["net/people/tuned/base"]


def test_people_who_said_another_thing_under_the_same_key_are_compared():
    first, second = (
        report(
            figures=[{**net(lambda n, k=k: float(n % 2 == k)), "steps": ["annotate"]}], keys={"annotate": "k"}
        )
        for k in (0, 1)
    )
    assert len(changes(first, second, DRAWS).figures) == 1


def test_what_was_not_measured_has_no_difference(write):
    """A judge asked in one order never changes its mind, as far as anybody knows."""
    nothing = series("flipped/lima", {"p1": 0.0, "p2": 0.0}, interval(None, n=0))
    measured = series("flipped/lima", {"p1": 0.0, "p2": 1.0})
    for one, two in ((nothing, nothing), (nothing, measured), (measured, nothing)):
        found = changes(report(figures=[one]), report(figures=[two]), DRAWS)
        assert (found.figures, found.unmeasured) == ([], ["flipped/lima"])
    result = run(write("one", report(figures=[nothing])), write("two", report(figures=[measured])))
    assert "figures, the second less the first: none to compare" in result.stdout
    assert "not measured in one or both: flipped/lima" in result.stdout


def test_a_difference_on_the_shared_prompts_says_how_few_they_are(write):
    one, two = (
        write(f"of-{count}", report(figures=[net(lambda n: n % 3 - 1.0, count)])) for count in (40, 12)
    )
    assert "only the prompts in both, 12 of 40 and of 12: none of them changed" in run(one, two).stdout


def test_unpaired_bounds_by_hand():
    """Two symmetric intervals of half-widths 0.3 and 0.4: the difference has 0.5 (Zou and Donner 2008)."""
    found = unpaired(Interval(0.2, -0.1, 0.5, 30), Interval(0.9, 0.5, 1.3, 40))
    assert (found.estimate, found.low, found.high) == pytest.approx((0.7, 0.2, 1.2))
    assert found.n == 30


@given(*[st.floats(0.01, 1) for _ in range(4)])
def test_unpaired_bounds_are_wider_than_either_and_mirror_each_other(a, b, c, d):
    one, two = Interval(0.0, -a, b, 9), Interval(0.0, -c, d, 9)
    there, back = unpaired(one, two), unpaired(two, one)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.high == pytest.approx(sqrt(d * d + a * a))


def test_without_an_interval_nothing_is_told_apart():
    first, second = (report(figures=[series("net/x/a/b", {}, interval(value))]) for value in (0.1, 0.9))
    (found,) = changes(first, second, DRAWS).figures
    assert (found.differs, found.difference.estimate, found.difference.low) == (None, 0.8, None)


def test_settings_and_folders_that_differ_are_listed():
    second = report(
        settings={"train.epochs": "5", "train.model": "tiny", "new": "1"},
        keys={"train": "ccc", "stats": "bbb"},
    )
    found = changes(report(), second, DRAWS)
    assert [(s.key, s.first, s.second) for s in found.settings] == [
        ("train.epochs", "3", "5"),
        ("new", None, "1"),
    ]
    assert found.folders == ["train"]


def test_the_command_says_it_in_text_and_json(write):
    one = write("one", report("first run", [net(lambda n: 0.0 if n % 4 else 1.0)]))
    two = write("two", report("second run", [net(lambda n: 1.0)], incomplete=["half of it"], complete=False))
    result = run(one, two)
    assert result.exit_code == 0
    assert "first run  against  second run" in result.stdout
    assert "INCOMPLETE: the second: half of it" in result.stdout
    assert "+25" in result.stdout
    assert "20 prompts, 15 of them changed" in result.stdout
    assert "1 of 1 figures can be told apart" in result.stdout
    found = json.loads(run(one, two, "--json").stdout)
    assert (found["figures"][0]["differs"], found["incomplete"]) == (True, {"second": ["half of it"]})


def test_a_run_with_itself_differs_in_nothing(write):
    one = write("one", report(figures=[net(lambda n: n % 3 - 1.0)]))
    result = run(one, one / "report-0123" / "report.json")
    assert "settings that differ: none" in result.stdout
    assert "0 of 1 figures can be told apart" in result.stdout
    assert "20 prompts, none of them changed" in result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as a report"),
        ("[]", "has no schema"),
        ('{"name": "old", "sections": {}}', "make it again with `handful run`"),
        ('{"schema": 2}', "has schema 2, and this version reads 1"),
        ('{"schema": 1, "name": "x"}', "lacks complete, incomplete, keys"),
        ("\xff", "cannot be read as a report"),
    ],
)
def test_what_is_no_report_is_an_error_of_one_line(tmp_path, content, words):
    path = tmp_path / "report.json"
    path.write_bytes(content.encode("latin-1"))
    result = run(path, path)
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_folders_without_a_report_or_with_several_say_so(tmp_path, write):
    result = run(tmp_path / "nowhere", tmp_path)
    assert "no such file or folder" in result.stderr
    assert "holds no finished report; `handful run RECIPE` makes one" in run(tmp_path, tmp_path).stderr
    one = write("one", report())
    (one / "report-9999").mkdir()
    for name in ("report.json", "manifest.json"):
        (one / "report-9999" / name).write_text("{}")
    result = run(one, one)
    assert result.exit_code == 1
    assert "holds 2 reports (report-0123, report-9999); name the folder of one" in result.stderr


def test_a_report_in_a_series_of_the_wrong_shape_is_an_error(write):
    one = write("one", report(series=[{"id": "net/x"}]))
    result = run(one, one)
    assert result.exit_code == 1
    assert "docs/report.md" in result.stderr
