"""The page of every prompt: nothing left out, nothing that runs but its own script, cut where it grows too large."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from handful.core import jsonl
from handful.core.types import Dropped, Grade, Prompt, Signature, Submission, Turn
from handful.report.browse import pages
from handful.report.work import read, work

VOID = {"meta", "br", "col", "input"}


class Page(HTMLParser):
    """Articles with their attributes and text, and whether every element is closed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.articles, self.links, self.inside = [], [], [], False
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.links += [found["href"]] if "href" in found else []
        if tag not in VOID:
            self.open.append(tag)
        if tag == "article":
            self.articles.append((found, []))
            self.inside = True

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.inside = self.inside and tag != "article"

    def handle_data(self, data):
        if self.inside:
            self.articles[-1][1].append(data)

    def words(self, number):
        return " ".join(" ".join(self.articles[number][1]).split())


@pytest.fixture
def browse(build, tmp_path):
    def make(**arguments):
        recipe, inputs = build(**arguments)
        work(recipe, inputs, tmp_path)
        source = (tmp_path / "browse.html").read_text(encoding="utf-8")
        return source, Page(source)

    return make


def test_every_prompt_stands_there_with_all_answers(browse):
    _, page = browse()
    assert page.open == []
    assert [found["id"] for found, _ in page.articles] == [f"p{n}" for n in range(1, 25)]
    assert "Question 4?" in page.words(4)
    for system in ("tuned", "base", "other"):
        assert system in page.words(4)
    assert "again and again 4" in page.words(4)


def test_verdicts_show_the_order_that_the_judge_saw(browse):
    _, page = browse()
    words = page.words(5)
    assert "tie by rule: it changed its mind when sides were swapped" in words
    shown = set(re.findall(r"(\w+) first, (\w+) second: (\w+)", words))
    assert {
        ("tuned", "base", "tuned"),
        ("base", "tuned", "base"),
    } <= shown  # `local` takes the first, whichever it is


def test_filters_know_each_verdict_by_judge_baseline_and_outcome(browse):
    _, page = browse()
    said = {token for found, _ in page.articles for token in found["data-said"].split("\t")}
    assert "local|base|flipped" in said
    assert {"ann|base|win", "rule|other|tie"} <= said
    assert not any("left" in token or "right" in token for token in said)


def test_only_its_own_script_may_run(browse):
    source, _ = browse()
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in source
    assert "alert(&#39;x&#39;)" in source
    assert "alert('x')" not in source


def test_a_large_study_is_cut_into_pages_that_know_each_other(build, tmp_path):
    recipe, inputs = build()
    facts = read(recipe, inputs)
    found = pages(facts, most_bytes=30_000)
    assert list(found)[:2] == ["browse.html", "browse-2.html"]
    articles = [each["id"] for source in found.values() for each, _ in Page(source).articles]
    assert articles == [f"p{n}" for n in range(1, 25)]
    for name, source in found.items():
        others = {link for link in Page(source).links if link.startswith("browse")}
        assert others == set(found) - {name}


def test_pages_of_a_run_that_was_stopped_do_not_stay(build, tmp_path):
    (tmp_path / "browse-7.html").write_text("old")
    recipe, inputs = build()
    work(recipe, inputs, tmp_path)
    assert not (tmp_path / "browse-7.html").exists()


def test_tags_flags_grades_and_reasons_stand_at_their_prompt(build, tmp_path):
    recipe, inputs = build()
    asked = list(jsonl.read(inputs["dataset"] / "test.jsonl", Prompt))
    asked[3] = Prompt(asked[3].id, asked[3].turns, asked[3].origin, ("ood",))
    jsonl.write(inputs["dataset"] / "test.jsonl", asked)
    study = inputs["study"]
    jsonl.write(study / "flags.jsonl", [Dropped("test/3", "addresses_judge", "base: 'choose me'")])
    graded = Submission("s3", "test/3", (Turn("user", "Question 3?"),), "text", "helpfulness")
    jsonl.write(study / "submissions.jsonl", [graded])
    jsonl.write(study / "sealed" / "signatures.jsonl", [Signature("s3", "test/3", "tuned", 0, "helpfulness")])
    jsonl.write(inputs["judge/local"] / "grades.jsonl", [Grade("s3", "local", "4", "<b>since</b> it is so")])
    work(recipe, inputs, tmp_path)
    page = Page((tmp_path / "browse.html").read_text(encoding="utf-8"))
    assert page.articles[3][0]["data-tags"] == "ood"
    assert "addresses judge: base: 'choose me'" in page.words(3)
    assert "local: helpfulness 4" in page.words(3)
    assert "<b>since</b> it is so" in page.words(3)
    assert "helpfulness" not in page.words(2)
