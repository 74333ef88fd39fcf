"""The page as a reader gets it: whole, safe, the same every time, and honest where something is missing."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from handful.core.errors import DataError
from handful.recipe.judging import Judge
from handful.report.work import work

SECTIONS = 12
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Tags in order, text by element, and whether every element is closed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.links, self.ids, self.words = [], [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def report(build, tmp_path):
    """(html, json, page) of a run built with these arguments."""

    def make(**arguments):
        recipe, inputs = build(**arguments)
        out = tmp_path / "report"
        out.mkdir(exist_ok=True)
        assert work(recipe, inputs, out)["sections"] == SECTIONS
        html = (out / "report.html").read_text(encoding="utf-8")
        return html, json.loads((out / "report.json").read_text(encoding="utf-8")), Page(html)

    return make


def words_of(numbers, section):
    return " ".join(numbers["sections"][section]["text"])


def test_the_page_is_whole_and_needs_nothing_else(report, tmp_path):
    html, _, page = report()
    assert page.open == []
    assert "script" not in page.tags
    inside = [link for link in page.links if link.startswith("#")]
    assert inside == [f"#{id}" for id in page.ids if not id.endswith("-title")]
    assert all((tmp_path / "report" / link).is_file() for link in page.links if link not in inside)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert '<meta name="viewport"' in html
    assert page.tags.count("h1") == 1
    assert page.tags.count("h2") == SECTIONS


def test_what_models_wrote_is_text_and_never_markup(report):
    html, _, page = report()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html
    assert "<script>alert('x')</script>" in "".join(page.words)
    assert "{{ 7 * 7 }}" in html


def test_the_same_run_gives_the_same_bytes(build, tmp_path):
    pages = []
    for root in ("one", "two"):
        recipe, inputs = build(root=root)
        out = tmp_path / f"out-{root}"
        out.mkdir()
        work(recipe, inputs, out)
        pages.append([(out / name).read_bytes() for name in ("report.html", "report.json")])
    assert pages[0] == pages[1]


def test_the_order_of_a_recipe_changes_nothing(build, tmp_path):
    recipe, inputs = build()
    turned = replace(
        recipe,
        sources=dict(reversed(recipe.sources.items())),
        judge=Judge(judges=dict(reversed(recipe.judge.judges.items()))),
    )
    stages = list(dict.fromkeys(label.partition("/")[0] for label in inputs))
    entries = {stage: [label for label in inputs if label.partition("/")[0] == stage] for stage in stages}
    labels = [label for stage in stages for label in reversed(entries[stage])]
    assert labels != list(inputs)
    pages = []
    for number, (made, order) in enumerate([(recipe, inputs), (turned, labels)]):
        out = tmp_path / f"out-{number}"
        out.mkdir()
        work(made, {label: inputs[label] for label in order}, out)
        pages.append([(out / name).read_bytes() for name in ("report.html", "report.json")])
    assert pages[0] == pages[1]


def test_people_make_the_headline_and_a_bad_judge_only_the_record(report):
    _, numbers, page = report()
    text = numbers["sections"]["headline"]["text"]
    assert text[0].startswith("According to 2 people, tuned was at least as good as base on 100%")
    assert "Beyond chance, tuned won more often than it lost." in text[0]
    record = text[text.index("For the record, from judges that cannot bear a claim:") :]
    assert "(24 of 24 ties by rule" in record[1]
    assert "at least as good as" not in " ".join(record[1:5])  # its ties are no opinion
    assert "a rule, not an opinion: it prefers the longer answer" in " ".join(page.words)
    assert "it changed its mind in 100% of cases (n = 24 prompts)" in words_of(numbers, "trust")


def test_without_people_or_a_sound_judge_nothing_is_claimed(report):
    _, numbers, _ = report(people={})
    words = words_of(numbers, "headline")
    assert words.startswith(
        "There is no judge to trust here, so this run does not show which system is better."
    )
    assert "Beyond chance" not in words
    assert "No people judged" in words_of(numbers, "departures")


def test_a_steady_judge_may_speak_but_is_called_unvalidated(report):
    def steady(left, right, first):
        return "left" if "good" in left and "good" not in right else "right" if "good" in right else "tie"

    _, numbers, _ = report(judges={"local": steady}, people={})
    words = numbers["sections"]["headline"]["text"]
    assert words[0].startswith(
        "According to the judge local (the model smollm2-135m-instruct, run here), tuned was"
    )
    assert "No person took part, so local is not validated against people" in " ".join(words)


def test_a_judge_that_passed_a_gate_needs_no_person_beside_it(build, tmp_path):
    def steady(left, right, first):
        return "left" if "good" in left and "good" not in right else "right" if "good" in right else "tie"

    recipe, inputs = build(judges={"local": steady}, people={})
    path = inputs["stats"] / "stats.json"
    stats = json.loads(path.read_text())
    stats["trust"][0]["grade"] = "validated"  # as `stats` writes where a gate was passed
    path.write_text(json.dumps(stats))
    work(recipe, inputs, tmp_path)
    words = words_of(json.loads((tmp_path / "report.json").read_text(encoding="utf-8")), "headline")
    assert "No person judged this study; local passed on pairs that people have labelled" in words
    assert "not validated against people" not in words


def test_a_run_without_judges_and_people_says_so(report):
    html, numbers, _ = report(judges={}, people={})
    assert words_of(numbers, "headline").startswith(
        "Nothing was judged: the recipe names no judge and asks no people"
    )
    assert "Nobody judged" in words_of(numbers, "preference")
    assert "No model judged." in html


def test_a_judge_that_cannot_be_read_gives_no_rate(report):
    html, numbers, _ = report(judges={"local": lambda *_: None}, people={})
    assert "No verdict could be read" in words_of(numbers, "headline")
    row = numbers["sections"]["preference"]["tables"][0]["rows"][0]
    assert (row["Wins"]["estimate"], row["Prompts"]) == (None, 0)
    assert "100% of its verdicts could not be read" in html


def test_one_prompt_is_too_little_and_is_not_dressed_up(report):
    html, numbers, _ = report(
        judges={}, people={"ann": lambda left, right: "left"}, prompts=1, systems=("tuned", "base")
    )
    words = words_of(numbers, "headline")
    assert words.startswith("1 prompt was judged between two systems, and a headline needs 10")
    assert "at least as good as" not in words
    assert "no interval" in html


def test_a_run_without_a_dev_set_shows_its_training_all_the_same(report):
    _, numbers, _ = report(dev=False)
    assert "There is no dev set" in words_of(numbers, "training")
    assert numbers["sections"]["training"]["figures"][0]["data"].keys() == {"training loss, a step"}


def test_the_funnel_and_every_rule_with_its_first_example(report):
    _, numbers, _ = report()
    data = numbers["sections"]["data"]
    assert [(s["rule"], s["left"]) for s in data["figures"][0]["data"]] == [
        ("candidates", 38),
        ("low score", 36),
        ("too short", 31),
        ("first person", 28),
    ]
    composition = data["tables"][0]["rows"]
    assert [
        (r["Split"], r["Source"], r["Examples"], r["Output, words"], r["Output, tokens"]) for r in composition
    ] == [
        ("train", "stem", 12, 80, 311),
        ("train", "authored", 8, 80, None),
        ("dev", "authored", 2, 80, None),
        ("test", "authored", 24, None, None),
    ]
    assert composition[0]["In the paper: examples, tokens in, tokens out"] == "200, 117, 523"
    rules = {row["Rule"]: row for row in data["tables"][1]["rows"]}
    assert (rules["low score"]["stem"], rules["low score"]["The first it took"]) == (2, "stem/7")
    assert rules["kept"]["All"] == 28


def test_departures_name_the_setting_and_both_values(report):
    _, numbers, _ = report()
    words = numbers["sections"]["departures"]["text"]
    assert "train.epochs: 3 here, 15 in the paper (Section 3)" in words
    assert "stats.draws: 400 here, 10000 by default (ours)" in words
    assert "20 train examples here, 1,000 in the paper." in words


def test_losses_and_versions_stand_on_the_page(report):
    html, numbers, _ = report()
    assert "Prompts that could not be compared (no response): 1." in words_of(numbers, "losses")
    assert "Training examples that lost their tail: 1." in words_of(numbers, "losses")
    assert "Dev examples that lost their tail: 2." in words_of(numbers, "losses")
    assert "in_test" not in html
    assert "in test" in html
    assert "0.1.0+1a2b3c4 (train)" in html


def test_missing_statistics_are_an_error_that_names_the_file(build, tmp_path):
    recipe, inputs = build()
    (inputs["stats"] / "stats.json").unlink()
    with pytest.raises(DataError, match=r"stats\.json"):
        work(recipe, inputs, tmp_path)


def test_every_task_has_its_figures_each_with_its_files(report, tmp_path):
    html, numbers, page = report(tasks=True)
    files = {
        f"{name}.{ending}" for name in ("figure-1", "figure-9", "funnel", "loss") for ending in ("svg", "csv")
    }
    judged = ("figure-2", "figure-3", "figure-5", "figure-7", "safety")
    files |= {f"{name}.csv" for name in judged}
    files |= {f"{name}-{judge}.svg" for name in judged for judge in ("local", "rule")}
    assert {path.name for path in (tmp_path / "report" / "figures").iterdir()} == files
    assert all(f"figures/{name}" in page.links for name in files)
    assert {s["id"] for s in numbers["series"]} >= {"grade/local/tuned", "grade/local/base"}
    assert "out of distribution" in html


def test_drawings_in_files_are_whole_and_bring_their_colours(report, tmp_path):
    report(tasks=True)
    for path in (tmp_path / "report" / "figures").glob("*.svg"):
        tree = ElementTree.fromstring(path.read_text(encoding="utf-8"))
        style = tree.find("{http://www.w3.org/2000/svg}style").text
        kinds = {kind for e in tree.iter() for kind in e.get("class", "").split()}
        assert all(f".{kind}" in style for kind in kinds - {"line"}), (path, kinds)


def test_a_figure_in_numbers_is_what_it_draws(report, tmp_path):
    _, numbers, _ = report(tasks=True)
    text = (tmp_path / "report" / "figures" / "figure-1.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    (figure,) = [
        f for f in numbers["sections"]["preference"]["figures"] if f["csv"] == "figures/figure-1.csv"
    ]
    assert [row["baseline"] for row in rows] == ["base", "other"]
    assert [float(row["win_low"]) for row in rows] == [row["win"]["low"] for row in figure["data"]]
