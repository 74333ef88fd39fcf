"""The style guide (docs/style-guide.md) as rules on one file of the authored set: each says what it saw, or nothing.

They see form. Whether an answer is right, kind and to the point, people have to say. Marks and limits are ours; the
paper asks for one tone and for "some acknowledgment of the question followed by the answer itself" (Section 2.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from handful.clean.private import personal_data_in, secrets_in
from handful.clean.prose import own_words
from handful.clean.wording import cross_reference
from handful.clean.words import words
from handful.core.types import Turn
from handful.sources.authored import SPLITS, front_matter, parse, read_text

FORMS = (
    *("explain", "advise", "plan", "write", "rewrite", "summarise", "classify", "compare", "compute"),
    *("code", "imagine", "argue", "brainstorm", "extract", "translate", "roleplay", "list", "diagnose"),
)
NARRATED = frozenset(("write", "rewrite", "summarise", "imagine", "extract", "translate", "roleplay"))
"""Forms whose answers hold a text of somebody else's: a letter or a story has a narrator."""
KINDS = ("plain", "refusal", "structure", "dialogue", "sensitive")
HEADER = ("split", "kind", "topic", "form", "intent", "author", "license")
PROMPT_WORDS = (5, 120)
ANSWER_WORDS = (50, 520)
DIALOGUE_TURNS = (3, 6)
"""Of the user."""
SENTENCE_WORDS = 5
STEM = 4
"""Letters that two words share from their start where they count as one: "heating" takes up "heated"."""

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
TOPIC = re.compile(r"[a-z]+(?:[ -][a-z]+)?")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s|\n\s*\n")
NO_SENTENCE = re.compile(r"#{1,6} |[-*+] |\d+[.)] |\||```|~~~|\*\*[^*]+\*\*\s*\n")
GREETING = re.compile(
    r"(?:sure|certainly|absolutely|of course|great question|good question|hello|hi|hey|thanks?|thank you|happy to|"
    r"here is|here are|here's)\b",
    re.IGNORECASE,
)
SPEAKER = re.compile(
    r"\b(?:I|I'm|I'd|I've|I'll|[Mm]y|[Mm]e|[Mm]ine|[Mm]yself|[Ww]e|[Ww]e're|[Oo]urs?|us|[Ll]et's)\b"
)
TICS = re.compile(
    r"\b(?:delv(?:e|es|ing)|tapestry|it(?:'s| is) (?:important|worth) (?:to note|noting)|in (?:summary|conclusion)|"
    r"ultimately|let me know|hope this helps|feel free to|as an ai|language model|great question|testament to|"
    r"navigate the|game[- ]changer|in today's (?:world|society|age)|look no further)\b",
    re.IGNORECASE,
)
LINK = re.compile(r"https?://(?!(?:[\w-]+\.)*example\.(?:com|org|net)\b)|\bwww\.|!?\[[^\]\n]+\]\(")
FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)
COMMON = frozenset(
    words(
        "a about all an and any are as at be been but by can could did do does down for from get gets go had has have "
        "her him his how i if in into is it its just like make me more my no not of off on one only or other our out "
        "over own so some than that the their them then there these they this to too two up us very was we were what "
        "when where which while who whose why will with without would you your"
    )
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the set."""

    path: Path
    header: tuple[str, ...]
    """Its keys, as they stand."""
    keys: Mapping[str, str]
    turns: tuple[Turn, ...]
    lines: Mapping[str, int]
    """Where each key stands."""

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def split(self) -> str:
        return self.keys.get("split", "train")

    @property
    def kind(self) -> str:
        return self.keys.get("kind", "")

    @property
    def form(self) -> str:
        return self.keys.get("form", "")

    @property
    def prompts(self) -> tuple[str, ...]:
        return tuple(turn.text for turn in self.turns if turn.role == "user")

    @property
    def answers(self) -> tuple[str, ...]:
        """What the assistant says; in a test file the turns between the user's."""
        return tuple(turn.text for turn in self.turns if turn.role == "assistant")


def piece(path: Path) -> Piece:
    """Raises DataError where the file is not in the form of an authored one; names the line."""
    text = read_text(path)
    _, dialogue = parse(text, str(path), "authored")
    lines = text.replace("\r\n", "\n").split("\n")
    keys, body = front_matter(lines, str(path))
    places = {line.partition(":")[0].strip(): number for number, line in enumerate(lines[:body], start=1)}
    return Piece(path, tuple(keys), keys, dialogue.turns, places)


def header(one: Piece) -> str | None:
    """Everything that is wrong with the front matter, with its lines."""
    wanted = [key for key in HEADER if key != "intent" or one.kind == "sensitive"]
    faults = []
    if list(one.header) != wanted:
        faults.append(f"the keys are {', '.join(one.header)}, and should be {', '.join(wanted)}")
    for key in (key for key in wanted if key in one.keys):
        if said := value_of(key, one.keys[key]):
            faults.append(f"line {one.lines[key]}: {said}")
    return "; ".join(faults) or None


def value_of(key: str, value: str) -> str | None:
    """What is wrong with the value of a key."""
    if not value:
        return f"{key} is empty"
    if known := {"kind": KINDS, "form": FORMS}.get(key):
        return None if value in known else f"{key} {value!r} is none of {', '.join(known)}"
    if key == "topic" and not TOPIC.fullmatch(value):
        return f"topic {value!r} should be one or two words in small letters"
    return None


def place(one: Piece) -> str | None:
    if not NAME.fullmatch(one.name):
        return f"the name {one.name!r} should be small words joined by hyphens"
    folder = one.path.parent.name
    if folder in SPLITS and folder != one.split:
        return f"split {one.split!r} stands in the folder {folder!r}"
    return None


def dialogue(one: Piece) -> str | None:
    least, most = DIALOGUE_TURNS
    if one.kind == "dialogue" and not least <= len(one.prompts) <= most:
        return f"the user speaks {len(one.prompts)} times, and should {least} to {most}"
    if one.kind not in ("dialogue", "plain") and len(one.prompts) > 1:
        return f"kind {one.kind}, and the user speaks {len(one.prompts)} times"
    return None


def prompt_length(one: Piece) -> str | None:
    least, most = PROMPT_WORDS
    count = len(one.prompts[0].split())
    return (
        None if least <= count <= most else f"the prompt has {count} words, and should have {least} to {most}"
    )


def answer_length(one: Piece) -> str | None:
    least, most = ANSWER_WORDS if len(one.prompts) == 1 else (5, ANSWER_WORDS[1])
    for answer in one.answers:
        if not least <= (count := len(answer.split())) <= most:
            return f"an answer has {count} words, and should have {least} to {most}"
    return None


def opens_with_sentence(one: Piece) -> str | None:
    for answer in one.answers:
        opening = first_sentence(answer)
        if NO_SENTENCE.match(answer):
            return f"begins with no sentence: {answer[:40]!r}"
        if GREETING.match(answer):
            return f"begins with a greeting or an announcement: {answer[:40]!r}"
        if len(opening.split()) < SENTENCE_WORDS:
            return f"the first sentence is short: {opening!r}"
    return None


def first_sentence(answer: str) -> str:
    return SENTENCE_END.split(answer.lstrip(), maxsplit=1)[0].strip()


def takes_up(one: Piece) -> str | None:
    """The first sentence of the first answer shares a word with the prompt, however it ends."""
    if not one.answers:
        return None
    opening = first_sentence(one.answers[0])
    return None if shared_stems(one.prompts[0], opening) else f"speaks of nothing that was asked: {opening!r}"


def shared_stems(question: str, sentence: str) -> set[bytes]:
    return stems(question) & stems(sentence)


def stems(text: str) -> set[bytes]:
    """The first letters of the words that say something, numbers whole."""
    return {word[:STEM] for word in words(text) if word not in COMMON and (len(word) >= 3 or word.isdigit())}


def speaks_of_itself(one: Piece) -> str | None:
    for answer in one.answers:
        said = own_words(answer)
        if one.form in NARRATED:
            said = own_words(first_sentence(answer))
        if found := SPEAKER.search(said):
            near = said[max(0, found.start() - 20) : found.end() + 20]
            return f"says {found[0]!r}: {' '.join(near.split())!r}"
    return None


def tics(one: Piece) -> str | None:
    for answer in one.answers:
        if found := TICS.search(answer):
            return f"says {found[0]!r}"
    return None


def complete(one: Piece) -> str | None:
    """Nothing outside the text is needed: no link, no picture, no other answer."""
    for answer in one.answers:
        said = own_words(answer)
        if found := LINK.search(FENCED.sub("", said)):
            return f"has a link or a picture: {found[0]!r}"
        if other := cross_reference(said):
            return f"points to something else: {other!r}"
    return None


def plain_text(one: Piece) -> str | None:
    for turn in one.turns:
        if "\t" in turn.text:
            return "has a tab; use blanks"
        if any(line.endswith((" ", "\u00a0")) for line in turn.text.split("\n")):
            return "a line ends with a blank"
        if finds := [*secrets_in(turn.text), *personal_data_in(turn.text)]:
            return f"has what [clean] would mask or drop: {finds[0].kind}"
    return None


RULES: Mapping[str, Callable[[Piece], str | None]] = {
    "header": header,
    "place": place,
    "dialogue": dialogue,
    "prompt_length": prompt_length,
    "answer_length": answer_length,
    "opens_with_sentence": opens_with_sentence,
    "takes_up": takes_up,
    "speaks_of_itself": speaks_of_itself,
    "tics": tics,
    "complete": complete,
    "plain_text": plain_text,
}


def problems(one: Piece) -> Iterator[tuple[str, str]]:
    """Each rule that a file breaks, and what it saw."""
    for name, rule in RULES.items():
        if said := rule(one):
            yield name, said
            if name == "header":  # the others rely on it
                return
