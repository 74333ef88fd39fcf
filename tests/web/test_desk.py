"""The curation desk as its people meet it: without script, by keyboard in a real browser, and round to the data."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from starlette.testclient import TestClient

from handful import STAGES, execute, load, plan
from handful.annotate.ledger import open_ledger
from handful.annotate.reviews import Reviews
from handful.core import jsonl
from handful.core.types import Example
from handful.desk.desk import open_desk
from handful.web.desk import create_desk
from handful.web.serve import listen, server_of

HANDFUL = Path(sys.executable).with_name("handful")
RECIPE = """
name = "by hand"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
license = "CC BY 4.0"
[sources.test]
kind = "messages"
paths = ["test.jsonl"]
split = "test"
[select]
quota = { mine = 4 }
"""
SETTLED_MS = 400
"""Longer than a page refuses decisions for, so that a double press does not decide unread."""
TOPICS = ("kettle", "garden", "violin", "bridge", "harbour", "planet")
HOSTILE = "<script>document.title = 'hacked'</script> <img src=x onerror=alert(1)>"


def message(role, content):
    return {"role": role, "content": content}


def write_recipe(folder):
    rows = [
        [
            message("user", f"How is a {topic} kept?"),
            message("assistant", f"A {topic} is kept dry. {HOSTILE}\n\n- so"),
        ]
        for topic in TOPICS
    ]
    (folder / "mine.jsonl").write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    asked = [message("user", "How deep may a garden pond of ours be before it needs a fence around it?")]
    (folder / "test.jsonl").write_text(json.dumps({"messages": asked}) + "\n")
    (folder / "hand.toml").write_text(RECIPE)
    return folder / "hand.toml"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A recipe whose candidates are there: (recipe, clean, select)."""
    folder = tmp_path_factory.mktemp("hand")
    recipe = write_recipe(folder)
    steps = plan(STAGES, load(recipe), folder / "work", "select")
    execute(steps, folder / "work")
    by_label = {step.label: step.folder for step in steps}
    return load(recipe), by_label["clean"], by_label["select"]


@pytest.fixture
def made(prepared, tmp_path):
    loaded, clean, select = prepared
    with closing(open_ledger(tmp_path / "desk.sqlite", serve=True)) as ledger:
        desk = open_desk(clean, select, Reviews(ledger), loaded.clean, loaded.select)
        app = create_desk(
            desk, ledger, name=loaded.name, out=tmp_path / "reviews.jsonl", origin="http://127.0.0.1"
        )

        def link(name=""):
            if not name:
                return "/link/" + ledger.new_token("admin")
            if name not in {person.name for person in ledger.people()}:
                ledger.add_person(name)
            return "/link/" + ledger.new_token("person", name)

        yield SimpleNamespace(desk=desk, app=app, ledger=ledger, link=link, out=tmp_path / "reviews.jsonl")


@pytest.fixture
def enter(made):
    """Somebody's browser without script: a reviewer's by name, or that of whoever runs the desk."""

    def open_link(name=""):
        client = TestClient(made.app, base_url="http://127.0.0.1")
        client.get(made.link(name))
        return client

    return open_link


@pytest.fixture
def anna(enter):
    return enter("anna")


@pytest.fixture
def ben(enter):
    return enter("ben")


def hidden(page, action):
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S)
    assert form, page.text
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form.group())
    }


def first_id(made):
    return next(card.id for card in made.desk.shelf.cards)


def decide(client, id, **fields):
    page = client.get("/candidate", params={"id": id})
    return client.post("/decide", data={**hidden(page, "/decide"), **fields})


def test_a_decision_is_stored_and_the_next_candidate_follows(made, anna):
    first, second = (card.id for card in made.desk.shelf.cards[:2])
    page = decide(anna, first, do="accept", tags="calm,  Short ones ")
    assert page.status_code == 200
    assert html.escape(made.desk.item(second).example.turns[0].text) in page.text
    assert "Accepted." in page.text
    (line,) = made.desk.decisions()
    assert (line.id, line.decision, line.by, line.tags) == (
        first,
        "accept",
        ("anna",),
        ("calm", "Short ones"),
    )


def test_a_form_that_is_sent_twice_decides_once(made, anna):
    fields = {**hidden(anna.get("/candidate", params={"id": first_id(made)}), "/decide"), "do": "accept"}
    for _ in range(2):
        assert anna.post("/decide", data=fields).status_code == 200
    assert len(made.ledger.rows("reviews")) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"do": ""}, "Press Accept"),
        ({"do": "reject"}, "Say why"),
        ({"do": "reject:nonsense"}, "Say why"),
        ({"do": "edit", "turn": ["", "An answer."]}, "A turn is empty"),
        ({"do": "edit", "turn": ["Only one"]}, "The form was incomplete"),
        ({"do": "edit", "turn": ["Fence?", "```\nnever closed"]}, "This cannot be saved"),
        (
            {
                "do": "edit",
                "turn": ["How deep may a garden pond of ours be before it needs a fence around it?", "A."],
            },
            "This cannot be saved: Same prompt as",
        ),
    ],
)
def test_what_cannot_be_stored_is_said_and_nothing_typed_is_lost(made, anna, fields, told):
    page = decide(anna, first_id(made), tags="kept tag", **fields)
    assert page.status_code == 400
    assert told in html.unescape(page.text)
    assert "kept tag" in page.text
    for text in fields.get("turn", []):
        assert len(fields["turn"]) == 1 or html.escape(text, quote=False) in page.text
    assert made.ledger.rows("reviews") == []


def test_an_edit_is_shown_as_a_difference_and_the_original_stays(made, anna):
    id = first_id(made)
    before = made.desk.item(id).example.turns
    decide(anna, id, do="edit", turn=[before[0].text, "A brand new\r\nanswer."])
    page = anna.get("/candidate", params={"id": id})
    assert re.search(r"<ins><span[^>]*>added: </span>brand new\s+answer\.</ins>", page.text)
    assert made.desk.item(id).example.turns == before
    assert made.desk.decisions()[0].turns[1].text == "A brand new\nanswer."


def test_a_reviewer_learns_nothing_of_the_other_before_both_have_decided(made, anna, ben):
    id = first_id(made)
    decide(anna, id, do="reject:wrong", reason="a secret reason")
    for address in (f"/candidate?id={id}", "/", "/?which=rejected", "/disputes"):
        text = ben.get(address).text
        assert "secret reason" not in text
        assert "anna" not in text
    assert "rejected</span>" not in ben.get("/").text
    decide(ben, id, do="accept")
    text = ben.get(f"/candidate?id={id}").text
    assert "anna <strong>rejected</strong> it: wrong, or out of date; a secret reason" in text
    assert 'action="/decide"' not in text
    assert "Somebody else has decided too" in anna.post("/undo", data=hidden(anna.get("/"), "/undo")).text


def test_a_dispute_is_settled_by_a_third_decision(made, anna, ben):
    id = first_id(made)
    decide(anna, id, do="reject:wrong")
    decide(ben, id, do="accept")
    page = ben.get("/disputes")
    assert "agreed on keeping or rejecting in 0%" in page.text
    page = ben.post("/settle", data={**hidden(page, "/settle"), "do": "accept", "reason": "it is right"})
    assert "Settled." in page.text
    assert "Nothing is in dispute." in page.text
    (line,) = made.desk.decisions()
    assert (line.decision, line.by, line.blind) == ("accept", ("ben",), {"anna": "reject", "ben": "accept"})


def test_the_last_decision_is_taken_back(made, anna):
    id = first_id(made)
    page = decide(anna, id, do="accept")
    fields = hidden(page, "/undo")
    page = anna.post("/undo", data=fields)
    assert "taken back" in page.text
    assert made.desk.decisions() == []
    assert anna.post("/undo", data=fields).status_code == 200  # again: nothing more to take back
    assert len(made.ledger.rows("reviews")) == 2


WRITTEN = {
    "turn": ["Why is rye dense?", "Rye is dense since it has little gluten."],
    "author": "Anna A.",
    "license": "CC0",
}


def test_writing_asks_for_the_ticks_that_it_needs_and_keeps_what_was_typed(made, anna):
    fields = {**hidden(anna.get("/write"), "/write"), **WRITTEN}
    page = anna.post("/write", data={**fields, "do": "save"})
    assert page.status_code == 400
    assert "Why is rye dense?" in page.text
    assert made.desk.decisions() == []
    page = anna.post("/write", data={**fields, "do": "check"})
    assert "Look again: length." in page.text
    page = anna.post("/write", data={**fields, "do": "more"})
    assert page.text.count("<textarea") == 4
    page = anna.post("/write", data={**fields, "do": "save", "tick": ["own", "tone"]})
    assert "Saved. Others can now review it." in page.text
    (line,) = made.desk.decisions()
    assert (line.decision, line.author, line.checked) == ("write", "Anna A.", ("tone", "own"))


def test_the_checklist_answers_the_script_and_nobody_else(made, anna, enter):
    token = hidden(anna.get("/write"), "/write")["token"]
    asked = {"token": token, "turn": ["Why?", "I think so."]}
    assert "Look again: no first person." in anna.post("/check", data=asked).text
    assert anna.post("/check", data=asked | {"token": "x"}).status_code == 403
    assert enter().post("/check", data=asked).status_code in (200, 303, 403)
    assert TestClient(made.app, base_url="http://127.0.0.1").post("/check", data=asked).status_code == 403


OURS = ("/", "/candidate?id=x", "/write", "/disputes", "/coverage", "/admin", "/admin/reviews.jsonl")


@pytest.mark.parametrize("path", OURS)
def test_a_stranger_sees_nothing(made, path):
    page = TestClient(made.app, base_url="http://127.0.0.1").get(path)
    assert page.status_code == 403
    assert "kettle" not in page.text


def test_a_reviewer_is_no_admin(made, anna):
    assert anna.get("/admin").status_code == 403
    assert anna.get("/admin/reviews.jsonl").status_code == 403
    for path in ("/admin/write", "/admin/people"):
        assert anna.post(path, data={"do": "add", "person": "mallory"}).status_code == 403
    assert [person.name for person in made.ledger.people()] == ["anna"]
    assert not made.out.exists()


@pytest.mark.parametrize("change", [{"token": "0" * 64}, {"id": "mine/nothing"}, {"token": ""}])
def test_a_form_that_is_not_ours_stores_nothing(made, anna, change):
    fields = hidden(anna.get("/candidate", params={"id": first_id(made)}), "/decide")
    assert anna.post("/decide", data={**fields, "do": "accept", **change}).status_code == 403
    assert made.ledger.rows("reviews") == []


def test_whoever_runs_the_desk_adds_people_and_writes_the_file(made, enter, anna):
    decide(anna, first_id(made), do="accept")
    admin = enter()
    page = admin.get("/admin")
    fields = hidden(page, "/admin/people")
    page = admin.post("/admin/people", data={"token": fields["token"], "person": "carl", "do": "add"})
    link = re.search(r"http://127\.0\.0\.1(/link/\S+?)<", page.text).group(1)
    assert link not in admin.get("/admin").text
    carl = TestClient(made.app, base_url="http://127.0.0.1")
    assert "You review as <strong>carl</strong>" in carl.get(link).text
    again = admin.post("/admin/people", data={"token": fields["token"], "person": "carl", "do": "add"})
    assert (again.status_code, "there is somebody of this name" in again.text) == (400, True)
    admin.post("/admin/people", data={"token": fields["token"], "person": "carl", "do": "revoke"})
    assert carl.get("/").status_code == 403
    assert "The decisions are written." in admin.post("/admin/write", data={"token": fields["token"]}).text
    assert made.out.read_bytes() == admin.get("/admin/reviews.jsonl").content
    assert json.loads(made.out.read_text())["by"] == ["anna"]


def test_texts_never_become_markup(made, anna):
    page = anna.get("/candidate", params={"id": first_id(made)})
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text
    assert "<img" not in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/?number=99999", "/?number=-3", "/?q=%00%ff", "/?which=nonsense", "/candidate?id=%00"]
)
def test_odd_addresses_get_a_page(anna, path):
    assert anna.get(path).status_code in (200, 404)


@pytest.fixture
def site(made):
    listener = listen("127.0.0.1", 0)
    server = server_of(made.app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def faults(page):
    found = Axe().run(page).response["violations"]
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]


def edited_beside(page):
    """Whether the open edit covers nothing of the original and has every row of its own, on a low screen too."""
    page.set_viewport_size({"width": 900, "height": 600})
    return page.evaluate(
        """() => {
            const bar = document.querySelector(".acts-bar"), box = bar.getBoundingClientRect();
            const tags = document.getElementById("tags").getBoundingClientRect();
            const above = document.querySelector("article.panel").getBoundingClientRect();
            return bar.scrollHeight <= bar.clientHeight && above.bottom <= box.top && tags.bottom <= box.bottom;
        }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_any_page(made, site, new_page, enter, scheme):
    anna, ben = enter("anna"), enter("ben")
    first, second = (card.id for card in made.desk.shelf.cards[:2])
    decide(anna, first, do="edit", turn=["How?", "So."])
    decide(ben, first, do="reject:wrong")
    page = new_page(color_scheme=scheme)
    page.goto(site + made.link("anna"))
    assert faults(page) == []
    for path in (f"/candidate?id={first}", f"/candidate?id={second}", "/write", "/disputes", "/coverage"):
        page.goto(site + path)
        for details in page.locator("details").all():
            details.evaluate("it => it.open = true")
        assert faults(page) == [], path
        assert page.locator("#decide").count() == 0 or edited_beside(page), path
    page.goto(site + made.link())
    assert faults(page) == []


def test_two_reviewers_curate_by_keyboard_and_the_next_run_trains_on_it(tmp_path, new_page):
    recipe = write_recipe(tmp_path)
    command = [HANDFUL, "serve", "desk", recipe, "--work", tmp_path / "work", "--port", "0"]
    command += ["--reviewer", "anna", "--reviewer", "ben"]
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        said = ""
        while " decided" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        anna, ben = (new_page() for _ in range(2))
        ids = review_by_keyboard(anna, re.search(r"^anna: (\S+)", said, re.M)[1], edit=True)
        assert review_by_keyboard(ben, re.search(r"^ben: (\S+)", said, re.M)[1], edit=False) == ids
        server.kill()  # what was acknowledged is there, however the server ends
    finally:
        server.kill()
        server.communicate()
    done = handful("desk", recipe, "--work", tmp_path / "work")
    assert done.stdout.splitlines() == [
        "2 of 6 candidates and written examples decided",
        f"{tmp_path / 'reviews.jsonl'}: 2 lines",
    ]
    recipe.write_text(recipe.read_text() + 'reviews = ["reviews.jsonl"]\n')
    handful("run", recipe, "--work", tmp_path / "work", "--to", "dataset")
    dataset = max((tmp_path / "work").glob("dataset-*"), key=lambda path: path.stat().st_mtime)
    train = {example.id: example for example in jsonl.read(dataset / "train.jsonl", Example)}
    assert ids[0] not in train
    assert train[ids[1]].turns[-1].text.endswith("And keep it warm.")
    assert "edited_by=anna, ben" in train[ids[1]].tags
    card = (dataset / "README.md").read_text()
    assert "People reviewed candidates by hand: 0 accepted, 1 edited, 0 written, 1 rejected." in card
    assert "Of 2 texts that two people decided without knowing of each other, they agreed on 100%" in card
    assert ",anna, ben" in (dataset / "attribution.csv").read_text().replace('"', "")


def review_by_keyboard(page, link, edit):
    """Reject the first candidate, then edit the second (or accept it); returns their ids."""
    ids = []

    def settled():
        page.locator("#decide").wait_for()
        page.wait_for_timeout(SETTLED_MS)
        ids.append(page.locator("#decide input[name=id]").get_attribute("value"))

    page.goto(link)
    page.locator("html.scripted").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/candidate?*")
    settled()
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.get_by_role("status").get_by_text("Rejected.").wait_for()
    settled()
    page.keyboard.press("e")
    if edit:
        page.keyboard.press("Control+End")
        page.keyboard.type(" And keep it warm.")
        page.keyboard.press("Control+Enter")
    else:
        page.locator("textarea").last.press("Control+End")
        page.keyboard.type(" And keep it warm.")
        page.keyboard.press("Control+Enter")
    page.get_by_role("status").get_by_text("Your edit is saved.").wait_for()
    return ids


def handful(*arguments):
    done = subprocess.run([HANDFUL, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_a_file_of_decisions_without_a_desk_is_one_clear_error(tmp_path):
    recipe = write_recipe(tmp_path)
    done = subprocess.run(
        [HANDFUL, "desk", recipe, "--work", tmp_path / "work"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {tmp_path / 'work' / 'desk.sqlite'}: no desk was opened here; open it with:"
    )
    assert not (tmp_path / "reviews.jsonl").exists()
