"""`handful serve study`, as the command it is: a process that is started, killed, and told wrong things."""

import json
import re
import signal
import socket
import subprocess
import sys
from html import unescape

import httpx2
import pytest
from click.testing import CliRunner

from handful import STAGES, execute, load, plan
from handful.annotate.ledger import open_ledger
from handful.cli.main import cli
from handful.core.errors import Waiting
from handful.web.exports import FILES


def handful(*args):
    """The command in this process: for what it refuses before it serves anything."""
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def fields(page, action):
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S).group()
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in hidden}


STEPS = {"/consent": {"agreed": "yes"}, "/begin": {}, "/practice": {"choice": "first"}}


def come(client, link):
    """By a link to the first item: agree, read, practise."""
    client.get(link)
    while True:
        page = client.get("/")
        step = next((step for step in STEPS if f'action="{step}"' in page.text), None)
        if step is None:
            return
        client.post(step, data={**fields(page, step), **STEPS[step]})


def answer(client, choice="first"):
    reply = client.post(
        "/answer", data={**fields(client.get("/"), "/answer"), "choice": choice}, follow_redirects=False
    )
    assert reply.status_code == 303
    return reply


@pytest.fixture
def visit():
    clients = []

    def open_client(url):
        clients.append(httpx2.Client(base_url=url, follow_redirects=True))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def test_a_server_killed_right_after_an_answer_has_it(study, made, serve, visit):
    recipe, work, _ = made(study)
    two = ("--set", "annotate.people=2")
    server = serve(recipe, work, "--annotator", "ann", *two)
    assert server.said[-1] == "0 of 12 answers given, 12 still wanted (stop with Ctrl-C)\n"
    assert server.said[-2].startswith("2 people are wanted on each item, and there is 1: ")
    client = visit(server.url)
    come(client, server.link("ann"))
    for given in range(1, 3):
        answer(client)
        server.stop(signal.SIGKILL)
        server = serve(recipe, work, *two, port=server.port)  # the same address, at once
        assert server.said[-1].startswith(f"{given} of 12 answers given, {12 - given} still wanted")
    answer(client)  # and still the same person, on the same device


def test_ctrl_c_says_what_is_wanted_and_what_to_run(study, made, serve, visit):
    recipe, work, _ = made(study)
    server = serve(recipe, work, "--annotator", "ann", "--annotator", "ben:crowd")
    clients = {name: visit(server.url) for name in ("ann", "ben")}
    for name, client in clients.items():
        come(client, server.link(name))
    for _ in range(5):
        answer(clients["ann"])
    assert "5 of 6 answers given, 1 still wanted" in server.stop(signal.SIGINT)
    assert server.process.returncode == 0
    server = serve(recipe, work, "--annotator", "ann", port=server.port)
    assert (
        f"ann: is there already; a new link: handful annotators {recipe} --work {work} link ann"
        in "".join(server.said)
    )
    answer(clients["ann"])
    said = server.stop(signal.SIGINT)
    assert f"all 6 answers given; go on with: handful run {recipe} --work {work}" in said


def test_nothing_that_leaves_the_server_names_a_system(study, made, serve, visit):
    """Everything sent to people and to their researcher while a study is answered, as bytes."""
    recipe, work, folder = made(study)
    server = serve(recipe, work, "--annotator", "ann")
    client, researcher = visit(server.url), visit(server.url)
    sent = []
    for browser in (client, researcher):
        browser.event_hooks["response"] = [
            lambda reply: sent.append((reply.read(), str(reply.headers), str(reply.url)))
        ]
    come(client, server.link("ann"))
    for _ in range(6):
        answer(client, "neither")
    for path in (
        "/",
        "/ahead",
        "/static/study.js",
        "/static/study.css",
        "/nowhere",
        "/sealed/key.jsonl",
        "/static/sealed/key.jsonl",
        "/static/../sealed/key.jsonl",
        "/admin/export/answers.csv",
    ):
        client.get(path)
    people_saw = len(sent)
    researcher.get(server.link())
    for path in ("/admin", "/admin/prompts", "/admin/person/ann", "/admin/export/key.jsonl"):
        researcher.get(path)
    for file in FILES:
        researcher.get(f"/admin/export/{file}.csv")
        researcher.get(f"/admin/export/{file}.jsonl")
    assert len(sent) > 40
    names = {
        name
        for line in (folder / "sealed/key.jsonl").read_text().splitlines()
        for name in (json.loads(line)["left"], json.loads(line)["right"])
    }
    for word in ("lima", "gpt-baseline", "tuned", "baseline", "gemma", *names):
        assert not [url for body, headers, url in sent if word in (body.decode() + headers + url).lower()]
    for id in ("mine/0", "c0", "mine"):
        assert not [
            url
            for body, _, url in sent[:people_saw]
            if re.search(rf"\b{id}\b", body.decode()) and "static" not in url
        ]


def test_people_and_the_stage_meet_in_the_ledger(study, made, serve, visit):
    recipe, work, _ = made(study)
    steps = plan(STAGES, load(recipe), work, to="annotate")
    with pytest.raises(Waiting, match="0 of 6"):
        execute(steps, work, only="annotate")
    server = serve(recipe, work, "--annotator", "ann")
    client = visit(server.url)
    come(client, server.link("ann"))
    for _ in range(6):
        answer(client)
    (step,) = execute(steps, work, only="annotate")  # while the server still runs
    assert len((step.folder / "verdicts.jsonl").read_text().splitlines()) == 6
    researcher = visit(server.url)
    researcher.get(server.link())
    assert "so what is answered now reaches no report" in researcher.get("/admin").text
    server.stop(signal.SIGINT)
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 1
    assert "this study is closed: `run` has taken its verdicts over. To open it again, remove" in done.stderr


def test_people_added_by_the_command_may_come_at_once_and_the_revoked_are_out(study, made, serve, visit):
    recipe, work, _ = made(study)
    server = serve(recipe, work)
    assert "nobody can answer yet" in "".join(server.said)
    added = handful("annotators", recipe, "add", "ann", "--work", work)
    link = re.fullmatch(r"ann: (http\S+)\n", added.stdout).group(1)
    assert link.startswith(server.url)
    client = visit(server.url)
    come(client, link)
    answer(client)
    handful("annotators", recipe, "revoke", "ann", "--work", work)
    assert client.get("/").status_code == 403
    researcher = visit(server.url)
    researcher.get(server.link())
    assert "link revoked" in researcher.get("/admin").text


def test_a_recipe_changed_under_a_running_study_is_said_and_nothing_stops(study, made, serve, visit):
    recipe, work, folder = made(study)
    server = serve(recipe, work, "--annotator", "ann")
    client, researcher = visit(server.url), visit(server.url)
    come(client, server.link("ann"))
    answer(client)
    recipe.write_text(recipe.read_text() + "[study]\nseed = 7\n")
    researcher.get(server.link())
    page = unescape(researcher.get("/admin").text)
    assert "now makes another study than the one served" in page
    assert f"handful serve study {recipe} --work {work}" in page
    answer(client)  # people go on
    folder.rename(folder.with_name("elsewhere"))
    assert client.get("/").status_code in (200, 503)
    assert researcher.get("/admin").status_code == 200
    assert server.process.poll() is None


def test_another_server_on_the_same_ledger_is_refused(study, made, serve):
    recipe, work, _ = made(study)
    server = serve(recipe, work)
    done = handful("serve", "study", recipe, "--work", work, "--port", 0)
    assert done.exit_code == 1
    assert f"another handful serves this study (process {server.process.pid})" in done.stderr


def test_run_says_the_whole_command_that_serves_the_study(study, made):
    recipe, work, _ = made(study)
    waiting = handful("run", recipe, "--work", work, "--only", "annotate", "--set", "annotate.people=2")
    assert waiting.exit_code == 3
    assert f"handful serve study {recipe} --work {work} --set annotate.people=2" in waiting.stderr


def test_a_port_in_use_is_said(study, made):
    recipe, work, _ = made(study)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = handful("serve", "study", recipe, "--work", work, "--port", port)
    assert done.exit_code == 1
    assert (
        done.stderr
        == f"error: port {port} is in use at 127.0.0.1; choose another with --port (0 takes any)\n"
    )


def test_a_study_that_would_train_a_model_is_not_made_unasked(study, made):
    recipe, work, folder = made(study)
    folder.rename(folder.with_name("elsewhere"))
    done = handful("serve", "study", recipe, "--work", work, "--port", 0)
    assert done.exit_code == 1
    assert "the study isn't made yet, and needs train" in done.stderr
    assert f"run `handful run {recipe} --work {work} --to study` first" in done.stderr
    assert not (work / "people.sqlite").exists()


def test_a_changed_study_is_refused(study, made):
    recipe, work, folder = made(study)
    (folder / "comparisons.jsonl").write_text("")
    done = handful("serve", "study", recipe, "--work", work, "--port", 0)
    assert done.exit_code == 1
    assert "comparisons.jsonl differs" in done.stderr


def test_a_study_without_comparisons_is_said(study, made):
    recipe, work, _ = made(type(study)(()))
    done = handful("serve", "study", recipe, "--work", work, "--port", 0)
    assert done.exit_code == 1
    assert "asks nothing of people: it holds no comparison" in done.stderr


def test_another_host_needs_a_flag_that_explains_itself(study, made):
    recipe, work, _ = made(study)
    done = handful("serve", "study", recipe, "--work", work, "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert "--allow-remote" in done.stderr
    assert "TLS" in done.stderr
    assert "TLS" in handful("serve", "study", "--help").stdout


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://x", "https://", "https://u:p@x", "https://x/study", "https://x:99999"]
)
def test_a_public_address_that_is_none_is_refused(study, made, url):
    recipe, work, _ = made(study)
    done = handful("serve", "study", recipe, "--work", work, "--public-url", url)
    assert done.exit_code == 2
    assert "--public-url" in done.stderr


def test_behind_a_proxy_links_hosts_and_cookies_are_those_of_the_public_address(study, made, serve):
    recipe, work, _ = made(study)
    server = serve(recipe, work, "--public-url", "https://study.example.org/")
    link = server.link()
    assert link.startswith("https://study.example.org/link/")
    path = link.removeprefix("https://study.example.org")
    address = f"http://127.0.0.1:{server.port}"
    named = httpx2.get(address + path, headers={"Host": "study.example.org"})
    assert named.status_code == 303
    assert "secure" in named.headers["set-cookie"].lower()
    assert httpx2.get(address + "/", headers={"Host": "evil.example"}).status_code == 400


def test_a_recipe_without_people_is_refused_since_nothing_would_read_the_answers(study, made):
    recipe, work, _ = made(study)
    done = handful("serve", "study", recipe, "--work", work, "--set", "annotate.people=0")
    assert done.exit_code == 2
    assert "people = 1" in done.stderr


def test_a_recipe_that_ends_before_a_study_is_said(study, made):
    recipe, work, _ = made(study)
    recipe.write_text(recipe.read_text().split("[train]")[0] + "[annotate]\npeople = 1\n")
    done = handful("serve", "study", recipe, "--work", work, "--port", 0)
    assert done.exit_code == 2
    assert "has no study" in done.stderr


def test_a_ledger_that_is_none_is_said(study, made):
    recipe, work, _ = made(study)
    (work / "people.sqlite").write_text("not a database, but long enough to be read as one " * 100)
    done = handful("serve", "study", recipe, "--work", work, "--port", "0")
    assert done.exit_code == 1
    assert "people.sqlite" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_that_cannot_be_reached_is_said_without_its_password(study, made, monkeypatch):
    recipe, work, _ = made(study)
    monkeypatch.setenv("HANDFUL_DATABASE", "postgresql://me:sekret@127.0.0.1:1/studies")
    done = handful("serve", "study", recipe, "--work", work, "--port", "0")
    assert done.exit_code == 1
    assert "PostgreSQL database studies at 127.0.0.1:1" in done.stderr
    assert "sekret" not in done.output
    assert done.stderr.count("\n") == 1


def test_links_are_told_once_and_stored_as_hashes(study, made, serve):
    recipe, work, _ = made(study)
    server = serve(recipe, work, "--annotator", "ann")
    secrets = [server.link().rsplit("/", 1)[1], server.link("ann").rsplit("/", 1)[1]]
    server.stop(signal.SIGINT)
    held = b"".join(path.read_bytes() for path in work.glob("people.sqlite*"))
    assert not [secret for secret in secrets if secret.encode() in held]
    ledger = open_ledger(work / "people.sqlite")
    assert [row.role for row in ledger.rows("tokens")] == ["admin", "person"]
    ledger.close()


INTERRUPTED_WHERE_EXCEPTIONS_ARE_LOST = """
import signal, sys, weakref
import uvicorn
from handful.web.serve import listen, run_app

class Thing: pass

load = uvicorn.Config.load

def load_and_be_interrupted(config):
    thing = Thing()
    watched = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
    del thing  # what the callback raises is printed and ignored
    load(config)

uvicorn.Config.load = load_and_be_interrupted

async def app(scope, receive, send): pass

with listen("127.0.0.1", 0) as listener:
    run_app(app, listener, "ready")
print("ended")
"""


def test_ctrl_c_is_heard_as_soon_as_the_server_says_that_it_is_ready():
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHERE_EXCEPTIONS_ARE_LOST],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ready\nended\n", "")
