"""Hostile texts and hostile sites, met by a real browser: nothing runs or is sent, and nothing else on a page moves."""

from contextlib import closing

import pytest
from trial_server import Person, Server, lay_down
from web.xss import FAMILIES, HIDDEN_CHARACTERS, PAYLOADS

from handful.annotate.ledger import open_ledger
from handful.core.types import Comparison, Turn

PLAIN = "The other answer, which is plain: it must look the same beside whatever stands on its left."
TURNS = 8
"""Payloads in one conversation: so all are met in few pages."""
WATCH = """
    window.addEventListener('securitypolicyviolation', (event) => {
        (window.refused ||= []).push(event.violatedDirective + ' ' + event.blockedURI);
    });
"""
FOUND = """() => {
    const boxes = [...document.querySelectorAll('.prose, .text')];
    const inside = boxes.flatMap((box) => [...box.querySelectorAll('*')]);
    const names = inside.map((e) => e.localName);
    const attributes = inside.flatMap((e) => [...e.attributes].map((a) => `${e.localName} ${a.name}=${a.value}`));
    const rest = document.documentElement.cloneNode(true);
    rest.querySelectorAll('.prose, .text').forEach((box) => box.replaceChildren());
    rest.querySelectorAll('input[type=hidden], progress').forEach((field) => field.setAttribute('value', ''));
    rest.querySelectorAll('[data-mark]').forEach((field) => field.removeAttribute('data-mark'));
    rest.querySelectorAll('title, .count, .time, progress, .status, form[action="/undo"]').forEach((e) => e.remove());
    return {
        ran: window.ran, refused: window.refused || [], names: [...new Set(names)],
        attributes: [...new Set(attributes)], rest: rest.outerHTML.replace(/\\s+/g, ' '),
        plain: [...document.querySelectorAll('.plain')].map((e) => e.textContent),
    };
}"""
BESIDE = """() => {
    const answer = document.querySelectorAll('.answer')[PLACE];
    const box = answer.querySelector('.rendered'), style = getComputedStyle(box), at = box.getBoundingClientRect();
    const wanted = ['fontSize', 'fontFamily', 'color', 'direction', 'display', 'visibility', 'position', 'opacity',
        'textAlign', 'backgroundColor', 'unicodeBidi'];
    const buttons = [...document.querySelectorAll('#answer button')].map((button) => {
        button.scrollIntoView({block: 'center', behavior: 'instant'});
        const r = button.getBoundingClientRect();
        const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
        return button.innerText + (button.contains(top) ? '' : ' is covered');
    });
    return {left: at.left, width: at.width, height: at.height, text: box.innerText, buttons,
        wide: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        ...Object.fromEntries(wanted.map((name) => [name, style[name]]))};
}"""
PLAIN_ELEMENTS = (
    "p br hr em strong s code pre blockquote ul ol li h3 h4 h5 h6 table thead tbody tr th td span"
)
ELEMENTS = frozenset(PLAIN_ELEMENTS.split())
OURS = ("span class=address", "p class=text")
"""Attributes that the layout of a text may bring; the second where it is too wide to be laid out."""


def hostile_study():
    """Conversations of hostile texts, each with a hostile answer and a plain one; and one with plain texts alone."""
    for n in range(0, len(PAYLOADS), TURNS + 1):
        texts = PAYLOADS[n : n + TURNS + 1]
        turns = tuple(
            Turn("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(texts[:-1] or texts)
        )
        yield Comparison(f"c{n}", f"p{n}", turns, texts[-1], PLAIN)
    harmless = tuple(Turn("user" if i % 2 == 0 else "assistant", "plain") for i in range(TURNS))
    yield Comparison("plain", "plain", harmless, "A plain text.", PLAIN)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    recipe = lay_down(tmp_path_factory.mktemp("hostile") / "trial", hostile_study(), people=4)
    server = Server(recipe, ["ann", "ben", "eve"])
    yield server
    server.stop()


@pytest.fixture
def visit(browser, hostile):
    """A page of somebody's browser, past consent and practice, and what it asked of other hosts."""
    contexts = []

    def open_page(name, **options):
        person = Person(hostile.origin)
        person.enter(hostile.links[name])  # past consent and practice
        person.http.close()
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(WATCH)
        page.elsewhere, page.dialogs, page.errors = [], [], []
        page.on(
            "request",
            lambda r: None if r.url.startswith(hostile.origin + "/") else page.elsewhere.append(r.url),
        )
        page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
        page.goto(hostile.origin + hostile.links[name])
        return page

    yield open_page
    for context in contexts:
        context.close()


def go_on(page, choice="neither"):
    """Answer as the form would, without waiting until the page listens."""
    fields = page.eval_on_selector_all(
        "#answer input[type=hidden]", "fields => Object.fromEntries(fields.map((f) => [f.name, f.value]))"
    )
    reply = page.context.request.post(page.url.split("?")[0] + "answer", form={**fields, "choice": choice})
    assert reply.ok
    page.goto(page.url.split("?")[0])


def as_shown(text):
    """A text after a browser has read it from HTML: line ends are one, and NUL is none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def test_hostile_texts_run_nothing_send_nothing_and_leave_no_element_behind(visit):
    page = visit("ann")
    wanted = {as_shown(text) for text in PAYLOADS}
    met, rest, beside = set(), {}, {}
    for _ in range(len(list(hostile_study()))):
        found = page.evaluate(FOUND)
        assert found["ran"] is None
        assert found["refused"] == []
        assert set(found["names"]) <= ELEMENTS, set(found["names"]) - ELEMENTS
        assert [a for a in found["attributes"] if a not in OURS and not a.startswith("ol start=")] == []
        shown = {text.replace("\ufffd", "") for text in found["plain"]}
        met |= {text for text in wanted if text.replace("\ufffd", "") in shown}
        place = 0 if found["plain"][-2] == PLAIN else 1
        turns = len(found["plain"]) - 2
        rest.setdefault(turns, set()).add(found["rest"])
        look = page.evaluate(BESIDE.replace("PLACE", str(place)))
        assert look.pop("text") == PLAIN
        assert look.pop("wide"), f"the page is wider than its window beside {found['plain']}"
        beside.setdefault(place, []).append(look)
        go_on(page)
    assert "All done" in page.inner_text("h1")
    assert wanted - met == set()  # every payload stood there, letter by letter
    assert {turns: len(kinds) for turns, kinds in rest.items()} == dict.fromkeys(
        rest, 1
    )  # nothing around it changed
    for looks in beside.values():
        assert all(look == looks[0] for look in looks), [look for look in looks if look != looks[0]][:1]
    assert (page.elsewhere, page.dialogs, page.errors) == ([], [], [])


def test_marks_that_turn_text_round_end_with_the_text_that_holds_them(visit):
    page = visit("ben")
    boxes = page.locator(".prose, .text").evaluate_all(
        "boxes => boxes.map((b) => getComputedStyle(b).unicodeBidi)"
    )
    assert set(boxes) <= {"isolate", "plaintext", "isolate-override"}
    page.evaluate("mark => document.querySelector('.answer .rendered').append(mark)", HIDDEN_CHARACTERS[4])
    assert page.locator("#answer button").first.inner_text().endswith("Answer A is significantly better.")


def test_hostile_reasons_run_nothing_on_the_researchers_pages(browser, tmp_path):
    recipe = lay_down(tmp_path / "trial", list(hostile_study())[:3])
    server, context = Server(recipe, ["ann"]), browser.new_context()
    try:
        reasons = [text.replace("\x00", "") for family in FAMILIES.values() for text in family[:6]]
        ann = Person(server.origin)
        ann.enter(server.links["ann"])
        ann.answer("first", reason=" ".join(reasons)[:1900])
        ann.http.close()
        with closing(open_ledger(recipe.with_name("work") / "people.sqlite")) as ledger:
            for number, start in enumerate(range(0, len(reasons), 8)):
                ledger.add_person(f"person{number}")
                ledger.event("dropped", f"person{number}", " ".join(reasons[start : start + 8]))
        page = context.new_page()
        page.add_init_script(WATCH)
        elsewhere, dialogs = [], []
        page.on(
            "request", lambda r: None if r.url.startswith(server.origin + "/") else elsewhere.append(r.url)
        )
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(server.origin + server.links["researcher"])
        links = page.eval_on_selector_all("a[href^='/admin']", "all => all.map((a) => a.pathname)")
        shown = ""
        for link in [link for link in dict.fromkeys(links) if "export" not in link][:6]:
            page.goto(server.origin + link)
            assert page.evaluate("() => [window.ran, window.refused]") == [None, None]
            shown += page.locator("body").inner_text()
            handlers = "() => [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).map((a) => a.name)"
            assert not [name for name in page.evaluate(handlers) if name.startswith("on") or name == "style"]
            assert (
                page.locator("script:not([src]), iframe, object, embed, svg, math, style, base").count() == 0
            )
        assert shown.count("window.ran") > 3  # they are there, as text
        assert (elsewhere, dialogs) == ([], [])
    finally:
        context.close()
        server.stop()


def test_another_site_cannot_answer_for_somebody(visit, hostile):
    """A page elsewhere that has even got hold of a good form: the cookie does not come along."""
    page = visit("eve")
    fields = page.eval_on_selector_all(
        "#answer input[type=hidden]", "fields => fields.map((f) => f.outerHTML).join('')"
    )
    form = (
        f"<form method=post action='{hostile.origin}/answer'>{fields}<button name=choice value=first></form>"
    )
    page.context.route(
        "http://evil.example/**", lambda route: route.fulfill(body=form, content_type="text/html")
    )
    other = page.context.new_page()
    other.goto("http://evil.example/")
    with other.expect_navigation() as reached:
        other.click("button")
    assert reached.value.status == 403
    page.reload()
    assert page.locator(".count strong").inner_text().startswith("1 of")


def test_another_site_can_neither_frame_nor_read_a_page(visit, hostile):
    page = visit("eve")
    frame = f"<iframe src='{hostile.origin}/'></iframe><img src='{hostile.origin}/static/study.css'>"
    page.context.route(
        "http://evil.example/**", lambda route: route.fulfill(body=frame, content_type="text/html")
    )
    other = page.context.new_page()
    other.goto("http://evil.example/")
    other.wait_for_timeout(200)
    assert "Answer" not in other.frames[1].locator("body").inner_text()
    read = "url => fetch(url, {credentials: 'include'}).then((r) => r.text()).catch(() => 'refused')"
    assert other.evaluate(read, hostile.origin + "/") == "refused"
