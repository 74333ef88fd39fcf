"""Who took part and who agrees with themselves stand in the report, where people did."""

import msgspec

from handful.core import jsonl
from handful.core.types import Check, Respondent, Verdict
from handful.report.facts import Facts
from handful.report.page import Section, html
from handful.report.people import took_part
from handful.report.tables import left_out
from handful.stats.work import work as stats_work


def test_no_people_no_tables(recipe):
    assert took_part(Facts(recipe=recipe)) == []


def test_people_asked_again_and_dropped_ones_are_told(build, recipe, tmp_path):
    _, inputs = build(people={"ann": lambda left, right: "left"})
    said = list(jsonl.read(inputs["annotate"] / "verdicts.jsonl", Verdict))
    again = [msgspec.structs.replace(v, order="swapped") for v in said[:10]]
    jsonl.write(inputs["annotate"] / "repeats.jsonl", again)
    jsonl.write(inputs["annotate"] / "checks.jsonl", [Check("k", "ann", "left", "left", True)])
    jsonl.write(
        inputs["annotate"] / "people.jsonl",
        [
            Respondent("zoe", "zoe", "", 2, 0, None, True, "asleep <b>", 4, 1, 3, 2),
            Respondent("ann", "ann", "", 24, 1, 9.0),
        ],
    )
    (tmp_path / "out").mkdir()
    stats_work(recipe.stats, {k: inputs[k] for k in ("study", "annotate")}, tmp_path / "out")
    stats = msgspec.json.decode((tmp_path / "out" / "stats.json").read_bytes())
    again, who = took_part(Facts(recipe=recipe, stats=stats))
    assert [row[:3] for row in again.rows] == [["all people", "preference", 10], ["ann", "preference", 10]]
    assert [row[0] for row in who.rows] == ["ann", "zoe"]
    assert who.rows[0][4:] == ["1 of 1", "", "yes"]
    assert who.rows[1][4:] == ["1 of 4", "2 of 3", "no, dropped: asleep <b>"]
    shown = html("n", "s", [Section("s", "S", [who])])
    assert "asleep &lt;b&gt;" in shown
    assert "<b>" not in shown


def test_what_one_person_was_not_asked_is_no_lack():
    rows = [{"kind": "person", "flipped": 0, "unreadable": 0, "missing": 11, "comparisons": 20}]
    assert left_out(rows) == "11 were not asked of them, or passed over by them, and are in no rate."
    assert left_out([{**rows[0], "kind": "people"}]) == "11 have no verdict and are in no rate."
