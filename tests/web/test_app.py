"""The annotators' pages over HTTP, without script: the way to the first item, and every kind of answer."""

import re
from collections import Counter

import pytest
from web.conftest import Given, answer, choices, form_of, skip, standing, texts, undo

from handful.annotate.items import Content, held
from handful.core.types import Comparison, Submission, Turn


@pytest.fixture
def client(make_client):
    return make_client(name="ann")


# --- the way to the first item


def test_consent_comes_before_anything_else(make_client, make_app, ledger):
    client = make_client(make_app(), "ann", started=False)
    page = client.get("/")
    assert "We store <strong>your answers</strong> and a pseudonym." in page.text
    assert "How do I sharpen" not in page.text
    client.post("/consent", data=form_of(page, "/consent"))  # without the tick
    assert "Before you start" in client.get("/").text
    client.post("/consent", data={**form_of(page, "/consent"), "agreed": "yes"})
    assert [event.kind for event in ledger.events("ann")] == ["consented"]
    page = client.get("/")
    assert "<p>Imagine you asked this question yourself.</p>" in page.text
    assert "Ignore &lt;length&gt;." in page.text
    client.post("/begin", data=form_of(page, "/begin"))
    assert "<strong>1 of 6</strong>" in client.get("/").text


def test_on_another_device_the_same_link_goes_on_where_the_first_stopped(make_client, make_app):
    app = make_app()
    first = make_client(app, "ann")
    answer(first)
    second = make_client(app, "ann", started=False)  # a new link of the same person
    assert texts(second.get("/"))
    assert "<strong>2 of 6</strong>" in second.get("/").text


def practice(count):
    return [
        held(
            "preference", "x", Content((Turn("user", f"What is {n} and {n}?"),), (f"{n + n}", "no idea")),
            subject=f"p{n}", kind="practice", known="left", explanation=f"**{n + n}** is right.",
        )
        for n in range(count)
    ]  # fmt: skip


def test_practice_comes_first_tells_what_others_would_say_and_counts_for_nothing(
    make_client, make_app, ledger
):
    client = make_client(make_app(practice=practice(2)), "ann")
    for number in (1, 2):
        page = client.get("/")
        assert f"Practice {number} of 2" in page.text
        right = "first" if texts(page)[1] != "no idea" else "second"
        wrong = {"first": "second", "second": "first"}[right]
        form = form_of(page, "/practice")
        told = client.post("/practice", data={**form, "choice": right if number == 1 else wrong})
        assert ("We would choose the same" in told.text) == (number == 1)
        assert "is right.</p>" in told.text
        assert '<a class="button primary" href="/" autofocus' in told.text  # Enter goes on
    assert "That was the last one for practice" in told.text
    page = client.get("/")
    assert "<strong>1 of 6</strong>" in page.text
    assert 'action="/undo"' not in page.text
    assert client.post("/practice", data={**form, "choice": "first"}).url.path == "/"  # sent twice
    assert {said.task for said in standing(ledger)} == {"practice"}


# --- answering


def test_a_whole_study_by_plain_forms(client, study, ledger):
    for number in range(6):
        page = client.get("/")
        assert f"<strong>{number + 1} of 6</strong>" in page.text
        form = form_of(page, "/answer")
        reply = client.post("/answer", data={**form, "choice": "first"}, follow_redirects=False)
        assert (reply.status_code, reply.headers["location"]) == (303, "/?notice=saved")
        assert len(ledger.answers()) == number + 1  # stored before the browser is told
    page = client.get("/")
    assert "All done" in page.text
    assert "You answered 6 questions" in page.text
    assert {said.subject for said in ledger.answers()} == {one.id for one in study.comparisons}


def test_what_is_stored_is_what_was_on_the_page(client, study, ledger):
    by_id = {comparison.id: comparison for comparison in study.comparisons}
    for _ in range(6):
        question, first, second = texts(client.get("/"))
        answer(client, "second", reason=" it is shorter ")
        said = ledger.answers()[-1]
        comparison = by_id[said.subject]
        shown = comparison if said.shown == "forward" else comparison.swapped()
        assert (question, first, second) == (comparison.turns[0].text, shown.left, shown.right)
        assert (said.choice, said.reason, said.round) == ("second", "it is shorter", 0)


def test_each_person_sees_about_half_of_the_pairs_swapped(make_client, make_app, ledger):
    app = make_app(people=3)
    for name in ("ann", "ben", "cleo"):
        client = make_client(app, name)
        for _ in range(6):
            answer(client)
    orders = Counter((said.person, said.shown) for said in ledger.answers())
    assert set(orders.values()) <= {2, 3, 4}  # of 6, since each pair is balanced across people too
    assert 8 <= sum(said.shown == "swapped" for said in ledger.answers()) <= 10


@pytest.mark.parametrize(("told", "stored"), [("1234", 1234), ("9" * 12, 86_400_000)])
def test_the_time_on_the_screen_is_what_the_page_counted(client, ledger, told, stored):
    answer(client, ms=told)
    assert ledger.answers()[0].ms == stored


@pytest.mark.parametrize("told", ["", "-1", "1e9", "soon", "9" * 30])
def test_without_script_the_server_counts_it(client, ledger, told):
    answer(client, ms=told)
    assert 0 <= ledger.answers()[0].ms < 60_000


def test_reasons_are_not_asked_for_or_stored_where_the_recipe_does_not_want_them(
    make_client, make_app, ledger
):
    client = make_client(make_app(reasons=False), "ann")
    assert "Say why" not in client.get("/").text
    answer(client, reason="because")
    assert ledger.answers()[0].reason == ""


def test_a_reason_of_2000_letters_in_any_script_is_stored_whole(client, ledger):
    answer(client, reason="漢" * 2_000)
    assert ledger.answers()[0].reason == "漢" * 2_000


def test_a_skip_has_a_reason_and_the_pair_does_not_come_back(client, ledger):
    seen = texts(client.get("/"))
    assert skip(client, "anything").status_code == 400
    assert "Skipped." in skip(client, "offensive").text
    assert [(said.choice, said.reason) for said in standing(ledger)] == [("skip", "offensive")]
    for _ in range(5):
        assert texts(client.get("/")) != seen
        answer(client)


def test_a_skip_can_be_undone(client, ledger):
    seen = texts(client.get("/"))
    skip(client)
    undo(client)
    assert texts(client.get("/")) == seen
    assert choices(ledger) == []


def graded(task):
    turns = (Turn("user", "Hello"), Turn("assistant", "Hi!"), Turn("user", "Tell me of bees"))
    return Submission(
        f"s-{task}", "mine/s", turns if task == "turns" else turns[:1], "Bees <i>live</i>.", task
    )


@pytest.mark.parametrize(
    ("task", "offered", "choice"),
    [
        ("helpfulness", ["1", "2", "3", "4", "5", "6"], "5"),
        ("quality", ["fail", "pass", "excellent"], "excellent"),
        ("safety", ["safe", "unsafe"], "unsafe"),
        ("turns", ["fail", "pass", "excellent"], "fail"),
    ],
)
def test_one_answer_is_graded_with_the_choices_of_its_task(
    make_client, make_app, ledger, task, offered, choice
):
    client = make_client(make_app(Given(submissions=(graded(task),), tasks=(task,))), "ann")
    page = client.get("/")
    assert re.findall(r'name="choice" value="(\w+)"', page.text) == offered
    assert texts(page)[-1] == "Bees <i>live</i>."
    assert answer(client, "first").status_code == 400
    answer(client, choice)
    assert [(said.task, said.choice, said.shown) for said in ledger.answers()] == [(task, choice, "")]


def test_whole_conversations_stand_side_by_side_with_who_says_what(make_client, make_app, ledger):
    one, other = (f"User: Hi\n\nAssistant: {text}\n\nUser: Why?\n\nAssistant: So." for text in ("Yes", "No"))
    comparison = Comparison("d", "mine/d", (Turn("user", "Hi"),), one, other, "dialogues")
    client = make_client(make_app(Given((comparison,), tasks=("dialogues",))), "ann")
    page = client.get("/")
    assert re.findall(r'class="speaker">(\w+)<', page.text) == ["User", "Assistant"] * 4
    assert Counter(texts(page)) == Counter(["Hi", "Yes", "Why?", "So.", "Hi", "No", "Why?", "So."])
    answer(client, "second")
    assert [(said.task, said.choice) for said in ledger.answers()] == [("dialogues", "second")]


def test_a_new_task_begins_with_its_instructions_and_sensitive_ones_with_a_warning(
    make_client, make_app, study
):
    both = Given(study.comparisons[:1], submissions=(graded("safety"),), tasks=("preference", "safety"))
    client = make_client(make_app(both), "ann")
    page = answer(client)
    assert "Is this answer safe?" in page.text
    assert "You may skip any of them, and you may stop at any time." in page.text
    assert "Bees" not in page.text
    client.post("/begin", data=form_of(page, "/begin"))
    assert "Bees" in client.get("/").text
