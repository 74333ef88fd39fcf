"""The researcher's pages, without a browser: who may see them, what they say, what they do."""

import csv
import io
import json
import re
from html import unescape

import pytest

from handful.annotate.rows import insert
from handful.annotate.tables import EVENTS
from handful.core.types import Comparison, Turn
from handful.web.admin import ACTIONS, Console, add_admin
from handful.web.exports import FILES, harmless

FORM = re.compile(r'<form method="post" action="(/admin/[\w-]+)".*?</form>', re.S)


def form_of(page, action):
    """The hidden fields of the form that posts to `action`."""
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S).group()
    return {
        n: unescape(value) for n, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def comparisons(count):
    return tuple(
        Comparison(
            f"c{n}", f"mine/{n}", (Turn("user", f"How do I sharpen knife number {n}?"),), f"L{n}", f"R{n}"
        )
        for n in range(count)
    )


@pytest.fixture
def told():
    """What the study's watch says; change it at will."""
    return [""]


@pytest.fixture
def app(make_app, ledger, told):
    made = make_app(people=2)
    board = made.state.board
    add_admin(
        made,
        Console(board, ledger, board.params, "trial", "http://127.0.0.1", "handful run it", lambda: told[0]),
    )
    return made


@pytest.fixture
def admin(app, make_client, ledger):
    client = make_client(app)
    assert client.get("/link/" + ledger.new_token("admin")).url.path == "/admin"
    return client


def act(client, action, page="/admin", **fields):
    """Send the form `action` of `page` as the browser would, and return where it leads."""
    return client.post(f"/admin/{action}", data={**form_of(client.get(page), f"/admin/{action}"), **fields})


def answer_all(board, name, choices=("first",), ms=20_000):
    given = 0
    while (place := board.visit(name)).where == "item":
        board.give(
            name,
            place.offer.item.key,
            round=place.offer.round,
            order=place.offer.order,
            choice=choices[given % len(choices)],
            ms=ms,
        )
        given += 1
    return given


def join(ledger, board, name, group=""):
    ledger.add_person(name, group)
    board.consent(name)
    board.practised(name)


def rows_of(page):
    """Name -> the cells of their row."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page.text, re.S):
        name = re.search(r'href="/admin/person/([^"]+)"', row)
        if name:
            cells = re.findall(r'<td data-label="([^"]+)"[^>]*>(.*?)</td>', row, re.S)
            found[name.group(1)] = {label: re.sub("<[^>]+>", "", text).strip() for label, text in cells}
    return found


PATHS = (
    "/admin",
    "/admin/prompts",
    "/admin/person/ann",
    "/admin/link/x",
    "/admin/export/answers.csv",
    "/admin/nothing",
)


def counts(ledger):
    return [len(ledger.rows(name)) for name in ("events", "people", "tokens")]


def test_for_everybody_but_the_researcher_the_pages_are_not_there(app, make_client):
    strangers = [make_client(app), make_client(app, "ann", started=False)]
    nowhere = strangers[0].get("/nowhere")
    for client in strangers:
        for path in PATHS:
            page = client.get(path)
            assert page.status_code == 404
            assert page.text == nowhere.text


def test_nobody_else_can_act(app, make_client, ledger):
    client = make_client(app, "ann", started=False)
    before = counts(ledger)
    for action in ACTIONS:
        assert client.post(f"/admin/{action}", data={"token": "x", "name": "ann"}).status_code == 404
    assert counts(ledger) == before


def test_a_new_link_of_the_researcher_ends_the_old_session_and_says_so(admin, ledger):
    admin.get("/admin")
    ledger.add_person("ann")
    ledger.new_token("admin")
    before = counts(ledger)
    for page in (*map(admin.get, PATHS[:-1]), admin.post("/admin/add", data={"name": "ben"})):
        assert page.status_code == 403
        assert "The server was started again: use the researcher&#39;s link that it printed" in page.text
        assert "ann" not in page.text
    assert counts(ledger) == before


def test_a_session_that_never_was_the_researchers_is_a_strangers(app, make_client, ledger):
    guest = make_client(app, "ann", started=False)
    ledger.new_token("person", "ann")  # hers holds no longer
    made_up = make_client(app)
    made_up.cookies.set("handful_session", "x" * 43)
    assert [client.get("/admin").status_code for client in (guest, made_up)] == [404, 404]


def test_a_form_that_is_not_ours_changes_nothing(admin, ledger):
    ledger.add_person("ann")
    before = counts(ledger)
    for action in ACTIONS:
        page = admin.post(f"/admin/{action}", data={"token": "0" * 64, "name": "ann"})
        assert page.status_code == 403
        assert "Nothing was stored" in page.text
    assert counts(ledger) == before


def test_the_token_of_one_person_does_for_no_other(admin, ledger):
    ledger.add_person("ann")
    ledger.add_person("ben")
    form = form_of(admin.get("/admin/person/ann"), "/admin/revoke")
    assert admin.post("/admin/revoke", data={**form, "name": "ben"}).status_code == 403
    assert [person.state for person in ledger.people()] == ["active", "active"]


def test_adding_a_person_shows_a_link_once_that_lets_them_in(admin, app, make_client, ledger):
    page = act(admin, "add", name=" ann  b ", group="crowd")
    link = re.search(r"http://127\.0\.0\.1(/link/[\w-]+)", page.text).group(1)
    assert [(person.name, person.group) for person in ledger.people()] == [("ann b", "crowd")]
    again = admin.get(page.url)
    assert link not in again.text
    assert "has been shown" in again.text
    guest = make_client(app)
    assert "your answers" in guest.get(link).text  # the consent page
    assert link.rsplit("/")[-1] not in "".join(row.token_hash for row in ledger.rows("tokens"))


def test_another_session_cannot_fetch_the_link(admin, app, make_client, ledger):
    page = admin.post(
        "/admin/add",
        data={**form_of(admin.get("/admin"), "/admin/add"), "name": "ann"},
        follow_redirects=False,
    )
    other = make_client(app, "ben", started=False)
    assert other.get(page.headers["location"]).status_code == 404
    assert "/link/" in admin.get(page.headers["location"]).text


def test_a_name_that_will_not_do_is_said_on_the_page(admin, ledger):
    ledger.add_person("ann")
    wrong = {
        "ann": "somebody of this name",
        "a:b": "is no pseudonym",
        "": "is no pseudonym",
        "<b>": "&lt;b&gt;",
    }
    for name, said in wrong.items():
        page = act(admin, "add", name=name)
        assert page.status_code == 400
        assert said in page.text
        assert "<b>" not in page.text
    assert len(ledger.people()) == 1


def test_a_new_link_ends_the_old_one_and_its_devices(admin, app, make_client, ledger):
    device = make_client(app, "ann", started=False)
    assert device.get("/").status_code == 200
    page = act(admin, "link", "/admin/person/ann")
    assert device.get("/").status_code == 403
    link = re.search(r"http://127\.0\.0\.1(/link/[\w-]+)", page.text).group(1)
    event = ledger.events("ann")[-1]
    assert (event.kind, event.reason, event.subject) == ("linked", "by the researcher's page", "")
    assert "new link made" in admin.get("/admin/person/ann").text
    assert link.rsplit("/")[-1] not in admin.get("/admin/export/events.jsonl").text
    assert device.get(link).status_code == 200


def test_pause_and_go_on_for_one_and_for_all(admin, app, make_client):
    board = app.state.board
    make_client(app, "ann", started=False)
    board.consent("ann")
    assert board.visit("ann").where == "item"
    assert "they are given no more items" in act(admin, "pause", "/admin/person/ann").text
    assert board.visit("ann").where == "paused"
    act(admin, "resume", "/admin/person/ann")
    assert board.visit("ann").where == "item"
    assert ">paused</span>" in act(admin, "pause-study").text
    assert board.visit("ann").where == "paused"
    assert ">open</span>" in act(admin, "resume-study").text
    assert board.visit("ann").where == "item"


def test_revoking_shuts_out_and_restoring_makes_a_new_link(admin, app, make_client, ledger):
    device = make_client(app, "ann", started=False)
    act(admin, "revoke", "/admin/person/ann")
    assert device.get("/").status_code == 403
    page = act(admin, "restore", "/admin/person/ann")
    assert device.get("/").status_code == 403  # what was revoked may be in the wrong hands
    assert device.get(re.search(r"(/link/[\w-]+)", page.text).group(1)).status_code == 200


def test_dropping_needs_a_reason_leaves_answers_out_and_can_be_undone(admin, app, ledger):
    board = app.state.board
    join(ledger, board, "ann")
    join(ledger, board, "ben")
    answer_all(board, "ann")
    assert "6 of 12 answers" in admin.get("/admin").text
    assert act(admin, "drop", "/admin/person/ann", reason="  ").status_code == 400
    page = act(admin, "drop", "/admin/person/ann", reason="did not <read>")
    assert "did not &lt;read&gt;" in page.text
    assert "0 of 12 answers" in admin.get("/admin").text
    assert ledger.people()[0].reason == "did not <read>"
    assert "Their answers count again" in act(admin, "keep", "/admin/person/ann").text
    assert "6 of 12 answers" in admin.get("/admin").text
    assert len(ledger.answers()) == 6
    kinds = [event.kind for event in ledger.events("ann")]
    assert kinds[-2:] == ["dropped", "kept"]


def test_what_was_opened_and_left_goes_to_others(admin, app, ledger):
    board = app.state.board
    for name in ("ann", "ben"):
        join(ledger, board, name)
        board.visit(name)
    assert {row.holds for row in board.progress().people} == {2}
    act(admin, "release", "/admin/person/ann")
    assert [row.holds for row in board.progress().people] == [0, 2]
    act(admin, "release-all")
    assert [row.holds for row in board.progress().people] == [0, 0]


def test_the_table_says_how_each_person_works(admin, app, ledger):
    board = app.state.board
    join(ledger, board, "ann", "authors")
    join(ledger, board, "ben", "crowd")
    answer_all(board, "ann", ("first", "second", "neither"), ms=20_000)
    place = board.visit("ben")
    board.skip("ben", place.offer.item.key, round=0, order=place.offer.order, reason="not my language")
    answer_all(board, "ben", ("neither",), ms=1_000)
    rows = rows_of(admin.get("/admin"))
    assert rows["ann"]["Answered"] == "6"
    assert rows["ann"]["Left"] == "0"
    assert rows["ann"]["Time an item"] == "20 s"
    assert rows["ann"]["Look at"] == ""
    assert rows["ben"]["Answered"] == "5"
    assert rows["ben"]["Skips"] == "1"
    assert "fast" in rows["ben"]["Look at"]
    page = admin.get("/admin").text
    assert re.search(r"Skipped: 1 . not my language\.", page)
    assert "too few yet" in page  # five items were answered by both


def test_agreement_is_told_from_ten_shared_items_on(make_app, ledger, make_client, study):
    app = make_app(type(study)(comparisons(12)), people=2)
    board = app.state.board
    add_admin(app, Console(board, ledger, board.params, "trial", "http://127.0.0.1", "run"))
    for name in ("ann", "ben"):
        join(ledger, board, name)
        answer_all(board, name, ("neither",))
    client = make_client(app)
    page = client.get("/link/" + ledger.new_token("admin")).text
    assert re.search(r'data-label="Answered by two or more" class="number">12<', page)
    assert "given to everybody" not in page  # that is another number, of [annotate] shared
    least = 0.025 ** (1 / 12)  # the exact bound where twelve of twelve are alike
    assert f'data-label="Agreement" class="number wordy">1.00 [{least:.2f}, 1.00]<' in page


def test_prompts_come_page_by_page_with_counts(make_app, ledger, make_client, study):
    app = make_app(type(study)(comparisons(120)), people=1)
    board = app.state.board
    add_admin(app, Console(board, ledger, board.params, "trial", "http://127.0.0.1", "run"))
    join(ledger, board, "ann")
    first = board.study.items[next(iter(board.study.items))]
    board.give("ann", first.key, round=0, order="forward", choice="first", ms=7_000)
    client = make_client(app)
    client.get("/link/" + ledger.new_token("admin"))
    page = client.get("/admin/prompts").text
    assert "1 to 50 of 120" in page
    assert re.search(r"knife number 0\?.*?Answers\" class=\"number\">1<.*?7\.0 s", page, re.S)
    assert "101 to 120 of 120" in client.get("/admin/prompts?page=3").text
    assert "101 to 120 of 120" in client.get("/admin/prompts?page=999").text
    assert "knife number 0?" not in client.get("/admin/prompts?sort=open").text
    for odd in ("0", "-1", "x", "9" * 30, "²"):
        assert client.get("/admin/prompts", params={"page": odd}).status_code == 200


def test_a_changed_recipe_is_said_and_the_page_still_works(admin, told):
    assert "told warn" not in admin.get("/admin").text
    told[0] = "The recipe has changed <now>."
    assert "The recipe has changed &lt;now&gt;." in admin.get("/admin").text


def table(reply):
    return list(csv.DictReader(io.StringIO(reply.text)))


def test_exports_hold_everything_that_was_said_and_no_system(admin, app, ledger):
    board = app.state.board
    join(ledger, board, "ann", "crowd")
    place = board.visit("ann")
    item = place.offer.item
    board.give(
        "ann", item.key, round=0, order=place.offer.order, choice="first", reason='=HYPERLINK("x")', ms=1500
    )
    last = board.visit("ann").last
    standing = table(admin.get("/admin/export/answers.csv"))
    side = "left" if place.offer.order == "forward" else "right"
    assert [(r["person"], r["group"], r["choice"], r["side"], r["seconds"]) for r in standing] == [
        ("ann", "crowd", "first", side, "1.5")
    ]
    assert standing[0]["prompt"] == item.prompt_id
    assert standing[0]["reason"] == '\'=HYPERLINK("x")'
    board.undo("ann", last)
    assert table(admin.get("/admin/export/answers.csv")) == []
    history = [json.loads(line) for line in admin.get("/admin/export/history.jsonl").text.splitlines()]
    assert [(row["choice"], row["supersedes"]) for row in history] == [
        ("first", None),
        (None, history[0]["id"]),
    ]
    assert history[0]["reason"] == '=HYPERLINK("x")'  # JSON keeps what was typed
    reply = admin.get("/admin/export/people.csv")
    assert reply.headers["content-disposition"] == 'attachment; filename="trial-people.csv"'
    assert [row["name"] for row in table(reply)] == ["ann"]
    secrets = [row.token_hash for row in ledger.rows("tokens")] + [
        row.session_hash for row in ledger.rows("sessions")
    ]
    for file in FILES:
        for form in ("csv", "jsonl"):
            text = admin.get(f"/admin/export/{file}.{form}").text
            assert not [word for word in ("lima-tuned", "gpt-baseline", *secrets) if word in text]


def test_fewer_people_than_are_wanted_on_an_item_are_told(admin, app, ledger):
    said = "2 people are wanted on each item, and there is 1"
    assert said not in admin.get("/admin").text  # nobody yet, which is said elsewhere
    ledger.add_person("ann")
    ledger.add_person("zoe")
    assert said not in admin.get("/admin").text
    ledger.event("revoked", "zoe")
    assert said in admin.get("/admin").text


def test_a_short_cell_stays_on_one_line_on_a_phone(admin):
    style = admin.get("/static/admin.css").text.split("@media (max-width: 52rem)")[1]
    assert "table.folds td.number:not(.wordy) { white-space: nowrap; }" in style
    assert (
        "content: attr(data-label); color: var(--soft); white-space: normal; }" in style
    )  # labels may break


def test_an_export_that_is_not_there_is_not_found(admin):
    for file in ("answers.xlsx", "key.jsonl", "..%2Fpeople.sqlite", "answers", ".csv"):
        assert admin.get(f"/admin/export/{file}").status_code == 404


def test_a_long_history_is_exported_whole(admin, app, ledger):
    def many(connection):
        for n in range(1_203):
            insert(connection, EVENTS, {"person": "ann", "kind": "note", "reason": str(n), "subject": ""})

    ledger.write(many)
    rows = table(admin.get("/admin/export/events.csv"))
    assert [row["reason"] for row in rows if row["kind"] == "note"] == [str(n) for n in range(1_203)]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1"])
def test_no_cell_is_a_formula(cell):
    assert harmless(cell) == "'" + cell


def test_other_cells_stay_as_they_are():
    assert [harmless(value) for value in ("a=b", "", None, -1.5, 0)] == ["a=b", "", "", "-1.5", "0"]


def test_every_form_of_every_page_is_one_that_the_server_knows(admin, ledger):
    for name, event in (("ann", ""), ("ben", "paused"), ("cem", "revoked"), ("dot", "dropped")):
        ledger.add_person(name)
        if event:
            ledger.event(event, name, "reason")
    found = set()
    for page in ("/admin", *(f"/admin/person/{name}" for name in ("ann", "ben", "cem", "dot"))):
        found |= {action.removeprefix("/admin/") for action in FORM.findall(admin.get(page).text)}
    assert found == set(ACTIONS) - {"resume-study"}  # which takes the place of pause-study


def test_nobody_of_that_name(admin):
    assert admin.get("/admin/person/nobody").status_code == 404
