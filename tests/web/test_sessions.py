"""Personal links, the cookie they are exchanged for, and leaving."""

import re
from statistics import median
from time import perf_counter

import pytest
from starlette.requests import Request

from handful.web import sessions
from handful.web.guard import form_token
from handful.web.sessions import GUESSES_BY_ADDRESS, GUESSES_IN_TOTAL, WINDOW_SECONDS, Guesses, cookie_name


@pytest.fixture
def app(make_app):
    return make_app()


def test_a_link_is_exchanged_for_a_session_and_leaves_the_address(make_client, app, invite):
    client, link = make_client(app), invite("ann")
    reply = client.get(link, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # this is plain HTTP
    assert link.rsplit("/")[-1] not in cookie
    assert "Before you start" in client.get("/").text


def test_by_https_and_behind_a_proxy_that_adds_it_cookies_travel_no_other_way(make_client, make_app, invite):
    proxied = make_client(make_app(secure=True)).get(invite("ann"), follow_redirects=False)
    direct = make_client(make_app()).get("https://127.0.0.1" + invite("ben"), follow_redirects=False)
    assert "Secure" in proxied.headers["set-cookie"]
    assert "Secure" in direct.headers["set-cookie"]


def test_the_researchers_link_leads_to_the_admin_page(make_client, app, ledger):
    reply = make_client(app).get("/link/" + ledger.new_token("admin"), follow_redirects=False)
    assert reply.headers["location"] == "/admin"


def test_two_links_give_two_people_on_two_devices_each(make_client, app, invite):
    link = invite("ann")
    devices = [make_client(app) for _ in range(3)]
    for device, path in zip(devices, (link, link, invite("ben")), strict=True):
        device.get(path)
    names = [re.search(r"You answer as <strong>(\w+)", device.get("/").text).group(1) for device in devices]
    assert names == ["ann", "ann", "ben"]


def test_the_same_link_again_in_the_same_browser_keeps_the_session(make_client, app, invite):
    """Answers that wait in it to be sent were made for that session."""
    client, link = make_client(app), invite("ann")
    client.get(link)
    before = client.cookies["handful_session"]
    client.get(link)
    assert client.cookies["handful_session"] == before


def test_another_persons_link_in_the_same_browser_changes_who_answers(make_client, app, invite):
    client = make_client(app)
    client.get(invite("ann"))
    client.get(invite("ben"))
    assert "You answer as <strong>ben" in client.get("/").text


def test_without_a_link_there_is_a_page_that_says_what_to_do(make_client, app):
    page = make_client(app).get("/")
    assert page.status_code == 403
    assert "Open the link that you were given" in page.text
    assert "How do I sharpen" not in page.text


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "é", "..%2f..", "'; DROP TABLE tokens; --"])
def test_a_wrong_link_gets_a_page_that_teaches_and_no_cookie(make_client, app, token):
    page = make_client(app).get(f"/link/{token}")
    assert page.status_code == 404
    assert "set-cookie" not in page.headers


def test_a_revoked_link_and_its_sessions_look_like_wrong_ones(make_client, app, invite, ledger):
    old = invite("ann")
    client = make_client(app)
    client.get(old)
    wrong = make_client(app).get("/link/" + "a" * 43)
    invite("ann")  # a new link ends the old one
    revoked = make_client(app).get(old)
    assert (revoked.status_code, revoked.text) == (wrong.status_code, wrong.text)
    assert "works on every device" in client.get("/").text
    assert "replaced or withdrawn" in client.get("/").text
    made_up = make_client(app)
    made_up.cookies.set("handful_session", "a" * 43)
    assert made_up.get("/").text == client.get("/").text


def test_wrong_and_revoked_links_take_as_long_as_each_other(make_client, app, invite, monkeypatch):
    monkeypatch.setattr(sessions, "GUESSES_BY_ADDRESS", 10_000)
    client, revoked = make_client(app), invite("ann")
    invite("ann")
    times = {revoked: [], "/link/" + "a" * 43: []}
    for _ in range(40):
        for link, found in times.items():
            since = perf_counter()
            client.get(link)
            found.append(perf_counter() - since)
    one, other = (median(found) for found in times.values())
    assert 0.5 < one / other < 2


def test_guessing_from_one_address_has_to_wait_and_right_links_from_there_too(make_client, app, invite):
    client, right = make_client(app), invite("ann")
    for _ in range(GUESSES_BY_ADDRESS):
        assert client.get("/link/guess").status_code == 404
    page = client.get("/link/guess")
    assert page.status_code == 429
    assert "ten minutes" in page.text
    assert client.get(right).status_code == 429


def test_right_links_are_never_counted(make_client, app, invite):
    client, link = make_client(app), invite("ann")
    for _ in range(GUESSES_BY_ADDRESS + 2):
        assert client.get(link, follow_redirects=False).status_code == 303


def test_guesses_are_forgotten_after_a_while():
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    for _ in range(GUESSES_BY_ADDRESS):
        assert not guesses.too_many("a")
        guesses.wrong("a")
    assert guesses.too_many("a")
    assert not guesses.too_many("b")
    now[0] = WINDOW_SECONDS + 1
    assert not guesses.too_many("a")


def test_guesses_from_many_addresses_are_counted_together():
    guesses = Guesses(lambda: 0.0)
    for number in range(GUESSES_IN_TOTAL):
        guesses.wrong(str(number))
    assert guesses.too_many("another")


def test_leaving_ends_the_session_everywhere_it_was_copied_to(make_client, app, invite):
    client, copy, link = make_client(app), make_client(app), invite("ann")
    client.get(link)
    copy.cookies = client.cookies.copy() if hasattr(client.cookies, "copy") else dict(client.cookies)
    session = client.cookies["handful_session"]
    page = client.post("/leave", data={"token": form_token(session, "leave")})
    assert "See you soon" in page.text
    client.cookies.set("handful_session", session, domain="127.0.0.1")
    assert client.get("/").status_code == 403
    assert make_client(app).get(link).status_code == 200  # the link still works


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_leaving_needs_its_form(make_client, app, invite, token):
    client = make_client(app)
    client.get(invite("ann"))
    assert client.post("/leave", data={"token": token}).status_code == 403
    assert "Before you start" in client.get("/").text


def test_apps_on_two_ports_of_a_machine_do_not_share_a_cookie():
    def request(port):
        host = (b"host", f"127.0.0.1{port}".encode())
        return Request(
            {"type": "http", "scheme": "http", "path": "/", "headers": [host], "query_string": b""}
        )

    assert len({cookie_name(request(port)) for port in ("", ":8000", ":8001")}) == 3


def test_a_link_is_on_no_page_and_in_no_header_once_it_is_used(make_client, app, invite):
    client, link = make_client(app), invite("ann")
    token = link.rsplit("/")[-1]
    reply = client.get(link)
    for one in (*reply.history, reply, client.get("/")):
        assert token not in one.text + str(one.headers)


@pytest.mark.parametrize(
    ("state", "title"),
    [("paused", "Paused"), ("dropped", "Your part is over"), ("revoked", "Your part is over")],
)
def test_whoever_takes_no_part_now_is_told_why_and_that_their_work_is_kept(state, title):
    page = sessions.not_active(state, "What you decided is kept.")
    assert page.status_code == 403
    assert title in page.body.decode()
    assert "What you decided is kept." in page.body.decode()
