"""The pages as a person meets them: a real browser, with and without script."""

import pytest
from web.conftest import SETTLED_MS, Given, answers_on, choices, comparisons, press, until


@pytest.fixture
def study():
    return Given(comparisons(3))


def test_a_whole_study_by_keyboard_alone(site, invite, ledger, new_page):
    page = new_page()
    page.goto(site() + invite("ann"))
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the tick
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Which answer is better?").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("main.task").wait_for()
    chosen = []
    for number, key in enumerate(["1", "2", "0"]):
        page.get_by_text(f"{number + 1} of 3", exact=True).first.wait_for()
        assert page.evaluate("document.activeElement.id") == "question"
        chosen.append((answers_on(page), key))
        press(page, key)
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    keys = {"first": "1", "second": "2", "neither": "0"}
    assert [keys[said.choice] for said in ledger.answers()] == [key for _, key in chosen]
    assert all(300 <= said.ms < 20_000 for said in ledger.answers())


def test_undo_skip_and_reason_by_keyboard(enter, ledger, new_page):
    page = new_page()
    enter(page)
    page.keyboard.press("r")
    page.keyboard.type("clearer, 1 of 2")  # keys that are shortcuts elsewhere
    page.keyboard.press("Escape")
    press(page, "2")
    assert [(said.choice, said.reason) for said in ledger.answers()] == [("second", "clearer, 1 of 2")]
    second = answers_on(page)
    page.keyboard.press("s")
    page.keyboard.press("Space")  # the first reason
    page.keyboard.press("Tab")
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("Enter")
    page.get_by_text("Skipped.").wait_for()
    assert ledger.answers()[-1].choice == "skip"
    page.keyboard.press("?")
    assert page.get_by_text("Imagine you asked").is_visible()
    page.wait_for_timeout(SETTLED_MS)
    with page.expect_navigation():
        page.keyboard.press("u")
    page.get_by_text("taken back").wait_for()
    assert answers_on(page) == second


def test_a_second_press_or_click_answers_one_item(enter, ledger, new_page):
    page = new_page()
    enter(page)
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.get_by_text("2 of 3", exact=True).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.get_by_role("button", name="Answer A").dblclick(no_wait_after=True)
    page.get_by_text("3 of 3", exact=True).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    assert len(choices(ledger)) == 2


def test_two_tabs_on_the_same_item_count_once(enter, ledger, new_page):
    page = new_page()
    enter(page)
    tab = page.context.new_page()
    tab.goto(page.url)
    assert answers_on(tab) == answers_on(page)
    press(page, "1")
    press(tab, "2")  # a stale page, and another mind
    tab.get_by_text("your first answer stands").wait_for()
    assert choices(ledger) == ["first"]
    assert answers_on(tab) == answers_on(page)


def test_back_and_reload_show_nothing_old_and_count_nothing_twice(enter, ledger, new_page):
    page = new_page()
    enter(page)
    press(page, "1")
    page.go_back()
    page.goto(page.url)
    page.get_by_text("2 of 3", exact=True).first.wait_for()
    seen = answers_on(page)
    page.reload()
    assert answers_on(page) == seen
    press(page, "1")
    assert len({said.item for said in ledger.answers()}) == len(choices(ledger)) == 2


# --- sessions


def test_a_revoked_link_ends_the_work_in_an_open_page(enter, invite, ledger, new_page):
    page = new_page()
    enter(page)
    invite("ann")
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("1")
    page.get_by_text("Your link was replaced or withdrawn").wait_for()
    page.get_by_text("1 answer is kept in this browser").wait_for()
    assert choices(ledger) == []
    url = page.url
    page.goto(url.rstrip("/") + invite("ben"))
    page.get_by_label(
        "I have read this"
    ).wait_for()  # another person in the same browser sends nothing of hers
    page.wait_for_load_state("networkidle")
    assert choices(ledger) == []
    page.goto(url.rstrip("/") + invite("ann"))
    until(page, lambda: [(said.person, said.choice) for said in ledger.answers()] == [("ann", "first")])
    page.problems[:] = [text for text in page.problems if "403" not in text]


def test_the_same_link_goes_on_on_another_device(enter, new_page):
    page, phone = new_page(), new_page(viewport={"width": 390, "height": 844})
    link = enter(page)
    press(page, "1")
    seen = answers_on(page)
    phone.goto(link)
    phone.get_by_text("2 of 3", exact=True).first.wait_for()
    assert answers_on(phone) == seen
    press(phone, "2")
    page.reload()
    page.get_by_text("3 of 3", exact=True).first.wait_for()


def test_it_works_without_script_from_link_to_end(site, invite, ledger, new_page):
    page = new_page(java_script_enabled=False)
    link = site() + invite("ann")
    page.goto(link)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Say why (optional)").click()
    page.get_by_label("Your reason").fill("shorter")
    page.get_by_role("button", name="Neither").click()
    page.get_by_text("Skip this pair").click()
    page.get_by_label("Another reason").check()
    page.get_by_role("button", name="Skip", exact=True).click()
    page.get_by_text("Skipped.").wait_for()
    page.get_by_label("Show as plain text").check()
    assert page.locator(".plain").first.is_visible()
    assert not page.locator(".rendered").first.is_visible()
    page.get_by_role("button", name="Answer B").click()
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    page.get_by_role("button", name="Undo").click()
    assert [(said.choice, said.reason) for said in ledger.answers()] == [
        ("neither", "shorter"), ("skip", "other"), (None, ""),
    ]  # fmt: skip
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="See you soon").wait_for()
    page.goto(link)
    assert answers_on(page)
