"""What an answer, a flag, a judge and a share are in words: shared by the sections of the page."""

from __future__ import annotations

from handful.core.types import Dropped, Interval, Response
from handful.recipe.judging import EndpointJudge, FakeJudge, LocalJudge
from handful.report.facts import Facts
from handful.report.page import DASH

RULES = {
    "longer": "prefers the longer answer",
    "shorter": "prefers the shorter answer",
    "left": "always takes the left answer",
    "right": "always takes the right answer",
    "tie": "always says tie",
}

FINISH = {
    "eot": "End of turn (eot)",
    "eos": "End of text (eos)",
    "stop": "Stop string",
    "length": "Out of tokens",
    "error": "Failed",
}


TRUST = "see “Can the judges be trusted?”"


def stopped(facts: Facts, response: Response) -> str:
    """How long an answer is and why it ended, as far as either is known."""
    name = response.system
    if facts.elsewhere(name) and response.finish == "error":
        return "made elsewhere · the file has no answer"
    if not facts.knows_tokens(name):
        ended = f" · stopped: {FINISH[response.finish].lower()}" if facts.knows_endings(name) else ""
        return f"made elsewhere · {number(len(response.text.split()), 'word')}{ended}"
    return f"{number(response.tokens, 'token')} · stopped: {FINISH[response.finish].lower()}"


def in_words(flag: Dropped) -> str:
    """A flag of `study`: its rule, and what was seen."""
    return f"{flag.rule.replace('_', ' ')}: {flag.detail}"


def number(count: int, what: str) -> str:
    """As "1 prompt" and "1,200 prompts"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def prompts_asked(facts: Facts) -> str:
    """As "12 prompts", and "12 prompts and 24 variants of them": a prompt asked in another way is no other prompt."""
    prompts, both = len(facts.asked(variants=False)), len(facts.asked())
    more = f" and {number(both - prompts, 'variant')} of them" if both > prompts else ""
    return f"{number(prompts, 'prompt')}{more}"


def what_it_is(facts: Facts, judge: str) -> str:
    """A judge described in a few words."""
    if judge in facts.recipe.judge.panels:
        return f"the majority of {', '.join(facts.recipe.judge.panels[judge])}"
    entry = facts.recipe.judge.judges.get(judge)
    if isinstance(entry, FakeJudge):
        return f"a rule, not an opinion: it {RULES[entry.prefers]}"
    if isinstance(entry, LocalJudge):
        name = entry.model.rstrip("/").rpartition("/")[2] if entry.model.is_folder else entry.model
        return f"the model {name}, run here"
    if isinstance(entry, EndpointJudge):
        return f"the model {entry.model}, behind an endpoint"
    return "a judge"


def share(value: Interval) -> str:
    """As "on 74% of prompts (69% to 79%)"."""
    if value.low is None or value.high is None:
        return f"on {percent(value)} (no interval)"
    return f"on {percent(value)} (interval {100 * value.low:.0f}% to {100 * value.high:.0f}%)"


def percent(value: Interval) -> str:
    return DASH if value.estimate is None else f"{100 * value.estimate:.0f}%"
