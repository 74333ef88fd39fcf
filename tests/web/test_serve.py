"""`handful serve study`, as the command it is: a process that is started, killed, and told wrong things."""

import json
import re
import signal
import socket

import httpx2
import pytest
from click.testing import CliRunner

from handful import STAGES, execute, load, plan
from handful.annotate.ledger import Ledger
from handful.annotate.pairs import Study
from handful.cli.main import cli
from handful.core.errors import Waiting


def handful(*args):
    """The command in this process: for what it refuses before it serves anything."""
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def fields(page, action):
    form = re.search(rf'<form[^>]*action="{action}".*?</form>', page.text, re.S).group()
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def enter(client, name):
    client.post("/enter", data={**fields(client.get("/"), "/enter"), "name": name})


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
    server = serve(recipe, work)
    assert server.said[1] == "0 of 6 verdicts given, 6 still wanted\n"
    client = visit(server.url)
    enter(client, "ann")
    for given in range(1, 3):
        answer(client)
        server.stop(signal.SIGKILL)
        server = serve(recipe, work, port=server.port)  # the same address, at once
        assert server.said[1] == f"{given} of 6 verdicts given, {6 - given} still wanted\n"
    assert "<strong>3 of 6</strong>" in client.get("/").text  # and still the same person


def test_ctrl_c_says_what_is_wanted_and_what_to_run(study, made, serve, visit):
    recipe, work, _ = made(study)
    server = serve(recipe, work)
    client = visit(server.url)
    enter(client, "ann")
    for _ in range(5):
        answer(client)
    assert "5 of 6 verdicts given, 1 still wanted" in server.stop(signal.SIGINT)
    assert server.process.returncode == 0
    server = serve(recipe, work)
    last = visit(server.url)
    enter(last, "ben")
    answer(last)
    assert f"all 6 verdicts given; go on with: handful run {recipe}" in server.stop(signal.SIGINT)


def test_nothing_that_leaves_the_server_names_a_system(study, made, serve, visit):
    """Everything sent while a study is answered, as bytes: pages, headers, files, errors."""
    recipe, work, folder = made(study)
    client = visit(serve(recipe, work).url)
    sent = []
    client.event_hooks["response"] = [
        lambda reply: sent.append((reply.read(), str(reply.headers), str(reply.url)))
    ]
    enter(client, "ann")
    for _ in range(6):
        answer(client, "neither")
    for path in (
        "/",
        "/static/study.js",
        "/static/study.css",
        "/nowhere",
        "/sealed/key.jsonl",
        "/static/sealed/key.jsonl",
    ):
        client.get(path)
    assert len(sent) > 20
    names = {
        name
        for line in (folder / "sealed/key.jsonl").read_text().splitlines()
        for name in (json.loads(line)["left"],)
    }
    for word in ("lima", "gpt-baseline", "tuned", "baseline", "gemma", *names):
        assert not [url for body, headers, url in sent if word in (body.decode() + headers + url).lower()]


def test_people_and_the_stage_meet_in_the_ledger(study, made, serve, visit):
    recipe, work, _ = made(study)
    steps = plan(STAGES, load(recipe), work, to="annotate")
    with pytest.raises(Waiting, match="0 of 6"):
        execute(steps, work, only="annotate")
    client = visit(serve(recipe, work).url)
    enter(client, "ann")
    for _ in range(6):
        answer(client)
    (step,) = execute(steps, work, only="annotate")  # while the server still runs
    assert len((step.folder / "verdicts.jsonl").read_text().splitlines()) == 6


def test_a_study_whose_verdicts_are_taken_over_is_closed(study, made, serve, visit):
    recipe, work, _ = made(study)
    server = serve(recipe, work)
    client = visit(server.url)
    enter(client, "ann")
    for _ in range(6):
        answer(client)
    server.stop(signal.SIGINT)
    execute(plan(STAGES, load(recipe), work, to="annotate"), work, only="annotate")
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 1
    assert "this study is closed: `run` has taken its verdicts over. To open it again, remove" in done.stderr


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


def test_a_study_that_is_not_made_yet_is_said(study, made):
    recipe, work, folder = made(study)
    folder.rename(folder.with_name("elsewhere"))
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 1
    assert "the study isn't made yet; run `handful run" in done.stderr
    assert "--to study` first" in done.stderr


def test_a_changed_study_is_refused(study, made):
    recipe, work, folder = made(study)
    (folder / "comparisons.jsonl").write_text("")
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 1
    assert "comparisons.jsonl differs" in done.stderr


def test_a_study_without_comparisons_is_said(made):
    recipe, work, _ = made(Study((), "?"))
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 1
    assert "holds no comparisons" in done.stderr


def test_another_host_needs_a_flag_that_explains_itself(study, made):
    recipe, work, _ = made(study)
    done = handful("serve", "study", recipe, "--work", work, "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert "--allow-remote" in done.stderr
    assert "TLS" in done.stderr
    assert "TLS" in handful("serve", "study", "--help").stdout


def test_a_recipe_without_people_is_refused_since_nothing_would_read_the_answers(study, made):
    recipe, work, _ = made(study)
    done = handful("serve", "study", recipe, "--work", work, "--set", "annotate.people=0")
    assert done.exit_code == 2
    assert "people = 1" in done.stderr


def test_a_recipe_that_ends_before_a_study_is_said(study, made):
    recipe, work, _ = made(study)
    recipe.write_text(recipe.read_text().replace('[train]\nmodel = "gemma3-270m"\n', ""))
    done = handful("serve", "study", recipe, "--work", work)
    assert done.exit_code == 2
    assert "has no study" in done.stderr


def test_a_ledger_that_is_none_is_said(study, made):
    recipe, work, _ = made(study)
    (work / "people.sqlite").write_text("not a database, but long enough to be looked at as one" * 40)
    done = handful("serve", "study", recipe, "--work", work, "--port", "0")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {work / 'people.sqlite'}: file is not a database")


def test_two_servers_share_one_ledger(study, made, serve, visit):
    recipe, work, _ = made(study)
    clients = [visit(serve(recipe, work).url) for _ in range(2)]
    for client, name in zip(clients, ("ann", "ben"), strict=True):
        enter(client, name)
    for number in range(6):
        answer(clients[number % 2])
    assert all("All done" in client.get("/").text for client in clients)
    ledger = Ledger(work / "people.sqlite")
    assert len(ledger.entries()) == 6
    ledger.close()
