"""The script of the page of every prompt, in a real browser."""

import re
import shutil
import subprocess

import msgspec
import pytest

from handful.core import jsonl
from handful.core.types import Prompt
from handful.report.work import work

ASKING = """<script>setTimeout(() => {
  const form = document.querySelector("form.filters");
  const said = [{}, {judge: "local", outcome: "flipped"}, {judge: "rule", outcome: "loss"}, {tag: "ood"},
    {text: "question 17?"}, {text: "no such words"}].map((wanted) => {
    form.reset();
    for (const name in wanted) form.elements[name].value = wanted[name];
    form.dispatchEvent(new Event("submit", {cancelable: true}));
    return document.querySelectorAll("article.entry:not([hidden])").length;
  });
  document.title = "FOUND " + said.join(" ");
}, 200);</script></body>"""


@pytest.fixture
def opened(tmp_path):
    """What a browser makes of a page."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "needs chromium, which make test installs"

    def opened(path):
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
        ]
        command += ["--virtual-time-budget=3000", "--dump-dom", path.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return opened


def test_variants_are_counted_beside_the_prompts(build, tmp_path, opened):
    recipe, inputs = build()
    path = inputs["dataset"] / "test.jsonl"
    prompts = list(jsonl.read(path, Prompt))
    varied = [
        msgspec.structs.replace(p, tags=("variant_of:test/0", "variant:typos") if n > 20 else ())
        for n, p in enumerate(prompts)
    ]
    jsonl.write(path, varied)
    work(recipe, inputs, tmp_path)
    assert ">24 of 21 prompts and 3 variants</output>" in opened(tmp_path / "browse.html")


def test_filters_keep_what_fits_and_the_page_allows_its_script(build, tmp_path, opened):
    recipe, inputs = build(tasks=True)
    work(recipe, inputs, tmp_path)
    page = tmp_path / "browse.html"
    assert ">24 of 24 prompts</output>" in opened(page)  # the script ran, so its hash is right
    source = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
    page.write_text(source.replace("</body>", ASKING), encoding="utf-8")
    # all; `local` changes its mind on each; the longer wins, so few lose; every fourth has the tag; 17 alone; none
    found = re.search(r"<title>FOUND ([\d ]+)</title>", opened(page))[1].split()
    loses = source.count("rule|base|loss") + source.count("rule|other|loss")
    assert found == ["24", "24", str(loses), "6", "1", "0"]
