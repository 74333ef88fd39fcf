"""report.json holds what docs/report.md says, field by field, and nothing else."""

import json
import re

import pytest

from handful.core.types import Interval
from handful.report.work import work

HEADS = {"One object.": "report", "A series:": "series", "A section:": "section", "An interval:": "interval"}


@pytest.fixture
def documented(repository):
    """What each table of the document lists: name -> {field: type}."""
    found, part = {}, None
    for line in (repository / "docs/report.md").read_text(encoding="utf-8").splitlines():
        part = next((name for head, name in HEADS.items() if line.startswith(head)), part)
        if part and (cells := re.match(r"\| `(\w+)` \| ([^|]+) \|", line)):
            found.setdefault(part, {})[cells[1]] = cells[2].strip()
    return found


@pytest.fixture
def numbers(build, tmp_path):
    recipe, inputs = build()
    work(recipe, inputs, tmp_path)
    return json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def fits(value, kind):
    """Whether a value is of a type in the document's words."""
    if kind == "interval":
        return value.keys() == set(Interval.__struct_fields__)
    kinds = {
        "integer": int,
        "number": int | float,
        "string": str,
        "boolean": bool,
        "object": dict,
        "list": list,
    }
    first = re.split(r" of | or ", kind)[0]
    return (value is None and kind.endswith("or null")) or isinstance(value, kinds[first])


def check(record, fields):
    assert record.keys() == fields.keys()
    for name, kind in fields.items():
        assert fits(record[name], kind), (name, kind, record[name])


def test_the_whole_report_is_as_documented(numbers, documented):
    check(numbers, documented["report"])
    assert numbers["schema"] == 1
    for section in numbers["sections"].values():
        check(section, documented["section"])
    for series in numbers["series"]:
        check(series, documented["series"])
        check(series["estimate"], documented["interval"])


def test_the_document_names_every_section_and_kind_of_series(numbers, repository):
    text = (repository / "docs/report.md").read_text(encoding="utf-8")
    assert all(f"`{section}`" in text for section in numbers["sections"])
    assert all(re.search(rf"`{series['id'].split('/')[0]}/", text) for series in numbers["series"])


def test_a_series_is_the_mean_of_its_prompts(numbers):
    """With one verdict a prompt, as here for the models, the figure is the plain mean of the values."""
    for series in numbers["series"]:
        if series["id"].split("/")[1] != "people":
            values = series["values"].values()
            assert sum(values) / len(values) == pytest.approx(series["estimate"]["estimate"]), series["id"]


def test_a_prompt_is_known_by_its_words(build, tmp_path, numbers):
    assert set(numbers["prompts"]) == {f"test/{n}" for n in range(24)}
    assert len(set(numbers["prompts"].values())) == 24
