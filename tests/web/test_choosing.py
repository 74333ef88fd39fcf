"""Choosing an epoch in the app: what people see and what they do not, and what comes of it."""

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from starlette.testclient import TestClient

from handful.annotate.ledger import open_ledger
from handful.annotate.picks import Picks
from handful.choose.measure import rows
from handful.choose.offer import arranged, offers, shown
from handful.choose.records import Given, Loss, Sample
from handful.core.types import Example, Origin, Turn
from handful.web.choosing import Choosing, create_choice, letter
from handful.web.serve import listen, server_of

EPOCHS = [5, 6, 7]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> **bold**"
SETTLED_MS = 350


def example(n):
    turns = (Turn("user", f"How is rice cooked, {n}?"), Turn("assistant", "In water."))
    return Example(f"dev/secret-{n}", turns, Origin("authored", "tests", str(n)))


def text(epoch, n):
    """Prompt 2: epochs 5 and 7 say the same. Prompt 3: all do. Prompt 1: hostile, and empty."""
    by_prompt = {1: {5: HOSTILE, 6: "", 7: "Steam it."}, 2: {5: "Same.", 6: "Other.", 7: "Same."}}
    return by_prompt.get(n, {}).get(epoch, "All alike." if n == 3 else f"Rinse it {epoch * 3} times.")


def given(answer=text):
    prompts = {example(n).id: example(n) for n in range(4)}
    samples = [Sample(e, id, answer(e, n), "eot") for e in EPOCHS for n, id in enumerate(prompts)]
    return Given(EPOCHS, {e: Loss(e, 10 * e, 1.0 + e / 10) for e in EPOCHS}, samples, prompts)


@pytest.fixture
def made(tmp_path):
    """The app over a ledger of its own: .app, .choosing, .ledger, .link(name), .admin()."""
    data = given()
    with closing(open_ledger(tmp_path / "people.sqlite", serve=True)) as ledger:
        choosing = Choosing(offers(data, EPOCHS), rows(data, EPOCHS), ledger, "trial")

        def link(name):
            if name not in {person.name for person in ledger.people()}:
                ledger.add_person(name)
            return f"/link/{ledger.new_token('person', name)}"

        yield SimpleNamespace(
            app=create_choice(choosing),
            choosing=choosing,
            ledger=ledger,
            link=link,
            admin=lambda: f"/link/{ledger.new_token('admin')}",
        )


@pytest.fixture
def enter(made):
    """A client that has opened a link."""

    def open_link(link):
        client = TestClient(made.app, base_url="http://127.0.0.1")
        client.get(link)
        return client

    return open_link


@pytest.fixture
def ann(made, enter):
    client = enter(made.link("ann"))
    client.post("/begin", data=hidden(client.get("/").text))
    return client


def hidden(page, action="/begin|/pick"):
    """The hidden fields of a page's form."""
    form = re.search(rf'<form[^>]*action="(?:{action})".*?</form>', page, re.S)[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def standing(made):
    return [(pick.person, pick.prompt_id, pick.best) for pick in made.choosing.standing_picks()]


def send(client, **fields):
    return client.post("/pick", data=hidden(client.get("/").text) | fields)


# --- what is stored


def test_letters_become_the_epochs_that_stood_behind_them(made, ann):
    offer = made.choosing.order("ann")[0]
    second = arranged(offer, "ann")[1]
    page = send(ann, best="B", reason=" reads well ")
    assert "Saved." in page.text
    (pick,) = made.choosing.standing_picks()
    assert (pick.prompt_id, pick.best, pick.answers) == (offer.prompt_id, second.epochs, offer.answers)
    assert pick.reason == "reads well"
    row = Picks(made.ledger).standing("ann", offer.prompt_id, shown(offer, "ann"))
    assert row.said.best == second.epochs


def test_several_may_be_best_and_no_difference_marks_all(made, ann):
    first, second, third = made.choosing.order("ann")
    send(ann, best=["A", "B"])
    send(ann, none="yes")
    found = {id: best for _, id, best in standing(made)}
    both = [reply.epochs for reply in arranged(first, "ann")[:2]]
    assert found[first.prompt_id] == tuple(sorted(sum(both, ())))
    assert found[second.prompt_id] == (5, 6, 7)
    assert third.prompt_id not in found


def test_marking_none_saves_nothing_and_says_what_to_do(made, ann):
    assert "Mark at least one answer" in send(ann).text
    assert standing(made) == []


def test_prompts_to_which_all_say_the_same_are_not_asked(made, ann):
    for _ in range(3):
        send(ann, best="A")
    assert "All done. Thank you!" in ann.get("/").text
    assert {id for _, id, _ in standing(made)} == {"dev/secret-0", "dev/secret-1", "dev/secret-2"}


def test_a_form_sent_twice_counts_once_and_the_first_answer_stands(made, ann):
    fields = hidden(ann.get("/").text)
    ann.post("/pick", data=fields | {"best": "A"})
    assert "your first answer stands" in ann.post("/pick", data=fields | {"best": "B"}).text
    assert len(standing(made)) == 1
    offer = made.choosing.order("ann")[0]
    assert standing(made)[0][2] == arranged(offer, "ann")[0].epochs


def test_undo_asks_the_same_again(made, ann):
    before = re.findall(r'<h2 id="answer-.*', ann.get("/").text), hidden(ann.get("/").text)["seen"]
    page = send(ann, best="A").text
    page = ann.post("/undo", data=hidden(page, "/undo")).text
    assert "taken back" in page
    assert (re.findall(r'<h2 id="answer-.*', page), hidden(page)["seen"]) == before
    assert standing(made) == []
    send(ann, best="B")
    assert len(standing(made)) == 1


def test_on_another_device_a_person_goes_on_where_they_were(made, ann, enter):
    send(ann, best="A")
    other = enter(made.link("ann"))
    assert "2 of 3" in other.get("/").text


# --- what is seen


def test_no_page_of_a_reader_says_which_epoch_or_prompt_it_is(made, ann):
    pages = [ann.get("/")]
    for _ in range(3):
        pages.append(send(ann, best="A"))
    for page in pages:
        said = page.text + str(page.headers)
        assert "secret-" not in said
        assert "epoch" not in said.lower()
        for offer in made.choosing.offers:
            assert offer.answers not in said
            assert shown(offer, "ann") not in said


def test_people_see_the_answers_in_orders_of_their_own(made):
    orders = {tuple(r.epochs for r in arranged(made.choosing.offers[0], f"person {n}")) for n in range(60)}
    assert len(orders) == 6  # of three


def test_what_models_wrote_never_becomes_markup(made, ann):
    pages = [ann.get("/").text] + [send(ann, best="A").text for _ in range(3)]
    assert not any("<script>alert" in page or "<img" in page for page in pages)
    assert any("&lt;script&gt;alert(1)" in page for page in pages)
    assert any("This answer is empty." in page for page in pages)


# --- who may do what


@pytest.mark.parametrize("path", ["/", "/admin", "/admin/picks.jsonl"])
def test_a_stranger_sees_nothing(made, path):
    response = TestClient(made.app, base_url="http://127.0.0.1").get(path)
    assert response.status_code == 403
    assert "Rinse" not in response.text


@pytest.mark.parametrize("path", ["/admin", "/admin/picks.jsonl"])
def test_whoever_reads_sees_no_votes(ann, path):
    send(ann, best="A")
    assert ann.get(path).status_code == 403


@pytest.mark.parametrize("path", ["add", "link", "revoke", "drop", "keep"])
def test_whoever_reads_changes_nobody(made, ann, path):
    fields = hidden(ann.get("/").text) | {"name": "ben", "reason": "x"}
    assert ann.post(f"/admin/{path}", data=fields).status_code in (400, 403)
    assert [(p.name, p.state) for p in made.ledger.people()] == [("ann", "active")]
    assert not {"revoked", "dropped", "kept"} & {event.kind for event in made.ledger.events()}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": "0" * 64}, 403),
        ({"place": "2"}, 403),
        ({"after": "7"}, 403),
        ({"best": "Z"}, 400),
        ({"best": "5"}, 400),
        ({"seen": "x"}, 403),
    ],
)
def test_a_form_that_is_not_ours_stores_nothing(made, ann, change, status):
    fields = hidden(ann.get("/").text) | {"best": "A"} | change
    assert ann.post("/pick", data=fields).status_code == status
    assert standing(made) == []


def test_a_revoked_link_ends_at_once_and_what_was_picked_counts(made, ann):
    send(ann, best="A")
    made.ledger.event("revoked", "ann")
    assert ann.get("/").status_code == 403
    assert len(standing(made)) == 1


def test_answers_that_changed_under_an_open_page_take_no_picks(made, ann, tmp_path):
    """The model was trained anew, and the server started again."""
    fields = hidden(ann.get("/").text)
    fresh = given(lambda epoch, n: f"New words, {epoch}, {n}.")
    made.choosing.offers = offers(fresh, EPOCHS)
    made.choosing.orders.clear()
    assert ann.post("/pick", data=fields | {"best": "A"}).status_code == 409
    assert standing(made) == []


# --- the researcher's side


@pytest.fixture
def admin(made, enter):
    return enter(made.admin())


def admin_fields(page, action, name):
    for form in re.findall(rf'<form[^>]*action="/admin/{action}".*?</form>', page, re.S):
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        if fields.get("name") == name:
            return fields
    raise AssertionError(f"no form {action} for {name}")


def test_the_admin_adds_people_by_links_that_are_shown_once(made, admin, enter):
    page = admin.get("/admin").text
    fields = hidden(page, "/admin/add")
    link = re.search(
        r"http://127.0.0.1(/link/[\w-]+)", admin.post("/admin/add", data=fields | {"name": " ben "}).text
    )[1]
    assert (
        "There is one question" in enter(link).get("/").text
        or "There are 3 questions" in enter(link).get("/").text
    )
    assert link.rpartition("/")[2] not in admin.get("/admin").text
    again = admin.post("/admin/add", data=fields | {"name": "ben"})
    assert again.status_code == 400
    assert "already" in again.text


def test_a_person_who_was_dropped_counts_for_nothing_until_kept(made, ann, admin):
    send(ann, best="A")
    fields = admin_fields(admin.get("/admin").text, "drop", "ann")
    assert admin.post("/admin/drop", data=fields | {"reason": " "}).status_code == 400
    page = admin.post("/admin/drop", data=fields | {"reason": "asked us to"}).text
    assert "not counted: asked us to" in page
    assert admin.get("/admin/picks.jsonl").text == ""
    admin.post("/admin/keep", data=admin_fields(page, "keep", "ann"))
    assert len(standing(made)) == 1


def test_the_results_are_those_of_the_file_that_a_run_reads(made, enter, admin):
    for name in ("ann", "ben"):
        reader = enter(made.link(name))
        reader.post("/begin", data=hidden(reader.get("/").text))
        for offer in made.choosing.order(name):
            place = next(n for n, reply in enumerate(arranged(offer, name)) if 7 in reply.epochs)
            send(reader, best=letter(place))
    page = admin.get("/admin").text
    assert "<strong>Epoch 7</strong> has most votes" in page
    assert 'picks = ["picks.jsonl"]' in page
    # of four prompts: two for 7 alone, one shared with 5, one alike for all three
    assert re.findall(r"</meter> (\d+%)", page) == ["21%", "8%", "71%"]
    assert "overlap by 100%" in page
    lines = [json.loads(line) for line in admin.get("/admin/picks.jsonl").text.splitlines()]
    assert len(lines) == 6
    assert {tuple(line["best"]) for line in lines} == {(7,), (5, 7)}


def test_letters_go_on_after_z():
    assert [letter(n) for n in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]


# --- in a browser, from a training to the chosen epoch

RECIPE = """
name = "tiny"
[sources.mine]
kind = "messages"
paths = ["mine.jsonl"]
[dataset]
dev = 2
[train]
model = "{model}"
epochs = 2
batch_size = 4
learning_rate = 0.05
max_tokens = 64
dev_samples = 2
dev_sample_tokens = 8
device = "cpu"
[choose]
by = "people"
first = 1
last = 2
[generate]
split = "dev"
max_tokens = 8
limit = "new"
[generate.systems.tuned]
kind = "checkpoint"
"""


def handful(*arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "handful", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


@pytest.fixture
def trained(tmp_path, tiny_model):
    """A recipe in whose work folder a model was trained, waiting for people."""
    turns = [
        {
            "messages": [
                {"role": "user", "content": f"Dish {n}?"},
                {"role": "assistant", "content": f"Boil {n}."},
            ]
        }
        for n in range(11)
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in turns))
    (tmp_path / "r.toml").write_text(RECIPE.format(model=tiny_model))
    run = handful("run", tmp_path / "r.toml", "--work", tmp_path / "work", "--to", "choose")
    assert run.returncode == 3, run.stderr
    assert f"handful serve choice {tmp_path / 'r.toml'} --work {tmp_path / 'work'}" in run.stderr
    return tmp_path / "r.toml", tmp_path / "work"


@pytest.fixture
def serve_choice(trained):
    """Start the command; returns the process and the researcher's link. What still runs after the test is stopped."""
    running = []

    def start():
        command = [sys.executable, "-m", "handful", "serve", "choice", trained[0], "--work", trained[1]]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
        )
        running.append(process)
        return process, re.search(r"researcher: (\S+)", process.stdout.readline())[1]

    yield start
    for process in running:
        with process:
            process.terminate()


def test_two_people_choose_by_keyboard_and_the_run_goes_on_with_their_epoch(trained, serve_choice, new_page):
    """The server is killed between them, and nothing is lost."""
    recipe, work = trained
    for name in ("ann", "ben"):
        server, link = serve_choice()
        admin = new_page(accept_downloads=True)
        admin.goto(link)
        admin.get_by_label("Pseudonym").fill(name)
        admin.get_by_role("button", name="Add, and make a link").click()
        read_all(new_page(), admin.locator(".secret").text_content())
        if name == "ann":
            server.kill()
    admin.get_by_role("link", name="Done").click()
    assert "by 2 people" in admin.locator("#votes + p").text_content()
    chosen = int(re.search(r"Epoch (\d)", admin.locator("#votes + p strong").text_content())[1])
    with admin.expect_download() as download:
        admin.get_by_role("link", name="Download picks.jsonl").click()
    download.value.save_as(recipe.parent / "picks.jsonl")
    toml = admin.locator("pre").first.text_content()
    recipe.write_text(recipe.read_text().replace('[choose]\nby = "people"\n', toml.strip() + "\n"))
    run = handful("run", recipe, "--work", work, "--to", "choose")
    assert run.returncode == 0, run.stderr
    with open(f"{run.stdout.split()[-1]}/choice.json") as file:
        found = json.load(file)
    assert (found["epoch"], found["people"]) == (chosen, 2)


def read_all(page, link):
    """Read every prompt, marking the first two answers with keys alone."""
    page.goto(link)
    page.get_by_role("button", name="Start").press("Enter")
    for _ in range(2):
        page.locator("#pick").wait_for()
        page.wait_for_timeout(SETTLED_MS)
        page.keyboard.press("a")
        page.keyboard.press("b")
        assert page.locator(".answer.marked").count() == 2
        with page.expect_navigation():
            page.keyboard.press("Enter")
    page.get_by_role("heading", name="All done. Thank you!").wait_for()


@pytest.fixture
def site(made):
    """The app on a socket: its address."""
    listener = listen("127.0.0.1", 0)
    server = server_of(made.app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def faults(page):
    found = Axe().run(page).response["violations"]
    return [(fault["id"], fault["nodes"][0]["html"]) for fault in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_on_any_page(made, site, new_page, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(site + made.link("ann"))
    assert faults(page) == []
    page.get_by_role("button", name="Start").click()
    page.locator("#pick").wait_for()
    page.keyboard.press("a")
    assert faults(page) == []
    for _ in range(3):
        page.wait_for_timeout(SETTLED_MS)
        with page.expect_navigation():
            page.get_by_role("button", name="No difference").click()
    assert faults(page) == []
    admin = new_page(color_scheme=scheme)
    admin.goto(site + made.admin())
    assert faults(admin) == []


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_its_screen(made, site, new_page, width):
    page = new_page(viewport={"width": width, "height": 700})
    page.goto(site + made.link("ann"))
    page.get_by_role("button", name="Start").click()
    page.locator("#pick").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.clear_cookies()
    page.goto(site + made.admin())
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_keys_toggle_undo_and_saving_nothing_is_held_back(made, site, new_page):
    page = new_page()
    page.goto(site + made.link("ann"))
    page.get_by_role("button", name="Start").click()
    page.locator("#pick").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("Enter")
    page.get_by_text("Mark at least one answer").wait_for()
    page.keyboard.press("a")
    page.keyboard.press("a")
    assert page.locator(".answer.marked").count() == 0
    with page.expect_navigation():
        page.keyboard.press("0")
    page.get_by_text("2 of 3").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    with page.expect_navigation():
        page.keyboard.press("u")
    page.get_by_text("1 of 3").wait_for()
    assert standing(made) == []


def test_it_works_without_script(made, site, new_page):
    page = new_page(java_script_enabled=False)
    page.goto(site + made.link("ann"))
    page.get_by_role("button", name="Start").click()
    page.get_by_label("Answer B is among the best").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("2 of 3").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("1 of 3").wait_for()
