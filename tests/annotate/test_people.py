"""Links let in whom they should, as long as they should, and leave nothing behind that would let in anybody else."""

from contextlib import closing

import pytest

from handful.annotate.ledger import open_ledger as open_one
from handful.annotate.people import Visitor
from handful.core.errors import DataError

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
def ann(ledger):
    """A ledger with somebody in it, her link and a session of hers."""
    ledger.add_person("ann", "authors")
    link = ledger.new_token("person", "ann")
    return ledger, link, ledger.open_session(link)


def test_a_link_opens_sessions_on_as_many_devices_as_she_has(ann):
    ledger, link, session = ann
    other = ledger.open_session(link)
    assert other != session
    assert ledger.visitor(session) == ledger.visitor(other) == Visitor("person", "ann", "active")


def test_an_admin_is_nobody_who_answers(ledger):
    session = ledger.open_session(ledger.new_token("admin"))
    assert ledger.visitor(session) == Visitor("admin", "", "active")
    assert ledger.people() == []


def test_a_session_that_ended_is_still_known_but_not_one_that_was_left(ann):
    ledger, _, session = ann
    mine = ledger.open_session(ledger.new_token("admin"))
    for role, person in (("person", "ann"), ("admin", "")):
        ledger.new_token(role, person)
    assert [ledger.visitor(one) for one in (session, mine)] == [None, None]
    assert [ledger.former(one) for one in (session, mine)] == [("person", "ann"), ("admin", "")]
    ledger.close_session(mine)
    assert [ledger.former(one) for one in (mine, "", "guess")] == [None, None, None]


def test_a_guess_lets_nobody_in(ann):
    ledger, _, _ = ann
    for guess in ("", "guess", "ann", "x" * 10_000, "\ud800"):
        assert ledger.open_session(guess) is None
        assert ledger.visitor(guess) is None


def test_a_link_is_no_session_and_a_session_no_link(ann):
    ledger, link, session = ann
    assert ledger.visitor(link) is None
    assert ledger.open_session(session) is None


def test_secrets_are_long_and_only_their_hashes_are_kept(kind, ann, ask, tmp_path):
    ledger, link, session = ann
    assert len(link) == len(session) == 43  # 32 bytes in base64
    said = [ask(f"SELECT * FROM {table}") for table in ("people", "tokens", "sessions", "events")]
    assert link not in str(said)
    assert session not in str(said)
    if kind == "sqlite":
        ledger.close()
        for file in tmp_path.iterdir():
            assert link.encode() not in file.read_bytes()
            assert session.encode() not in file.read_bytes()


def test_a_new_link_ends_the_old_one_and_its_sessions(ann):
    ledger, link, session = ann
    newer = ledger.new_token("person", "ann")
    assert ledger.open_session(link) is None
    assert ledger.visitor(session) is None
    assert ledger.visitor(ledger.open_session(newer)) == Visitor("person", "ann", "active")


def test_the_link_of_one_leaves_those_of_others(ann):
    ledger, _, session = ann
    ledger.add_person("ben")
    ledger.new_token("person", "ben")
    ledger.new_token("admin")
    assert ledger.visitor(session) is not None


def test_who_is_revoked_stays_out_until_restored(ann):
    ledger, link, session = ann
    ledger.event("revoked", "ann", "her contract ended")
    assert (ledger.visitor(session), ledger.open_session(link)) == (None, None)
    (person,) = ledger.people()
    assert (person.state, person.reason, person.link) == ("revoked", "her contract ended", False)
    ledger.new_token("person", "ann")
    assert ledger.visitor(session) is None
    ledger.event("restored", "ann")
    assert (ledger.people()[0].state, ledger.people()[0].link) == ("active", True)


def test_whose_session_it_was_is_known_after_a_new_link_and_not_after_signing_out(ledger):
    ledger.add_person("ann")
    session = ledger.open_session(ledger.new_token("person", "ann"))
    ledger.new_token("person", "ann")
    assert ledger.visitor(session) is None
    assert ledger.once(session) == "ann"
    assert ledger.once("x") == ledger.once("") == ""
    ledger.close_session(session)
    assert ledger.once(session) == ""


def test_who_is_paused_or_dropped_is_told_so(ann):
    ledger, _, session = ann
    for on, off in (("paused", "resumed"), ("dropped", "kept")):
        ledger.event(on, "ann", "too fast")
        assert ledger.visitor(session) == Visitor("person", "ann", on)
        assert ledger.people()[0].reason == "too fast"
        ledger.event(off, "ann")
        assert ledger.visitor(session).state == "active"
        assert ledger.people()[0].reason == ""


def test_of_several_states_the_strongest_is_told_and_the_others_wait(ann):
    ledger, _, _ = ann
    for kind in ("dropped", "paused", "revoked"):
        ledger.event(kind, "ann", kind)
    seen = []
    for kind in ("kept", "restored", "resumed"):
        seen.append(ledger.people()[0].state)
        ledger.event(kind, "ann")
    assert [*seen, ledger.people()[0].state] == ["dropped", "revoked", "paused", "active"]


def test_who_leaves_a_browser_can_come_back_by_the_link(ann):
    ledger, link, session = ann
    other = ledger.open_session(link)
    ledger.close_session(session)
    assert ledger.visitor(session) is None
    assert ledger.visitor(other) is not None
    assert ledger.open_session(link) is not None


def test_what_another_process_says_counts_at_the_next_request(ann, target):
    ledger, _, session = ann
    with closing(open_one(target)) as beside:
        assert beside.visitor(session).person == "ann"
        beside.event("revoked", "ann")
        beside.add_person("ben", "crowd")
        token = beside.new_token("person", "ben")
    assert ledger.visitor(session) is None
    assert [(person.name, person.group) for person in ledger.people()] == [
        ("ann", "authors"),
        ("ben", "crowd"),
    ]
    assert ledger.visitor(ledger.open_session(token)).person == "ben"


def test_events_are_told_in_order_of_one_or_of_all(ann):
    ledger, _, _ = ann
    ledger.event("consented", "ann", subject="v1")
    ledger.event("study_paused", reason="lunch")
    ledger.event("practised", "ann")
    assert [event.kind for event in ledger.events()] == ["consented", "study_paused", "practised"]
    assert [(event.kind, event.subject) for event in ledger.events("ann")] == [
        ("consented", "v1"),
        ("practised", ""),
    ]
    assert [(event.kind, event.reason) for event in ledger.events("")] == [("study_paused", "lunch")]


def test_a_name_is_taken_once(ann):
    ledger, _, session = ann
    with pytest.raises(DataError, match="ann: there is somebody of this name already; choose another"):
        ledger.add_person("ann", "crowd")
    assert [person.group for person in ledger.people()] == ["authors"]
    assert ledger.visitor(session).person == "ann"


def test_what_cannot_be_a_name_is_refused(ledger):
    for name in ("", " ", " ann", "ann ", "a:b", "a/b", "<b>", "a\nb", "a" * 41, "\ud800"):
        with pytest.raises(DataError, match="is no pseudonym"):
            ledger.add_person(name)
        if name:
            with pytest.raises(DataError, match="is no group"):
                ledger.add_person("ben", name)
    with pytest.raises(DataError, match="ben: there is nobody of this name"):
        ledger.new_token("person", "ben")
    assert ledger.people() == []
