"""What the live conversations of a ledger are to the stages after: dialogues, graded turns, and whole ones compared.

The files have the forms of a study, so that `stats` counts a live turn as it counts one of a played dialogue:

    dialogues.jsonl            Dialogue: who it was talked with, in the clear; `sample` is the person's number
    talks/submissions.jsonl    Submission, a reply each; talks/sealed/signatures.jsonl says whose it is
    talks/grades.jsonl         Grade, by the person who talked
    talks/comparisons.jsonl    Comparison ("dialogues") of two conversations of one person on one prompt
    talks/sealed/key.jsonl     Seal of each; talks/verdicts.jsonl: Verdict

It touches the disk only in `plan_of`, which reads what is talked about, and `write`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from handful.annotate.items import LETTERS, SIDES, Content, Item, Study, held, order_seen, side_of
from handful.annotate.talk_order import arm_of, opening, sample_of, talk_prompts
from handful.annotate.talks import CUT, FAILED, STALLED, Talk, Talks, complete
from handful.core import jsonl
from handful.core.errors import DataError, RecipeError
from handful.core.rng import rng_for
from handful.core.types import (
    Comparison,
    Dialogue,
    Grade,
    Prompt,
    Seal,
    Signature,
    Submission,
    Turn,
    Verdict,
)
from handful.models.asking import dialogue
from handful.recipe.evaluation import Annotate
from handful.run.store import only, read_manifest

if TYPE_CHECKING:
    from handful.annotate.ledger import Answer, Ledger
    from handful.annotate.people import Person

SILENT = ("responses", "fake")
"""Kinds of systems that nobody can talk with: what they say was written before."""
SAMPLING = ("temperature", "top_p", "repetition_penalty", "penalty_scope", "max_tokens", "limit")
TOLD = """# Which conversation is better?

Two whole conversations with an assistant follow, Dialogue A and Dialogue B. Both begin with the same message; from
there the person wrote what seemed right. In which of them does the assistant best satisfy that person's needs, from the
first message to the last?

Judge the assistant, not the person. Put yourself in the place of whoever asked.

Choose one of these three:

- Dialogue A is significantly better.
- Dialogue B is significantly better.
- Neither is significantly better.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is talked about, and what stands for whom."""

    prompts: tuple[Prompt, ...]
    arms: Mapping[str, str]
    """Arm -> system, in the recipe's order."""

    @property
    def openings(self) -> dict[str, str]:
        return {prompt.id: opening(prompt) for prompt in self.prompts}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two conversations of one person on one prompt, as a question to people."""

    comparison: Comparison
    seal: Seal
    item: Item
    person: str


def plan_of(params: Annotate, inputs: Mapping[str, Path]) -> Plan:
    """The prompts and arms of [annotate] talk.

    Args:
        inputs: folders by label: "dataset", and "generate/NAME" of each system.

    Raises:
        RecipeError: a system that there is not, one that nobody can talk with, or the same one twice.
        DataError: there is no prompt to talk about.
    """
    folders = only(inputs, "generate")
    if len(set(params.talk)) < len(params.talk):
        raise RecipeError("annotate.talk: names a system twice")
    for name in params.talk:
        if name not in folders:
            there = ", ".join(folders) or "none"
            raise RecipeError(f"annotate.talk: no system is called {name!r}; there are {there}")
    prompts = tuple(
        talk_prompts(list(jsonl.read(inputs["dataset"] / "test.jsonl", Prompt)), params.talk_prompts)
    )
    if not prompts:
        raise DataError(f"{inputs['dataset'] / 'test.jsonl'}: holds no prompt to talk about (annotate.talk)")
    arms = {arm_of(params.seed, prompts, name, identity(name, folders[name])): name for name in params.talk}
    return Plan(prompts, arms)


def identity(name: str, folder: Path) -> str:
    """What a system is beside its name, as the manifest of its answers says: model, training, sampling.

    Raises:
        RecipeError: nobody can talk with it.
    """
    manifest = read_manifest(folder)
    params: Mapping[str, Any] = manifest.params
    system = dict(params["systems"][name])
    if system["kind"] in SILENT:
        raise RecipeError(
            f"annotate.talk: {name!r} is of kind {system['kind']!r}, which answers nothing that it is asked "
            "now; talk with a checkpoint, base, few_shot or endpoint"
        )
    system.pop("base_url", None)  # a server that moved is the same model
    read = ("train", "choose", "dataset") if system["kind"] == "few_shot" else ("train", "choose")
    facts = [
        system,
        {key: params[key] for key in SAMPLING},
        {key: manifest.inputs.get(key, "") for key in read},
    ]
    return json.dumps(facts, sort_keys=True, default=str)


def asked_too(study: Study) -> Study:
    """The study with room for whole dialogues that are still to be had."""
    if "dialogues" in study.tasks:
        return study
    told = {**study.instructions, "dialogues": study.instructions.get("dialogues", TOLD)}
    return replace(study, tasks=(*study.tasks, "dialogues"), instructions=told)


# --- pure: conversations to records


def by_prompt(
    plan: Plan, talks: Iterable[Talk], left_out: Iterable[str] = ()
) -> dict[tuple[str, str], list[Talk]]:
    """(prompt, person) -> conversations with the plan's arms, in the plan's order, then by person."""
    gone, found = set(left_out), defaultdict(list)
    for talk in talks:
        if talk.arm in plan.arms and talk.person not in gone:
            found[talk.prompt_id, talk.person].append(talk)
    place = {prompt.id: number for number, prompt in enumerate(plan.prompts)}
    keys = sorted((key for key in found if key[0] in place), key=lambda key: (place[key[0]], key[1]))
    arms = list(plan.arms)
    return {key: sorted(found[key], key=lambda talk: arms.index(talk.arm)) for key in keys}


def pairs(plan: Plan, talks: Iterable[Talk], seed: int, left_out: Iterable[str] = ()) -> list[Pair]:
    """The comparisons of whole conversations: those of one person on one prompt, once all of them have ended.

    A conversation without any reply is compared with none.
    """
    grouped, made, seen = by_prompt(plan, talks, left_out), [], Counter[str]()
    samples = sample_of([person for _, person in grouped])
    for (_, person), own in grouped.items():
        spoken = [talk for talk in own if talk.replies]
        if complete(own, plan.arms):
            for first, second in combinations(spoken, 2):
                made.append(pair(plan, first, second, seed, samples[person], seen))
    return made


def pair(plan: Plan, first: Talk, second: Talk, seed: int, sample: int, seen: Counter[str]) -> Pair:
    draw = rng_for(seed, "annotate", "talks", "sides", first.person, first.prompt_id, first.arm, second.arm)
    left, right = (first, second) if draw.random() < 0.5 else (second, first)
    turns = (Turn("user", plan.openings[first.prompt_id]),)
    shown = Comparison("", first.prompt_id, turns, dialogue(left.turns), dialogue(right.turns), "dialogues")
    shown = msgspec.structs.replace(shown, id=id_of(shown, seen))
    seal = Seal(shown.id, first.prompt_id, plan.arms[left.arm], plan.arms[right.arm], sample, "dialogues")
    content = Content(turns, (shown.left, shown.right))
    item = held("dialogues", TOLD, content, subject=shown.id, prompt_id=first.prompt_id)
    return Pair(shown, seal, item, first.person)


def id_of(shown: Comparison | Submission, seen: Counter[str]) -> str:
    """Made of what is shown alone, as a study has it."""
    digest = "live-" + hashlib.sha256(jsonl.dumps(shown)).hexdigest()[:12]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def graded(
    plan: Plan, talks: Iterable[Talk], judges: Mapping[str, str]
) -> list[tuple[Submission, Signature, Grade | None]]:
    """Every reply of the conversations that ended, with its grade.

    Args:
        judges: person -> what they are called as a judge; whoever is not there is left out.
    """
    grouped, made, seen = by_prompt(plan, talks), [], Counter[str]()
    samples = sample_of([person for _, person in grouped if person in judges])
    for (prompt_id, person), own in grouped.items():
        for talk in own if person in judges else ():
            for place, said in enumerate(talk.replies if talk.ended is not None else ()):
                before = talk.turns[: said.number]
                shown = Submission("", prompt_id, before, said.text, "turns")
                shown = msgspec.structs.replace(shown, id=id_of(shown, seen))
                system, sample = plan.arms[talk.arm], samples[person]
                signature = Signature(shown.id, prompt_id, system, sample, "turns", place)
                grade = talk.grade_of(said.number)
                said_of = Grade(shown.id, judges[person], grade, grade) if grade else None
                made.append((shown, signature, said_of))
    return made


def verdicts(asked: Sequence[Pair], answers: Iterable[Answer], judges: Mapping[str, str]) -> list[Verdict]:
    """What people said of the pairs, in their order, then by person."""
    said: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.round == 0 and answer.choice in SIDES and answer.person in judges:
            said[answer.item].append(answer)
    return [
        Verdict(
            one.comparison.id,
            judges[answer.person],
            side_of(one.item, answer.shown, answer.first, str(answer.choice)),
            order_seen(one.item, answer.shown, answer.first) or "forward",
            raw=LETTERS[str(answer.choice)],
        )
        for one in asked
        for answer in sorted(said[one.item.key], key=lambda answer: answer.person)
    ]


# --- for the stage


def judges_of(people: Iterable[Person]) -> dict[str, str]:
    """Person -> GROUP:NAME, or NAME; without those who were dropped."""
    kept = [person for person in people if person.state != "dropped"]
    return {one.name: f"{one.group}:{one.name}" if one.group else one.name for one in kept}


def missing(ledger: Ledger, params: Annotate, inputs: Mapping[str, Path]) -> str:
    """What people still owe, in words; "" where nothing is left."""
    plan, judges = plan_of(params, inputs), judges_of(ledger.people())
    talks = [talk for talk in Talks(ledger).all() if talk.person in judges]
    done = Counter(prompt for (prompt, _), own in by_prompt(plan, talks).items() if complete(own, plan.arms))
    given = sum(min(params.people, done[prompt.id]) for prompt in plan.prompts) * len(plan.arms)
    wanted = params.people * len(plan.prompts) * len(plan.arms)
    asked = pairs(plan, talks, params.seed)
    per_pair = Counter(verdict.comparison_id for verdict in verdicts(asked, ledger.answers(), judges))
    judged = sum(min(params.people, per_pair[one.comparison.id]) for one in asked)
    owed = []
    if given < wanted:
        owed.append(f"{given} of {wanted} conversations had")
    if judged < params.people * len(asked):
        owed.append(f"{judged} of {params.people * len(asked)} verdicts on whole conversations given")
    return "; ".join(owed)


def write(ledger: Ledger, params: Annotate, inputs: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """The files above, and counts for the manifest."""
    plan, people = plan_of(params, inputs), ledger.people()
    judges = judges_of(people)
    talks = Talks(ledger).all()
    kept = [talk for talk in talks if talk.person in judges]
    replies, asked = graded(plan, kept, judges), pairs(plan, kept, params.seed)
    (out / "talks" / "sealed").mkdir(parents=True, exist_ok=True)
    grouped = by_prompt(plan, kept)
    samples = sample_of([person for _, person in grouped])
    ended = [talk for own in grouped.values() for talk in own if talk.ended is not None]
    spoken = [talk for talk in ended if talk.replies]
    jsonl.write(
        out / "dialogues.jsonl",
        (Dialogue(t.prompt_id, plan.arms[t.arm], t.turns, samples[t.person], t.finish) for t in spoken),
    )
    folder = out / "talks"
    jsonl.write(folder / "submissions.jsonl", (shown for shown, _, _ in replies))
    jsonl.write(folder / "sealed" / "signatures.jsonl", (signature for _, signature, _ in replies))
    jsonl.write(folder / "grades.jsonl", (grade for _, _, grade in replies if grade))
    jsonl.write(folder / "comparisons.jsonl", (one.comparison for one in asked))
    jsonl.write(folder / "sealed" / "key.jsonl", (one.seal for one in asked))
    jsonl.write(folder / "verdicts.jsonl", verdicts(asked, ledger.answers(), judges))
    return {
        "conversations": len(ended),
        "live_turns": len(replies),
        "without_a_reply": len(ended) - len(spoken),
        "live_comparisons": len(asked),
        "incidents": incidents(ledger, plan),
        "left_out_with_people": len([t for t in talks if t.arm in plan.arms and t.person not in judges]),
    }


def incidents(ledger: Ledger, plan: Plan) -> dict[str, dict[str, int]]:
    """System -> how often a reply was late, failed, or was made without the oldest turns."""
    names = {STALLED: "stalled", FAILED: "failed", CUT: "cut"}
    found: dict[str, dict[str, int]] = {}
    for event in ledger.events():
        if event.kind in names and event.subject in plan.arms:
            own = found.setdefault(plan.arms[event.subject], {})
            own[names[event.kind]] = own.get(names[event.kind], 0) + 1
    return dict(sorted(found.items()))
