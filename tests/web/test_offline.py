"""A connection that comes and goes, in a real browser: every answer is kept, and sent once."""

import pytest
from web.conftest import SETTLED_MS, Given, answers_on, choices, comparisons, mark, press, until


@pytest.fixture
def study():
    return Given(comparisons(3))


@pytest.fixture
def offline_page(new_page):
    """A page whose console may say that the network is gone."""
    page = new_page()
    yield page
    page.problems[:] = [text for text in page.problems if "ERR_INTERNET_DISCONNECTED" not in text]


def ready(page, url):
    """Wait until the next item has been fetched."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLED_MS)


def test_answers_given_offline_are_kept_and_sent_once(enter, ledger, offline_page):
    page = offline_page
    enter(page)
    first = answers_on(page)
    ready(page, page.url)
    page.context.set_offline(True)
    press(page, "1")
    page.get_by_text("1 answer is kept here").wait_for()
    second = answers_on(page)
    assert second != first  # work goes on
    press(page, "2")
    page.get_by_role("heading", name="Waiting for the connection").wait_for()
    page.get_by_text("2 answers are kept here").wait_for()
    assert choices(ledger) == []
    page.context.set_offline(False)
    page.get_by_text("3 of 3", exact=True).first.wait_for()
    assert choices(ledger) == ["first", "second"]
    assert page.evaluate("localStorage.getItem('handful.waiting')") == "[]"
    press(page, "0")
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    assert choices(ledger) == ["first", "second", "neither"]


def test_answers_outlive_a_closed_tab(enter, ledger, offline_page):
    page = offline_page
    enter(page)
    ready(page, page.url)
    page.context.set_offline(True)
    press(page, "1")
    url, context = page.url, page.context
    page.close()
    context.set_offline(False)
    later = context.new_page()
    later.goto(url)
    until(later, lambda: choices(ledger) == ["first"])
    later.get_by_text("2 of 3", exact=True).first.wait_for()


def test_a_reply_that_is_lost_on_the_way_back_doubles_nothing(enter, ledger, new_page):
    page = new_page()
    enter(page)
    ready(page, page.url)
    lost = []

    def lose_first(route):
        if not lost:
            lost.append(route.fetch())  # the server has it, and the browser never hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/answer", lose_first)
    press(page, "1")
    until(page, lambda: page.evaluate("localStorage.getItem('handful.waiting')") == "[]")
    assert choices(ledger) == ["first"]
    page.problems[:] = [text for text in page.problems if "ERR_FAILED" not in text]


def test_a_slow_connection_does_not_hold_up_the_next_item(enter, ledger, new_page):
    page = new_page()
    enter(page)
    ready(page, page.url)
    page.route("**/answer", lambda route: (page.wait_for_timeout(1500), route.continue_()))
    seen = answers_on(page)
    before = mark(page)
    page.keyboard.press("1")
    page.wait_for_function(
        "before => document.querySelector('main').dataset.mark !== before", arg=before, timeout=1400
    )
    assert answers_on(page) != seen
    next_one = answers_on(page)
    until(page, lambda: choices(ledger) == ["first"])
    page.get_by_role("button", name="Undo").wait_for()  # the bar knows by now
    assert answers_on(page) == next_one


def test_a_server_that_cannot_store_is_asked_again_until_it_can(enter, ledger, new_page):
    page = new_page()
    enter(page)
    ready(page, page.url)
    failing = [503]
    page.route(
        "**/answer", lambda route: route.fulfill(status=failing.pop()) if failing else route.continue_()
    )
    press(page, "1")
    until(page, lambda: choices(ledger) == ["first"])
    page.problems[:] = [text for text in page.problems if "503" not in text]


def test_undo_waits_until_answers_are_sent(enter, ledger, offline_page):
    page = offline_page
    enter(page)
    press(page, "1")
    ready(page, page.url)
    page.context.set_offline(True)
    page.keyboard.press("u")
    page.get_by_text("No connection just now").wait_for()
    assert choices(ledger) == ["first"]
    page.context.set_offline(False)
