"""What `plan` says about requests to servers: how many, of how many tokens, for how much; and `run` asks the same.

An estimate from below and from above. Tokens are counted as bytes: 5 a token at most, 3 at least, which holds for
English. Replies are as long as they may be, or 50 tokens. What is not made yet (answers that a judge will read) is
taken to be of either length. What an earlier run has kept, and the cache holds, is told and not counted (`cli.kept`),
but for replies to questions that are not made yet. Nor are requests that a server refuses, or fails to answer, counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.cli import kept
from handful.cli.kept import Kept
from handful.core import jsonl
from handful.core.types import Example, Prompt, Turn
from handful.generate.prompts import first_asked
from handful.recipe.judging import Choose, EndpointJudge
from handful.recipe.systems import EndpointSystem, Generate

if TYPE_CHECKING:
    from handful.judge.items import Item
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
    answered: int = 0
    """Questions that an earlier run has kept the answers to; of the others `cached` are in the cache of replies."""
    cached: int = 0


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
            work, known = of_system(step, entry, folders)
        elif step.stage.name == "choose":
            work, known = of_choice(step, entry, recipe, folders)
        else:
            work, known = of_judge(step, entry, recipe, folders)
        found.append(priced(step.label, entry, work, known))
    return found


def priced(label: str, entry: Asked, work: list[Work] | None, known: Kept) -> Cost:
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
    return Cost(label, entry.model, requests, read, written, usd, source, "", known.answered, known.cached)


def added(ranges: Iterator[Range]) -> Range:
    found = list(ranges)
    return sum(low for low, _ in found), sum(high for _, high in found)


Found = tuple[list[Work] | None, Kept]


def of_system(step: Step, system: EndpointSystem, folders: dict[str, Path]) -> Found:
    params: Generate = step.params
    prompts = prompts_of(params, folders)
    if prompts is None:
        return None, Kept()
    [name] = params.systems
    todo, known = kept.of_system(step, name, system, prompts)
    work = []
    for prompt, turn in todo:
        played = params.dialogues and len(prompt.turns) > 1
        question = prompt.turns[: 2 * turn + 1] if played else prompt.turns
        answers = tokens(SHORT_REPLY, params.max_tokens, turn)
        work.append(Work((1, 1), plus(of_bytes(size(question)), answers), params.max_tokens))
    return work, known


def of_choice(step: Step, judge: EndpointJudge, recipe: Any, folders: dict[str, Path]) -> Found:
    if "dataset" not in folders or recipe.train is None:
        return None, Kept()
    params: Choose = step.params
    prompts = [e.prompt() for e in jsonl.read(folders["dataset"] / "dev.jsonl", Example)]
    last = min(params.last, recipe.train.epochs)
    epochs = max(1, last - params.first + 1) + 1  # and one that grades answers to other prompts
    longest = recipe.generate.max_tokens if recipe.generate else judge.max_tokens
    graded = kept.of_choice(step.partial)
    work = []
    for prompt in prompts:
        count = max(0, epochs - graded.get(prompt.id, 0))
        work.append(Work((count, 2 * count), judged(size(prompt.turns), 1, longest), judge.max_tokens))
    return work, Kept(sum(graded.values()))


def of_judge(step: Step, judge: EndpointJudge, recipe: Any, folders: dict[str, Path]) -> Found:
    """From the study's own folder where it is done. A reply that cannot be read is asked for once more.

    Raises:
        DataError: the gate's pairs cannot be read.
    """
    if "study" in folders:
        todo, known = kept.of_judge(step, judge, folders["study"])
        work = [of_question(judge, item, least) for (item, _), least in todo]
        return work, known
    prompts = prompts_of(recipe.generate, folders)
    if prompts is None:
        return None, Kept()
    from handful.judge.gate import read_gate

    gate, _ = read_gate(step.params.gate)
    pairs = [of_question(judge, item, 1) for item in gate for _ in item.orders]
    return [*pairs, *planned(judge, recipe, [prompt.turns for prompt in prompts])], Kept()


def of_question(judge: EndpointJudge, item: Item, least: int) -> Work:
    length = size(item.turns) + sum(len(text.encode()) for text in item.texts)
    return Work((least, least + 1), judged(length, 0, 0), judge.max_tokens)


def planned(judge: EndpointJudge, recipe: Any, prompts: list[tuple[Turn, ...]]) -> list[Work]:
    """By the recipe alone: every prompt, every system, answers of any length."""
    orders = 1 if judge.mode == "lima" else 2
    both, once = (orders, 2 * orders), (1, 2)
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


def prompts_of(params: Generate, folders: dict[str, Path]) -> list[Prompt] | None:
    if "dataset" not in folders:
        return None
    path = folders["dataset"] / f"{params.split}.jsonl"
    if params.split == "dev":
        found = [example.prompt() for example in jsonl.read(path, Example)]
    else:
        found = list(jsonl.read(path, Prompt))
    return first_asked(found, params.first)


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
    lines = ["", head, f"  {'requests':10} {counted(cost.requests)}{beside(cost)}"]
    lines.append(f"  {'tokens':10} {counted(cost.input_tokens)} read, {counted(cost.output_tokens)} written")
    if cost.usd is None:
        remedy = "set input_price and output_price (0 for a server of your own)"
        return [*lines, f"  {'cost':10} unknown: no price of {cost.model} at its address; {remedy}"]
    from handful.run.spending import money

    low, high = cost.usd
    spent = f"${money(low)}" if low == high else f"${money(low)} to ${money(high)}"
    return [*lines, f"  {'cost':10} {spent}, by the prices of {named(cost.price)}"]


def beside(cost: Cost) -> str:
    """What needs no request any more."""
    known = {"answered by an earlier run": cost.answered, "in the cache of replies": cost.cached}
    told = [f"{count:,} {where}" for where, count in known.items() if count]
    return f"; beside them {' and '.join(told)}" if told else ""


def named(price: str) -> str:
    return "the recipe" if price == "recipe" else price


def counted(found: Range) -> str:
    low, high = round(found[0]), round(found[1])
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
