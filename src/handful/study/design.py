"""Who is compared with whom, on what: the pairs of systems and the pairs of responses (Section 4.1).

Decides nothing about sides: `blind` does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handful.core.errors import DataError
from handful.core.types import Dropped, Prompt, Response, Task

PAIRS: tuple[Task, ...] = ("preference", "dialogues")
"""The tasks that set two systems side by side; the others grade one text."""

Answers = dict[tuple[str, int], Response]
"""(prompt id, sample) -> what one system answered."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What the subject and a baseline answered to the same prompt, in the same sample."""

    prompt: Prompt
    subject: Response
    baseline: Response


def pairs(systems: Sequence[str], subject: str, against: Sequence[str]) -> list[tuple[str, str]]:
    """(subject, baseline) for each comparison of two systems, in the order asked for.

    Args:
        systems: those that answered, in the order of the recipe.
        subject: empty for the first of them.
        against: empty for every other.

    Raises:
        DataError: a name that no system has, a system against itself, or nobody to compare with.
    """
    if len(systems) < 2:
        raise DataError(
            f"study: needs two systems to compare, found {', '.join(systems) or 'none'}; "
            'add a [generate.systems.NAME], or grade this one alone (study.tasks = ["helpfulness"], for one), '
            "or stop before with --to generate"
        )
    first = known(subject or systems[0], systems, "study.subject")
    others = [known(name, systems, "study.against") for name in against]
    if first in others:
        raise DataError(f"study.against: {first!r} is the subject; it cannot be compared with itself")
    return [(first, other) for other in dict.fromkeys(others or [name for name in systems if name != first])]


def known(name: str, systems: Sequence[str], key: str) -> str:
    if name in systems:
        return name
    close = difflib.get_close_matches(name, systems, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise DataError(f"{key}: no system is called {name!r}; {hint}there are {', '.join(systems)}")


def by_prompt(
    responses: Iterable[Response], system: str, prompts: Mapping[str, Prompt], where: str
) -> Answers:
    """One system's responses by what they answer.

    Raises:
        DataError: a response to an unknown prompt, by another system, or a second one to the same prompt and
            sample; `where` is named.
    """
    found: Answers = {}
    for response in responses:
        what = f"{where}: the response to {response.prompt_id!r}, sample {response.sample},"
        if response.prompt_id not in prompts:
            raise DataError(f"{what} answers no prompt of the data set")
        if response.system != system:
            raise DataError(f"{what} says that it is by {response.system!r}, in the folder of {system!r}")
        if (response.prompt_id, response.sample) in found:
            raise DataError(f"{what} stands there twice")
        found[response.prompt_id, response.sample] = response
    return found


def pair_up(
    pair: tuple[str, str], answers: Mapping[str, Answers], prompts: Mapping[str, Prompt]
) -> tuple[list[Pairing], list[Dropped]]:
    """Both systems' responses side by side, in the order of the prompts and samples, and what has no partner."""
    place = {id: number for number, id in enumerate(prompts)}
    asked = sorted({key for name in pair for key in answers[name]}, key=lambda key: (place[key[0]], key[1]))
    paired, unpaired = [], []
    for key in asked:
        rule, name = next(
            ((why, name) for name in pair if (why := missing(answers[name].get(key)))), ("", "")
        )
        if rule:
            detail = f"{pair[0]} vs {pair[1]}, sample {key[1]}: {name}"
            unpaired.append(Dropped(key[0], rule, detail))
        else:
            paired.append(Pairing(prompts[key[0]], *(answers[name][key] for name in pair)))
    return paired, unpaired


def missing(response: Response | None) -> str:
    """Why there is nothing to compare, as a rule's name, or "" where there is."""
    if response is None:
        return "no_response"
    return "failed_response" if response.finish == "error" else ""


SELF_NAMING = re.compile(
    r"\bas an? (?:artificial intelligence|ai|large language|language)\b[^.\n]{0,40}"
    r"\b(?:by|from|developed|trained|created|called|named)\b"
    r"|\b(?:i am|i'm|my name is) (?:chatgpt|gpt|claude|bard|gemini|llama|alpaca|vicuna|mistral|qwen|lima|gemma)\b",
    re.IGNORECASE,
)


def gives_away(text: str, systems: Iterable[str]) -> bool:
    """Whether a response seems to say which system wrote it: by the system's name, or by naming its maker.

    A system's name counts where it is no plain word: "gpt-4" does, "base" does not.
    """
    if SELF_NAMING.search(text):
        return True
    telling = [name for name in systems if not (name.isalpha() and name.islower())]
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in telling)
