"""How the annotators' pages look and sound, in a real browser: for the keyboard, a screen reader, a phone, the dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from web.conftest import SETTLED_MS, Given, choices, comparisons, mark, press

from handful.annotate.items import Content, held
from handful.core.types import Comparison, Submission, Turn


@pytest.fixture
def study():
    return Given(comparisons(3))


def test_both_answers_turn_to_plain_text_at_once_and_it_stays(enter, new_page):
    page = new_page()
    enter(page)
    page.get_by_label("Show as plain text").check()
    assert page.locator(".answer .plain:visible").count() == 2
    assert page.locator(".rendered:visible").count() == 0
    press(page, "1")
    assert page.locator(".answer .plain:visible").count() == 2
    page.reload()
    assert page.locator(".answer .plain:visible").count() == 2


def test_keys_can_be_turned_off_and_stay_off(enter, ledger, new_page):
    page = new_page()
    enter(page)
    page.get_by_label("Keys").uncheck()
    page.reload()
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("1")
    page.wait_for_timeout(SETTLED_MS)
    assert choices(ledger) == []
    assert not page.get_by_label("Keys").is_checked()


def test_everything_is_reached_by_tab_in_reading_order(enter, ledger, new_page):
    page = new_page()
    enter(page)
    press(page, "1")
    page.get_by_text("Answer saved.").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.id"))
    assert [text.replace("\n", " ").strip() for text in reached] == [
        "1 Answer A is significantly better.",
        "0 Neither is significantly better.",
        "2 Answer B is significantly better.",
        "Say why (optional) r",
        "Skip this pair s",
        "Sign out",
        "shortcuts",
    ]


LONG = (
    "x" * 3000
    + "\n"
    + " ".join(["words"] * 400)
    + "\n\n\tcode = {'a': 1}"
    + "y" * 300
    + "\n\n|a|b|\n|-|-|\n|"
    + "z" * 300
    + "|c|"
)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen_and_both_answers_are_as_wide(site, enter, new_page, width):
    page = new_page(viewport={"width": width, "height": 800})
    enter(page, site(Given((Comparison("c", "p", (Turn("user", LONG),), LONG, "short"),), LONG)))
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [page.locator(".answer").nth(n).bounding_box() for n in (0, 1)]
        assert boxes[0]["width"] == boxes[1]["width"]  # equal presentation, whatever the length
        assert (boxes[0]["y"] < boxes[1]["y"]) == (width < 768)  # stacked on a phone
        choice = page.locator("#answer button").last.bounding_box()
        assert choice["y"] + choice["height"] <= 800  # however long the answers are
        page.get_by_label("Show as plain text").check()


def every_kind():
    turns = (Turn("user", "Hello"), Turn("assistant", "# Hi\n\n- there"), Turn("user", "Tell me of bees"))
    code = "# Bees\n\n`code` and\n\n```\nif a < b:\n    pass\n```\n\n> quote\n\n|a|b|\n|-|-|\n|1|[x](http://a.b)|"
    one, other = (f"User: Hi\n\nAssistant: {text}" for text in ("Yes", "No"))
    return Given(
        (
            Comparison("p", "p", turns, code, "Short."),
            Comparison("d", "d", turns[:1], one, other, "dialogues"),
        ),
        submissions=tuple(
            Submission(task, "p", turns, code, task) for task in ("helpfulness", "quality", "safety", "turns")
        ),
        tasks=("preference", "helpfulness", "quality", "safety", "turns", "dialogues"),
    )


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desktop", "phone in the dark"]
)
def test_axe_finds_no_fault_on_any_kind_of_page(site, invite, ledger, new_page, width, scheme):
    """Every rule of axe-core, contrast included, on each page from a stranger's to the last."""
    pair = Content((Turn("user", "2 + 2?"),), ("4", "5"))
    practice = held(
        "preference", "x", pair, subject="p", kind="practice", known="left", explanation="**4** it is."
    )
    url = site(every_kind(), practice=[practice])
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    axe, seen, faults = Axe(), [], []

    def look():
        if page.title() in seen or (width < 768 and len(seen) > 4 and not page.locator("main.task").count()):
            return  # a page of plain text is much the same as the others
        seen.append(page.title())
        for fault in axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]:
            faults.append((page.title(), fault["id"], fault["impact"], fault["nodes"][0]["html"][:200]))

    page.goto(url)
    look()
    page.goto(url + "/link/wrong")
    look()
    page.goto(url + invite("ann"))
    look()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Go on").click()
    while "All done" not in page.title():
        if page.locator("main.task").count():
            page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
            look()
            before = mark(page)
            page.locator("#answer button").last.click()
            page.wait_for_function(
                "before => document.querySelector('main')?.dataset.mark !== before", arg=before
            )
        else:
            look()
            if page.title().startswith("Practice"):
                assert page.evaluate("document.activeElement.matches('a.primary')")
            page.locator(".primary").click()
            page.wait_for_load_state()
        page.wait_for_timeout(SETTLED_MS)
    look()
    ledger.event("paused", "ann")
    page.reload()
    look()
    ledger.event("resumed", "ann")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # or after 15 seconds
    page.get_by_role("heading", name="All done").wait_for()
    assert len(seen) > 10
    assert faults == []
    page.problems[:] = [text for text in page.problems if "403" not in text and "404" not in text]


def test_new_items_are_announced_by_their_heading_and_notices_by_a_live_region(enter, new_page):
    page = new_page()
    enter(page)
    press(page, "1")
    page.get_by_role("status").get_by_text("Answer saved.").wait_for()
    assert page.evaluate("document.activeElement.matches('h1')")
    assert page.evaluate("scrollY") == 0
    assert page.title() == "Pair 2 of 3"
