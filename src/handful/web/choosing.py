"""The choice between epochs, blinded: people mark the best answers to each dev prompt, the researcher sees the votes.

`create_choice` returns an app over what `choose` offers and a ledger. A reader's page has letters and never epochs, in
no text, mark-up, id, address or header: forms carry the prompt's place in that person's own order. Every page is a
plain form and works without script; a pick is on the disk before the browser is told to go on. The researcher's side is
`choosing_admin`. Whoever reads may not see it: the votes so far would tell what others like.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from handful.annotate.ledger import Ledger
from handful.annotate.people import Visitor
from handful.annotate.picks import Picked, Picks, Said
from handful.choose.offer import Offer, Reply, arranged, order, seen, shown
from handful.choose.picks import Pick, in_order
from handful.choose.records import Row
from handful.web.app import LONGEST_REASON, LOOPBACK_HOSTS, NUMBER, new_app, to_start
from handful.web.choosing_admin import add_results
from handful.web.guard import form_token, token_fits
from handful.web.rendering import message, page
from handful.web.sessions import OUT_OF_DATE, admin_of, not_active, person_of, session_of, shut_out

BEGUN = "choice_begun"
"""The event of a person who has read the page before the first prompt."""
UNDO_KEY = "u"
NOTICES = {
    "saved": "Saved.",
    "undone": "Your last answer is taken back. Choose again.",
    "stands": "You had answered that one already; your first answer stands. To change it, use Undo.",
    "none": "Mark at least one answer, or press “No difference”. Nothing was saved.",
}

Field = Annotated[str, Form()]
Letters = Annotated[list[str], Form(default_factory=list)]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a person is."""

    answered: int
    total: int
    offer: Offer | None
    """What is before them; None when they are through."""
    last: Picked | None


class Choosing:
    """A choice on offer: the prompts with their answers, and who picked what."""

    def __init__(self, offers: Sequence[Offer], table: Sequence[Row], ledger: Ledger, name: str) -> None:
        self.offers = offers
        self.table = table
        self.candidates = [row.epoch for row in table if row.candidate]
        self.ledger = ledger
        self.picks = Picks(ledger)
        self.name = name
        self.orders: dict[str, list[Offer]] = {}

    def order(self, person: str) -> list[Offer]:
        if person not in self.orders:
            self.orders[person] = order(self.offers, person)
        return self.orders[person]

    def standing(self, person: str, offer: Offer) -> Picked | None:
        return self.picks.standing(person, offer.prompt_id, shown(offer, person))

    def place(self, person: str) -> Place:
        own = self.order(person)
        found = [self.standing(person, offer) for offer in own]
        given = [pick for pick in found if pick]
        open_to = next((offer for offer, pick in zip(own, found, strict=True) if not pick), None)
        return Place(len(given), len(own), open_to, max(given, key=lambda pick: pick.id, default=None))

    def pick(self, person: str, offer: Offer, best: Sequence[Reply], reason: str, after: int) -> bool:
        """Store a pick. False where the person has said something on this prompt since the form was made."""
        epochs = tuple(sorted(epoch for reply in best for epoch in reply.epochs))
        return self.picks.add(person, offer.prompt_id, shown(offer, person), Said(epochs, reason), after)

    def undo(self, person: str, id: int) -> bool:
        """Take back the pick `id`, where it is the last word of this person on something that is on offer."""
        for offer in self.order(person):
            pick = self.standing(person, offer)
            if pick and pick.id == id:
                head = self.picks.head(person, offer.prompt_id)
                return self.picks.add(person, offer.prompt_id, pick.shown, None, head)
        return False

    def begun(self, person: str) -> bool:
        return any(event.kind == BEGUN for event in self.ledger.events(person))

    def standing_picks(self) -> list[Pick]:
        """What stands on the answers on offer, without people who were dropped, in the order of the file of picks."""
        people = [one.name for one in self.ledger.people() if one.state != "dropped"]
        found = [
            Pick(person, offer.prompt_id, offer.answers, pick.said.best, pick.said.reason)
            for person in people
            for offer in self.offers
            if (pick := self.standing(person, offer)) and pick.said
        ]
        return in_order(found, self.offers)


def create_choice(
    choosing: Choosing, *, hosts: Sequence[str] = LOOPBACK_HOSTS, origin: str = "", secure: bool = False
) -> FastAPI:
    """The app.

    Args:
        hosts: host names that a request may be addressed to; ("*",) takes any.
        origin: what people's links begin with, such as "https://study.example.org".
        secure: whether they come over TLS, so that cookies travel encrypted alone.
    """
    app = new_app("Handful choice", choosing.ledger, hosts=hosts, secure=secure)
    add_reading(app, choosing)
    add_picking(app, choosing)
    add_results(app, choosing, origin)
    return app


def add_reading(app: FastAPI, choosing: Choosing) -> None:
    @app.get("/")
    def show(request: Request, notice: str = "") -> Response:
        visitor = person_of(request)
        if visitor is None:
            return RedirectResponse("/admin", status_code=303) if admin_of(request) else shut_out(request)
        if visitor.state != "active":
            return not_active(visitor.state, "What you answered is kept.")
        session = session_of(request)
        place = choosing.place(visitor.person)
        values = common(session, visitor, place, notice)
        if not choosing.begun(visitor.person) and not place.answered:
            return page("choice_start.html", **values | {"keys": ()}, token=form_token(session, "begin"))
        if place.offer is None:
            return page("choice_done.html", **values)
        return page("choice.html", **values, **asked(session, visitor.person, place.offer, choosing))

    @app.get("/pick")
    @app.get("/undo")
    @app.get("/begin")
    def reloaded() -> Response:
        return to_start()


def add_picking(app: FastAPI, choosing: Choosing) -> None:
    @app.post("/begin")
    def begin(request: Request, token: Field = "") -> Response:
        visitor = acting(request, token, "begin")
        if visitor is None:
            return message(OUT_OF_DATE, 403)
        if not choosing.begun(visitor.person):
            choosing.ledger.event(BEGUN, visitor.person)
        return to_start()

    @app.post("/pick")
    def pick(
        request: Request,
        best: Letters,
        token: Field = "",
        place: Field = "",
        seen: Field = "",
        after: Field = "",
        none: Field = "",
        reason: Field = "",
    ) -> Response:
        visitor = acting(request, token, "pick", place, seen, after)
        if visitor is None:
            return message(OUT_OF_DATE, 403)
        offer = offer_at(choosing, visitor.person, place, seen)
        if offer is None or not NUMBER.fullmatch(after):
            return message("These answers are not on offer any more. Nothing was saved.", 409)
        marked = marked_of(arranged(offer, visitor.person), best, none)
        if marked is None:
            return message("There is no such answer to mark. Nothing was saved.", 400)
        if not marked:
            return to_start("none")
        stored = choosing.pick(visitor.person, offer, marked, reason.strip()[:LONGEST_REASON], int(after))
        return to_start("saved" if stored else "stands")

    @app.post("/undo")
    def undo(request: Request, token: Field = "", id: Field = "") -> Response:
        visitor = acting(request, token, "undo", id)
        if visitor is None:
            return message(OUT_OF_DATE, 403)
        undone = bool(NUMBER.fullmatch(id)) and choosing.undo(visitor.person, int(id))
        return to_start("undone" if undone else "")


def acting(request: Request, token: str, *facts: str) -> Visitor | None:
    """Who sent a form of ours, if they may answer now."""
    visitor = person_of(request)
    if visitor is None or visitor.state != "active" or not token_fits(token, session_of(request), *facts):
        return None
    return visitor


def offer_at(choosing: Choosing, person: str, place: str, read: str) -> Offer | None:
    """What stood at a place of the person's order, if it still reads the same: the training may have changed."""
    own = choosing.order(person)
    if not NUMBER.fullmatch(place) or not 1 <= int(place) <= len(own):
        return None
    offer = own[int(place) - 1]
    return offer if seen(offer, person) == read else None


def marked_of(replies: Sequence[Reply], letters: Sequence[str], none: str) -> list[Reply] | None:
    """The answers that a form marks, all of them for "no difference"; None where a letter is not on offer."""
    if none:
        return list(replies)
    known = {letter(number): reply for number, reply in enumerate(replies)}
    if set(letters) - known.keys():
        return None
    return [reply for name, reply in known.items() if name in letters]


def asked(session: str, person: str, offer: Offer, choosing: Choosing) -> dict[str, Any]:
    """What the page of one prompt shows, and the hidden fields of its form."""
    place = str(choosing.order(person).index(offer) + 1)
    read, after = seen(offer, person), str(choosing.picks.head(person, offer.prompt_id))
    return {
        "turns": offer.turns,
        "answers": [(letter(number), reply.text) for number, reply in enumerate(arranged(offer, person))],
        "hidden": {
            "token": form_token(session, "pick", place, read, after),
            "place": place,
            "seen": read,
            "after": after,
        },
        "longest": LONGEST_REASON,
    }


def common(session: str, visitor: Visitor, place: Place, notice: str) -> dict[str, Any]:
    last = str(place.last.id) if place.last else ""
    return {
        "person": visitor.person,
        "practice": None,
        "answered": place.answered,
        "left": place.total - place.answered,
        "time_left": "",
        "undo_key": UNDO_KEY,
        "keys": ("A", "B", "0", "Enter", UNDO_KEY) if place.offer else (UNDO_KEY,),
        "notice": NOTICES.get(notice, ""),
        "last": last,
        "undo_token": form_token(session, "undo", last),
        "leave_token": form_token(session, "leave"),
    }


def letter(number: int) -> str:
    """A, B, … Z, AA, AB …"""
    first, second = divmod(number, 26)
    return (string.ascii_uppercase[first - 1] if first else "") + string.ascii_uppercase[second]
