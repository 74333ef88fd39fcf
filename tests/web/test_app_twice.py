"""Forms that are sent twice, late, or from two places: one answer each, and never one that nobody gave."""

import re

import pytest
from web.conftest import Given, answer, choices, form_of, standing, texts, undo


@pytest.fixture
def client(make_client):
    return make_client(name="ann")


def test_sending_a_form_twice_counts_once(client, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "first"}
    assert "Answer saved" in client.post("/answer", data=form).text
    assert "Answer saved" in client.post("/answer", data=form).text
    assert choices(ledger) == ["first"]


def test_a_form_sent_again_after_an_undo_does_not_bring_the_answer_back(client, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "first"}
    client.post("/answer", data=form)
    undo(client)
    client.post("/answer", data=form)
    assert choices(ledger) == []
    answer(client, "second")
    assert choices(ledger) == ["second"]


def test_a_different_answer_from_the_back_button_is_not_stored_and_says_so(client, ledger):
    page = client.get("/")
    client.post("/answer", data={**form_of(page, "/answer"), "choice": "first"})
    page = client.post("/answer", data={**form_of(page, "/answer"), "choice": "second"})
    assert "your first answer stands" in page.text
    assert choices(ledger) == ["first"]


def test_undo_shows_the_same_pair_again_with_the_same_sides(client, ledger):
    before = client.get("/")
    answer(client, "first")
    page = undo(client)
    assert "taken back" in page.text
    assert texts(page) == texts(before)
    answer(client, "neither")
    assert choices(ledger) == ["neither"]


def test_undo_goes_back_step_by_step_also_from_the_last_page(client, ledger):
    for _ in range(6):
        answer(client)
    for left in range(5, -1, -1):
        undo(client)
        assert len(standing(ledger)) == left
    assert 'action="/undo"' not in client.get("/").text


def test_an_undo_sent_twice_takes_back_one_answer(client, ledger):
    answer(client)
    answer(client)
    form = form_of(client.get("/"), "/undo")
    client.post("/undo", data=form)
    client.post("/undo", data=form)
    assert len(standing(ledger)) == 1


def test_a_reload_shows_the_same_pair_whatever_others_answer_meanwhile(make_client, make_app):
    app = make_app(people=2)
    ann, ben = make_client(app, "ann"), make_client(app, "ben")
    before = texts(ann.get("/"))
    for _ in range(6):
        answer(ben)
    assert texts(ann.get("/")) == before


def test_two_people_share_the_work_where_one_answer_a_pair_is_wanted(make_client, make_app, ledger):
    app = make_app(people=1)
    clients = [make_client(app, name) for name in ("ann", "ben")]
    for number in range(6):
        answer(clients[number % 2])
    assert len({said.item for said in ledger.answers()}) == 6
    assert all("nothing is left" in client.get("/").text for client in clients)


def test_what_a_person_answered_in_another_study_is_not_asked_again(make_client, make_app, study, client):
    answer(client)
    again = Given(tuple(comparison.swapped() for comparison in study.comparisons[::-1]))
    later = make_client(make_app(again))
    later.cookies = client.cookies
    assert "<strong>2 of 6</strong>" in later.get("/").text


def test_a_restart_keeps_the_session_and_an_open_form(make_client, make_app, client, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "second"}
    restarted = make_client(make_app())
    restarted.cookies = client.cookies
    assert "Answer saved" in restarted.post("/answer", data=form).text
    assert choices(ledger) == ["second"]


def test_the_page_that_comes_next_can_be_fetched_ahead_and_answered(client, ledger):
    now, ahead = client.get("/"), client.get("/ahead")
    assert "<strong>2 of 6</strong>" in ahead.text
    assert texts(ahead) != texts(now)
    assert 'action="/undo"' not in ahead.text
    for page in (now, ahead):
        client.post("/answer", data={**form_of(page, "/answer"), "choice": "second"})
    assert choices(ledger) == ["second", "second"]
    assert "<strong>3 of 6</strong>" in client.get("/").text


def test_what_was_fetched_ahead_is_what_comes_next(client):
    ahead = texts(client.get("/ahead"))
    assert texts(answer(client)) == ahead


def test_nothing_is_fetched_ahead_where_nothing_follows_or_by_strangers(make_client, make_app, study):
    app = make_app(Given(study.comparisons[:1]))
    assert make_client(app).get("/ahead").status_code == 204
    assert make_client(app, "ann").get("/ahead").status_code == 204


@pytest.mark.parametrize(
    ("kind", "back", "told"), [("paused", "resumed", "Paused"), ("dropped", "kept", "Your part is over")]
)
def test_a_person_who_is_paused_is_told_and_goes_on_later(client, ledger, kind, back, told):
    ledger.event(kind, "ann", reason="too fast")
    page = client.get("/")
    assert f">{told}</h1>" in page.text
    assert ('data-again="15"' in page.text) == ("Look again" in page.text) == (kind == "paused")
    assert "Everything that you answered is saved" in page.text
    assert "too fast" not in page.text
    assert client.get("/ahead").status_code == 204
    ledger.event(back, "ann")
    assert texts(client.get("/"))


def test_a_dropped_person_is_told_that_their_part_is_over(client, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "first"}
    ledger.event("dropped", "ann", reason="too fast")
    page = client.post("/answer", data=form)
    assert "<h1>Your part is over</h1>" in page.text
    assert "This last choice was not stored" in page.text
    assert "ask the person who runs the study" in page.text
    assert "not on offer" not in page.text
    assert choices(ledger) == []


def test_undo_fills_in_what_was_said_and_marks_what_was_chosen(client):
    answer(client, "second", reason="it is <clearer>")
    page = undo(client)
    assert "You had chosen: <strong>Answer B is significantly better.</strong>" in page.text
    assert 'aria-keyshortcuts="2" class="had"' in page.text
    assert 'dir="auto">it is &lt;clearer&gt;</textarea>' in page.text
    assert '<details class="aside" data-key="r" open>' in page.text
    assert "You had chosen" not in client.get("/ahead").text
    assert "You had chosen" not in answer(client, "first").text


def test_the_finish_line_does_not_move_away_where_others_are_slow(make_client, make_app, ledger):
    ledger.add_person("ben")
    ann = make_client(make_app(people=1), "ann")
    counts = []
    for _ in range(6):
        ahead = re.search(r"<strong>(.*?)</strong>", ann.get("/ahead").text)
        counts.append(re.search(r"<strong>(.*?)</strong>", ann.get("/").text).group(1))
        answer(ann)
        assert not ahead or ahead.group(1) in ann.get("/").text
    assert counts == ["1 of 3", "2 of 3", "3 of 3", "3 done", "4 done", "5 done"]
    assert "6 answered" in ann.get("/").text


def test_an_answer_that_was_on_its_way_when_a_person_was_paused_is_kept(client, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "first"}
    ledger.event("paused", "ann")
    assert "Paused" in client.post("/answer", data=form).text
    assert choices(ledger) == ["first"]
