"""A whole run's folders as the stages write them, without running one: small, and with something wrong in each."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace

import msgspec
import pytest

from handful.core import jsonl
from handful.core.types import (
    Comparison,
    Dropped,
    Example,
    Grade,
    Origin,
    Prompt,
    Response,
    Seal,
    Signature,
    Submission,
    Turn,
    Verdict,
)
from handful.recipe.evaluation import Annotate, Stats
from handful.recipe.judging import FakeJudge, Judge, LocalJudge
from handful.recipe.schema import Recipe
from handful.recipe.sources import Authored, StackExchange
from handful.recipe.systems import BaseSystem, CheckpointSystem, Generate
from handful.recipe.training import Train
from handful.recipe.values import ModelRef
from handful.run.store import Manifest, content_hashes, write_manifest
from handful.stats.work import work as stats_work

NASTY = "<script>alert('x')</script> & \"quotes\" {{ 7 * 7 }} \u202e</div>"
PROMPTS = 24


@pytest.fixture
def recipe():
    return Recipe(
        name="a tiny run",
        sources={
            "stem": StackExchange(kind="stackexchange", paths=()),
            "authored": Authored(kind="authored", paths=()),
        },
        train=Train(model=ModelRef("tiny"), epochs=3, learning_rate=1e-4),
        generate=Generate(
            max_tokens=256,
            systems={
                "tuned": CheckpointSystem(kind="checkpoint"),
                "base": BaseSystem(kind="base", model=ModelRef("tiny")),
                "other": BaseSystem(kind="base", model=ModelRef("other")),
            },
        ),
        judge=Judge(
            judges={"local": LocalJudge(kind="local"), "rule": FakeJudge(kind="fake", prefers="longer")}
        ),
        annotate=Annotate(people=2),
        stats=Stats(draws=400),
    )


@pytest.fixture
def build(tmp_path, recipe):
    """Make the folders and the statistics; returns (recipe, inputs of `report`).

    Args of what it returns:
        judges: name -> f(left, right, first) -> choice, first being whether the left one is shown first.
        people: pseudonym -> f(left, right) -> choice.
        root: under which folder.
        tasks: whether single answers, the turns of dialogues and whole dialogues are judged as well.
    """

    def make(
        judges=None,
        people=None,
        systems=("tuned", "base", "other"),
        dev=True,
        root="work",
        prompts=PROMPTS,
        tasks=False,
    ):
        judges = {"local": first_shown, "rule": longer} if judges is None else judges
        people = {"ann": best, "bob": mostly(best)} if people is None else people
        folder = Folders(tmp_path / root)
        made = replace(
            recipe,
            judge=Judge(judges={name: recipe.judge.judges[name] for name in judges}),
            annotate=Annotate(people=len(people)),
        )
        data_folders(folder, dev, prompts, tasks)
        train_folder(folder, dev)
        for system in systems:
            responses = [answer(system, n) for n in range(prompts)]
            folder.add(f"generate/{system}", {"responses.jsonl": responses}, {"responses": len(responses)})
        comparisons, seals = paired(systems, prompts)
        submissions, signatures, grades = other_tasks(systems) if tasks else ([], [], [])
        counts = {f"tuned vs {name}": prompts for name in systems[1:]}
        folder.add(
            "study",
            {
                "comparisons.jsonl": comparisons,
                "sealed/key.jsonl": seals,
                "submissions.jsonl": submissions,
                "sealed/signatures.jsonl": signatures,
                "unpaired.jsonl": [Dropped("test/99", "no_response", "base did not answer")] * (prompts > 1),
            },
            {"comparisons": len(comparisons), "pairs": counts, "unpaired": int(prompts > 1)},
        )
        for name, choose in judges.items():
            verdicts = [v for c in comparisons for v in asked_twice(name, choose, c)]
            cut = [Dropped(comparisons[0].id, "too_long_for_judge")] if comparisons else []
            said = [msgspec.structs.replace(grade, judge=name) for grade in grades]
            files = {"verdicts.jsonl": verdicts, "truncated.jsonl": cut, "grades.jsonl": said}
            folder.add(f"judge/{name}", files, {"mode": "robust"})
        cast = [Verdict(c.id, who, f(c.left, c.right)) for who, f in people.items() for c in comparisons]
        folder.add("annotate", {"verdicts.jsonl": cast}, {"people": len(people), "wanted": len(cast)})
        out = folder.make("stats")
        stats_work(made.stats, folder.paths, out)
        folder.seal("stats", {})
        return made, folder.paths

    return make


def first_shown(left, right, first):
    return "left" if first else "right"


def longer(left, right, first=True):
    return "left" if len(left) > len(right) else "right" if len(right) > len(left) else "tie"


def unreadable(left, right, first):
    return None


def best(left, right):
    """Prefers an answer that ends, and is not the same thing again."""
    return "left" if "good" in left and "good" not in right else "right" if "good" in right else "tie"


def mostly(choose):
    rng = random.Random(3)
    return lambda left, right: "tie" if rng.random() < 0.2 else choose(left, right)


def asked_twice(name, choose, comparison):
    forward = choose(comparison.left, comparison.right, True)
    swapped = choose(comparison.left, comparison.right, False)
    yield Verdict(comparison.id, name, forward, "forward")
    yield Verdict(comparison.id, name, swapped, "swapped")


def answer(system, n):
    ended = system == "tuned" and n % 8 != 0
    good = (system == "tuned" and n % 5 != 0) or (system == "other" and n % 3 == 0)
    text = f"A good and finished answer to question {n}. " * 3 if good else f"again and again {n} " * 6
    if n == 0:
        text = NASTY
    return Response(f"test/{n}", system, text, 0, "eot" if ended else "length", len(text.split()))


def paired(systems, prompts):
    comparisons, seals = [], []
    rng = random.Random(5)
    for baseline in systems[1:]:
        for n in range(prompts):
            sides = ["tuned", baseline]
            rng.shuffle(sides)
            left, right = (answer(side, n).text for side in sides)
            id = f"test/{n}/{baseline}"
            comparisons.append(Comparison(id, f"test/{n}", (Turn("user", f"Question {n}?"),), left, right))
            seals.append(Seal(id, f"test/{n}", *sides))
    return comparisons, seals


def example(source, n, split="train"):
    turns = (Turn("user", f"What about {source} {n}?"), Turn("assistant", "It is like this. " * 20))
    return Example(f"{split}/{source}/{n}", turns, Origin(source, "here", str(n), license="CC BY-SA 4.0"))


def other_tasks(systems):
    """(submissions, signatures, grades) of helpfulness, quality, safety and turns, on a few prompts each."""
    rng, found = random.Random(7), []
    scales = {
        "helpfulness": (12, ["3", "4", "5", "4", None]),
        "quality": (12, ["fail", "pass", "excellent", "excellent"]),
        "safety": (6, ["safe", "safe", "safe", "unsafe"]),
        "turns": (6, ["excellent", "pass", "excellent", "fail"]),
    }
    for task, (count, grades) in scales.items():
        for system in systems:
            for n in range(count):
                for turn in range(3 if task == "turns" else 1):
                    id = f"{task}/{system}/{n}/{turn}"
                    grade = rng.choice(grades[1:] if system == "tuned" else grades)
                    turns = (Turn("user", f"Question {n}? {NASTY}"),)
                    found.append(
                        (
                            Submission(id, f"test/{n}", turns, answer(system, n).text, task),
                            Signature(id, f"test/{n}", system, 0, task, turn),
                            Grade(id, "", grade, f"Because of {n}.\n{grade}"),
                        )
                    )
    return tuple(map(list, zip(*found, strict=True)))


def data_folders(folder, dev, prompts, tasks):
    dropped = [Dropped("stem/7", "low_score", "score 3"), Dropped("stem/8", "low_score", "score 1")]
    folder.add("sources/stem", {"dropped.jsonl": dropped}, {"questions": 60})
    folder.add("sources/authored", {"dropped.jsonl": []}, {"questions": 0})
    rules = {"low_score": 2, "too_short": 5, "too_long": 0, "first_person": 3}
    stem = {"candidates": 30, "kept": 20, "dropped": rules}
    folder.add(
        "clean",
        {"dropped.jsonl": [Dropped("stem/9", "too_short", "812 characters")] * 5},
        {
            "candidates": 38,
            "kept": 28,
            "dropped": rules,
            "sources": {"stem": stem, "authored": {"candidates": 8, "kept": 8, "dropped": {}}},
        },
    )
    folder.add(
        "select",
        {},
        {
            "available": {"stem": 20, "authored": 8},
            "drawn": {"stem": 12, "authored": 8},
            "communities": {"stem": {"maths": 7, "tools": 5}, "authored": {"house": 8}},
        },
    )
    asked = [
        Prompt(
            f"test/{n}",
            (Turn("user", f"Question {n}? {NASTY}"),),
            Origin("authored", "house", str(n)),
            ("ood",) if tasks and n % 4 == 0 else (),
        )
        for n in range(prompts)
    ]
    folder.add(
        "dataset",
        {
            "train.jsonl": [
                example(s, n) for s, size in (("stem", 12), ("authored", 8)) for n in range(size)
            ],
            "dev.jsonl": [example("authored", n, "dev") for n in range(2 * dev)],
            "test.jsonl": asked,
            "dropped.jsonl": [Dropped("stem/3", "in_test", "the same prompt as test/3")],
        },
        {"train": 20, "dev": 2 * dev, "test": prompts},
    )
    paper = {"examples": 200, "mean_input_tokens": 117, "mean_output_tokens": 523}
    table = [{"split": "train", "source": "stem", "examples": 12, "paper": paper}]
    (folder.paths["dataset"] / "table.json").write_text(json.dumps(table))


def train_folder(folder, dev):
    steps = [
        {"step": n, "epoch": 1 + n // 10, "loss": 2.9 * 0.96**n + 0.2 * (n % 3 == 0), "learning_rate": 1e-4}
        for n in range(1, 31)
    ]
    epochs = [{"epoch": e, "step": 10 * e, "dev_loss": 3.1 - 0.4 * e, "dev_tokens": 500} for e in range(4)]
    said = [
        {
            "epoch": e,
            "prompt_id": f"dev/authored/{n}",
            "text": f"{NASTY} {e}",
            "finish": "eot" if e else "length",
        }
        for e in range(4)
        for n in range(2)
    ]
    folder.add(
        "train",
        {
            "steps.jsonl": steps,
            "epochs.jsonl": epochs if dev else [],
            "dev_samples.jsonl": said if dev else [],
            "truncated.jsonl": [Dropped("stem/5", "too_many_tokens", "2,310 tokens")],
        },
        {
            "examples": 20,
            "tokens": 9000,
            "steps": 30,
            "truncated": 3,
            "truncated_train": 1,
            "truncated_dev": 2,
            "tokens_by_source": {"stem": {"examples": 12, "mean_input": 7.4, "mean_output": 310.6}},
        },
    )


class Folders:
    """Finished folders under a root, each with its manifest."""

    def __init__(self, root):
        self.root = root
        self.paths = {}

    def make(self, label):
        folder = self.root / f"{label.replace('/', '-')}-{key(label)}"
        folder.mkdir(parents=True, exist_ok=True)
        self.paths[label] = folder
        return folder

    def add(self, label, files, counts):
        folder = self.make(label)
        for name, records in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            jsonl.write(folder / name, records)
        self.seal(label, counts)

    def seal(self, label, counts):
        folder = self.paths[label]
        environment = {"python": "3.11.2", "handful": "0.1.0", "torch": "2.13.0"}
        if label == "train":
            environment["handful"] = "0.1.0+1a2b3c4"
        manifest = Manifest(label, 1, key(label), {}, {}, counts, content_hashes(folder), environment)
        write_manifest(folder, manifest)
        json.loads((folder / "manifest.json").read_text())


def key(label):
    return hashlib.sha256(label.encode()).hexdigest()[:12]
