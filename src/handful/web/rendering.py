"""Values to HTML, for every page that this package serves: the annotators', the researcher's, the desk's.

- `page("admin.html", 200, name=value, ...)` is a response made of a template in `web/templates`; templates extend
  `base.html` (blocks `title`, `head`, `body`), escape everything, and are compiled once. A missing value is an error.
- `message("What is wrong, and what to do.", 403)` is a plain page that says it.
- In templates: `{{ text | markdown }}` is text by models or people as safe HTML (`| from_file` for instructions, whose
  lines are only wrapped); `{{ text }}` in an element of class
  "text" shows the characters as they are; `asset("study.css")` is a static file's address, which changes with its
  content so that browsers may keep it for ever.

What a model wrote never becomes a tag of ours: Markdown is read with HTML off, and what comes of it passes nh3 with a
short list of elements and no attribute that points anywhere. Links and pictures are shown as text with their address:
a page under judgement leads nowhere and loads nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import nh3
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

FOLDER = Path(__file__).parent
LONGEST = 100_000
"""Characters of Markdown that are laid out; a longer text is shown as it is."""
WIDEST = 60
"""Cells in a row: a wider table is shown as it is too, since laying one out takes seconds."""
LOWERED = 2
"""By how much headings in a text are lowered: the page's own are h1 and h2."""
TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "span"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"ol": {"start"}, "span": {"class"}}


class Plainly(RendererHTML):
    """Links and images as text with their address beside it; headings lowered; no classes."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        env.setdefault("links", []).append(str(tokens[idx].attrGet("href") or ""))
        env.setdefault("begun", []).append(idx)
        return ""

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        address, begun = env["links"].pop(), env["begun"].pop()
        said = "".join(token.content for token in tokens[begun + 1 : idx])
        return "" if said == address else address_of(address)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        alt = str(Markup.escape(tokens[idx].content))
        return f"[picture: {alt}]" + address_of(str(tokens[idx].attrGet("src") or ""))

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"<{lowered(tokens[idx].tag)}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{lowered(tokens[idx].tag)}>\n"


def address_of(address: str) -> str:
    return f' <span class="address">({Markup.escape(address)})</span>' if address else ""


def lowered(tag: str) -> str:
    return f"h{min(6, int(tag[1:]) + LOWERED)}"


def reader(breaks: bool) -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": breaks}, renderer_cls=Plainly)
    made.enable(["table", "strikethrough"])
    # A link's address is only shown, never followed, so any is text; the default would drop some without a word.
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    made.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return made


READER, READER_OF_FILES = reader(breaks=True), reader(breaks=False)
CLEANER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, strip_comments=True, link_rel=None, url_schemes=set())


@lru_cache(maxsize=2048)
def markdown(text: str) -> Markup:
    """`text` laid out as safe HTML; kept, since the same answer is shown to several people."""
    if len(text) > LONGEST or any(line.count("|") > WIDEST for line in text.splitlines()):
        return Markup('<p class="text">') + text + Markup("</p>")
    return Markup(CLEANER.clean(READER.render(text)))


@lru_cache(maxsize=64)
def from_file(text: str) -> Markup:
    """As `markdown`, of a text in a file of ours or the researcher's, whose lines are only wrapped."""
    return Markup(CLEANER.clean(READER_OF_FILES.render(text)))


@cache
def asset(name: str) -> str:
    version = hashlib.sha256((FOLDER / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={version}"


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.filters["markdown"] = markdown
TEMPLATES.filters["from_file"] = from_file
TEMPLATES.globals["asset"] = asset


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(TEMPLATES.get_template(template).render(**values), status)


def message(text: str, status: int, title: str = "Something is not right", go_on: str = "/") -> HTMLResponse:
    """A page that says `text`, with a way on to the address `go_on` ("" for none)."""
    return page("message.html", status, text=text, title=title, go_on=go_on)
