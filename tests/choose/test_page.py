"""The page as a person meets it, in a real browser: safe, at a phone's width, by keyboard."""

from __future__ import annotations

import contextlib
import re

import pytest

from handful.choose.page import visible
from handful.choose.work import work
from handful.core.errors import Waiting
from handful.recipe.judging import Choose, FakeJudge

NASTY = (
    "</div></section><script>window.ran = 1</script><img src=x onerror='window.ran=1'><style>*{display:none}</style>"
    "<base href='//evil.example/'><a href='javascript:window.ran=1'>x</a>{{ 7 * 7 }} \u202egnp \x00"
)


@pytest.fixture
def open_page(browser):
    contexts = []

    def opened(path, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.problems = []
        page.requests = []
        page.on("console", lambda line: page.problems.append(line.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page_of(build):
    def make(params=None, **folders):
        made = build(**folders)
        with contextlib.suppress(Waiting):
            work(params or Choose(), made.inputs, made.out)
        return made.out / "page.html"

    return make


def shown(page):
    """The epochs whose columns can be seen, above and below."""
    found = page.locator("[data-epoch]:visible").evaluate_all(
        "cells => cells.map(cell => cell.dataset.epoch)"
    )
    return sorted({int(epoch) for epoch in found})


def test_what_models_write_is_text_and_nothing_of_it_runs(page_of, open_page):
    page = open_page(page_of(text=lambda epoch, n: NASTY, prompts=2))
    assert page.evaluate("window.ran") is None
    assert page.locator("img, a, base").count() == 0
    assert page.locator("script").count() == 1
    assert page.locator(".reply:visible").first.inner_text() == visible(NASTY)
    assert "[U+202E]gnp [U+0000]" in visible(NASTY)
    assert (page.problems, len(page.requests)) == ([], 1)


def test_the_policy_refuses_what_the_page_did_not_bring(page_of, open_page):
    page = open_page(page_of())
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
    }""")
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in " ".join(page.problems)


def test_candidates_are_shown_first_and_keys_show_and_hide_epochs(page_of, open_page):
    page = open_page(page_of(Choose(by="hand", first=3, last=5)))
    assert shown(page) == [3, 4, 5]
    page.keyboard.press("4")
    assert shown(page) == [3, 5]
    page.keyboard.press("1")
    assert shown(page) == [1, 3, 5]
    assert page.get_by_role("button", name="epoch 4").get_attribute("aria-pressed") == "false"
    page.get_by_role("button", name="epoch 4").click()
    page.keyboard.press("Control+3")  # the browser's own
    assert shown(page) == [1, 3, 4, 5]
    page.keyboard.press("a")
    assert shown(page) == [1, 2, 3, 4, 5, 6]
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "1. dev/0"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "2. dev/1"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == "1. dev/0"
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_epoch_below_the_other_and_nothing_runs_out_of_the_page(page_of, open_page, scheme):
    path = page_of(Choose(first=1, last=6), text=lambda epoch, n: "averylongwordwithoutend" * 20)
    page = open_page(path, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    boxes = (
        page.locator("section")
        .first.locator(".answer")
        .evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().left)")
    )
    assert len(boxes) == 6
    assert len(set(boxes)) == 1
    assert page.problems == []


def test_both_schemes_have_enough_contrast(page_of, open_page):
    path = page_of()
    for scheme in ("light", "dark"):
        page = open_page(path, color_scheme=scheme)
        for inner, around in ((".reply", ".answer"), (".meta", ".answer"), ("h1", "body"), (".soft", "body")):
            ink = luminance(colour(page, inner, "color"))
            paper = luminance(colour(page, around, "backgroundColor"))
            assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, (scheme, inner)


def colour(page, selector, name):
    found = page.locator(f"{selector}:visible").first.evaluate(f"cell => getComputedStyle(cell).{name}")
    return [int(part) for part in re.findall(r"\d+", found)[:3]]


def luminance(rgb):
    """As WCAG 2.2 defines it."""
    parts = [value / 255 for value in rgb]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_figures_stand_above_the_answers_and_perplexity_is_said_to_decide_nothing(page_of, open_page):
    page = open_page(page_of(Choose(by="judge", judge=FakeJudge(kind="fake", prefers="longer"))))
    epoch = page.locator(".epoch.chosen")
    assert epoch.locator("h3").inner_text() == "Epoch 6 (chosen)"
    figures = dict(
        zip(epoch.locator("dt").all_inner_texts(), epoch.locator("dd").all_inner_texts(), strict=True)
    )
    assert figures["grade, 1 to 6"].split("\n")[0] == "1.45"  # 90 characters: 1 + 5 * 0.09
    assert figures["dev loss"] == "2.600"
    assert figures["perplexity"] == "13.46"
    assert figures["ended with EOT"] == "100%"
    assert "Perplexity does not tell which epoch answers best" in page.locator("body").inner_text()


def test_it_is_one_file_that_names_no_other(page_of):
    text = page_of().read_text()
    assert not re.search(r"(?:src|href|url)\s*[=(]|https?://", text)
    assert text.index("Content-Security-Policy") < text.index("<style>")
