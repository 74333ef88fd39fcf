"""What is in a post: Reddit's Markdown as text, the tag of a title, the notes around a story. All of it is ours.

The rules are conservative: a note or a plug that is not recognised stays, a sentence of the story never goes. They were
set on 500 stories of r/WritingPrompts. Markdown itself stays, but for links, images and spoilers.
"""

from __future__ import annotations

import html
import re
from html.entities import html5

from handful.core.text import prompt_key

ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
"""Control characters, and the zero-width space that Reddit's editor writes for a blank line."""

IMAGE = re.compile(r"!\[[^\[\]\n]{0,300}\]\([^()\s]{0,2000}\)")
LINK = re.compile(
    r"\[([^\[\]\n]{1,500})\]\(\s{0,3}(?:[^()\s]|\([^()\s]{0,300}\)){0,2000}(?:\s\"[^\"\n]{0,300}\")?\s{0,3}\)"
)
SPOILER = re.compile(r">!((?:[^\n!>]|!(?!<)|>(?!!)){1,2000})!<")
ESCAPED = re.compile(r"\\([-_.~^>()\[\]!+&])")

TAG = re.compile(r"\s*[\[({]\s*([A-Za-z][\w '.!&/-]{0,24}?)\s*[\])}]\s*[:\-\u2013\u2014]?\s*")
LAST_TAG = re.compile(r"[\[({]\s*([A-Za-z]{2}(?:\s*/\s*[A-Za-z]{2})?)\s*[\])}]\s*$")

RULE_LINE = re.compile(r"[\s\\]*([*_=~•-])(?:[\s\\]*\1)*[\s\\]*")
"""A line of marks alone, as "***" or "-----": between scenes, or between the story and its notes."""
EDIT = re.compile(
    r"[\W_]*(?:edit(?:s|ed)?|eta|update|p\.?s\.?)\b[^\n:]{0,20}[:=]|[\W_]*edit(?:ed)?\s*[\d(\u2013\u2014-]",
    re.IGNORECASE,
)
NOTE = re.compile(
    r"""
      (?<![\w/])/?[ru]/[A-Za-z]\w                                   # r/mysub, /u/me
    | \bsub-?reddits? | \bmy\ sub\b | \b(?:reddit|internet)\ (?:gold|silver|stranger)s?
    | \b(?:thanks|thank\ you|thx)\b.{0,40}\b(?:gold|silver|reading|upvotes?|awards?|support|kind\ words|prompt|feedback
        |comments|platinum|stranger)\b
    | \b(?:patreon|wattpad|royal\ ?road|ko-?fi|my\ (?:blog|website|profile|page|newsletter|twitter|youtube))\b
    | \bmore\ (?:of\ my|from\ me|by\ me|like\ this|stories\ (?:at|on|like))\b
    | \b(?:part|chapter)\ (?:\d|two|three|ii)\b.{0,40}
        \b(?:below|here|comments?|reply|replies|up|soon|posted|tomorrow|coming)\b
    | \b(?:feedback|critiques?|criticisms?|cc)\b.{0,30}\b(?:welcome|appreciated|wanted)
    | \b(?:hope|if)\ (?:you|y'?all|you\ guys)\ (?:like|liked|enjoy|enjoyed)\b
    | \b(?:first|second)\ (?:time|post|prompt|story|attempt|wp|submission)\b.{0,40}
        \b(?:here|posting|prompt|wp|gentle|kind|sub|writing)\b
    | \bon\ (?:mobile|my\ phone)\b | \b(?:formatting|typos?|spelling|grammar)\b
    | \bwrit(?:e|ing|ten)\b.{0,30}\bprompts?\b | \bprompts?\b.{0,30}\b(?:great|good|fun|awesome)\b
    | \b(?:great|good|fun|awesome)\ prompts?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
PARAGRAPH = re.compile(r"\n(?:[ \t]*\n)+")
MAX_NOTE = 400
"""Characters of a paragraph that may be a note; a longer one is story."""
MAX_TAIL = 0.25
"""Share of a text that may go from the first edit, or from the last rule, to its end."""

ASKS_REDDIT = re.compile(
    r"\b(?:sub-?)?reddit\w*|(?<![\w/])/?[ru]/\w|\b(?:up|down)-?vot\w+|\bkarma\b|\bOP\b|\b(?:AMA|IAmA|ELI5|AITA|TL;?DR)\b"
    r"|\b(?:front ?page|throwaway|lurkers?|x-?post|cross-?post)\b",
    re.IGNORECASE,
)
POINTS_ELSEWHERE = re.compile(
    r"https?://|\bwww\.|\bimgur\b|\b(?:in|inside|see|read) (?:the |my )?(?:comments?|text|body|post|details)\b"
    r"|\b(?:story|details?|more|info|explanation|examples?|pics?|pictures?|proof|links?|video|letter)"
    r" (?:inside|included|attached|below|within|in comments)\b"
    r"|\b(?:inside|below|attached)\s*[.)\]]"
    r"|\bthis (?:picture|photo|image|pic|gif|video|link|article|thread|post|map|chart)\b"
    r"|\b(?:part|pt\.?) ?(?:\d|two|ii)\b|\b(?:edit|update)\s*[:\d]|\bI'?ll (?:go first|start)\b",
    re.IGNORECASE,
)
BRACKETS = re.compile(r"[\[{][^\[\]{}]{0,200}[\]}]")
QUESTION = re.compile(r"\?[\"'\u201d\u2019)*_\s]*$")


def plain(text: str) -> str:
    """Text as it was typed: Reddit escapes `&`, `<` and `>` once more in what it hands out."""
    if "&" in text:
        text = ENTITY.sub(_character, text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return UNSEEN.sub("", text).strip()


def _character(entity: re.Match[str]) -> str:
    """What an entity stands for; itself where no entity has that name (`html.unescape` takes "&nota;" for "¬a;")."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name[0] == "#" else html5.get(name, entity[0])


def markdown(text: str) -> str:
    """A post's text: links become their words, images go, spoilers are open. The rest stays as it is."""
    text = plain(text)
    if "](" in text:
        text = LINK.sub(r"\1", IMAGE.sub("", text))
    if ">!" in text:
        text = SPOILER.sub(r"\1", text)
    return ESCAPED.sub(r"\1", text).strip()


def line(text: str) -> str:
    """A title: one line of text."""
    return " ".join(plain(text).split())


def split_tags(title: str, known: tuple[str, ...]) -> tuple[tuple[str, ...], str, str]:
    """The tags of a title, the title without them, and the first tag that is not `known` ("" where all are).

    "[WP/CW] The sea is gone. [EU]" has three. In round brackets, and at the end, only a known tag is taken for one.
    """
    upper = {tag.upper() for tag in known}
    found: list[str] = []
    while tag := TAG.match(title):
        names = [name.strip().upper() for name in tag[1].split("/")]
        if not upper.issuperset(names):
            if title.lstrip()[:1] != "(":
                return tuple(found), title, tag[1]
            break
        found += names
        title = title[tag.end() :]
    last = LAST_TAG.search(title)
    if last and upper.issuperset(name.strip().upper() for name in last[1].split("/")):
        found += [name.strip().upper() for name in last[1].split("/")]
        title = title[: last.start()]
    return tuple(dict.fromkeys(found)), title.strip(), ""


def story(text: str, prompt: str) -> str:
    """A comment without what is not the story: the prompt quoted before it, the author's notes before and after it."""
    kept, left = "", markdown(text)
    while left != kept:  # what is a small part of a text's end depends on how much is left of it
        kept, left = left, _trimmed(left, prompt)
    return kept


def _trimmed(text: str, prompt: str) -> str:
    paragraphs = [paragraph.rstrip() for paragraph in PARAGRAPH.split(text)]
    start, end = 0, _end(paragraphs)
    while start < end - 1 and _before(paragraphs[start], prompt):
        start += 1
    while end - 1 > start and _after(paragraphs[end - 1]):
        end -= 1
    if end - 1 == start and RULE_LINE.fullmatch(paragraphs[start]):
        return ""
    return "\n\n".join(paragraphs[start:end]).strip()


def _before(paragraph: str, prompt: str) -> bool:
    if paragraph.startswith(">") and prompt_key(paragraph) == prompt_key(prompt):
        return True
    return bool(RULE_LINE.fullmatch(paragraph) or (len(paragraph) <= MAX_NOTE and EDIT.match(paragraph)))


def _after(paragraph: str) -> bool:
    if len(paragraph) > MAX_NOTE:
        return False
    return bool(RULE_LINE.fullmatch(paragraph) or EDIT.match(paragraph) or _is_note(paragraph))


def _is_note(paragraph: str) -> bool:
    """Whether a note: what has quotation marks is dialogue, not one."""
    bare = paragraph.replace("^", "")
    return bool(NOTE.search(bare)) and not re.search(r"[\"“”]", bare)


def _end(paragraphs: list[str]) -> int:
    """Where the story ends: at an edit, or at a rule with notes behind it, if little comes after."""
    sizes = [len(paragraph) for paragraph in paragraphs]
    most, tail = MAX_TAIL * sum(sizes), 0
    end = len(paragraphs)
    for at in range(len(paragraphs) - 1, 0, -1):
        tail += sizes[at]
        if tail > most:
            break
        if EDIT.match(paragraphs[at]):
            end = at
        elif RULE_LINE.fullmatch(paragraphs[at]):
            if any(_is_note(paragraph) for paragraph in paragraphs[at + 1 : end]):
                end = at
            else:
                break
    return end


def not_self_contained(title: str) -> tuple[str, str] | None:
    """Why a title cannot be asked alone, or None: the rule and what it saw."""
    if not QUESTION.search(title):
        return "not_a_question", f"ends with {title[-20:]!r}"
    seen = BRACKETS.search(title) or ASKS_REDDIT.search(title) or POINTS_ELSEWHERE.search(title)
    return ("not_self_contained", f'says "{seen[0].strip()}"') if seen else None
