"""What `plan` says about requests to servers: how many, of how many tokens, for how much; and `run` asks the same.

An estimate from below and from above. Tokens are counted as bytes: 5 a token at most, 3 at least, which holds for
English. Replies are as long as they may be, or 50 tokens. What is not made yet (answers that a judge will read) is
taken to be of either length. Replies that the cache holds already cost nothing, and are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.core import jsonl
from handful.core.types import Comparison, Example, Prompt, Submission, Turn
from handful.recipe.judging import Choose, EndpointJudge
from handful.recipe.systems import EndpointSystem, Generate

if TYPE_CHECKING:
    from handful.run.execute import Step

BYTES_A_TOKEN = (5, 3)
SHORT_REPLY = 50
"""Tokens."""
INSTRUCTIONS = (300, 1200)
"""Tokens that a judge reads beside the texts."""

Range = tuple[float, float]
Asked = EndpointSystem | EndpointJudge


@dataclass(frozen=True, slots=True)
class Work:
    """Requests of one kind: how many, what is read in each (tokens) and the most that is written."""

    requests: Range
    read: Range
    written: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one step, from below and from above. None where it cannot be known yet; `note` says why."""

    step: str
    model: str
    requests: Range | None
    input_tokens: Range | None
    output_tokens: Range | None
    usd: Range | None
    price: str
    """Whose price it is; "" where none is known."""
    note: str = ""


def asked(steps: Sequence[Step]) -> Iterator[tuple[Step, Asked]]:
    """The steps that are not done and ask a server, and who it is."""
    for step in steps:
        if step.done:
            continue
        match step.stage.name:
            case "generate":
                found = list(step.params.systems.values())
            case "judge":
                found = list(step.params.judges.values())
            case "choose":
                found = [step.params.judge]
            case _:
                found = []
        yield from ((step, entry) for entry in found if isinstance(entry, EndpointSystem | EndpointJudge))


def check_prices(steps: Sequence[Step]) -> None:
    """Raise RecipeError where a step asks a server whose price is not known: a budget could not hold."""
    from handful.models.api import prices

    for step, entry in asked(steps):
        if prices.price_of(entry) is None:
            raise prices.unknown(entry, step.label)


def costs(steps: Sequence[Step], recipe: Any) -> list[Cost]:
    """An estimate of each step that asks a server and is not done.

    Raises:
        RecipeError: prices that are none.
        DataError: a finished folder that cannot be read.
    """
    folders = {step.label: step.folder for step in steps if step.done}
    found = []
    for step, entry in asked(steps):
        if isinstance(entry, EndpointSystem):
            work = of_system(step.params, folders)
        elif step.stage.name == "choose":
            work = of_choice(step.params, entry, recipe, folders)
        else:
            work = of_judge(entry, recipe, folders)
        found.append(priced(step.label, entry, work))
    return found


def priced(label: str, entry: Asked, work: list[Work] | None) -> Cost:
    from handful.models.api import prices

    price = prices.price_of(entry)
    source = price.source if price else ""
    if work is None:
        note = "the prompts are not known before `dataset` is done"
        return Cost(label, entry.model, None, None, None, None, source, note)
    requests = added(w.requests for w in work)
    read = added((w.requests[0] * w.read[0], w.requests[1] * w.read[1]) for w in work)
    written = added((w.requests[0] * min(SHORT_REPLY, w.written), w.requests[1] * w.written) for w in work)
    usd = (
        price and (price.usd(int(read[0]), int(written[0])), price.usd(int(read[1]), int(written[1])))
    ) or None
    return Cost(label, entry.model, requests, read, written, usd, source)


def added(ranges: Iterator[Range]) -> Range:
    found = list(ranges)
    return sum(low for low, _ in found), sum(high for _, high in found)


def of_system(params: Generate, folders: dict[str, Path]) -> list[Work] | None:
    prompts = prompts_of(params, folders)
    if prompts is None:
        return None
    work = []
    for turns in prompts:
        questions = [turns]
        if params.dialogues:
            questions = [turns[: n + 1] for n, turn in enumerate(turns) if turn.role == "user"]
        for question in questions:
            answers = tokens(SHORT_REPLY, params.max_tokens, len(question) // 2 if params.dialogues else 0)
            read = plus(of_bytes(size(question)), answers)
            work.append(Work((params.samples, params.samples), read, params.max_tokens))
    return work


def of_choice(
    params: Choose, judge: EndpointJudge, recipe: Any, folders: dict[str, Path]
) -> list[Work] | None:
    if "dataset" not in folders or recipe.train is None:
        return None
    prompts = [e.prompt().turns for e in jsonl.read(folders["dataset"] / "dev.jsonl", Example)]
    last = min(params.last, recipe.train.epochs)
    epochs = max(1, last - params.first + 1) + 1  # and one that grades answers to other prompts
    longest = recipe.generate.max_tokens if recipe.generate else judge.max_tokens
    return [
        Work((epochs, 2 * epochs), judged(size(turns), 1, longest), judge.max_tokens) for turns in prompts
    ]


def of_judge(judge: EndpointJudge, recipe: Any, folders: dict[str, Path]) -> list[Work] | None:
    """From the study's own folder where it is done. A reply that cannot be read is asked for once more."""
    orders = 1 if judge.mode == "lima" else 2
    both, once = (orders, 2 * orders), (1, 2)
    if "study" in folders:
        work = []
        for shown in jsonl.read(folders["study"] / "comparisons.jsonl", Comparison):
            length = size(shown.turns) + len(shown.left.encode()) + len(shown.right.encode())
            work.append(Work(both, judged(length, 0, 0), judge.max_tokens))
        path = folders["study"] / "submissions.jsonl"
        for one in jsonl.read(path, Submission) if path.exists() else ():
            length = size(one.turns) + len(one.text.encode())
            work.append(Work(once, judged(length, 0, 0), judge.max_tokens))
        return work
    prompts = prompts_of(recipe.generate, folders)
    return None if prompts is None else planned(judge, recipe, prompts, both, once)


def planned(
    judge: EndpointJudge, recipe: Any, prompts: list[tuple[Turn, ...]], both: Range, once: Range
) -> list[Work]:
    """By the recipe alone: every prompt, every system, answers of any length."""
    study, longest, samples = recipe.study, recipe.generate.max_tokens, recipe.generate.samples
    systems = len(recipe.generate.systems)
    against = len(study.against) or systems - 1
    work = []
    for turns in prompts:
        for task in study.tasks:
            pairs = task in ("preference", "dialogues")
            count = samples * (against if pairs else systems)
            if task == "turns":
                count *= (len(turns) + 1) // 2
            low, high = both if pairs else once
            low = 0 if task == "safety" else low  # of prompts with a tag, which may be none
            read = judged(size(turns), 2 if pairs else 1, longest)
            work.append(Work((low * count, high * count), read, judge.max_tokens))
    return work


def prompts_of(params: Generate, folders: dict[str, Path]) -> list[tuple[Turn, ...]] | None:
    if "dataset" not in folders:
        return None
    path = folders["dataset"] / f"{params.split}.jsonl"
    if params.split == "dev":
        found = [example.prompt().turns for example in jsonl.read(path, Example)]
    else:
        found = [prompt.turns for prompt in jsonl.read(path, Prompt)]
    return found[: params.first or None]


def judged(length: int, answers: int, longest: int) -> Range:
    """Tokens of a question to a judge: `length` bytes that are known, and `answers` that are not."""
    return plus(plus(of_bytes(length), INSTRUCTIONS), tokens(SHORT_REPLY, longest, answers))


def tokens(low: int, high: int, times: int) -> Range:
    return min(low, high) * times, high * times


def plus(one: Range, other: Range) -> Range:
    return one[0] + other[0], one[1] + other[1]


def of_bytes(length: int) -> Range:
    return length / BYTES_A_TOKEN[0], length / BYTES_A_TOKEN[1]


def size(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text.encode()) for turn in turns)


def as_json(cost: Cost) -> dict[str, Any]:
    """A range as {"low", "high"}: whole numbers, but for USD."""
    told = asdict(cost)
    for name in ("requests", "input_tokens", "output_tokens", "usd"):
        if (found := told[name]) is not None:
            digits = 6 if name == "usd" else None
            told[name] = {"low": round(found[0], digits), "high": round(found[1], digits)}
    return told


def in_words(cost: Cost) -> list[str]:
    head = f"{cost.step}, estimated: {cost.model}"
    if cost.requests is None:
        return ["", f"{head}: {cost.note}"]
    assert cost.input_tokens is not None
    assert cost.output_tokens is not None
    lines = ["", head, f"  {'requests':10} {counted(cost.requests)}"]
    lines.append(f"  {'tokens':10} {counted(cost.input_tokens)} read, {counted(cost.output_tokens)} written")
    if cost.usd is None:
        remedy = "set input_price and output_price (0 for a server of your own)"
        return [*lines, f"  {'cost':10} unknown: no price of {cost.model} at its address; {remedy}"]
    from handful.run.spending import money

    low, high = cost.usd
    spent = f"${money(low)}" if low == high else f"${money(low)} to ${money(high)}"
    return [*lines, f"  {'cost':10} {spent}, by the prices of {named(cost.price)}"]


def named(price: str) -> str:
    return "the recipe" if price == "recipe" else price


def counted(found: Range) -> str:
    low, high = round(found[0]), round(found[1])
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
