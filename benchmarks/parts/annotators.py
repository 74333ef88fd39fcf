"""Simulated annotators, in a process of their own: they open their links, read pages, think and send forms.

    python -m parts.annotators < JSON {"links": [...], "items": 20, "think": [0.5, 1.5], "seed": 0}

Each has one connection that is kept open, as a browser's is. Every answer carries a reason that no other has: so what
was acknowledged (the server said 303) can be looked for in the ledger one by one. The last line is JSON: milliseconds
of each page of an item and of each answer, the acknowledged reasons, and what went wrong.
"""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import random
import re
import sys
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
TAG = re.compile(r"<(?:input|button)\b[^>]*>")
ATTRIBUTE = re.compile(r"""([\w-]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
Form = dict[str, Any]
ASIDE = ("/leave", "/undo", "/skip")
"""Forms that no one needs to go on."""


def attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(a or b or c) for name, a, b, c in ATTRIBUTE.findall(tag)}


def forms(page: str) -> list[Form]:
    """Of a page: action, hidden fields, boxes to tick, and the values that each button or choice has."""
    found = []
    for opening, body in FORM.findall(page):
        form: Form = {"action": attributes(opening).get("action", "/"), "fields": {}, "choices": {}}
        for tag in TAG.findall(body):
            a = attributes(tag)
            if not a.get("name"):
                continue
            if a.get("type") in ("hidden", "checkbox"):
                form["fields"][a["name"]] = a.get("value", "on")
            elif a.get("type") != "text":
                form["choices"].setdefault(a["name"], []).append(a.get("value", ""))
        found.append(form)
    return found


class Browser:
    """One person's connection, with its cookie."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self.host, self.port = parts.hostname, parts.port
        self.cookie = ""
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(
        self, method: str, path: str, data: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text. A connection that the server closed while it was idle is opened again."""
        body = urlencode(data or {}).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "Accept-Encoding: gzip",
            "Accept: text/html",
        ]
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}")
        if method == "POST":
            lines += [
                f"Origin: http://{self.host}:{self.port}",
                "Content-Type: application/x-www-form-urlencoded",
            ]
            lines.append(f"Content-Length: {len(body)}")
        sent = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        for _ in range(2):
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=2**20)
            try:
                self.writer.write(sent)
                return await self.read()
            except (ConnectionError, asyncio.IncompleteReadError):
                self.writer.close()
                self.writer = None
        raise ConnectionError("the server closed the connection twice")

    async def read(self) -> tuple[int, dict[str, str], str]:
        assert self.reader is not None
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
            if name.lower() == "set-cookie" and "=;" not in value:
                self.cookie = value.split(";")[0]
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return int(head[0].split()[1]), headers, body.decode()

    async def follow(self, status: int, headers: dict[str, str], page: str) -> str:
        while status in (302, 303):
            status, headers, page = await self.ask("GET", headers["location"])
        if status != 200:
            raise RuntimeError(f"status {status}: {re.sub('<[^>]+>', ' ', page)[-300:]}")
        return page


def asked(page: str) -> Form | None:
    """The form that answers an item, where the page shows one."""
    return next((form for form in forms(page) if form["action"] == "/answer"), None)


async def enter(browser: Browser, link: str) -> str:
    """From the link through consent and practice to the first item."""
    page = await browser.follow(*await browser.ask("GET", urlsplit(link).path))
    for _ in range(40):
        if asked(page):
            return page
        ahead = [form for form in forms(page) if form["action"] not in ASIDE]
        if ahead:
            data = ahead[0]["fields"] | {name: values[0] for name, values in ahead[0]["choices"].items()}
            page = await browser.follow(*await browser.ask("POST", ahead[0]["action"], data))
        else:  # what was said of a practice answer: a link leads on
            page = await browser.follow(*await browser.ask("GET", "/"))
    raise RuntimeError("practice has no end")


async def annotate(number: int, link: str, order: dict[str, Any], told: dict[str, list[Any]]) -> None:
    rng = random.Random(f"{order['seed']}/{number}")
    browser = Browser(link.split("/link/")[0])
    try:
        await asyncio.sleep(rng.random() * order["think"][1] * 2)  # people do not come at one moment
        page = await enter(browser, link)
        for given in range(order["items"]):
            form = asked(page)
            if form is None:
                break
            await asyncio.sleep(rng.uniform(*order["think"]))
            reason = f"person {number} answer {given} {rng.getrandbits(32):08x}"
            choice = rng.choice(form["choices"]["choice"])
            began = time.perf_counter()
            reply = await browser.ask(
                "POST", form["action"], form["fields"] | {"choice": choice, "reason": reason}
            )
            stored = time.perf_counter()
            if reply[0] != 303:
                raise RuntimeError(f"an answer got {reply[0]}: {re.sub('<[^>]+>', ' ', reply[2])[-300:]}")
            told["acknowledged"].append(reason)
            told["store_ms"].append((stored - began) * 1000)
            page = await browser.follow(*reply)
            told["serve_ms"].append((time.perf_counter() - stored) * 1000)
            told["bytes"].append(len(page))
    except Exception as error:
        told["wrong"].append(f"person {number}: {type(error).__name__}: {error}")


async def main(order: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, list[Any]] = {
        name: [] for name in ("serve_ms", "store_ms", "acknowledged", "bytes", "wrong")
    }
    began = time.perf_counter()
    await asyncio.gather(*(annotate(n, link, order, told) for n, link in enumerate(order["links"])))
    return told | {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
