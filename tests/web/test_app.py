"""The page over HTTP, without script: what it shows, stores, refuses and never says."""

import re
from collections import Counter
from html import unescape

import pytest

from handful.annotate.pairs import Study, arranged, pairs_of
from handful.core.types import Comparison, Turn
from handful.web.guard import MAX_BODY_BYTES

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</div></section><form action=//evil>",
    "\n\n  leading blank lines stay",
    "‮reversed",
    "&lt;already escaped&gt;",
]


def fields(page, action):
    """The hidden fields of the form that posts to `action`."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S).group()
    return {
        name: unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def enter(client, name="ann", **more):
    return client.post("/enter", data={**fields(client.get("/"), "/enter"), "name": name, **more})


def answer(client, choice="first", **changes):
    form = fields(client.get("/"), "/answer")
    return client.post("/answer", data={**form, "choice": choice, **changes})


def texts(page):
    return [
        unescape(text) for text in re.findall(r'<div class="text" dir="auto">(.*?)</div>', page.text, re.S)
    ]


@pytest.fixture
def client(make_client):
    client = make_client()
    enter(client)
    return client


def test_the_first_page_gives_instructions_and_asks_for_a_pseudonym(make_client):
    page = make_client().get("/")
    assert "<p>Imagine you asked this question yourself.</p>" in page.text
    assert "<p>Which answer satisfies your needs better? Ignore &lt;length&gt;.</p>" in page.text
    assert 'name="name"' in page.text
    assert "How do I sharpen" not in page.text


def test_a_whole_study_by_plain_forms(client, study, ledger):
    for number in range(6):
        page = client.get("/")
        assert f"<strong>{number + 1} of 6</strong>" in page.text
        reply = client.post(
            "/answer", data={**fields(page, "/answer"), "choice": "first"}, follow_redirects=False
        )
        assert (reply.status_code, reply.headers["location"]) == (303, "/?notice=saved")
        assert len(ledger.entries()) == number + 1  # stored before the browser is told
    page = client.get("/")
    assert "All done" in page.text
    assert "You answered 6 pairs" in page.text
    assert {entry.comparison_id for entry in ledger.entries()} == {c.id for c in study.comparisons}


def test_what_is_stored_is_what_was_on_the_page(client, study, ledger):
    for _ in range(6):
        page = client.get("/")
        question, first, second = texts(page)
        answer(client, "second")
        entry = max(ledger.entries(), key=lambda entry: entry.id)
        comparison = pairs_of(study)[entry.shown]
        shown = arranged(comparison, entry.order)
        assert (question, first, second) == (comparison.turns[0].text, shown.left, shown.right)
        assert entry.choice == "second"


def test_each_person_sees_half_of_the_pairs_swapped(make_client, make_app, ledger):
    app = make_app(people=3)
    for name in ("ann", "ben", "cleo"):
        client = make_client(app)
        enter(client, name)
        for _ in range(6):
            answer(client)
    orders = Counter((entry.person, entry.order) for entry in ledger.entries())
    assert set(orders.values()) == {3}
    assert len(orders) == 6


def test_sending_a_form_twice_counts_once(client, ledger):
    form = {**fields(client.get("/"), "/answer"), "choice": "first"}
    assert "Answer saved" in client.post("/answer", data=form).text
    assert "Answer saved" in client.post("/answer", data=form).text
    assert [entry.choice for entry in ledger.entries()] == ["first"]


def test_a_different_answer_from_the_back_button_is_not_stored_and_says_so(client, ledger):
    form = fields(client.get("/"), "/answer")
    client.post("/answer", data={**form, "choice": "first"})
    page = client.post("/answer", data={**form, "choice": "second"})
    assert "your first answer stands" in page.text
    assert [entry.choice for entry in ledger.entries()] == ["first"]


def test_undo_shows_the_same_pair_again_with_the_same_sides(client, ledger):
    before = client.get("/")
    answer(client, "first")
    page = client.post("/undo", data=fields(client.get("/"), "/undo"))
    assert "taken back" in page.text
    assert texts(page) == texts(before)
    answer(client, "neither")
    assert [entry.choice for entry in ledger.entries()] == ["neither"]


def test_undo_goes_back_step_by_step_also_from_the_last_page(client, ledger):
    for _ in range(6):
        answer(client)
    for left in range(5, -1, -1):
        client.post("/undo", data=fields(client.get("/"), "/undo"))
        assert len([entry for entry in ledger.entries() if entry.choice]) == left
    assert 'action="/undo"' not in client.get("/").text


def test_an_undo_sent_twice_takes_back_one_answer(client, ledger):
    answer(client)
    answer(client)
    form = fields(client.get("/"), "/undo")
    client.post("/undo", data=form)
    client.post("/undo", data=form)
    assert len([entry for entry in ledger.entries() if entry.choice]) == 1


def test_a_reload_shows_the_same_pair_whatever_others_answer_meanwhile(make_client, make_app):
    app = make_app(people=2)
    ann, ben = make_client(app), make_client(app)
    enter(ann, "ann")
    enter(ben, "ben")
    before = texts(ann.get("/"))
    for _ in range(6):
        answer(ben)
    assert texts(ann.get("/")) == before


def test_two_people_share_the_work_where_one_answer_a_pair_is_wanted(make_client, make_app, ledger):
    app = make_app(people=1)
    clients = [make_client(app), make_client(app)]
    for name, client in zip(("ann", "ben"), clients, strict=True):
        enter(client, name)
    for number in range(6):
        answer(clients[number % 2])
    assert len({entry.shown for entry in ledger.entries()}) == 6
    assert all("nothing is left" in client.get("/").text for client in clients)


def test_what_a_person_answered_in_another_study_is_not_asked_again(make_client, make_app, study):
    client = make_client()
    enter(client)
    answer(client)
    again = Study(tuple(comparison.swapped() for comparison in study.comparisons[::-1]), study.instructions)
    later = make_client(make_app(again))
    later.cookies = client.cookies
    assert "<strong>2 of 6</strong>" in later.get("/").text


def test_a_restart_keeps_the_session_and_an_open_form(make_client, make_app, client, ledger):
    form = {**fields(client.get("/"), "/answer"), "choice": "second"}
    restarted = make_client(make_app())
    restarted.cookies = client.cookies
    assert "Answer saved" in restarted.post("/answer", data=form).text
    assert [entry.choice for entry in ledger.entries()] == ["second"]


# --- who is who


def test_a_pseudonym_that_is_known_is_asked_about_before_answers_are_mixed(make_client, make_app, ledger):
    app = make_app()
    first, second = make_client(app), make_client(app)
    enter(first, "Ann")
    answer(first)
    page = enter(second, "  ANN ")
    assert "Is that you?" in page.text
    assert "<strong>ann</strong>" in page.text
    assert 'name="name"' in second.get("/").text  # not in yet
    second.post("/enter", data={**fields(page, "/enter"), "again": "yes"})
    assert "<strong>2 of 6</strong>" in second.get("/").text


@pytest.mark.parametrize("name", ["", "   ", "<b>", "a" * 41, "a\nb/c", "--", "ann@example.org"])
def test_a_pseudonym_that_will_not_do_is_refused_with_a_reason(make_client, name, ledger):
    page = enter(make_client(), name)
    assert page.status_code == 400
    assert "1 to 40 letters" in page.text
    assert "<b>" not in page.text


def test_leaving_ends_the_session_in_this_browser(client):
    page = client.post("/leave", data=fields(client.get("/"), "/leave"))
    assert 'name="name"' in page.text


# --- what is refused


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"choice": "left"}, 400),
        ({"choice": ""}, 400),
        ({"pair": "0" * 64}, 403),
        ({"pair": "c0"}, 403),
        ({"order": "sideways"}, 403),
        ({"token": ""}, 403),
        ({"token": "é"}, 403),
    ],
)
def test_an_unknown_pair_choice_or_token_is_refused(client, ledger, changes, status):
    page = answer(client, **changes)
    assert page.status_code == status
    assert "Nothing was stored" in page.text
    assert ledger.entries() == []


def test_the_order_in_the_form_cannot_be_changed(client, ledger):
    order = fields(client.get("/"), "/answer")["order"]
    other = {"forward": "swapped", "swapped": "forward"}[order]
    assert answer(client, order=other).status_code == 403
    assert ledger.entries() == []


def test_a_form_of_another_session_is_refused(make_client, make_app, ledger):
    app = make_app()
    ann, ben = make_client(app), make_client(app)
    enter(ann, "ann")
    enter(ben, "ben")
    form = {**fields(ann.get("/"), "/answer"), "choice": "first"}
    assert ben.post("/answer", data=form).status_code == 403
    assert make_client(app).post("/answer", data=form).status_code == 403
    assert ledger.entries() == []


@pytest.mark.parametrize("path", ["/enter", "/answer", "/undo", "/leave"])
def test_every_form_needs_its_token_and_a_reload_of_its_address_goes_to_the_start(client, path):
    assert client.post(path, data={"name": "eve", "id": "1", "choice": "first"}).status_code == 403
    assert client.post(path).status_code == 403
    assert client.get(path, follow_redirects=False).headers["location"] == "/"


@pytest.mark.parametrize("id", ["", "x", "9" * 40, "-1", "1; DROP TABLE verdicts"])
def test_an_undo_of_nothing_does_nothing(client, id, ledger):
    from handful.web.guard import form_token

    answer(client)
    token = form_token(client.cookies["handful_session"], "undo", id)  # even with a token that fits
    assert client.post("/undo", data={"token": token, "id": id}).status_code == 200
    assert [entry.choice for entry in ledger.entries()] == ["first"]


def test_a_large_body_is_refused_announced_or_not(client, ledger):
    def chunks():
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b"x" * 1024

    assert client.post("/answer", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    assert client.post("/answer", content=chunks()).status_code == 413
    assert client.post("/answer", data={"token": "x" * 1000}).status_code == 403


def test_what_is_no_form_gets_a_page_and_not_a_traceback(client):
    upload = client.post("/answer", files={"choice": ("a.txt", b"first")})
    assert upload.status_code in (400, 403)
    assert "<h1>" in upload.text
    assert client.get("/nowhere").status_code == 404
    assert client.put("/answer").status_code == 405
    assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 404
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_a_name_that_a_hostile_site_points_here_is_refused(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200


def test_a_ledger_that_cannot_store_is_said_and_the_answer_can_be_sent_again(client, ledger, capsys):
    form = {**fields(client.get("/"), "/answer"), "choice": "first"}
    ledger._db.execute("PRAGMA query_only = ON")
    page = client.post("/answer", data=form)
    assert page.status_code == 503
    assert "could not be stored" in page.text
    assert "people.sqlite" not in page.text  # where it lies is for the researcher
    assert "readonly" in capsys.readouterr().err
    ledger._db.execute("PRAGMA query_only = OFF")
    assert "Answer saved" in client.post("/answer", data=form).text


# --- what a response says, and what it never says


@pytest.mark.parametrize("text", HOSTILE)
def test_text_by_models_is_shown_as_the_characters_it_is(make_client, make_app, text):
    comparison = Comparison("c", "p", (Turn("user", text),), f"one {text}", f"{text} two")
    client = make_client(make_app(Study((comparison,), f"Read this: {text}")))
    enter(client)
    page = client.get("/")
    assert sorted(texts(page)[1:]) == sorted([comparison.left, comparison.right])
    assert texts(page)[0] == text
    assert "<script>alert" not in page.text
    assert "<img" not in page.text


def test_a_dialogue_shows_who_said_what_and_an_empty_answer_is_named(make_client, make_app):
    turns = (Turn("user", "Hello"), Turn("assistant", "Hi!"), Turn("user", "Who are you?"))
    client = make_client(make_app(Study((Comparison("c", "p", turns, "", "A model."),), "?")))
    enter(client)
    page = client.get("/")
    assert re.findall(r'class="speaker">(\w+)<', page.text) == ["User", "Assistant", "User"]
    assert "This answer is empty." in page.text


def test_every_response_carries_the_security_headers(client, make_client):
    replies = [
        make_client().get("/"),
        client.get("/"),
        client.get("/static/study.js"),
        client.get("/nowhere"),
        client.get("/favicon.ico"),
        answer(client, "left"),
        client.post("/answer", content=b"x" * 20_000),
        client.get("/", headers={"Host": "evil.example"}),
    ]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cache-control"] == "no-store"
        assert "server" not in reply.headers


def test_the_cookie_is_random_and_kept_from_scripts(make_client):
    cookies = [make_client().get("/").headers["set-cookie"] for _ in range(2)]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
    assert cookies[0] != cookies[1]


def test_no_page_has_script_or_style_of_its_own(client, make_client):
    pages = [make_client().get("/"), client.get("/"), answer(client, "left"), enter(make_client(), "<")]
    for page in pages:
        assert re.findall(r"<script[^>]*>", page.text) == ['<script type="module" src="/static/study.js">']
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?:", page.text)


def test_no_response_names_a_comparison_or_a_prompt(client, study):
    """Their ids are the researcher's, and may say where a prompt came from."""
    for _ in range(6):
        page = client.get("/")
        reply = client.post(
            "/answer", data={**fields(page, "/answer"), "choice": "first"}, follow_redirects=False
        )
        said = page.text + str(page.headers) + str(reply.headers)
        for comparison in study.comparisons:
            assert comparison.prompt_id not in said
            assert not re.search(rf"\b{comparison.id}\b", said)
