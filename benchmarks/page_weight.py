"""What an annotator's browser loads until the first item can be read: requests, bytes over the wire, time.

One task on both sides: which of two answers to a question is better, with the same texts. Chromium, a profile that has
nothing stored but the session's cookie, loopback; the median of five. The time runs from asking for the page to the
question and both answers standing in it. Ours is always measured. Label Studio's figures come with
`--label-studio FOLDER`, a virtual environment into which it is installed (`pip install label-studio==1.23.2`): the
script starts it over an empty data folder, makes a project, and ends it.

Not measured: what a slower network adds (bytes and requests say it), and how either feels. The last line is Label
Studio's bytes over ours, or a limit of 60,000 bytes over ours where Label Studio is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from parts.annotators import ASIDE
from parts.study_site import make_study, serving, text
from playwright.sync_api import Browser, Page, sync_playwright

MOST_BYTES = 60_000
"""Over the wire, texts included, until the first item stands there."""
CHARACTERS = 1_500
READY = """(wanted) => { const shown = document.body ? document.body.innerText : '';
    return wanted.every((text) => shown.includes(text)); }"""
LABELS = """<View><Header value="Which of the two answers would you rather have?"/>
<Text name="prompt" value="$prompt"/><Pairwise name="pw" toName="left,right"/>
<View style="display: flex"><Text name="left" value="$left"/><Text name="right" value="$right"/></View></View>"""
USER = {"email": "bench@example.com", "password": "a-password-for-this-run"}


def seen(browser: Browser, url: str, wanted: list[str], state: Any) -> dict[str, float]:
    """One visit of a browser with nothing in its cache: requests, bytes over the wire, milliseconds."""
    context = browser.new_context(storage_state=state, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    loaded: list[float] = []
    wire.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(READY, arg=wanted, polling=5, timeout=60_000)
    ms = (time.perf_counter() - began) * 1000
    page.wait_for_load_state("networkidle")  # what comes after the item counts as weight, not as time
    context.close()
    return {"requests": len(loaded), "bytes": sum(loaded), "ms": ms}


def middle(visits: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(visit[name] for visit in visits)) for name in visits[0]}


def ours(browser: Browser, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        recipe = make_study(Path(folder), 10, CHARACTERS, people=1, shared=0)
        with serving(recipe, 1) as site:
            context = browser.new_context()
            page = context.new_page()
            page.goto(site.links[0])
            go_to_first_item(page)
            state = context.storage_state()
            context.close()
            wanted = ["How do I sharpen knife number", "Reply"]
            return middle([seen(browser, site.url, wanted, state) for _ in range(rounds)])


def go_to_first_item(page: Page) -> None:
    """Through consent and practice, as a person who presses the first button of each page."""
    aside = "".join(f":not([action='{action}'])" for action in ASIDE)
    for _ in range(40):
        if page.locator("form[action='/answer']").count():
            return
        page.wait_for_timeout(400)  # a page takes no answer in its first moments
        for box in page.locator(f"form{aside} input[type=checkbox]").all():
            box.check()
        with page.expect_navigation():
            page.locator(f"form{aside} button, a.primary").first.click()
    raise SystemExit("the first item does not come")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def label_studio(folder: Path) -> Iterator[str]:
    """The address of a Label Studio of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [folder / "bin" / "label-studio", "start", "--no-browser", "--port", str(port)]
        command += ["--data-dir", data, "--username", USER["email"], "--password", USER["password"]]
        env = {**os.environ, "COLLECT_ANALYTICS": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def project(page: Page, url: str) -> tuple[int, int]:
    """A project with one pair of texts: its number and the task's."""
    page.goto(f"{url}/user/login/")
    page.fill("input[name=email]", USER["email"])
    page.fill("input[name=password]", USER["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    rng = random.Random(0)
    pair = {name: f"Reply {name}. {text(rng, CHARACTERS)}"[:CHARACTERS] for name in ("left", "right")}
    data = {"prompt": "How do I sharpen knife number 1?", **pair}
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": url}

    def post(path: str, body: Any) -> Any:
        reply = page.request.post(f"{url}{path}", data=body, headers=headers)
        if not reply.ok:
            raise SystemExit(f"Label Studio: {path}: {reply.status} {reply.text()[:300]}")
        return reply.json()

    made = post("/api/projects/", {"title": "pairs", "label_config": LABELS})["id"]
    task = post("/api/tasks/", {"project": made, "data": data})["id"]
    return made, task


def theirs(browser: Browser, folder: Path, rounds: int) -> dict[str, Any]:
    with label_studio(folder) as url:
        context = browser.new_context()
        page = context.new_page()
        made, task = project(page, url)
        state = context.storage_state()
        context.close()
        wanted = ["How do I sharpen knife number", "Reply left", "Reply right"]
        address = f"{url}/projects/{made}/data?task={task}"
        return middle([seen(browser, address, wanted, state) for _ in range(rounds)])


def installed_mb(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6, 1)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON and the ratio alone")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--label-studio", type=Path, metavar="FOLDER", help="its virtual environment")
    options = arguments.parse_args()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        result: dict[str, Any] = {"ours": ours(browser, options.rounds), "label_studio": None}
        if options.label_studio:
            result["label_studio"] = theirs(browser, options.label_studio, options.rounds)
            result["label_studio"]["installed_mb"] = installed_mb(options.label_studio / "lib")
        browser.close()
    peer = result["label_studio"]["bytes"] if result["label_studio"] else MOST_BYTES
    result["ratio"] = round(peer / result["ours"]["bytes"], 2)
    print(json.dumps(result))
    print(result["ratio"])


if __name__ == "__main__":
    main()
