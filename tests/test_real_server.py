"""A real small model behind a real server, as a system and as a judge, from the command line to the report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
RECIPE = """
name = "served"
[sources.prompts]
kind = "messages"
paths = ["prompts.jsonl"]
split = "test"
[generate]
max_tokens = 12
limit = "new"
[generate.systems.served]
kind = "endpoint"
base_url = "{url}"
model = "{model}"
[generate.systems.fixed]
kind = "fake"
text = "I do not know."
[study]
tasks = ["preference", "quality"]
[judge.judges.served]
kind = "endpoint"
base_url = "{url}"
model = "{model}"
max_tokens = 24
"""
PROMPTS = ["What is the capital of France?", "Name three colours."]


@pytest.fixture(scope="module")
def url(converted):
    """`handful serve model`, in a process of its own."""
    command = [sys.executable, "-m", "handful", "serve", "model", str(converted[0]), "--port", "0"]
    with subprocess.Popen(
        command, env=ONE_THREAD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            for line in server.stdout:
                if found := re.search(r"http://[\d.]+:\d+", line):
                    yield found[0] + "/v1"
                    break
            else:
                raise AssertionError("the server ended before it said where it is")
        finally:
            server.terminate()


def handful(folder, *arguments):
    command = [sys.executable, "-m", "handful", *arguments]
    return subprocess.run(command, cwd=folder, env=ONE_THREAD, capture_output=True, text=True)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_answers_and_judges_and_is_asked_once(url, converted, tmp_path):
    rows = [{"messages": [{"role": "user", "content": prompt}]} for prompt in PROMPTS]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "served.toml").write_text(RECIPE.format(url=url, model=converted[0].name))
    run = handful(tmp_path, "run", "served.toml", "--max-calls", "60")
    assert run.returncode == 0, run.stderr
    work = tmp_path / "work"

    (responses,) = work.glob("generate-served-*/responses.jsonl")
    answers = lines(responses)
    assert len(answers) == 2
    assert all(answer["text"] and 0 < answer["tokens"] <= 12 for answer in answers)
    (judge,) = work.glob("judge-served-*")
    verdicts, grades = lines(judge / "verdicts.jsonl"), lines(judge / "grades.jsonl")
    assert Counter(verdict["order"] for verdict in verdicts) == {"forward": 2, "swapped": 2}
    assert {verdict["choice"] for verdict in verdicts} <= {"left", "right", "tie", None}
    assert len(grades) == 4
    assert {grade["grade"] for grade in grades} <= {"fail", "pass", "excellent", None}
    assert all(record["raw"] for record in verdicts + grades), "it said something each time"
    (report,) = work.glob("report-*/report.html")
    assert "Not validated" in report.read_text()

    sent = len((work / "ledger.jsonl").read_text().splitlines())
    assert sent % 2 == 0, "each request was settled"
    for folder in [responses.parent, judge]:
        for file in sorted(folder.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        folder.rmdir()
    again = handful(tmp_path, "run", "served.toml")
    assert again.returncode == 0, again.stderr
    assert len((work / "ledger.jsonl").read_text().splitlines()) == sent, "the replies were there already"
    assert lines(responses) == answers
    assert lines(judge / "verdicts.jsonl") == verdicts
