"""What the annotators' pages refuse, and what they never say."""

import re
from collections import Counter

import pytest
from web.conftest import Given, answer, choices, form_of, texts

from handful.annotate.items import Content, held
from handful.core.types import Comparison, Turn
from handful.web.guard import MAX_BODY_BYTES, form_token

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "</div></section><form action=//evil>",
    "\n\n  leading blank lines stay",
    "\u202ereversed",
    "&lt;already escaped&gt;",
]


@pytest.fixture
def client(make_client):
    return make_client(name="ann")


# --- what is refused


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"choice": "left"}, 400),
        ({"choice": ""}, 400),
        ({"choice": "skip\x00"}, 400),
        ({"item": "0" * 64}, 403),
        ({"item": "c0"}, 403),
        ({"nonce": "0" * 32}, 403),
        ({"nonce": ""}, 403),
        ({"token": ""}, 403),
        ({"token": "é"}, 403),
    ],
)
def test_an_unknown_item_choice_or_token_is_refused(client, ledger, changes, status):
    page = answer(client, **changes)
    assert page.status_code == status
    assert "Nothing was stored" in page.text
    assert ledger.answers() == []


def test_a_form_of_another_session_is_refused(make_client, make_app, ledger):
    app = make_app()
    ann, ben = make_client(app, "ann"), make_client(app, "ben")
    form = {**form_of(ann.get("/"), "/answer"), "choice": "first"}
    assert ben.post("/answer", data=form).status_code == 403
    assert make_client(app).post("/answer", data=form).status_code == 403
    assert ledger.answers() == []


def test_a_person_whose_link_is_revoked_can_store_nothing_more(client, invite, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "first"}
    invite("ann")
    page = client.post("/answer", data=form)
    assert page.status_code == 403
    assert "Your link was replaced or withdrawn. Open the newest link" in page.text
    assert page.headers["x-answers"] == "keep"
    assert ledger.answers() == []


def test_a_form_waits_for_the_new_link_of_the_same_person_in_the_same_browser(client, invite, ledger):
    form = {**form_of(client.get("/"), "/answer"), "choice": "second"}
    link = invite("ann")
    assert client.post("/answer", data=form).status_code == 403
    client.get(link)
    assert "Answer saved" in client.post("/answer", data=form).text
    assert choices(ledger) == ["second"]


def test_a_form_that_waits_is_never_sent_as_another_person_s(make_client, make_app, invite, ledger):
    app = make_app()
    client = make_client(app, "ann")
    form = {**form_of(client.get("/"), "/answer"), "choice": "second"}
    dead = client.cookies["handful_session"]
    invite("ann")
    client.get(invite("ben"))
    for _ in range(2):
        assert client.post("/answer", data=form).status_code == 403
        assert ledger.answers() == []
        assert client.cookies["handful_session_earlier"] == dead  # which lets nobody in
    client.get(invite("ann"))  # here at last
    assert "Answer saved" in client.post("/answer", data=form).text
    assert [(said.person, said.choice) for said in ledger.answers()] == [("ann", "second")]
    stranger = make_client(app)
    stranger.cookies.set("handful_session_earlier", dead)
    assert stranger.get("/").status_code == stranger.post("/answer", data=form).status_code == 403


@pytest.mark.parametrize("path", ["/consent", "/begin", "/practice", "/answer", "/skip", "/undo", "/leave"])
def test_every_form_needs_its_token_and_a_reload_of_its_address_goes_to_the_start(client, path):
    fields = {"id": "1", "choice": "first", "reason": "other", "agreed": "yes", "task": "preference"}
    assert client.post(path, data=fields).status_code == 403
    assert client.post(path).status_code == 403
    assert client.get(path, follow_redirects=False).headers["location"] == "/"


@pytest.mark.parametrize("id", ["", "x", "9" * 40, "-1", "1; DROP TABLE answers"])
def test_an_undo_of_nothing_does_nothing(client, id, ledger):
    answer(client)
    token = form_token(client.cookies["handful_session"], "undo", id)  # even with a token that fits
    assert client.post("/undo", data={"token": token, "id": id}).status_code == 200
    assert choices(ledger) == ["first"]


def test_nobody_undoes_what_another_person_said(make_client, make_app, ledger):
    app = make_app(people=2)
    ann, ben = make_client(app, "ann"), make_client(app, "ben")
    answer(ann)
    id = str(ledger.answers()[0].id)
    token = form_token(ben.cookies["handful_session"], "undo", id)
    ben.post("/undo", data={"token": token, "id": id})
    assert choices(ledger) == ["first"]


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
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code in (200, 403)


# --- what a response says, and what it never says


@pytest.mark.parametrize("text", HOSTILE)
def test_text_by_models_is_shown_laid_out_and_as_the_characters_it_is(make_client, make_app, text):
    comparison = Comparison("c", "p", (Turn("user", text),), f"one {text}", f"{text} two")
    page = make_client(make_app(Given((comparison,), f"Read this: {text}")), "ann").get("/")
    assert sorted(texts(page)[1:]) == sorted([comparison.left, comparison.right])
    assert texts(page)[0] == text
    assert page.text.count('<div class="prose rendered" dir="auto">') == 3
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert page.text.count("<form") == 3  # answer, skip, leave


def test_a_dialogue_shows_who_said_what_and_an_empty_answer_is_named(make_client, make_app):
    turns = (Turn("user", "Hello"), Turn("assistant", "Hi!"), Turn("user", "Who are you?"))
    page = make_client(make_app(Given((Comparison("c", "p", turns, "", "A model."),), "?")), "ann").get("/")
    assert re.findall(r'class="speaker">(\w+)<', page.text) == ["User", "Assistant", "User"]
    assert "This answer is empty." in page.text


def test_every_response_carries_the_security_headers(client, make_client):
    replies = [
        make_client().get("/"),
        client.get("/"),
        client.get("/ahead"),
        client.get("/static/study.js"),
        client.get("/nowhere"),
        client.get("/favicon.ico"),
        client.get("/link/wrong"),
        answer(client, "left"),
        client.post("/answer", content=b"x" * 200_000),
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


def test_only_static_files_under_their_content_s_name_may_be_kept(client):
    address = re.search(r'href="(/static/study\.css\?v=\w+)"', client.get("/").text).group(1)
    assert "immutable" in client.get(address).headers["cache-control"]


def test_key_caps_need_a_pointer_that_hovers_and_text_begins_at_its_own_edge(client):
    style = client.get("/static/study.css").text
    assert "@media (hover: none) {\n  kbd," in style
    assert ".prose:dir(rtl) { margin-left: auto; }" in style


def test_no_page_has_script_or_style_of_its_own(client, make_client):
    pages = [make_client().get("/"), client.get("/"), client.get("/ahead"), answer(client, "left")]
    pages += [make_client(name="ben", started=False).get("/")]
    for page in pages:
        (script,) = re.findall(r"<script[^>]*>", page.text)
        assert re.fullmatch(r'<script type="module" src="/static/study\.js\?v=\w+">', script)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?:", page.text)


def test_no_response_names_a_comparison_a_prompt_or_how_it_is_asked(make_client, make_app, study, ledger):
    """Ids may say where a prompt came from; that an item is asked again, or is a check, would change how it is read."""
    known = held(
        "preference",
        "x",
        Content((Turn("user", "2 + 2?"),), ("4", "5")),
        subject="secret-check",
        kind="check",
        known="left",
    )
    client = make_client(make_app(checks=[known], repeats=2), "ann")
    for _ in range(9):
        page = client.get("/")
        form = form_of(page, "/answer")
        assert form.keys() == {"token", "item", "nonce", "ms"}
        reply = client.post("/answer", data={**form, "choice": "first"}, follow_redirects=False)
        said = page.text + str(page.headers) + str(reply.headers) + client.get("/ahead").text
        assert not re.search(r"secret-check|\bcheck\b|repeat|round|forward|swapped", said)
        for comparison in study.comparisons:
            assert comparison.prompt_id not in said
            assert not re.search(rf"\b{comparison.id}\b", said)
    assert "All done" in client.get("/").text
    assert Counter((said.task, said.round) for said in ledger.answers()) == {
        ("preference", 0): 6, ("check", 0): 1, ("preference", 1): 2,
    }  # fmt: skip


def test_a_page_weighs_little_but_for_its_texts(client):
    page = client.get("/")
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    whole = len(page.content) + sum(len(client.get(file).content) for file in files)
    assert whole < 60_000


def test_a_study_whose_file_is_gone_gets_a_page_that_says_so_and_nothing_of_where(client, tmp_path, capsys):
    (tmp_path / "study-0" / "comparisons.jsonl").unlink()
    page = client.get("/")
    assert page.status_code == 503
    assert str(tmp_path) not in page.text
    assert "comparisons.jsonl" in capsys.readouterr().err
