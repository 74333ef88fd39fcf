"""A whole study as three people do it, in real browsers, from a recipe to the report: a researcher, two annotators."""

import csv
import json
import re
import signal

from click.testing import CliRunner

from handful.cli.main import cli

PROMPTS = 3
RECIPE = """
name = "knives"
[sources.prompts]
kind = "messages"
paths = ["stone.jsonl"]
split = "test"
[generate.systems.stone]
kind = "responses"
path = "stone.jsonl"
[generate.systems.shop]
kind = "responses"
path = "shop.jsonl"
[annotate]
people = 2
repeats = 1
"""
REPLIES = {"stone": "Use a stone for knife {n}, and keep the angle.", "shop": "Bring knife {n} to a shop."}
SETTLED_MS = 320


def write_recipe(folder):
    for system, reply in REPLIES.items():
        rows = [
            {"instruction": f"How do I sharpen knife number {n}?", "output": reply.format(n=n)}
            for n in range(PROMPTS)
        ]
        (folder / f"{system}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = folder / "knives.toml"
    recipe.write_text(RECIPE)
    return recipe


def run(recipe, work):
    return CliRunner().invoke(cli, ["run", str(recipe), "--work", str(work)])


def add(researcher, name, group):
    """By the researcher's page; returns the link that it shows."""
    researcher.get_by_label("Pseudonym").fill(name)
    researcher.get_by_label("Group, if any").fill(group)
    researcher.get_by_role("button", name="Add and show the link").click()
    link = researcher.locator(".secret").text_content()
    researcher.get_by_role("link", name="Done").click()
    return link


def take_part(page, link, choose):
    """From the link to the end; `choose` names the key, given the two answers."""
    page.goto(link)
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Practise first").click()
    for _ in range(3):
        give(page, "1")
        page.locator("a.button.primary").click()
    answered = 0
    while not page.get_by_role("heading", name=re.compile("done|finished|thank", re.I)).count():
        give(page, choose(page.locator(".answer").all_text_contents()))
        answered += 1
        assert answered <= PROMPTS + 1, page.locator("main").inner_text()
    return answered


def give(page, key):
    """Answer by key once the page listens, and wait until something else is asked."""
    page.locator("button[data-key='1']").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    before = page.locator("main").inner_html()
    page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('main')?.innerHTML !== before", arg=before)
    page.wait_for_load_state()


def likes_stones(answers):
    return "1" if "stone" in answers[0] else "2"


def test_a_whole_study_from_the_recipe_to_the_report(tmp_path, serve, new_page):
    recipe, work = write_recipe(tmp_path), tmp_path / "work"
    server = serve(recipe, work)
    assert "the study is not made yet; making it first" in "".join(server.said)
    assert f"0 of {2 * PROMPTS} answers given" in server.said[-1]

    researcher = new_page()
    researcher.goto(server.link())
    assert researcher.get_by_role("heading", name="knives").is_visible()
    links = {name: add(researcher, name, group) for name, group in (("ann", "authors"), ("ben", "crowd"))}
    assert take_part(new_page(), links["ann"], likes_stones) == PROMPTS + 1  # one of them a second time
    assert (
        take_part(new_page(viewport={"width": 390, "height": 844}), links["ben"], lambda _: "0")
        == PROMPTS + 1
    )

    researcher.get_by_role("link", name="Refresh").click()
    assert researcher.get_by_text(f"{2 * PROMPTS} of {2 * PROMPTS} answers").is_visible()
    researcher.get_by_role("link", name="ben", exact=True).click()
    researcher.get_by_label("Drop from the results, with a reason").fill("never chose a side")
    researcher.get_by_role("button", name="Drop", exact=True).click()
    assert researcher.get_by_text("Dropped: never chose a side.").is_visible()
    waiting = run(recipe, work)
    assert waiting.exit_code == 3
    assert f"{PROMPTS} of {2 * PROMPTS} answers given" in waiting.stderr  # the dropped do not count
    researcher.get_by_role("button", name="Count them again").click()
    assert researcher.get_by_text("Their answers count again.").is_visible()
    researcher.get_by_role("link", name="All people").click()
    with researcher.expect_download() as download:
        researcher.get_by_role(
            "link", name="Answers that stand, with reasons, seconds and skips, CSV"
        ).click()
    with download.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    asked = [row for row in rows if row["prompt"]]
    assert {(row["person"], row["group"], row["round"]) for row in asked} == {
        (name, group, round) for name, group in (("ann", "authors"), ("ben", "crowd")) for round in "01"
    }
    assert sum(row["round"] == "0" for row in asked) == 2 * PROMPTS
    assert f"all {2 * PROMPTS} answers given; go on with: handful run {recipe}" in server.stop(signal.SIGINT)

    done = run(recipe, work)
    assert done.exit_code == 0, done.output
    (stats,) = work.glob("stats-*/stats.json")
    rates = {
        row["judge"]: (row["subject"], row["wins"], row["ties"], row["losses"])
        for row in json.loads(stats.read_text())["preference"]
    }
    assert rates["authors:ann"] == ("stone", PROMPTS, 0, 0)
    assert rates["crowd:ben"] == ("stone", 0, PROMPTS, 0)
    (report,) = work.glob("report-*/report.html")
    page = new_page()
    page.goto(report.as_uri())
    said = page.inner_text("body")
    assert "Figure 1: people" in said
    assert "authors:ann, one person" in said
    assert "crowd:ben, one person" in said
    assert "People asked the same again" in said
