"""What people do at the desk: decide, take back, settle, write. Each is on the disk when its function returns."""

from __future__ import annotations

import re
import secrets

import msgspec

from handful.annotate.reviews import Judgement, Text
from handful.core.types import Turn
from handful.desk.desk import Desk, Item
from handful.desk.standing import SETTLED
from handful.select.reviews import AUTHORED, DECISIONS, Decided, example_of, text_hash


def decide(
    desk: Desk,
    person: str,
    item: Item,
    decision: str,
    reason: str,
    tags: tuple[str, ...],
    turns: tuple[Turn, ...] | None,
    nonce: str,
) -> str:
    """Store what a person decides of a text. Returns what happened, as a word of the pages' notices.

    An edit that changes nothing is an acceptance. Once two have decided, neither may change their mind: they know
    of each other by then.
    """
    with desk.lock:
        found = desk.standing_of(item.id) or item.standing
        if found.locked() and not desk.reviews.sent(nonce):
            return "locked"
        own = found.reviews.get(person)
        if own and own.decision == "write" and decision == "accept":
            return "accept"
        text = None
        told = decision
        if decision == "edit" and turns is not None:
            text = Text(turns)
            if turns == item.example.turns:
                decision, text, told = "accept", None, "same"
        if own and own.decision == "write" and decision == "edit" and text and own.text:
            text = Text(text.turns, own.text.author, own.text.license, own.text.checked)
            decision, told = "write", "written"
            seen = text_hash(msgspec.structs.replace(item.example, turns=text.turns))
        else:
            seen = item.hash
        desk.reviews.record(
            person, item.id, seen, judgement(decision), reason=reason, tags=tags, text=text, nonce=nonce
        )
        return told


def undo(desk: Desk, person: str, row: int) -> tuple[str, str]:
    """Take back a person's latest decision, if it is the row `row`. Returns of which text, and what happened."""
    with desk.lock:
        last = desk.reviews.last_of(person)
        if last is None or last.id != row:
            return last.candidate if last else "", ""
        id = last.candidate.removeprefix(SETTLED)
        found = desk.standing_of(id)
        if last.candidate == id and found and found.locked():
            return id, "locked"
        desk.reviews.record(person, last.candidate, last.seen, None)
        return id, "undone"


def settle(desk: Desk, person: str, item: Item, do: str, reason: str) -> str:
    """A third decision: "reject", "accept", or "edit:NAME" for somebody's edit. Empty where it is none of these."""
    decision, _, name = do.partition(":")
    with desk.lock:
        found = desk.standing_of(item.id)
        text = None
        if (
            found is None
            or found.state not in ("disputed", "settled")
            or decision not in ("reject", "accept", "edit")
        ):
            return ""
        if decision == "edit":
            edit = found.reviews.get(name)
            if edit is None or edit.decision != "edit":
                return ""
            text = edit.text
        desk.reviews.record(
            person, SETTLED + item.id, item.hash, judgement(decision), reason=reason, text=text
        )
        return "settled"


def write(
    desk: Desk,
    person: str,
    turns: tuple[Turn, ...],
    author: str,
    license: str,
    ticks: tuple[str, ...],
    tags: tuple[str, ...],
    nonce: str,
) -> str:
    """Store an example of a person's own; returns its id. Sent twice with one nonce, it is stored once."""
    with desk.lock:
        if sent := desk.reviews.sent(nonce):
            return sent.candidate
        text = Text(turns, author, license, ticks)
        id = f"{AUTHORED}/{slug(turns[0].text)}-{secrets.token_hex(4)}"
        seen = text_hash(example_of(Decided(id, "write", (person,), turns=turns)))
        desk.reviews.record(person, id, seen, "write", tags=tags, text=text, nonce=nonce)
        return id


def judgement(decision: str) -> Judgement:
    for known in DECISIONS:
        if decision == known:
            return known
    raise ValueError(decision)


def slug(text: str) -> str:
    """The first words of a text, as part of an id."""
    found = re.findall(r"[a-z0-9]+", text.casefold())
    return "-".join(found[:5])[:40] or "example"
