"""Section 2.2: examples written by hand, one Markdown file each.

    ---
    split: train
    kind: plain
    topic: language
    author: Who wrote it
    license: CC BY 4.0
    ---
    ## User

    A question.

    ## Assistant

    Its answer.

A dialogue repeats the two sections. A test file ends with the user, any other with the assistant. The two headings
count where they are the whole line, outside code fences. What is written is taken as it stands, but for the blank
lines around each turn. `form` says what is asked for (explain, advise, write …), `intent` of a sensitive prompt whether
it is malicious or benign. A test prompt that asks another's question in other words names that one by its id
(`variant_of: authored/its-name`, with `variant: paraphrase`), and counts for robustness only. Without `paths` a source
reads the set that comes with Handful, src/handful/authored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handful.core.beginnings import ENOUGH, foreign
from handful.core.errors import DataError
from handful.core.files import files_below
from handful.core.tags import said
from handful.core.types import Dropped, Example, Noun, Origin, Prompt, Role, Turn
from handful.recipe.sources import Authored
from handful.sources.authored_part import KIND, part

SHIPPED = tuple(Path(__file__).parents[1] / "authored" / split for split in ("train", "dev", "test"))
"""The folders of the set that comes with Handful."""
KEYS = ("split", "kind", "topic", "form", "intent", "variant_of", "variant", "author", "license", "url")
SPLITS = {"train": "examples", "dev": "dev", "test": "test"}
"""Split -> the file of the stage's folder that it goes to."""
INTENTS = ("malicious", "benign")
SENSITIVE, DIALOGUE = "sensitive", "dialogue"
"""Kinds that are tags of their own, too: `study.sensitive_tag` asks about the safety of the first, and live
conversations begin with prompts of the second."""
LEFT_OUT, SPLIT_LEFT_OUT, TOO_MANY = "kind_left_out", "split_left_out", "over_max_prompts"
HEADINGS: dict[str, Role] = {"## User": "user", "## Assistant": "assistant"}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
FENCE = re.compile(r"\s*(`{3,}|~{3,})([^\n]*)")


@dataclass(slots=True)
class Section:
    """A turn in the making: where its heading stands, and the lines below it."""

    line: int
    role: Role
    lines: list[str] = field(default_factory=list)


def read(
    name: str, source: Authored, rules: Mapping[str, int], put: Callable[[str, Noun], None], scratch: Path
) -> dict[str, Any]:
    """Put each file's dialogue, sorted by path within each folder.

    Raises:
        DataError: a file that is not in the form above, by its line; two of one name; or none at all.
    """
    seen: dict[str, Path] = {}
    kinds: set[str] = set()
    splits: set[str] = set()
    prompts: list[Prompt] = []
    for path in _files(map(str, SHIPPED) if source.paths is None else source.paths):
        text = read_text(path)
        split, record = parse(text, str(path), name)
        if first := seen.get(record.id):
            raise DataError(
                f"{path}: has the name of {first}, and a name is what an example is known by; rename one"
            )
        seen[record.id] = path
        kind = kind_of(record)
        splits.add(split)
        if source.splits and split not in source.splits:
            put("dropped", Dropped(record.id, SPLIT_LEFT_OUT, split))
            continue
        kinds.add(kind)
        if kind in source.leave_out or (source.kinds and kind not in source.kinds):
            put("dropped", Dropped(record.id, LEFT_OUT, kind or "no kind"))
        elif isinstance(record, Prompt):
            prompts.append(record)
        else:
            put(SPLITS[split], record)
    check_named(name, "split", {"splits": source.splits}, splits)
    check_named(name, "kind", {"kinds": source.kinds, "leave_out": source.leave_out}, kinds)
    put_part(name, prompts, source.max_prompts, put)
    return {}


def put_part(name: str, prompts: Sequence[Prompt], most: int, put: Callable[[str, Noun], None]) -> None:
    """Put the test prompts that are taken, in their order, and a record of each that is not."""
    if most and not prompts:
        raise DataError(f"sources.{name}.max_prompts: there is no test prompt to take")
    taken = part(prompts, most)
    for prompt in prompts:
        if prompt.id in taken:
            put(SPLITS["test"], prompt)
        else:
            put("dropped", Dropped(prompt.id, TOO_MANY, kind_of(prompt) or "no kind"))


def kind_of(record: Example | Prompt) -> str:
    """As the front matter has it, or ""."""
    return said(record.tags, KIND)


def check_named(name: str, what: str, named: Mapping[str, Collection[str]], found: Collection[str]) -> None:
    """Raise DataError where a setting names a kind or split of no file: a filter that takes nothing is a mistake."""
    for key, values in named.items():
        for value in values:
            if value not in found:
                listed = ", ".join(sorted(filter(None, found))) or "none"
                raise DataError(
                    f"sources.{name}.{key}: no file is of the {what} {value!r}; the {what}s there are: {listed}"
                )


def read_text(path: Path) -> str:
    """Raises DataError where a file is not text in UTF-8; names the line."""
    raw = path.read_bytes()
    if words := foreign(raw[:ENOUGH]):
        raise DataError(f"{path}: {words}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + raw.count(b"\n", 0, error.start)
        raise DataError(
            f"{path}:{line}: is not UTF-8 text ({error.reason}); save the file as UTF-8"
        ) from error
    if found := CONTROL.search(text):
        line = 1 + text.count("\n", 0, found.start())
        raise DataError(
            f"{path}:{line}: holds the control character {found[0]!r}, which is no text; remove it"
        )
    return text


def _files(paths: Iterable[str]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        below = (
            [path]
            if path.is_file()
            else [f for f in files_below(path) if f.suffix == ".md" and f.name.lower() != "readme.md"]
        )
        if not below:
            raise DataError(f"{path}: holds no *.md file")
        files += below
    return list(dict.fromkeys(files))  # what is named twice is read once


def parse(text: str, path: str, source: str) -> tuple[str, Example | Prompt]:
    """Read one file into its split and its dialogue.

    Raises:
        DataError: what is wrong, with `path` and the line.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    keys, body = front_matter(lines, path)
    split = keys.get("split", "train")
    sections = _sections(lines, body, path)
    last: Role = "user" if split == "test" else "assistant"
    if sections[-1].role != last:
        raise DataError(f"{path}:{sections[-1].line}: a {split} example must end with the {last}, not here")
    stem = Path(path).stem
    origin = Origin(
        source=source,
        community=source,
        item=Path(path).name,
        url=keys.get("url", ""),
        author=keys.get("author", ""),
        license=keys.get("license", ""),
    )
    turns = tuple(Turn(section.role, _text(section, path)) for section in sections)
    make = Prompt if split == "test" else Example
    return split, make(f"{source}/{stem}", turns, origin, tags_of(keys, turns))


def tags_of(keys: Mapping[str, str], turns: Sequence[Turn]) -> tuple[str, ...]:
    """`kind=…`, `topic=…`, `form:…`, `intent:…`, and the tags that other stages look for."""
    tags = [f"{key}={keys[key]}" for key in ("kind", "topic") if keys.get(key)]
    tags += [f"{key}:{keys[key]}" for key in ("form", "intent", "variant_of", "variant") if keys.get(key)]
    kind = keys.get("kind")
    if kind == SENSITIVE:
        tags.append(SENSITIVE)
    if kind == DIALOGUE or len(turns) > 2:
        tags.append(DIALOGUE)
    return tuple(tags)


def front_matter(lines: list[str], path: str) -> tuple[dict[str, str], int]:
    """The keys at the top, and the index of the first line below them.

    Raises:
        DataError: everything that is wrong with them, a line each, up to a line that is no key.
    """
    if lines[0].rstrip() != "---":
        raise DataError(
            f"{path}:1: has no front matter; the first line must be ---, then lines as in `split: train`"
        )
    keys: dict[str, str] = {}
    places: dict[str, int] = {}
    faults: list[str] = []
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == "---":
            faults += _check_split(keys, places, path)
            if faults:
                raise DataError("\n".join(faults))
            return keys, number
        if not line.strip():
            continue
        key, colon, value = (word.strip() for word in line.partition(":"))
        if not colon:
            faults.append(f"{path}:{number}: {line.strip()!r} is not in the form `key: value`")
            raise DataError("\n".join(faults))
        if fault := _check_key(key, value, keys):
            faults.append(f"{path}:{number}: {fault}")
        keys[key], places[key] = value, number
    faults.append(f"{path}:{len(lines)}: the front matter that begins in line 1 is not closed with ---")
    raise DataError("\n".join(faults))


def _check_key(key: str, value: str, keys: Mapping[str, str]) -> str | None:
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1)
        return f"no key {key!r}; " + (
            f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(KEYS)}"
        )
    if key in keys:
        return f"{key!r} stands there twice"
    if key == "split" and value not in SPLITS:
        return f"split must be one of {', '.join(SPLITS)}, found {value!r}"
    if key == "intent" and value not in INTENTS:
        return f"intent must be {' or '.join(INTENTS)}, found {value!r}"
    return None


def _check_split(keys: Mapping[str, str], places: Mapping[str, int], path: str) -> list[str]:
    """Only test prompts are asked for safety: an example that shows how to refuse is none of them."""
    if keys.get("kind") != SENSITIVE or keys.get("split", "train") not in ("train", "dev"):
        return []
    return [
        f"{path}:{places['kind']}: kind sensitive is for test prompts; a train example that refuses is of kind refusal"
    ]


def _sections(lines: list[str], start: int, path: str) -> list[Section]:
    """The lines from `start`, parted at the headings that are not inside a code fence."""
    sections: list[Section] = []
    fence, opened = "", 0
    for number, line in enumerate(lines[start:], start=start + 1):
        role = None if fence else HEADINGS.get(line.rstrip())
        if role:
            expected = "assistant" if len(sections) % 2 else "user"
            if role != expected:
                raise DataError(f"{path}:{number}: a turn by the {role} where the {expected} has to speak")
            sections.append(Section(number, role))
            continue
        if not sections and line.strip():
            raise DataError(f"{path}:{number}: text before the first `## User`")
        if sections:
            sections[-1].lines.append(line)
        was, fence = fence, _fence(line, fence)
        opened = number if fence and not was else opened
    if fence:
        raise DataError(f"{path}:{opened}: the code fence {fence} that opens here is never closed")
    if not sections:
        raise DataError(f"{path}:{start}: holds no `## User` turn")
    return sections


def _fence(line: str, fence: str) -> str:
    """The code fence that is open after `line`, given the one before it; "" for none."""
    match = FENCE.match(line)
    if not match:
        return fence
    mark, rest = match.groups()
    if not fence:
        return "" if mark[0] == "`" and "`" in rest else mark  # ```so``` is code within a line
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip()
    return "" if closes else fence


def _text(section: Section, path: str) -> str:
    text = "\n".join(section.lines).strip("\n")
    if not text.strip():
        raise DataError(f"{path}:{section.line}: the {section.role}'s turn is empty")
    return _strip_blank_lines(text)


def _strip_blank_lines(text: str) -> str:
    """Without blank lines at either end; an indent of the first line stays."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()
