"""Section 6 from end to end, as a person does it: talk with two systems, judge the conversations, read Figure 7."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from chat_server import completion, serving

HANDFUL = Path(sys.executable).with_name("handful")
RECIPE = """
name = "live"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
split = "test"
[generate]
max_tokens = 50
[generate.systems.better]
kind = "endpoint"
base_url = "{better}"
model = "better"
[generate.systems.base]
kind = "endpoint"
base_url = "{base}"
model = "base"
[annotate]
people = 1
talk = ["better", "base"]
talk_prompts = 2
talk_turns = 2
[stats]
draws = 200
"""
FORM = re.compile(r'<form[^>]*action="(/[\w/]+)"[^>]*>(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class Person:
    """Follows forms, as a browser without script."""

    def __init__(self, link):
        self.client = httpx.Client(follow_redirects=True, timeout=30)
        self.origin = link.partition("/link/")[0]
        self.html = self.client.get(link).text

    def look(self, path):
        self.html = self.client.get(self.origin + path).text
        return {action: dict(FIELD.findall(body)) for action, body in FORM.findall(self.html)}

    def send(self, path, action, **fields):
        found = self.look(path)
        self.html = self.client.post(self.origin + action, data={**found[action], **fields}).text

    def talk(self):
        """Every conversation, of one reply or two; grades by what the assistant says."""
        end = time.monotonic() + 90
        while "That was the last conversation" not in self.html:
            assert time.monotonic() < end, self.html
            forms = self.look("/talk")
            if "/talk/begin" in forms:
                self.send("/talk", "/talk/begin")
            elif "/talk/grade" in forms:
                last = self.html.rpartition("Assistant</h2>")[2]
                self.send("/talk", "/talk/grade", grade="excellent" if "I can help" in last else "fail")
            elif "/talk/say" in forms:
                self.send("/talk", "/talk/say", text="Tell me more.")
            else:
                time.sleep(0.1)

    def judge(self):
        """Every question; of conversations, the one with the better assistant."""
        while "All done" not in self.html:
            forms = self.look("/")
            if "/consent" in forms:
                self.send("/", "/consent", agreed="yes")
            elif "/begin" in forms:
                self.send("/", "/begin")
            elif "/practice" in forms:
                self.send("/", "/practice", choice="first")
            elif "/answer" in forms:
                left, right = self.html.split('aria-labelledby="answer-2"')
                assert ("I can help" in left) != ("I can help" in right)
                self.send("/", "/answer", choice="first" if "I can help" in left else "second")
            elif "All done" not in self.html:
                raise AssertionError(self.html)


@pytest.fixture
def recipe(tmp_path):
    with (
        serving(lambda body, number: completion("I can help you with that.")) as better,
        serving(lambda body, number: completion("No.")) as base,
    ):
        rows = [{"messages": [{"role": "user", "content": f"How do I sharpen knife {n}?"}]} for n in range(3)]
        (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        path = tmp_path / "live.toml"
        path.write_text(RECIPE.format(better=better.base_url, base=base.base_url))
        yield path


def run(recipe):
    command = [HANDFUL, "run", recipe, "--work", recipe.parent / "work"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_two_systems_are_talked_with_and_compared_up_to_the_report(recipe):
    waiting = run(recipe)
    assert waiting.returncode == 3
    assert "people answer at: handful serve study" in waiting.stdout + waiting.stderr
    command = [HANDFUL, "serve", "study", recipe, "--work", recipe.parent / "work", "--port", "0"]
    server = subprocess.Popen(
        [*map(str, command), "--annotator", "ann:authors"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        said = [server.stdout.readline() for _ in range(3)]
        link = next(re.search(r"http://\S+/link/\S+", line)[0] for line in said if line.startswith("ann:"))
        ann = Person(link)
        ann.send("/", "/consent", agreed="yes")
        ann.talk()
        ann.judge()
        ann.client.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
    done = run(recipe)
    assert done.returncode == 0, done.stderr
    work = recipe.parent / "work"
    stats = json.loads(next(work.glob("stats-*/stats.json")).read_bytes())
    turns = {row["system"]: row for row in stats["grades"]["turns"] if row["judge"] == "all people, live"}
    assert turns["better"]["counts"] == {"fail": 0, "pass": 0, "excellent": 4}
    assert turns["base"]["counts"] == {"fail": 4, "pass": 0, "excellent": 0}
    assert [turns[name]["dialogues"] for name in ("better", "base")] == [2, 2]
    (row,) = [row for row in stats["dialogues"] if row["judge"] == "all people, live"]
    assert (row["subject"], row["baseline"], row["comparisons"]) == ("better", "base", 2)
    assert row["win"]["estimate"] == 1.0
    assert {row["judge"] for row in stats["grades"]["turns"]} == {"all people, live", "authors:ann, live"}
    page = next(work.glob("report-*/report.html")).read_text()
    assert "Figure 7: turns of dialogues, by all people, live" in page
    assert "Whole dialogues, by all people, live" in page
