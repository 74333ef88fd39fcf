"""Records and counts as text for a terminal: short, aligned, with the words that a rule saw made to stand out.

Colours are click's, which leaves them out where the output is not a terminal. Text of a dump is shown without control
characters, so that no post can move the cursor or set a title.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

WIDTH = 100
EXCERPT_CHARS = 600
BEFORE_MATCH = 200
MAX_ROWS = 12
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
QUOTED = re.compile(r'"([^"\n]+)"')

Span = tuple[int, int]


# --- texts


def words_seen(details: Iterable[str]) -> list[str]:
    """The words that rules quote in their details: `says "my"` is ["my"]."""
    return list(dict.fromkeys(word for detail in details for word in QUOTED.findall(detail)))


def matches(text: str, words: Sequence[str]) -> list[Span]:
    """Where the words stand in a text: outside of code, where they do, since rules look there."""
    patterns = [pattern(word) for word in words if word.strip()]
    found = sorted({hit.span() for each in patterns for hit in each.finditer(text)})
    code = [hit.span() for hit in CODE.finditer(text)]
    outside = [span for span in found if not any(start <= span[0] < end for start, end in code)]
    return outside or found


def pattern(words: str) -> re.Pattern[str]:
    """`words` whole, whatever the white space between them."""
    inner = r"\s+".join(map(re.escape, words.split()))
    before = r"(?<!\w)" if words.strip()[0].isalnum() else ""
    after = r"(?!\w)" if words.strip()[-1].isalnum() else ""
    return re.compile(before + inner + after)


def excerpt(text: str, words: Sequence[str] = (), chars: int = EXCERPT_CHARS) -> str:
    """At most about `chars` characters, around the first of the words where there are any."""
    text = CONTROL.sub("", text).strip()
    if len(text) <= chars:
        return text
    found = matches(text, words)
    start = max(0, found[0][0] - BEFORE_MATCH) if found else 0
    start = min(start, len(text) - chars)
    start = text.find(" ", start, start + 20) + 1 if start else 0
    cut = text[start : start + chars]
    tail = f"… ({len(text):,} characters)" if start + chars < len(text) else f" ({len(text):,} characters)"
    return f"{'…' if start else ''}{cut.strip()}{tail}"


def block(text: str, indent: int, words: Sequence[str] = ()) -> list[str]:
    """A text as indented lines that fit the terminal, its own line breaks kept and the words highlighted."""
    lines = []
    for line in text.split("\n"):
        bare = line.lstrip()
        own = " " * (len(line) - len(bare))
        lines += textwrap.wrap(bare, WIDTH - indent, initial_indent=own, subsequent_indent=own) or [""]
    shown = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return [f"{' ' * indent}{line}".rstrip() for line in highlighted(shown, words).split("\n")]


def highlighted(text: str, words: Sequence[str]) -> str:
    """The text with each match in colours of its own, line by line where a match runs over a line's end."""
    parts, position = [], 0
    for start, end in matches(text, words):
        if start < position:
            continue
        marked = "\n".join(click.style(line, fg="black", bg="yellow") for line in text[start:end].split("\n"))
        parts += [text[position:start], marked]
        position = end
    return "".join([*parts, text[position:]])


def as_text(record: Mapping[str, Any], is_html: bool) -> dict[str, Any]:
    """A record with its HTML, if it is a question as the dump has it, turned into text as `clean` does it."""
    if not is_html or "answer" not in record:
        return dict(record)
    from handful.markup.html import to_line, to_text

    texts = {
        "title": to_line(record["title"]),
        "body": to_text(record["body"]),
        "answer": to_text(record["answer"]),
    }
    return {**record, **texts}


def text_lines(record: Mapping[str, Any], words: Sequence[str] = (), indent: int = 4) -> list[str]:
    """The text of a question and its answer, or of a dialogue, in a few lines.

    The part that a rule's words are in is shown around them; of the others, the beginning.
    """
    if "answer" in record:
        parts = [("question", record["body"]), ("answer", record["answer"])]
    else:
        parts = [(turn["role"], turn["text"]) for turn in record["turns"]]
        if len(parts) > 4:
            parts = [*parts[:2], ("", f"({len(parts) - 4} more turns)"), *parts[-2:]]
    lines = []
    for name, text in parts:
        found = [] if name in ("question", "user") and not has_only_here(parts, name, words) else words
        short = excerpt(text, found, EXCERPT_CHARS if name in ("answer", "assistant") else EXCERPT_CHARS // 2)
        lines.append(f"{' ' * indent}{click.style(name, bold=True)}")
        lines += block(short, indent + 2, found)
    return lines


def has_only_here(parts: Sequence[tuple[str, str]], name: str, words: Sequence[str]) -> bool:
    """Whether no answer has the words, so that a question's own are those that the rule saw."""
    return bool(words) and not any(
        matches(text, words) for other, text in parts if other in ("answer", "assistant")
    )


def heading(id: str, record: Mapping[str, Any] | None, url: str = "") -> list[str]:
    """The id with its title, and a line with its address, scores and licence. Credit is given in the data card."""
    origin = (record or {}).get("origin") or {}
    title = " ".join(CONTROL.sub("", str((record or {}).get("title") or origin.get("title") or "")).split())
    facts = [CONTROL.sub("", str(origin.get("url") or url))]
    if record and "answer_score" in record:
        facts.append(f"question score {record['question_score']:,}, answer score {record['answer_score']:,}")
    facts.append(CONTROL.sub("", str(origin.get("license") or "")))
    said = "  ".join(fact for fact in facts if fact)
    return [f"{click.style(id, bold=True)}{f'  {title}' if title else ''}", *([f"  {said}"] if said else [])]


# --- records of any kind


def record_lines(record: Mapping[str, Any], is_html: bool) -> list[str]:
    """A record of any file in a few lines."""
    if "rule" in record:
        detail = f": {plain(record['detail'])}" if record.get("detail") else ""
        return [f"  {record['id']}  {record['rule']}{detail}"]
    if "left" in record and "turns" in record:
        return comparison_lines(record)
    if "answer" in record or "turns" in record:
        shown = as_text(record, is_html)
        return [f"  {line}" for line in heading(str(shown.get("id", "")), shown)] + text_lines(shown)
    texts = {name: value for name, value in record.items() if isinstance(value, str) and len(value) > 60}
    short = {name: value for name, value in record.items() if name not in texts}
    lines = [f"  {', '.join(f'{name} {plain(value)}' for name, value in short.items())}"]
    for name, text in texts.items():
        lines += [f"    {click.style(name, bold=True)}", *block(excerpt(text), 6)]
    return lines


def comparison_lines(record: Mapping[str, Any]) -> list[str]:
    lines = [f"  {click.style(record['id'], bold=True)}  prompt {record['prompt_id']}"]
    for name, text in (
        ("asked", record["turns"][-1]["text"]),
        *((side, record[side]) for side in ("left", "right")),
    ):
        lines += [f"    {click.style(name, bold=True)}", *block(excerpt(text, chars=EXCERPT_CHARS // 2), 6)]
    return lines


def plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return CONTROL.sub("", value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- counts


def count_lines(counts: Mapping[str, Any], indent: int = 2) -> list[str]:
    """The counts of a manifest: numbers in a column, tables of numbers below their names, a funnel as a funnel."""
    single = {name: plain(value) for name, value in counts.items() if not isinstance(value, Mapping)}
    lines = columns(list(single.items()), indent)
    for name, value in counts.items():
        if not isinstance(value, Mapping):
            continue
        if not value:
            lines.append(f"{' ' * indent}{name}: none")
            continue
        lines.append(f"{' ' * indent}{name}")
        if name == "dropped" and "kept" in counts:
            lines += funnel(counts["candidates"], value, indent + 2)
        elif any(isinstance(inner, Mapping) for inner in value.values()):
            lines += grid(value, indent + 2)
        else:
            rows = (
                sorted(value.items(), key=lambda item: -item[1])
                if len(value) > MAX_ROWS
                else list(value.items())
            )
            lines += columns([(key, plain(number)) for key, number in rows[:MAX_ROWS]], indent + 2)
            if len(rows) > MAX_ROWS:
                lines.append(f"{' ' * (indent + 2)}and {len(rows) - MAX_ROWS:,} more")
    return lines


def funnel(came: int, dropped: Mapping[str, int], indent: int) -> list[str]:
    """A line a rule, in their order: what it took, and what it left."""
    rows, left = [("rule", "took", "left"), ("", "", plain(came))], came
    for rule, took in dropped.items():
        left -= took
        rows.append((rule, plain(took), plain(left)))
    return columns(rows, indent)


def grid(table: Mapping[str, Any], indent: int) -> list[str]:
    """A table of tables: a block an entry where they are deep, else a line an entry."""
    lines = []
    for name, inner in table.items():
        if isinstance(inner, Mapping) and any(isinstance(value, Mapping) for value in inner.values()):
            lines += [f"{' ' * indent}{name}", *count_lines(inner, indent + 2)]
        elif isinstance(inner, Mapping):
            rows = sorted(inner.items(), key=lambda item: -item[1])
            shown = ", ".join(f"{key} {plain(value)}" for key, value in rows[:MAX_ROWS])
            more = f" and {len(rows) - MAX_ROWS:,} more" if len(rows) > MAX_ROWS else ""
            lines.append(f"{' ' * indent}{name}: {shown}{more}")
        else:
            lines.append(f"{' ' * indent}{name}: {plain(inner)}")
    return lines


def columns(rows: Sequence[tuple[str, ...]], indent: int) -> list[str]:
    """Rows with the first column to the left and the others to the right."""
    if not rows:
        return []
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        " " * indent
        + "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        ).rstrip()
        for row in rows
    ]
