"""HTML to text: our cleaner beside lxml's text_content, which keeps neither code nor lists, and html2text, which does.

    python benchmarks/html_to_text.py [--json] [--posts N]

All get the same generated bodies, in the markup of Stack Exchange and as long as answers that are kept. They take
turns; the number of each is its best, in seconds of this process alone. html2text is left out where it is not
installed. The last line is JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import time
from collections.abc import Callable
from importlib import metadata

from lxml import html as lxml_html

from handful.markup.html import to_text

ROUNDS = 7
TEXT = "the water copper of a why because it's light root slow (seven), and so to each end; is in"
WORDS = TEXT.split()
INLINE = [
    "<em>{}</em>",
    "<strong>{}</strong>",
    '<a href="https://example.org/q?a=1&amp;b=2" rel="nofollow">{}</a>',
]
CODE = "def f(x):\n    return x &lt; 10\n\n\nprint(f(3))\n"


def line(draw: random.Random, words: int) -> str:
    """A sentence with, on average, one span in it for each forty words (real answers: one in forty to fifty)."""
    text = draw.choices(WORDS, k=words)
    for position in range(words):
        if draw.random() < 1 / 40:
            text[position] = draw.choice(INLINE).format(" ".join(draw.choices(WORDS, k=3)))
    if draw.random() < 0.05:
        text.append("<code>a &lt; b</code>")
    return " ".join(text)


def block(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.75:
        return f"<p>{line(draw, draw.randrange(10, 100))}</p>"
    if kind < 0.87:
        name = draw.choice(["ul", "ul", "ol"])
        items = "\n".join(
            f"<li>{line(draw, draw.randrange(5, 40))}</li>" for _ in range(draw.randrange(2, 7))
        )
        return f"<{name}>\n{items}\n</{name}>"
    if kind < 0.93:
        return f"<blockquote>\n  <p>{line(draw, 40)}</p>\n</blockquote>"
    return f"<pre><code>{CODE * draw.randrange(1, 4)}</code></pre>" if kind < 0.97 else "<h2>Of copper</h2>"


def bodies(count: int) -> list[str]:
    """Answers of 1,200 to some 9,000 bytes."""
    draw = random.Random(0)
    made = []
    while len(made) < count:
        body = "\n\n".join(block(draw) for _ in range(1 + int(draw.lognormvariate(1.9, 0.5))))
        if len(body) >= 1200:
            made.append(body + "\n")
    return made


def text_content(body: str) -> str:
    return str(lxml_html.fragment_fromstring(body, create_parent=True).text_content())


def ways() -> dict[str, Callable[[str], str]]:
    found: dict[str, Callable[[str], str]] = {"ours": to_text, "lxml text_content": text_content}
    if importlib.util.find_spec("html2text"):
        import html2text

        found["html2text"] = html2text.HTML2Text(bodywidth=0).handle
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON line alone")
    arguments.add_argument("--posts", type=int, default=1000)
    options = arguments.parse_args()
    posts = bodies(options.posts)
    size = sum(len(post.encode()) for post in posts) / 1e6
    best = dict.fromkeys(ways(), float("inf"))
    for _ in range(ROUNDS):
        for name, convert in ways().items():
            start = time.process_time()
            for post in posts:
                convert(post)
            best[name] = min(best[name], time.process_time() - start)
    if not options.json:
        for name, seconds in best.items():
            print(f"{name}: {size / seconds:.1f} MB/s, {len(posts) / seconds:,.0f} posts/s")
    ours, peer = size / best["ours"], size / best["lxml text_content"]
    result = {
        "claim": f"HTML to text, {len(posts):,} answers of {1e3 * size / len(posts):.1f} kB, one process",
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "ratio": round(ours / peer, 2),
        "unit": "MB/s of CPU time (peer: lxml text_content, which drops code and lists)",
        "versions": {name: metadata.version(name) for name in ("handful", "selectolax", "lxml")},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
