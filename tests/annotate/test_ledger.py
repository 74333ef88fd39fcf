"""The ledger only grows, says at most one thing per person, item and round, and does so in both databases."""

import threading
from contextlib import closing, suppress
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError

from handful.annotate import rows
from handful.annotate.database import Conflict
from handful.annotate.ledger import open_ledger as open_one
from handful.annotate.tables import METADATA
from handful.core.errors import DataError

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])

ASKED = {"task": "preference", "subject": "c1", "shown": "forward", "first": "f" * 64}
CHAIN = "SELECT id, person, item, choice, supersedes FROM answers ORDER BY id"


def say(ledger, choice="first", person="ann", item="s1", **more):
    return ledger.answer(person=person, item=item, choice=choice, **{**ASKED, **more})


def test_an_answer_is_kept_once_however_often_it_is_sent(ledger):
    first, new = say(ledger)
    again, new_again = say(ledger)
    assert (new, new_again) == (True, False)
    assert again == first
    assert ledger.answers() == [first]


def test_an_answer_is_read_as_it_was_given(ledger):
    told = {
        "round": 1,
        "task": "quality",
        "subject": "s7",
        "shown": "",
        "reason": "Zählt: 'a' \U0001f600\n",
        "ms": 1,
    }
    given, _ = say(ledger, "excellent", nonce="n1", **told)
    assert (given.person, given.item, given.choice, given.nonce, given.supersedes) == (
        "ann", "s1", "excellent", "n1", None,
    )  # fmt: skip
    assert {name: getattr(given, name) for name in told} == told
    assert list(ledger.history()) == [given]


def test_a_second_answer_that_differs_does_not_replace_the_first(ledger):
    say(ledger, "first")
    standing, new = say(ledger, "second")
    assert (standing.choice, new) == ("first", False)


def test_an_undo_is_a_row_and_a_new_answer_another(ledger, ask):
    wrong, _ = say(ledger, "first")
    assert ledger.undo("ann", wrong.id) == wrong
    say(ledger, "neither")
    assert ask(CHAIN) == [
        (1, "ann", "s1", "first", None),
        (2, "ann", "s1", None, 1),
        (3, "ann", "s1", "neither", 2),
    ]
    assert [answer.choice for answer in ledger.answers()] == ["neither"]
    assert [answer.choice for answer in ledger.history()] == ["first", None, "neither"]


def test_only_ones_own_standing_answer_can_be_undone(ledger, ask):
    answer, _ = say(ledger)
    assert ledger.undo("ben", answer.id) is None
    assert ledger.undo("ann", answer.id + 1) is None
    assert ledger.undo("ann", answer.id) == answer
    assert ledger.undo("ann", answer.id) is None
    assert len(ask(CHAIN)) == 2


def test_a_skip_stands_like_an_answer_and_can_be_taken_back(ledger):
    skipped, _ = say(ledger, "skip", reason="I do not read French")
    assert say(ledger, "first") == (skipped, False)
    ledger.undo("ann", skipped.id)
    assert say(ledger, "first")[1]


def test_the_second_round_is_a_question_of_its_own(ledger):
    assert say(ledger, "first", round=0)[1]
    assert say(ledger, "second", round=1)[1]
    assert [(answer.round, answer.choice) for answer in ledger.answers()] == [(0, "first"), (1, "second")]


def test_a_form_that_is_sent_twice_is_stored_once(ledger, ask):
    first, _ = say(ledger, nonce="n1")
    assert say(ledger, nonce="n1") == (first, False)
    assert len(ask(CHAIN)) == 1


def test_a_form_sent_again_after_its_answer_was_taken_back_does_not_bring_it_back(ledger):
    """A queue that lost its connection sends what it is not sure of."""
    first, _ = say(ledger, nonce="n1")
    ledger.undo("ann", first.id)
    assert say(ledger, nonce="n1") == (first, False)
    assert [answer.choice for answer in ledger.answers()] == [None]
    assert say(ledger, "second", nonce="n2")[1]


def test_a_form_of_one_question_does_not_answer_another(ledger, ask):
    say(ledger, nonce="n1")
    for other in ({"person": "ben"}, {"item": "s2"}, {"round": 1}):
        with pytest.raises(DataError, match="used for another question"):
            say(ledger, nonce="n1", **other)
    assert len(ask(CHAIN)) == 1


def test_the_database_itself_refuses_to_change_or_forget(kind, ledger, ask):
    verbs = ["UPDATE {} SET at = ''", "DELETE FROM {}"] + ["TRUNCATE {} CASCADE"] * (kind == "postgresql")
    fill(ledger)
    for table in METADATA.tables:
        for verb in verbs:
            with pytest.raises(DatabaseError, match="append-only"):
                ask(verb.format(table))
        assert ask(f"SELECT count(*) FROM {table}") == [(1,)]


def fill(ledger):
    """A row in each table."""
    ledger.add_person("ann")
    ledger.open_session(ledger.new_token("person", "ann"))
    ledger.event("consented", "ann")
    say(ledger)
    talk = ledger.add("conversations", {"person": "ann", "prompt_id": "p", "arm": "a", "nonce": "n"})
    ledger.add("said", {"conversation": talk, "number": 0, "role": "user", "text": "Hi", "finish": ""})
    ledger.add("turn_grades", {"conversation": talk, "number": 1, "grade": "pass"})
    review = {"person": "ann", "candidate": "c", "seen": "", "decision": "accept", "reason": "", "tags": "[]"}
    ledger.add("reviews", {**review, "turns": ""})
    ledger.add("picks", {"person": "ann", "prompt_id": "p", "shown": "", "choice": "[5]"})


def test_the_database_itself_refuses_a_second_standing_answer(ledger):
    say(ledger)
    row = {"person": "ann", "item": "s1", "round": 0, "choice": "second", "reason": "", **ASKED}
    with pytest.raises(Conflict, match=r"(?i)unique"):
        ledger.add("answers", row)


def test_rows_of_any_table_are_read_on_from_an_id(ledger):
    talks = [
        ledger.add("conversations", {"person": "ann", "prompt_id": f"p{n}", "arm": "a", "nonce": f"n{n}"})
        for n in range(3)
    ]
    assert [row.prompt_id for row in ledger.rows("conversations", after=talks[0])] == ["p1", "p2"]
    assert ledger.rows("conversations", after=talks[-1]) == []


def test_what_one_database_cannot_hold_neither_takes(ledger):
    for change, problem in (
        ({"item": "s" * 65}, r"answers\.item: has 65 characters; at most 64"),
        ({"reason": "a\0b"}, r"answers\.reason: holds a NUL"),
        ({"reason": "\ud800"}, r"surrogates not allowed"),
    ):
        with pytest.raises(DataError, match=problem):
            say(ledger, **{"item": "s1", **change})
    assert ledger.answers() == []
    assert say(ledger)[1]


def test_a_page_that_was_left_open_for_a_month_is_no_reason_to_lose_its_answer(ledger):
    assert say(ledger, ms=30 * 86_400_000)[0].ms == 2**31 - 1


def test_an_id_that_is_none_takes_nothing_back(ledger):
    say(ledger)
    for id in (0, -1, 2**62, 2**70):
        with suppress(DataError):  # of what is no number to a database
            assert ledger.undo("ann", id) is None
    assert [answer.choice for answer in ledger.answers()] == ["first"]


def test_order_follows_ids_when_the_clock_jumps_back(ledger, monkeypatch):
    hours = iter(
        ["2026-01-01T12:00:00.000+00:00", "2026-01-01T11:00:00.000+00:00", "2026-01-01T10:00:00.000+00:00"]
    )
    monkeypatch.setattr(rows, "now", lambda: next(hours))
    wrong, _ = say(ledger, "first")
    ledger.undo("ann", wrong.id)
    right, _ = say(ledger, "second")
    assert right.at < wrong.at
    assert ledger.answers() == [right]
    assert [answer.id for answer in ledger.history()] == [1, 2, 3]


def test_many_threads_and_two_processes_worth_of_ledgers_store_one_answer(open_ledger, ask):
    ledgers = [open_ledger(), open_ledger()]
    start, news = threading.Barrier(8), []

    def answer(number):
        start.wait()
        news.append(say(ledgers[number % 2], nonce=f"n{number}")[1])

    threads = [threading.Thread(target=answer, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(news) == [False] * 7 + [True]
    assert len(ask(CHAIN)) == 1


def test_a_long_history_is_read_page_by_page(ledger, monkeypatch):
    monkeypatch.setattr("handful.annotate.ledger.PAGE", 3)
    for number in range(8):
        say(ledger, item=f"s{number}")
    assert [answer.item for answer in ledger.history()] == [f"s{number}" for number in range(8)]


PEOPLE, ITEMS = st.sampled_from(["ann", "ben"]), st.sampled_from(["s1", "s2"])
ACTIONS = st.lists(
    st.tuples(
        PEOPLE,
        ITEMS,
        st.integers(0, 1),
        st.sampled_from(["first", "second", "skip", "undo", "other's undo"]),
        st.none() | st.integers(0, 3),
    ),
    max_size=15,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_any_order_of_answers_skips_and_undos_equals_a_dictionary(target, actions):
    """The model: what stands per question, and which nonce was used for what."""
    run = uuid4().hex  # one database for all examples: each has questions of its own
    with closing(open_one(target)) as ledger:
        standing, used, ids = {}, {}, {}
        for person, item, round, action, number in actions:
            key = person, f"{run}{item}", round
            if action == "undo":
                assert (ledger.undo(person, ids.get(key, 0)) is not None) == (key in standing)
                standing.pop(key, None)
            elif action == "other's undo":
                assert ledger.undo("eve", ids.get(key, 0)) is None
            else:
                nonce = None if number is None else f"{run}{number}"
                if used.get(nonce, key) != key:
                    with pytest.raises(DataError, match="another question"):
                        say(ledger, action, person, key[1], round=round, nonce=nonce)
                    continue
                answer, new = say(ledger, action, person, key[1], round=round, nonce=nonce)
                assert new == (nonce not in used and key not in standing)
                if new:
                    standing[key], ids[key] = action, answer.id
                    if nonce:
                        used[nonce] = key
        mine = [answer for answer in ledger.history() if answer.item.startswith(str(run))]
        heads = {
            (a.person, a.item, a.round): a.choice for a in ledger.answers() if a.item.startswith(str(run))
        }
        assert {key: choice for key, choice in heads.items() if choice is not None} == standing
        for key in {(answer.person, answer.item, answer.round) for answer in mine}:
            chain = [answer for answer in mine if (answer.person, answer.item, answer.round) == key]
            assert [answer.supersedes for answer in chain] == [None, *[answer.id for answer in chain[:-1]]]
