"""The researcher's pages in a real browser: without script, on a phone, in the dark, and while figures change."""

import contextlib
import threading

import pytest
from axe_playwright_python.sync_playwright import Axe

from handful.web.admin import Console, add_admin
from handful.web.serve import listen, server_of


@pytest.fixture
def desk(make_app, ledger, serve_app):
    """A served study with people in every state; returns (address, board)."""
    app = make_app(people=2)
    board = app.state.board
    for name, group, kind in (
        ("ann", "authors", ""),
        ("ben", "", "paused"),
        ("cem", "", "revoked"),
        ("dot", "", "dropped"),
    ):
        ledger.add_person(name, group)
        if kind:
            ledger.event(kind, name, "a reason")
    for name in ("ann", "ben"):
        board.consent(name)
        board.practised(name)
    answer(board)
    url = serve_app(
        app,
        lambda origin: Console(
            board, ledger, board.params, "trial", origin, "handful run it", lambda: "It changed."
        ),
    )
    return url, board


@pytest.fixture
def serve_app():
    """Serve an app, with the researcher's pages of `console_of(origin)`, from this process."""
    with contextlib.ExitStack() as stack:

        def start(app, console_of):
            listener = listen("127.0.0.1", 0)
            origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            add_admin(app, console_of(origin))
            server = server_of(app)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            return origin

        yield start


def answer(board):
    offer = board.visit("ann").offer
    board.give("ann", offer.item.key, round=0, order=offer.order, choice="first", ms=9_000)


PAGES = (
    "/admin",
    "/admin/prompts",
    "/admin/person/ann",
    "/admin/person/ben",
    "/admin/person/cem",
    "/admin/person/dot",
)


@pytest.mark.parametrize(
    "options",
    [{}, {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}],
    ids=["desktop", "phone-dark"],
)
def test_no_page_has_an_accessibility_fault_or_runs_over_its_edge(desk, ledger, new_page, options):
    url, _ = desk
    page = new_page(**options)
    page.goto(f"{url}/link/{ledger.new_token('admin')}")
    for path in PAGES:
        page.goto(url + path)
        found = [(fault["id"], fault["impact"]) for fault in Axe().run(page).response["violations"]]
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_everything_works_without_script(desk, ledger, new_page):
    url, board = desk
    page = new_page(java_script_enabled=False)
    page.goto(f"{url}/link/{ledger.new_token('admin')}")
    assert page.get_by_label("every 15 seconds").is_hidden()
    page.get_by_label("Pseudonym").fill("eve")
    page.get_by_role("button", name="Add and show the link").click()
    assert page.locator(".secret").text_content().startswith(f"{url}/link/")
    page.get_by_role("link", name="Done").click()
    answer(board)
    page.get_by_role("link", name="Refresh").click()
    assert page.get_by_text("2 of 12 answers").is_visible()
    page.get_by_role("link", name="ann", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).click()
    assert page.get_by_text("Paused: they are given no more items.").is_visible()


def test_figures_refresh_by_themselves_and_leave_whoever_types_alone(desk, ledger, new_page):
    url, board = desk
    page = new_page()
    page.clock.install()
    page.goto(f"{url}/link/{ledger.new_token('admin')}")
    assert page.get_by_text("1 of 12 answers").is_visible()
    page.get_by_label("Pseudonym").fill("half a na")
    answer(board)
    page.clock.run_for(16_000)
    page.get_by_text("2 of 12 answers").wait_for()
    assert page.get_by_label("Pseudonym").input_value() == "half a na"
    assert page.evaluate("document.activeElement.id") == "name"
    page.get_by_label("every 15 seconds").uncheck()
    answer(board)
    page.clock.run_for(40_000)
    assert page.get_by_text("2 of 12 answers").is_visible()  # turned off
    assert page.evaluate("localStorage.getItem('fresh')") == "off"


def test_a_reload_does_not_say_a_notice_again_nor_act_again(desk, ledger, new_page):
    url, _ = desk
    page = new_page()
    page.goto(f"{url}/link/{ledger.new_token('admin')}")
    page.get_by_role("button", name="Pause the study").click()
    page.get_by_text("The study is paused").wait_for()
    page.wait_for_function("!location.search")
    page.reload()
    assert page.locator("[role=status]").text_content() == ""
    assert [event.kind for event in ledger.events("")].count("study_paused") == 1
