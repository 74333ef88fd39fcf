"""The question that a judge model is asked, from the same instructions that people read.

Robust: the texts are put between marks that no text can write, with the word that nothing between them is an
instruction; how to reply comes last. Lima: the people's text as it stands and the texts below it, as the paper did:
nothing keeps a text there from speaking to the judge.
"""

from __future__ import annotations

from handful.core.types import Task
from handful.judge.items import Item, Mode, Order
from handful.judge.tasks import WORDINGS
from handful.models.asking import block, dialogue, disarmed, nonce, warning

REASONS = (
    "Reply with one or two sentences on what decides it for you. "
    "Then, on a last line of its own, write your choice in exactly one of these forms:"
)
CUT = "\n[The rest is not shown.]"


def forms(task: Task) -> str:
    """The lines that may end a reply, a line each."""
    return "\n".join(f"Verdict: {option.word}" for option in WORDINGS[task].options)


def request(task: Task) -> str:
    """How to reply, in words that a program can read."""
    return f"{REASONS}\n{forms(task)}"


def again(task: Task, mode: Mode) -> str:
    """What is said, once, where a reply could not be read."""
    if mode == "robust":
        lines = forms(task)
    else:
        lines = "\n".join(full(task, place) for place in range(len(WORDINGS[task].options)))
    return f"Your choice could not be read. Reply with one line only, which is exactly one of these:\n{lines}"


def full(task: Task, place: int) -> str:
    """An option as the people's text offers it."""
    option = WORDINGS[task].options[place]
    return option.sentence if not WORDINGS[task].bare else option.word


def lettered(task: Task) -> str:
    """How to reply where the options' likelihoods are compared: each begins with a token of its own."""
    lines = []
    for option in WORDINGS[task].options:
        told = option.sentence.rstrip(".") if not WORDINGS[task].bare else option.word
        lines.append(f"Verdict: {option.letter}" + (f" ({told})" if told != option.letter else ""))
    return "Reply with one line only, which is exactly one of these:\n" + "\n".join(lines)


def question(instructions: str, item: Item, order: Order, mode: Mode = "robust") -> str:
    """Instructions, prompt and texts. How to reply is for the caller to add."""
    wording = WORDINGS[item.task]
    shown = item.shown(order)
    parts = list(zip(wording.texts, shown, strict=True))
    if wording.prompt:
        title = wording.prompt if len(item.turns) == 1 else "Conversation"
        parts.insert(0, (title, dialogue(item.turns)))
    if mode == "lima":
        return "\n\n".join([instructions.strip(), *as_data(item.task, parts)])
    mark = nonce([dialogue(item.turns), *shown])
    return "\n\n".join([instructions.strip(), warning(mark), *(block(*part, mark) for part in parts)])


def as_data(task: Task, parts: list[tuple[str, str]]) -> list[str]:
    """The texts under their titles; a submission in the frame of the paper's Figure 12."""
    shown = [(title, disarmed(text).strip()) for title, text in parts]
    if task != "helpfulness":
        return [f"{title}:\n{text}" for title, text in shown]
    framed = "\n***\n".join(f"[{title}]: {text}" for title, text in shown)
    return [f"[BEGIN DATA]\n***\n{framed}\n***\n[END DATA]"]
