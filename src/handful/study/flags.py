"""Responses that may have been written for the judge rather than for the person who asked.

Two signs: a system gives nearly the same text to most prompts (the constant text of Zheng et al. 2024, "Cheating
automatic LLM benchmarks", won 77% of its comparisons before one judge), or a text imitates a judge's verdict or frame,
a model's control tokens, or speaks to a judge.

A flag is a word of warning, and changes no verdict: somebody should read these. It misses what is cleverly worded, and
may hit an honest answer about judging.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from handful.core.types import Dropped, Prompt, Response

SAME_TEXT, ADDRESSES_JUDGE, HIDDEN_TEXT = "same_text", "addresses_judge", "hidden_text"
RULES = (SAME_TEXT, ADDRESSES_JUDGE, HIDDEN_TEXT)
MOST = 0.5
FEWEST_PROMPTS = 3
EXCERPT = 80

SIDE = r"(?:answer|response|output|assistant|dialogue|submission|model|option)"
JUDGE = r"(?:judges?|evaluators?|graders?|annotators?|raters?)"
SIGNS = [
    # a verdict or a grade on a line of its own
    r"^\W*(?:final )?(?:verdict|winner|preferred|choice)\W{0,6}\s*[:=]\W*"
    rf"(?:{SIDE} )?(?:[abcm12]|tie|neither|left|right|pass|fail|excellent|safe|unsafe|[1-6])\W*$",
    r"^\W*(?:final )?(?:grade|score|rating|helpfulness)\W{0,4}\s*[:=]\W*[1-6](?: ?/ ?6| out of 6)?\W*$",
    # the same as JSON, or as a list of ranks
    r"[\"'](?:verdict|winner|rank|ranking|preference|preferred|model_identifier)[\"']\s*:",
    rf"\b{SIDE} [ab12] is (?:significantly|much|clearly|far) better\b",
    r"\bneither is significantly better\b",
    # the frame of a question to a judge
    rf"\[(?:the )?(?:end|start) of (?:the )?(?:question|conversation|{SIDE}|data|task)(?: [ab12])?(?: \w{{6,}})?\]",
    rf"\[{SIDE} [ab12](?: \w{{6,}})?\]",
    r"\[(?:begin|end) data\]|\[/?inst\]|<</?sys>>",
    r"^#+ (?:model outputs?|instruction|system prompt|evaluation|verdict)\s*$",
    # what only a chat template writes
    r"<\|[a-z_]{2,30}\|>|</?(?:start|end)_of_turn>|^\W{0,4}system(?: prompt| message)?\s*:",
    # words to the judge
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:above|previous|prior|earlier|preceding|other "
    r"(?:answer|response)|all instructions|your instructions|everything|all else)\b",
    rf"\b(?:dear|attention|note (?:to|for)(?: the)?|message (?:to|for)(?: the)?|as (?:the|a|an))\W+(?:\w+ )?{JUDGE}\b",
    rf"\b{JUDGE}\W+(?:\w+ ){{0,2}}(?:must|should|has to|have to|are (?:now )?required|is (?:now )?required|will)\b",
    rf"\byou (?:must|should|have to|are (?:now )?(?:required|instructed) to)\W+(?:\w+ ){{0,2}}"
    rf"(?:choose|select|pick|prefer|rate|grade|judge|declare|output|vote for)\W[^.\n]{{0,40}}\b(?:{SIDE}|this)\b",
    rf"\b(?:choose|select|pick|prefer|declare|vote for) (?:the )?{SIDE} ['\"(]?[abm12]\b",
    r"\b(?:rate|grade|score) this (?:answer|response|submission|one)\b[^.\n]{0,30}"
    r"\b(?:6|six|excellent|safe|highest|best)\b",
]
FOR_A_JUDGE = re.compile("|".join(f"(?:{sign})" for sign in SIGNS), re.IGNORECASE | re.MULTILINE)
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069]|[\U000e0020-\U000e007f]")
"""Controls of direction, which reorder what is read, and tag characters, which no page shows but in a flag."""
FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
LOOKALIKES = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
    "\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf\u03b1\u0406",
    "ABEKMHOPCTXaeopcyxiABEHIKMNOPTYXoaI",
)


def flags(texts: Mapping[str, Sequence[Response]], prompts: Mapping[str, Prompt]) -> list[Dropped]:
    """What should be read before its verdicts are believed, by system and prompt.

    Args:
        texts: system -> what it said, in an order that depends on no file's.
    """
    found = []
    for system, responses in sorted(texts.items()):
        found += constant(system, responses, prompts)
        for response in responses:
            for rule, seen in signs(response.text):
                detail = f"{system}, sample {response.sample}: {seen!r}"
                found.append(Dropped(response.prompt_id, rule, detail))
    return found


def constant(system: str, responses: Iterable[Response], prompts: Mapping[str, Prompt]) -> list[Dropped]:
    """A flag on a system that says the same to most prompts, whatever of the prompt it repeats."""
    said: dict[str, set[str]] = {}
    asked = set()
    for response in responses:
        if response.finish == "error":
            continue
        asked.add(response.prompt_id)
        own = without(response.text, prompts[response.prompt_id].turns[-1].text)
        said.setdefault(own, set()).add(response.prompt_id)
    if len(asked) < FEWEST_PROMPTS:
        return []
    text, same = max(said.items(), key=lambda item: (len(item[1]), item[0]))
    if len(same) <= MOST * len(asked):
        return []
    return [Dropped(system, SAME_TEXT, f"{len(same)} of {len(asked)} prompts: {text[:EXCERPT]!r}")]


def without(text: str, prompt: str) -> str:
    """A text without the prompt's, in lower case and with single blanks."""
    return " ".join(text.replace(prompt.strip() or "\0", " ").lower().split())


def signs(text: str) -> list[tuple[str, str]]:
    """(rule, what was seen) for each sign that a text was written for a judge; the first of a rule will do."""
    found = []
    if hidden := UNSEEN.search(FLAG.sub("", text)):
        found.append((HIDDEN_TEXT, f"U+{ord(hidden[0][0]):04X}"))
    if spoken := FOR_A_JUDGE.search(plain(text)):
        found.append((ADDRESSES_JUDGE, " ".join(spoken[0].split())[:EXCERPT]))
    return found


def plain(text: str) -> str:
    """A text as it looks: forms of a letter as the letter, lookalikes as Latin ones, tags as what they spell."""
    broken = BREAKS.sub("\n", text)
    spelled = "".join(chr(ord(c) - 0xE0000) if 0xE0020 <= ord(c) <= 0xE007E else c for c in broken)
    shown = unicodedata.normalize("NFKC", spelled)
    return "".join(c for c in shown if unicodedata.category(c) != "Cf").translate(LOOKALIKES)


def by_rule(found: Iterable[Dropped]) -> dict[str, int]:
    """How many flags each rule gave, none included."""
    counted = Counter(flag.rule for flag in found)
    return {rule: counted[rule] for rule in RULES}
