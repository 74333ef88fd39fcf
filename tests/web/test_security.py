"""What a hostile request gets: a stranger's, an annotator's, a guessing machine's. The real command answers.

What hostile texts do in a browser is in test_security_browser.
"""

from __future__ import annotations

import logging
import re
import socket
import statistics
import threading
import time
from collections import Counter
from contextlib import closing

import httpx2
import pytest
from bs4 import BeautifulSoup
from trial_server import ASIDE, SYSTEMS, Person, Server, comparisons, lay_down

from handful import load
from handful.annotate.ledger import open_ledger
from handful.web.guard import form_token
from handful.web.sessions import GUESSES_BY_ADDRESS
from handful.web.study import study_app

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
ITEMS = 24
STRANGERS = (
    "/",
    "/answer",
    "/admin",
    "/nowhere",
    "/link/wrong",
    "/static/study.css",
    "/static/nothing",
    "/ahead",
)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return lay_down(tmp_path_factory.mktemp("security") / "trial", comparisons(ITEMS), people=3)


@pytest.fixture(scope="module")
def server(recipe):
    running = Server(recipe, ["ann", "ben", "cem", "dan", "fay"])
    yield running
    running.stop()


@pytest.fixture
def person(server):
    people = []

    def come(name, address=None):
        people.append(Person(server.origin))
        if address:
            people[-1].http = from_address(server, address)
        people[-1].enter(server.links[name])
        return people[-1]

    yield come
    for one in people:
        one.http.close()


def from_address(server, address):
    """Loopback has many addresses, and each is another visitor to the server."""
    return httpx2.Client(
        base_url=server.origin, transport=httpx2.HTTPTransport(local_address=address), timeout=30
    )


def stored(recipe):
    with closing(open_ledger(recipe.with_name("work") / "people.sqlite")) as ledger:
        return [
            row for row in ledger.history() if row.task == "preference" and row.subject.startswith("secret")
        ]


def raw(server, request, wait=5.0):
    """What the server says to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(request)
        told = b""
        try:
            while part := connection.recv(65536):
                told += part
        except (TimeoutError, ConnectionResetError):
            return told.decode("latin-1")
        return told.decode("latin-1")


@pytest.mark.parametrize("path", STRANGERS)
def test_every_answer_carries_the_same_strict_headers(path, server):
    reply = httpx2.get(server.origin + path)
    assert reply.headers["content-security-policy"] == POLICY
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert "server" not in reply.headers
    if not path.startswith("/static/study"):
        assert reply.headers["cache-control"] == "no-store"


def test_pages_hold_no_script_or_style_of_their_own(person):
    ann = person("ann")
    for path in ("/", "/ahead", "/nowhere"):
        page = BeautifulSoup(ann.get(path).text, "lxml")
        assert not [tag for tag in page.find_all("script") if not tag.get("src")]
        assert not page.find_all("style")
        assert not [
            name for tag in page.find_all() for name in tag.attrs if name == "style" or name.startswith("on")
        ]


def test_a_form_without_its_token_or_with_anothers_stores_nothing(person, server, recipe):
    ann, ben = person("ann"), person("ben")
    fields, before = ann.fields("/answer") | {"choice": "first"}, len(stored(recipe))
    shorter = {name: value for name, value in fields.items() if name != "token"}
    for data in (
        shorter,
        fields | {"token": ""},
        fields | {"token": "0" * 64},
        fields | {"token": "\u00e9\ud7ff"},
    ):
        assert ann.http.post("/answer", data=data).status_code == 403
    assert ben.http.post("/answer", data=fields).status_code == 403  # her form, his cookie
    assert httpx2.post(server.origin + "/answer", data=fields).status_code == 403  # her form, nobody's
    changed = fields | {"item": "0" * 64}
    assert ann.http.post("/answer", data=changed).status_code == 403  # a token is for what its page showed
    for action in ("/skip", "/undo", "/consent", "/begin", "/practice", "/leave"):
        assert (
            ann.http.post(action, data={"token": "0" * 64, "reason": "other", "agreed": "yes"}).status_code
            == 403
        )
    assert len(stored(recipe)) == before


def test_who_makes_a_good_token_for_themselves_still_gets_only_what_they_are_asked(person, recipe):
    """The key of a form's token is the holder's own cookie, so a token proves where a form is from, and no more."""
    ann, ben = person("ann"), person("ben")
    assert ann.answer("first").status_code == 303
    hers = stored(recipe)[-1]
    session = next(iter(ben.http.cookies.values()))
    undo = {"id": str(hers.id), "token": form_token(session, "undo", str(hers.id))}
    ben.http.post("/undo", data=undo)
    assert [row.choice for row in stored(recipe) if row.item == hers.item and row.person == "ann"] == [
        "first"
    ]
    before = len(stored(recipe))
    for item, round, shown in (("0" * 64, "0", "forward"), (ben.fields("/answer")["item"], "1", "forward")):
        token = form_token(session, "answer", item, round, shown, "n" * 32)
        forged = {"item": item, "nonce": "n" * 32, "token": token, "choice": "first"}
        assert ben.http.post("/answer", data=forged).status_code == 400
    fields = ben.fields("/answer")
    for choice in ("left", "skip", "excellent", "", "first\n"):
        assert ben.http.post("/answer", data=fields | {"choice": choice}).status_code == 400
    assert len(stored(recipe)) == before


def test_a_practice_pair_takes_no_choice_that_is_not_on_its_page(server):
    fay = Person(server.origin)
    fay.get(server.links["fay"])
    while not fay.form("/practice"):
        fay.send(str(next(form["action"] for form in fay.forms() if form["action"] not in ASIDE)))
    for choice in ("skip", "excellent", ""):
        assert (
            fay.http.post("/practice", data=fay.fields("/practice") | {"choice": choice}).status_code == 400
        )
    fay.http.close()


def test_reading_changes_nothing(person, recipe):
    ann = person("ann")
    fields, before = ann.fields("/answer") | {"choice": "first"}, len(stored(recipe))
    for path in ("/answer", "/skip", "/undo", "/consent", "/begin", "/practice", "/leave"):
        assert ann.http.get(path, params=fields).status_code == 303
    assert len(stored(recipe)) == before


def routes(recipe, tmp_path):
    with closing(open_ledger(tmp_path / "other.sqlite")) as ledger:
        folder = next(recipe.with_name("work").glob("*study*/*/manifest.json"), None)
        folder = folder or next(recipe.with_name("work").rglob("comparisons.jsonl"))
        app, _ = study_app(folder.parent, load(recipe), ledger, origin="http://x", command="x")
        return [
            (route.path, sorted(route.methods or ())) for route in app.routes if hasattr(route, "methods")
        ]


def test_annotators_and_strangers_are_told_of_no_page_of_the_researcher(person, server, recipe, tmp_path):
    ann, stranger = person("ann").http, httpx2.Client(base_url=server.origin)
    admins = [(path, methods) for path, methods in routes(recipe, tmp_path) if path.startswith("/admin")]
    assert len(admins) >= 5
    for path, methods in admins:
        address = re.sub(r"\{[^}]+\}", "1", path)
        for method in methods:
            for client in (ann, stranger):
                reply = client.request(
                    method, address, data={"name": "mallory"} if method == "POST" else None
                )
                assert reply.status_code in (403, 404, 405), (method, address)
                assert "secret-" not in reply.text
    assert ann.get("/admin").status_code == 404
    stranger.close()


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../annotate/ledger.py", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
        "/static/..%5capp.py", "/static/%252e%252e/app.py", "/static/....//app.py", "/static//etc/passwd",
        "/static/%00", "/static/study.css%00.html", "/../../etc/passwd", "//etc/passwd", "/static/",
        "/templates/task.html", "/sealed/key.jsonl", "/static/../../../sealed/key.jsonl", "/people.sqlite",
        "/.git/config", "/docs", "/openapi.json", "/admin/../sealed", "/admin;x", "/ADMIN", "/%61dmin",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(path, server):
    told = raw(
        server, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n".encode()
    )
    assert re.match(r"HTTP/1\.1 (400|403|404) ", told), told[:200]
    assert "import " not in told
    assert "root:" not in told


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "127.0.0.1@evil.example", ""]
)
def test_a_name_that_is_not_the_studys_is_refused(host, server):
    told = raw(server, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert told.startswith("HTTP/1.1 400 "), told[:200]
    forwarded = httpx2.get(server.origin + "/leave", headers={"X-Forwarded-Host": "evil.example"})
    assert forwarded.headers["location"] == "/"


def test_wrong_links_are_limited_by_address_and_nobody_else_waits(server):
    guesser = from_address(server, "127.0.0.77")
    told = Counter(guesser.get(f"/link/{'x' * 40}{n}").status_code for n in range(GUESSES_BY_ADDRESS + 5))
    assert told == {404: GUESSES_BY_ADDRESS, 429: 5}
    lie = {"X-Forwarded-For": "10.1.2.3"}  # believed from a proxy on this machine alone, at 127.0.0.1
    assert guesser.get("/link/another", headers=lie).status_code == 429
    other = from_address(server, "127.0.0.78")
    assert other.get(server.links["dan"]).status_code == 303
    guesser.close()
    other.close()


def test_a_revoked_link_is_told_in_the_same_words_and_time_as_one_that_never_was(server, recipe):
    with closing(open_ledger(recipe.with_name("work") / "people.sqlite")) as ledger:
        ledger.add_person("gone")
        revoked = f"/link/{ledger.new_token('person', 'gone')}"
        ledger.event("revoked", "gone")
    unknown = "/link/" + "x" * (len(revoked) - 6)
    seconds, texts = {revoked: [], unknown: []}, set()
    for visitor in range(12):
        client = from_address(server, f"127.0.1.{visitor + 1}")
        client.get("/favicon.ico")
        for path in (revoked, unknown) * (GUESSES_BY_ADDRESS // 2):
            began = time.perf_counter()
            reply = client.get(path)
            seconds[path].append(time.perf_counter() - began)
            texts.add((reply.status_code, reply.text))
        client.close()
    assert len(texts) == 1
    one, other = (statistics.median(times) for times in seconds.values())
    assert abs(one - other) < 0.5 * min(one, other)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(server):
    cookie = httpx2.get(server.origin + server.links["cem"]).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie.replace("Lax", "lax")
    assert "Secure" not in cookie  # plain HTTP on this machine: a browser would not send it back
    assert (
        server.links["cem"].rsplit("/", 1)[1] not in cookie
    )  # the link's secret does not stay in the browser


def test_behind_https_cookies_are_secure_and_links_say_so(recipe, tmp_path):
    other = lay_down(tmp_path / "trial", comparisons(2))
    server = Server(other, ["ann"], options=["--public-url", "https://study.example.org"])
    try:
        assert server.origin == "https://study.example.org"
    finally:
        said = server.stop()
    assert not [
        line
        for line in said.splitlines()
        if "/link/" in line and "https://study.example.org/link/" not in line
    ]


def test_a_cookie_that_somebody_else_chose_is_worth_nothing(server):
    name = httpx2.get(server.origin + server.links["dan"]).headers["set-cookie"].split("=")[0]
    for value in ("", "evil", "0" * 43, "%00", "a" * 5000, "\xe9", "\xff\x80"):
        reply = httpx2.get(server.origin, headers={"Cookie": f"{name}={value}".encode("latin-1")})
        assert reply.status_code in (400, 403)
    entered = httpx2.get(server.origin + server.links["dan"], headers={"Cookie": f"{name}=chosen-by-mallory"})
    assert "chosen-by-mallory" not in entered.headers["set-cookie"]


BODIES = {
    "an answer of bytes that are no text": b"token=%ff%fe&item=\xff\x00&choice=%ED%A0%80&nonce=%00",
    "thousands of fields": b"a=1&" * 5_000,
    "a field of great length": b"choice=" + b"x" * 60_000,
    "fields without end": b"&" * 60_000,
    "percent signs": b"%" * 10_000,
    "many of one": b"choice=first&choice=second&token=a&token=b&item=c&item=d",
    "nothing": b"",
}


KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "application/json",
    "text/plain; charset=utf-7",
)


@pytest.mark.parametrize("kind", KINDS)
def test_forms_that_nobody_would_send_are_refused_without_a_fault(kind, person, server):
    ann = person("ann")
    for what, body in BODIES.items():
        for action in ("/answer", "/undo", "/leave", "/admin/people"):
            reply = ann.http.post(action, content=body, headers={"Content-Type": kind})
            assert reply.status_code in (400, 403, 404, 405, 413), (what, action, reply.status_code)
    assert "Traceback" not in "".join(server.said)


def test_bodies_over_the_limit_are_refused_announced_or_not(server):
    assert httpx2.post(server.origin + "/answer", content=b"a" * 200_000).status_code == 413
    assert (
        httpx2.post(server.origin + "/answer", content=(b"a" * 1000 for _ in range(200))).status_code == 413
    )
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 99999999999\r\n\r\n".encode()
    assert " 413 " in raw(server, head + b"a" * 100_000)[:20]


def test_headers_without_end_are_refused(server):
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX: ".encode()
    assert raw(server, head + b"x" * 200_000).startswith("HTTP/1.1 4")


def test_connections_that_never_end_their_request_keep_nobody_waiting(person, server):
    """Fifty who send a header and stop, and fifty who send half of a form."""
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    for number, connection in enumerate(slow):
        connection.sendall(
            (head + ("Content-Length: 500\r\n\r\ntoken=" if number % 2 else "X-Slow: ")).encode()
        )
    ann = person("ann")
    began = time.perf_counter()
    assert ann.answer("neither").status_code == 303
    assert time.perf_counter() - began < 2
    for connection in slow:
        connection.close()


def test_nothing_that_an_annotator_is_sent_names_a_system_a_comparison_or_a_prompt(tmp_path):
    """Everything of a whole study, as bytes: pages, headers, files, errors, the page fetched ahead. And the key is not
    even there: nothing that the server does can depend on which system stands first."""
    recipe = lay_down(tmp_path / "trial", comparisons(6))
    server = Server(recipe, ["ann"])
    key = next(recipe.with_name("work").rglob("key.jsonl"))
    key.unlink()
    key.parent.rmdir()
    ann, sent = Person(server.origin), []
    ann.http.event_hooks["response"] = [
        lambda r: sent.append(f"{r.url} {r.headers} {r.read().decode()}".lower())
    ]
    ann.enter(server.links["ann"])
    for _ in range(6):
        ann.http.get("/ahead")
        assert ann.answer("neither").status_code == 303
    for path in ("/", "/admin", "/nowhere", "/static/study.js", "/static/study.css", "/sealed/key.jsonl"):
        ann.get(path)
    server.stop()
    ann.http.close()
    assert len(sent) > 25
    words = [*SYSTEMS, "zebra", "quokka", "secret-", "tuned", "key.jsonl", "gemma"]
    assert {word for word in words for text in sent if word in text.replace("/sealed/key.jsonl", "")} == set()


def test_no_secret_is_ever_logged_not_even_when_everything_is(recipe, tmp_path, caplog):
    from handful.web.serve import listen, server_of

    caplog.set_level(logging.DEBUG)
    folder = next(recipe.with_name("work").rglob("comparisons.jsonl")).parent
    with closing(open_ledger(tmp_path / "people.sqlite")) as ledger:
        ledger.add_person("ann")
        token, admin = ledger.new_token("person", "ann"), ledger.new_token("admin")
        app, _ = study_app(folder, load(recipe), ledger, origin="http://x", command="x")
        listener = listen("127.0.0.1", 0)
        running = server_of(app)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ann = Person(url)
        ann.enter(f"/link/{token}")
        ann.answer("first", reason="because-of-this")
        httpx2.get(f"{url}/link/wrong-{token}")
        chief = Person(url)
        chief.get(f"/link/{admin}")
        cookies = [*ann.http.cookies.values(), *chief.http.cookies.values()]
        ann.http.close()
        chief.http.close()
        running.should_exit = True
        thread.join()
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    for secret in (token, admin, *cookies, "because-of-this"):
        assert secret not in logged
        for file in tmp_path.iterdir():
            if secret != "because-of-this":
                assert secret.encode() not in file.read_bytes(), file.name  # hashes alone are stored


def test_the_server_said_nothing_beside_its_first_lines(server):
    """Run last: the output of all the above, in which a link stands once and no cookie at all."""
    said = "".join(server.said)
    for link in server.links.values():
        assert said.count(link) == 1
    assert "handful_session" not in said
    assert "Traceback" not in said
