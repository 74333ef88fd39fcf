"""Live conversations as people have them: with real servers and a real small model, in a real browser.

What must hold: a reply is graded before the next message, the page tells no system from another, in words or in time,
nothing of a conversation is lost or doubled, and what a model writes never runs.
"""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import httpx
import pytest
from chat_server import completion, refusal, serving
from starlette.testclient import TestClient

from handful.annotate import talk_files
from handful.annotate.ledger import open_ledger
from handful.annotate.talks import FAILED, STALLED, Talks
from handful.core import jsonl
from handful.core.errors import DataError
from handful.core.types import Origin, Prompt, Turn
from handful.recipe.evaluation import Annotate
from handful.recipe.systems import BaseSystem, EndpointSystem, Generate
from handful.run.store import Manifest, write_manifest
from handful.web import pace
from handful.web.app import new_app
from handful.web.live import live
from handful.web.pace import Meter, Pace, Reply
from handful.web.serve import listen, server_of
from handful.web.talking import add_talking

ORIGIN = Origin("mine", "", "1")
FORM = re.compile(r'<form[^>]*action="/talk/(\w+)"[^>]*>(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Ten times as fast as for people; what is measured against the clock says so itself."""
    monkeypatch.setattr(pace, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(pace, "SHORTEST_WAIT", 0.05)
    monkeypatch.setattr(pace, "FASTEST", 2_000.0)
    monkeypatch.setattr(pace, "BEST", Pace(0.05, 40))


@pytest.fixture
def folders(tmp_path):
    """What `run` leaves of a data set and of systems."""

    def make(systems, prompts=1):
        found = {"dataset": tmp_path / "dataset"}
        found["dataset"].mkdir()
        rows = [
            Prompt(f"secret-{n}", (Turn("user", f"Opening {n}?"),), ORIGIN, ("dialogue",))
            for n in range(prompts)
        ]
        jsonl.write(found["dataset"] / "test.jsonl", rows)
        for name, system in systems.items():
            folder = found[f"generate/{name}"] = tmp_path / f"generate-{name}"
            folder.mkdir()
            entry = {"kind": system.kind, "model": str(system.model)}
            params = dict.fromkeys(talk_files.SAMPLING, 1) | {"systems": {name: entry}}
            write_manifest(folder, Manifest(f"generate/{name}", 1, "k", params, {}, {}, {}, {}))
        return found

    return make


class Place:
    """A served room, its ledger, and links into it."""

    def __init__(self, room, ledger, url):
        self.room, self.ledger, self.url = room, ledger, url

    def link(self, person):
        if person not in {one.name for one in self.ledger.people()}:
            self.ledger.add_person(person)
        return f"/link/{self.ledger.new_token('person', person)}"


@pytest.fixture
def opened(tmp_path, folders):
    """Open a room over `systems`: a place with `.app`, and a real server where `serve` says so."""
    with contextlib.ExitStack() as stack:

        def start(systems, prompts=1, serve=False, warm=True, **params):
            ledger = stack.enter_context(
                contextlib.closing(open_ledger(tmp_path / "people.sqlite", serve=True))
            )
            generate = Generate(systems=systems, max_tokens=40, limit="new", device="cpu", temperature=1.0)
            asked = Annotate(people=1, talk=tuple(systems), talk_prompts=prompts, **params)
            room = stack.enter_context(live(asked, generate, folders(systems, prompts), ledger))
            app = new_app("talks", ledger, hosts=("*",), secure=False)
            add_talking(app, room)
            app.get("/")(lambda: "the questions")
            url = ""
            if serve:
                listener = listen("127.0.0.1", 0)
                server = server_of(app)
                thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
                thread.start()
                stack.callback(thread.join)
                stack.callback(setattr, server, "should_exit", True)
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            if warm:
                assert room.ready.wait(60)
            place = Place(room, ledger, url)
            place.app = app
            return place

        yield start


@pytest.fixture
def chat():
    """Chat servers by name: `chat(name=script)` -> systems for a recipe. A script has (body, number) -> answer."""
    with contextlib.ExitStack() as stack:

        def make(**scripts):
            servers = {name: stack.enter_context(serving(script)) for name, script in scripts.items()}
            return {
                name: EndpointSystem(kind="endpoint", base_url=one.base_url, model=name, timeout_seconds=20)
                for name, one in servers.items()
            }

        yield make


def saying(text, seconds=0.0):
    def script(body, number):
        time.sleep(seconds)
        return completion(text)

    return script


class Person:
    """Somebody at the pages, without script."""

    def __init__(self, place, name):
        self.client = TestClient(place.app, base_url="http://127.0.0.1")
        self.client.get(place.link(name))
        self.html = ""

    def look(self):
        self.html = self.client.get("/talk").text
        return self.html

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while what not in self.look():
            assert time.monotonic() < end, self.html
            time.sleep(0.15)
        return self.html

    def send(self, action, **fields):
        forms = {name: dict(FIELD.findall(body)) for name, body in FORM.findall(self.html)}
        assert action in forms, self.html
        answer = self.client.post(f"/talk/{action}", data={**forms[action], **fields})
        self.html = answer.text
        return answer

    def begin(self):
        self.look()
        self.send("begin")
        return self.until("Does this reply")


def test_a_conversation_goes_message_reply_grade_to_its_end(opened, chat):
    place = opened(chat(tuned=lambda body, n: completion(f"You said: {body['messages'][-1]['content']}")))
    ann = Person(place, "ann")
    assert "Opening 0?" in ann.look()
    assert "Conversation 1 of 1" in ann.html
    assert "You said: Opening 0?" in ann.begin()
    assert "<textarea" not in ann.html
    ann.send("grade", grade="pass")
    assert "<textarea" in ann.html
    assert "Graded" in ann.html
    ann.send("say", text="And with <b>salt</b>?")
    assert "You said: And with &lt;b&gt;salt&lt;/b&gt;?" in ann.until("Does this reply")
    ann.send("grade", grade="excellent")
    ann.send("end", reason="it was enough")
    assert "That was the last conversation" in ann.html
    (talk,) = Talks(place.ledger).all()
    assert [said.text for said in talk.said][::2] == ["Opening 0?", "And with <b>salt</b>?"]
    assert [talk.grade_of(1), talk.grade_of(3), talk.ended, talk.reason] == [
        "pass", "excellent", "person", "it was enough",
    ]  # fmt: skip


def test_the_server_itself_keeps_grade_before_message(opened, chat):
    place = opened(chat(tuned=saying("Hi.")))
    ann = Person(place, "ann")
    ann.begin()
    (talk,) = place.room.talks.all()
    fields = dict(FIELD.findall(FORM.search(ann.html)[2]))
    forged = ann.client.post("/talk/say", data={**fields, "text": "next"})
    assert forged.status_code == 403  # the token is one for grading
    answer = ann.send("grade", grade="wonderful")
    assert answer.status_code == 409
    assert "fail, pass, excellent" in answer.text
    ann.look()
    ann.send("grade", grade="fail")
    page = ann.html
    ann.send("undo")
    assert "Does this reply" in ann.html
    ann.html = page  # the message box in another tab, from before the grade was taken back
    late = ann.send("say", text="next")
    assert late.status_code == 409
    assert "no grade yet" in late.text
    assert len(talk.said) == 2


def test_characters_that_cannot_be_stored_lose_no_reply(opened, chat):
    place = opened(chat(tuned=saying("half and \0 nothing")))
    ann = Person(place, "ann")
    ann.begin()
    ann.send("grade", grade="pass")
    ann.send("say", text="a \0 of mine")
    ann.until("Does this reply")
    (talk,) = Talks(place.ledger).all()
    assert talk.said[1].text == "half and \ufffd nothing"
    assert talk.said[2].text == "a \ufffd of mine"
    assert pace.storable("half \ud83d") == "half ?"


def test_a_message_sent_twice_is_said_once_and_answered_once(opened, chat):
    asked = []
    place = opened(chat(tuned=lambda body, n: asked.append(body["messages"]) or completion("Hi.")))
    ann = Person(place, "ann")
    ann.begin()
    ann.send("grade", grade="pass")
    page, before = ann.html, len(asked)
    with ThreadPoolExecutor(4) as pool:
        fields = dict(FIELD.findall(next(body for name, body in FORM.findall(page) if name == "say")))
        list(pool.map(lambda _: ann.client.post("/talk/say", data={**fields, "text": "Once?"}), range(4)))
    ann.until("Does this reply")
    (talk,) = Talks(place.ledger).all()
    assert [said.role for said in talk.said] == ["user", "assistant", "user", "assistant"]
    assert len(asked) == before + 1


def test_a_conversation_ends_by_itself_after_so_many_replies(opened, chat):
    place = opened(chat(tuned=saying("Hi.")), talk_turns=2)
    ann = Person(place, "ann")
    ann.begin()
    ann.send("grade", grade="pass")
    ann.send("say", text="And?")
    ann.until("Does this reply")
    ann.send("grade", grade="pass")
    assert "That was the last conversation" in ann.html
    assert Talks(place.ledger).all()[0].ended == "turns"


def test_others_have_their_own_conversations_and_cannot_touch_mine(opened, chat):
    place = opened(chat(tuned=saying("Hi.")))
    ann, bob = Person(place, "ann"), Person(place, "bob")
    ann.begin()
    (talk,) = place.room.talks.all()
    assert (
        "Opening" not in bob.look() or "Send it and begin" not in bob.html
    )  # one person is wanted, and ann is at it
    assert talk.nonce not in bob.html
    fields = dict(FIELD.findall(FORM.search(ann.html)[2]))
    assert bob.client.post("/talk/grade", data={**fields, "grade": "fail"}).status_code == 403
    assert TestClient(place.app, base_url="http://127.0.0.1").get("/talk").status_code == 403
    assert TestClient(place.app, base_url="http://127.0.0.1").get("/talk/stream").status_code == 204
    assert talk.grades == {}


def test_a_page_names_no_system_no_prompt_and_no_arm(opened, chat):
    place = opened(chat(**{"lima-tuned": saying("Hi."), "gpt-baseline": saying("Hi.")}))
    ann, seen = Person(place, "ann"), []
    for _ in range(2):
        seen.append(ann.look())
        seen.append(ann.begin())
        ann.send("grade", grade="pass")
        seen.append(ann.html)
        ann.send("end")
        seen.append(ann.html)
    told = "\n".join(seen)
    names = ["lima-tuned", "gpt-baseline", "secret-0", *place.room.plan.arms, "endpoint"]
    assert [name for name in names if name in told] == []
    assert len({talk.arm for talk in place.room.talks.all()}) == 2


def test_a_system_that_fails_is_not_named_and_may_be_asked_again(opened, chat, capfd):
    broken = [True]

    def script(body, number):
        return refusal(400, "model lima-tuned is broken") if broken[0] else completion("Better now.")

    place = opened(chat(**{"lima-tuned": script}))
    ann = Person(place, "ann")
    ann.look()
    ann.send("begin")
    failed = ann.until("could not answer")
    assert "lima-tuned" not in failed
    assert "broken" not in failed
    broken[0] = False
    ann.send("again")
    assert "Better now." in ann.until("Does this reply")
    ann.send("grade", grade="pass")
    ann.send("end")
    (talk,) = Talks(place.ledger).all()
    assert [said.text for said in talk.said] == ["Opening 0?", "Better now."]
    assert [event.kind for event in place.ledger.events("ann") if event.kind == FAILED] == [FAILED]
    assert "lima-tuned could not answer" in capfd.readouterr().err  # the researcher is told


def test_a_conversation_that_cannot_go_on_can_be_ended(opened, chat):
    place = opened(chat(tuned=lambda body, n: refusal(400, "no")))
    ann = Person(place, "ann")
    ann.look()
    ann.send("begin")
    ann.until("could not answer")
    ann.send("end")
    assert "That was the last conversation" in ann.html
    assert Talks(place.ledger).all()[0].turns == ()


def test_what_does_not_fit_is_left_out_from_the_oldest_on_and_counted(opened, chat):
    seen = []

    def script(body, number):
        seen.append(len(body["messages"]))
        return refusal(400, "context too long") if len(body["messages"]) > 2 else completion("Hi.")

    place = opened(chat(tuned=script))
    ann = Person(place, "ann")
    ann.begin()
    ann.send("grade", grade="pass")
    ann.send("say", text="And?")
    ann.until("Does this reply")
    assert seen[-2:] == [3, 1]
    assert "left out" not in ann.html
    assert [e.reason for e in place.ledger.events("ann") if e.kind == "talk_cut"] == [
        "1 of the oldest exchanges left out"
    ]


# --- the pace


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("arrival", [lambda t: 1e9, lambda t: 100 * t, lambda t: 1e9 if t > 1 else 0])
def test_what_is_shown_when_depends_on_the_pace_alone(monkeypatch, arrival):
    monkeypatch.setattr(pace, "TICK_SECONDS", 0.2)
    clock, text, seen = Clock(), "x" * 200, []
    reply = Reply(Pace(2.0, 8), clock)
    while clock.now < 10:
        reply.add(text[len(reply.raw) : int(min(len(text), arrival(clock.now)))])
        if len(reply.raw) == len(text):
            reply.end("eot")
        seen.append((round(clock.now, 2), len(reply.advance()[0])))
        clock.now += 0.05
    expected = [(t, 0 if t < 2 else min(200, 8 * (int((t - 2) / 0.2 + 1e-6) + 1))) for t, _ in seen]
    off = [(found, wanted) for found, wanted in zip(seen, expected, strict=True) if found != wanted]
    assert len(off) <= 40
    assert all(abs(found[1] - wanted[1]) <= 8 for found, wanted in off)
    assert reply.stalled == 0


def test_a_reply_that_is_late_makes_the_pace_wait_and_is_counted(monkeypatch):
    monkeypatch.setattr(pace, "TICK_SECONDS", 0.2)
    clock = Clock()
    reply = Reply(Pace(1.0, 5), clock)
    while clock.now < 3.05:
        assert reply.advance() == ("", False)
        clock.now += 0.1
    reply.add("now it is here")
    reply.end("eot")
    clock.now += 0.2
    assert reply.advance()[0] == "now i"
    assert reply.stalled == pytest.approx(2.2, abs=0.21)


def test_the_pace_fits_the_slowest_system_and_never_gets_faster(monkeypatch):
    monkeypatch.setattr(pace, "TICK_SECONDS", 0.2)
    monkeypatch.setattr(pace, "FASTEST", 60.0)
    meter = Meter()
    meter.set = Pace(0.6, 12)
    for _ in range(5):
        meter.note("quick", 0.1, 500)
    assert meter.pace() == Pace(0.6, 12)
    meter.note("slow", 2.0, 25)
    assert meter.pace() == Pace(
        2.75, 4
    )  # 2.0 s and 25 characters a second, with a quarter to spare, and 0.25 s
    for _ in range(30):
        meter.note("slow", 0.1, 500)
    assert meter.pace() == Pace(2.75, 4)
    meter.note("slow", 90.0, 1)  # one hang in twenty is no pace
    assert meter.pace() == Pace(2.75, 4)


WATCHED = """addEventListener("DOMContentLoaded", () => {
  const reply = document.getElementById("reply"), seen = [];
  if (reply) new MutationObserver(() => {
    seen.push([performance.timeOrigin + performance.now(), reply.textContent.length]);
    sessionStorage.seen = JSON.stringify(seen);
  }).observe(reply, {childList: true});
})"""


@pytest.fixture
def slow_and_fast(opened, chat, monkeypatch):
    """Two systems that say the same, one ten times as slowly; at a pace that a clock can tell from another."""
    monkeypatch.setattr(pace, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(pace, "BEST", Pace(0.05, 6))
    text = "A reply of sixty characters, which is the same for both arms"

    def start(prompts):
        return opened(chat(fast=saying(text, 0.12), slow=saying(text, 1.2)), prompts=prompts, serve=True)

    return start


def test_a_browser_sees_a_slow_and_a_fast_system_alike(slow_and_fast, browser):
    place = slow_and_fast(prompts=1)
    context = browser.new_context()
    context.add_init_script(WATCHED)
    page = context.new_page()
    page.goto(place.url + place.link("ann"))
    found = {}
    for number in range(2):
        page.goto(place.url + "/talk")
        began = page.evaluate("Date.now()")
        page.get_by_role("button", name="Send it and begin").click()
        page.get_by_text("Does this reply").wait_for()
        seen = [one for one in json.loads(page.evaluate("sessionStorage.seen")) if one[1]]
        arm = place.room.plan.arms[place.room.talks.all()[number].arm]
        seconds = (seen[-1][0] - seen[0][0]) / 1000
        sizes = [after - before for (_, before), (_, after) in itertools.pairwise([(0, 0), *seen])]
        found[arm] = (seen[0][0] - began) / 1000, (seen[-1][1] - seen[0][1]) / seconds, sizes
        page.wait_for_timeout(320)
        page.keyboard.press("p")
        page.get_by_text("End this conversation").click()
        page.get_by_role("button", name="End it").click()
        page.locator("h1").wait_for()
    context.close()
    (fast, fast_rate, fast_sizes), (slow, slow_rate, slow_sizes) = found["fast"], found["slow"]
    assert abs(fast - slow) < 0.5, found  # unpaced it is 1.08; a tick, and what a busy machine adds
    assert abs(fast_rate / slow_rate - 1) < 0.4, found
    assert sum(fast_sizes) == sum(slow_sizes) == 60
    # a busy machine may take two ticks at once, the first two as well
    assert {size % 6 for size in (*fast_sizes, *slow_sizes)} == {0}


def test_the_wire_tells_a_slow_system_from_a_fast_one_by_nothing(slow_and_fast):
    place = slow_and_fast(prompts=8)
    assert place.room.meter.pace().wait >= 1.75  # the slow one's 1.2 seconds, with a quarter to spare

    def talk(number):
        with httpx.Client(base_url=place.url, follow_redirects=True) as client:
            client.get(links[number])
            fields = dict(FIELD.findall(FORM.search(client.get("/talk").text)[2]))
            client.post("/talk/begin", data=fields, follow_redirects=False)
            began, found = time.monotonic(), []
            with client.stream("GET", "/talk/stream") as answer:
                for line in answer.iter_lines():
                    if line.startswith((":", "data:")):
                        found.append((time.monotonic() - began, line))
        return found

    links = [place.link(f"person {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(talk, range(8)))
    arms = {talk.person: place.room.plan.arms[talk.arm] for talk in place.room.talks.all()}
    first, sizes = {"fast": [], "slow": []}, set()
    for number, found in enumerate(heard):
        said = [(at, line) for at, line in found if line.startswith("data:") and len(line) > len('data: ""')]
        first[arms[f"person {number}"]].append(said[0][0])
        pieces = [json.loads(line.removeprefix("data:")) for _, line in said]
        assert "".join(pieces) == "A reply of sixty characters, which is the same for both arms"
        sizes |= {len(piece) % 6 for piece in pieces}
    assert min(map(len, first.values())) >= 2, first
    assert abs(median(first["fast"]) - median(first["slow"])) < 0.5, first
    assert sizes == {0}
    assert [event for event in place.ledger.events() if event.kind == STALLED] == []


# --- a real model, a real browser


def test_a_person_talks_with_a_small_model_by_keyboard(opened, tiny_model, new_page):
    place = opened({"base": BaseSystem(kind="base", model=str(tiny_model))}, serve=True, talk_turns=3)
    page = new_page(viewport={"width": 390, "height": 800})
    page.goto(place.url + place.link("ann"))
    page.goto(place.url + "/talk")
    page.get_by_role("button", name="Send it and begin").press("Enter")
    page.get_by_text("Does this reply").wait_for()
    page.wait_for_timeout(320)
    page.keyboard.press("e")
    page.get_by_label("Your next message").fill("And what then?")
    page.reload()
    assert (
        page.get_by_label("Your next message").input_value() == "And what then?"
    )  # kept while it is written
    page.get_by_label("Your next message").press("Control+Enter")
    page.get_by_text("Does this reply").wait_for()
    assert page.get_by_text("Graded Excellent").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    (talk,) = Talks(place.ledger).all()
    assert [said.role for said in talk.said] == ["user", "assistant", "user", "assistant"]
    assert talk.said[1].text
    assert talk.said[1].finish in ("eos", "length")


def test_what_a_model_writes_does_not_run(opened, chat, new_page):
    bad = (
        "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>[a](javascript:window.hit=1)"
        "</div></main><svg onload=window.hit=1>\n\n`</textarea><script>hit=1</script>`"
    )
    place = opened(chat(tuned=saying(bad)), serve=True)
    page = new_page()
    page.goto(place.url + place.link("ann"))
    page.goto(place.url + "/talk")
    page.get_by_role("button", name="Send it and begin").click()
    page.get_by_text("Does this reply").wait_for()
    page.get_by_text("As plain text").click()
    assert page.evaluate("window.hit") is None
    assert page.locator("main script, main img, main svg, main a").count() == 0


def test_a_whole_conversation_without_script(opened, chat, browser):
    place = opened(chat(tuned=saying("Hi.")), serve=True)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(place.url + place.link("ann"))
    page.goto(place.url + "/talk")
    page.get_by_role("button", name="Send it and begin").click()
    page.get_by_role("button", name="Pass").click(timeout=30_000)  # the page asks again by itself
    page.get_by_role("textbox", name="Your next message").fill("And?")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Fail").click(timeout=30_000)
    page.get_by_text("End this conversation").click()
    page.get_by_role("button", name="End it").click()
    assert page.get_by_role("heading", name="That was the last conversation").is_visible()
    context.close()
    (talk,) = Talks(place.ledger).all()
    assert [talk.grade_of(1), talk.grade_of(3)] == ["pass", "fail"]


def test_the_pages_have_no_serious_accessibility_fault(opened, chat, new_page):
    from axe_playwright_python.sync_playwright import Axe

    place = opened(chat(tuned=saying("Hi.\n\n1. one\n2. two")), serve=True)
    page, faults = new_page(viewport={"width": 390, "height": 800}), []

    def examine():
        found = Axe().run(page).response["violations"]
        faults.extend(
            (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
        )

    page.goto(place.url + place.link("ann"))
    page.goto(place.url + "/talk")
    examine()
    page.get_by_role("button", name="Send it and begin").click()
    page.get_by_text("Does this reply").wait_for()
    examine()
    page.wait_for_timeout(320)
    page.keyboard.press("p")
    page.get_by_label("Your next message").wait_for()
    examine()
    assert faults == []


def test_twenty_people_talk_at_once_with_one_model(opened, tiny_model):
    place = opened({"base": BaseSystem(kind="base", model=str(tiny_model))}, prompts=20, lease_minutes=30)
    people = [Person(place, f"person {n}") for n in range(20)]

    def talk(person):
        person.begin()
        person.send("grade", grade="pass")
        person.send("say", text="Go on?")
        person.until("Does this reply")
        person.send("grade", grade="fail")
        person.send("end")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(talk, people))
    talks = Talks(place.ledger).all()
    assert len({talk.person for talk in talks}) == len(talks) == 20
    assert all([said.number for said in talk.said] == [0, 1, 2, 3] for talk in talks)
    assert all(list(talk.grades) == [1, 3] and talk.ended for talk in talks)


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import json, time
from handful.annotate.ledger import open_ledger
from handful.recipe.evaluation import Annotate
from handful.recipe.systems import EndpointSystem, Generate
from handful.web import pace
from handful.web.live import live
pace.BEST = pace.Pace(0.05, 40)
folders = {{name: Path(path) for name, path in json.loads({folders!r}).items()}}
system = EndpointSystem(kind="endpoint", base_url={url!r}, model="tuned", timeout_seconds=20)
ledger = open_ledger(Path({ledger!r}), serve=True)
params = Annotate(people=1, talk=("tuned",), talk_prompts=1)
with live(params, Generate(systems={{"tuned": system}}), folders, ledger) as room:
    room.ready.wait(30)
    room.begin("ann", 0)
    print("begun", flush=True)
    time.sleep(60)
"""


def test_a_reply_that_was_being_made_when_the_server_was_killed_is_made_again_once(
    opened, chat, folders, tmp_path
):
    seconds = [0.0]

    def script(body, number):
        time.sleep(seconds[0])
        return completion(f"Reply {number}")

    systems = chat(tuned=script)
    found = folders(systems)
    with contextlib.closing(open_ledger(tmp_path / "people.sqlite")) as ledger:
        ledger.add_person("ann")
    code = KILLED.format(
        tests=str(Path(__file__).parent), folders=json.dumps({k: str(v) for k, v in found.items()}),
        url=systems["tuned"].base_url, ledger=str(tmp_path / "people.sqlite"),
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    seconds[0] = 1.0
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    seconds[0] = 0.0
    with contextlib.closing(open_ledger(tmp_path / "people.sqlite")) as ledger:
        (talk,) = Talks(ledger).all()
        assert [said.text for said in talk.said] == ["Opening 0?"]
        assert talk.awaits_reply
    for folder in found.values():
        shutil.rmtree(folder)
    place = opened(systems)
    ann = Person(place, "ann")
    assert "Reply" in ann.until("Does this reply")
    (talk,) = Talks(place.ledger).all()
    assert len(talk.said) == 2


def test_systems_too_large_to_be_held_together_are_refused(opened, tiny_model, monkeypatch):
    monkeypatch.setattr("handful.web.voices.available", lambda: 1000)
    with pytest.raises(DataError, match=r"base have .* GB of weights, and 0\.0 GB of memory are free"):
        opened({"base": BaseSystem(kind="base", model=str(tiny_model))})
