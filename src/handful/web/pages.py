"""The annotators' pages: values to HTML (the engine is `rendering`, what a task asks is `asking`).

A page gets sides and never systems, and no id of a comparison or a prompt: those are for the researcher. Whether an
item is a check, or is asked for the second time, is not in it either: its token knows (`facts_of`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from itertools import product
from typing import Any

from fastapi.responses import HTMLResponse

from handful.annotate.items import SKIP
from handful.annotate.places import Feedback, Offer, Place, Sides
from handful.web import asking
from handful.web.guard import form_token, token_fits
from handful.web.rendering import page

ORDERS: tuple[Sides, ...] = ("forward", "swapped", "")
ROUNDS = (0, 1)
NOTICES = {
    "saved": "Answer saved.",
    "skipped": "Skipped.",
    "undone": "Your last answer is taken back. Answer again.",
    "stands": "You had already answered that one; your first answer stands. To change it, use Undo.",
}
"""What a redirect may say: the address names one of these, and never brings text of its own."""
SHUT = {
    "paused": (
        "Paused",
        "The study is paused. Everything that you answered is saved. This page goes on by itself once the study does; "
        "you may also close it, and come back later with your link.",
    ),
    "over": (
        "Your part is over",
        "Thank you for your work. Everything that you answered is saved. If this surprises you, ask the person who "
        "runs the study.",
    ),
}
"""Title and text of pages without anything to do."""
TOO_LATE = (
    "Thank you for your work. This last choice was not stored; everything that you answered before it is. If this "
    "surprises you, ask the person who runs the study."
)
AGAIN_SECONDS = 15
"""How often a page on which a person waits asks whether there is something to do."""
WAITING = (
    "Nothing is left for you just now. Others are still at the last ones; if one of those opens again, you will find "
    "it here later. Everything that you answered is saved, and you may close this page."
)


def facts_of(key: str, round: int, order: str, nonce: str) -> tuple[str, ...]:
    """What a form's token vouches for: this page showed this item, in this round and order."""
    return ("answer", key, str(round), order, nonce)


def shown_by(token: str, sessions: Iterable[str], key: str, nonce: str) -> tuple[int, Sides] | None:
    """The round and the order of what a form showed. They are not in it, so its token is held against each; None
    where it fits none: the form is not ours, or not of one of these sessions."""
    for session, round, order in product(filter(None, sessions), ROUNDS, ORDERS):
        if token_fits(token, session, *facts_of(key, round, order, nonce)):
            return round, order
    return None


def item(
    session: str,
    person: str,
    place: Place,
    offer: Offer,
    instructions: str,
    *,
    reasons: bool,
    notice: str = "",
    ahead: bool = False,
) -> HTMLResponse:
    """One item, as it will look once the one before it is answered where it is fetched `ahead`."""
    task, content = offer.item.task, offer.item.load(offer.order)
    asked = asking.ASKED[task]
    pair = asking.is_pair(task)
    letters = ("A", "B") if pair else ("",)
    choices = asking.choices_of(task, instructions)
    nonce = secrets.token_hex(16)
    practice = offer.item.kind == "practice"
    values = bar(session, person, place, notice, asked.undo_key)
    values |= {"keys": keys(asked, reasons and not practice)}
    if practice:
        values["practice"] = practice_of(place)
    if ahead:
        left = max(0, place.left - 1)
        values |= {"answered": place.answered + 1, "left": left, "last": "", "more": not left}
    return page(
        "task.html",
        **values,
        asking=asked,
        pair=pair,
        turns=() if task == "dialogues" else content.turns,
        answers=[
            (
                f"{asked.letter} {letter}".strip(),
                text,
                asking.conversation(text) if task == "dialogues" else None,
            )
            for letter, text in zip(letters, content.texts, strict=True)
        ],
        choices=choices,
        before=said_before(offer),
        levels=any(choice.meaning for choice in choices),
        item=offer.item.key,
        mark=form_token(session, "mark", offer.item.key, str(offer.round))[:16],
        nonce=nonce,
        token=form_token(session, *facts_of(offer.item.key, offer.round, offer.order, nonce)),
        instructions=asking.for_people(task, instructions),
        reasons=reasons,
        skips=asking.SKIPS,
    )


def said_before(offer: Offer) -> dict[str, str]:
    """What the person chose and wrote, and took back."""
    before = offer.before
    if before is None or before.choice is None or before.choice == SKIP:
        return {"choice": "", "reason": ""}
    return {"choice": before.choice, "reason": before.reason}


def keys(asked: asking.Asking, reasons: bool) -> list[str]:
    return [*(choice.key for choice in asked.choices), asked.undo_key, asked.skip_key, *("r" * reasons), "?"]


def practice_of(place: Place) -> dict[str, int]:
    return {"number": place.practised + 1, "total": place.practice}


def practised(
    session: str, person: str, number: int, total: int, offer: Offer, choice: str, found: Feedback
) -> HTMLResponse:
    texts = {known.value: known.text for known in asking.ASKED[offer.item.task].choices}
    return page(
        "practised.html",
        **foot(session, person),
        agrees=found.right,
        chosen=texts[choice],
        known=texts[found.better],
        explanation=found.explanation,
        practice={"number": number, "total": total},
    )


def consent(session: str, person: str, text: str) -> HTMLResponse:
    return page("consent.html", **foot(session, person), text=text, token=form_token(session, "consent"))


def lesson(session: str, person: str, task: str, instructions: str, practice: bool) -> HTMLResponse:
    return page(
        "lesson.html",
        **foot(session, person),
        asking=asking.ASKED[task],  # type: ignore[index]
        instructions=asking.for_people(task, instructions),  # type: ignore[arg-type]
        task=task,
        practice=practice,
        token=form_token(session, "begin", task),
    )


def finished(session: str, person: str, place: Place, notice: str, onward: str = "") -> HTMLResponse:
    """`onward` is the address of what else there is to do."""
    text = WAITING if place.waiting else ""
    return page(
        "finished.html",
        **bar(session, person, place, notice, "u"),
        text=text,
        onward=onward,
        again=AGAIN_SECONDS,
    )


def shut(session: str, person: str, why: str) -> HTMLResponse:
    title, text = SHUT[why]
    again = AGAIN_SECONDS if why == "paused" else 0
    return page("shut.html", **foot(session, person), title=title, text=text, again=again)


def bar(session: str, person: str, place: Place, notice: str, undo_key: str) -> dict[str, Any]:
    last = "" if place.last is None else str(place.last)
    return {
        **foot(session, person),
        "answered": place.answered,
        "left": place.left,
        "more": place.offer is not None and not place.left,
        "time_left": time_left(place.seconds_left),
        "notice": NOTICES.get(notice, ""),
        "last": last,
        "undo_key": undo_key,
        "undo_token": form_token(session, "undo", last),
        "practice": None,
    }


def foot(session: str, person: str) -> dict[str, Any]:
    return {"person": person, "leave_token": form_token(session, "leave"), "keys": ()}


def time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute left"
    if minutes < 90:
        return f"about {minutes} min left"
    return f"about {round(minutes / 60)} hours left"
