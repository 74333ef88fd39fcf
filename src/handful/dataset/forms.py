"""What a prompt asks for, by its words: a question of fact, advice, a letter, a poem, code … (Section 4.3).

The paper sorts prompts by "format", by hand. These rules are ours: the first that fits counts, and what none fits is
"other". The forms are those of the authored set, but that its `write` is parted into story, poem, letter and the rest,
since these differ in form more than an explanation does from a comparison; `joke` and `act` (do something in the
world: book, order) were added after the two prompts out of distribution that the paper shows. How well they do is
measured in docs/statistics.md. Not covered: languages other than English, and what a prompt means beyond its words.
"""

from __future__ import annotations

import re

from handful.core.types import Example, Prompt

TAG = "form:"
OTHER = "other"
WRITE = "write"
MUCH = 600
"""Characters at either end of a prompt that the rules read: the request stands before or after what it is about."""

PIECES = (
    ("joke", r"\b(jokes?|skit|stand-up|comedy (routine|sketch)|roast|puns?)\b"),
    ("poem", r"\b(poems?|haikus?|sonnets?|limericks?|rhym\w+|verses?|lyrics|rap|song|ballad|odes?)\b"),
    (
        "letter",
        r"\b(letter|e-?mail|mail|reply|birthday card|thank.you note|note|apology|postcard|invitation|message|memo)\b",
    ),
    (
        "story",
        r"\b(story|stories|tale|fable|scene|novel|monologue|dialogue|screenplay|script|chapter|fiction)\b",
    ),
)
"""Of what is to be written: in this order, so that a poem in a letter is a poem."""
RULES = (
    (
        "act",
        r"^(hey|please|can you|could you|will you|i want you to|[, ])*(order|book|buy|call|text|remind) (me|my|a)\b",
    ),
    ("code", r"```"),
    (
        "roleplay",
        r"\b(you are (now )?(a|an|the|my|piloting)\b|(act|respond|answer|speak|talk) (as|like)\b|pretend)",
    ),
    (
        "roleplay",
        r"\b(play the (role|part)|in the (voice|persona) of|as if you were|role-?play|both sides\. )",
    ),
    ("roleplay", r"^(play|be|as) (a|an|the|my)\b|\bplay (my|a|an) \w+"),
    ("translate", r"\btranslat(e|ion)\b|\bhow (do|would|can) (you|i|we) say\b"),
    (
        "translate",
        r"\b(into|in) (\w+, )*(\w+ and )?(natural,? )?(polite )?(english|french|german|spanish|chinese)\b",
    ),
    (
        "summarise",
        r"\bsummar(y|i[sz]e)|\btl;?dr\b|\bin (one|two|three|a few) sentences\b|\bgist\b|\bboil\b.* down\b",
    ),
    ("summarise", r"^(cut|reduce|condense) (this|it) to\b"),
    (
        "rewrite",
        r"\b(re-?write|re-?phrase|paraphrase|proofread|shorten|polish|correct (the|my|this)|half (the|its) length)\b",
    ),
    (
        "rewrite",
        r"\b(edit|improve|tighten|simplify|fix|turn) (this|the following|the sentence|my (text|paragraph))\b",
    ),
    ("rewrite", r"\b(make (it|this) (sound|short)|sounds? (more|better)|plain english)"),
    (
        "extract",
        r"\b(extract|pull (out|every|the)|into (a table|json)|as json|answer the question .*passage)\b",
    ),
    ("classify", r"\b(classify|categori[sz]e|label (each|the|these)|sort (these|the|them)|which of these)\b"),
    ("classify", r"\b(positive or negative|true or false|sentiment)\b"),
    (WRITE, r"^\[?wp\b|\[wp\]"),
    (
        "code",
        r"\b(write|implement|fix|debug|refactor)\b.{0,60}\b(function|program|code|query|regex|script in)\b",
    ),
    (
        "code",
        r"\b(javascript|java|c\+\+|c#|bash|sql|latex|html|css|regex|linux|git|ssh)\b|\bin python\b",
    ),
    (
        WRITE,
        r"\b(write|compose|draft|pen|help me with a)\b(?! to\b)|^(tell|give) me an? (\w+ )?(story|joke)\b",
    ),
    (
        WRITE,
        r"^(an? |the |\w+ (short )?)?(comic |farewell |bedtime )?(poem|haiku|letter|e-?mail|speech|toast|villanelle|"
        r"lyrics|dialogue|scene|story|obituary|press release|product page|verse|limerick|sonnet|column)s?\b",
    ),
    (
        WRITE,
        r"\b(need|make up|invent|want) (an?|some|\w+) ([\w-]+ )?(poem|speech|letter|riddles|myth|story|text)s?\b",
    ),
    (
        "compute",
        r"\b(calculate|compute|estimate|prove|solve|derive|integral|equation|probability|what is \d|=\s*\d)",
    ),
    (
        "compute",
        r"\bhow (much|many|long|far|fast)\b.*\d|\d.*\b(how (much|many|long|far|fast)|what rate)\b|\d ?%.*\?",
    ),
    (
        "plan",
        r"\b(itinerary|itenary|schedule|meal plan|lesson plan|work-?out plan|\d+.day|plan (a|an|my|the|our|for))\b",
    ),
    ("plan", r"\b(outline|make me a week|a plan|week by week|set it up|fixture list|treasure hunt)\b"),
    (
        "compare",
        r"\b(compare|comparison|compared with|differences? between|versus|vs\.?|differ from|pros and cons)\b",
    ),
    ("compare", r"\b(better than|tell them apart|the difference|how alike)\b|\b\w+ or \w+\?$"),
    ("compare", r"\bwhich (is|are|one|would|\w+ is) (the )?(better|worse|stronger)|\bor should (i|we)\b"),
    (
        "argue",
        r"\b(argue|argument (for|against)|persuade|convince|the (\w+ )*case for|debate|refute|devil's advocate)\b",
    ),
    ("argue", r"\b(both sides|who('s| is) right)\b"),
    (
        "imagine",
        r"\b(imagine|invent|what if|what would (happen|change|you)|if .{3,80} (could|were),? (what|how)|hypothetical)",
    ),
    ("list", r"\b(checklist|packing list|a list|timeline|list (what|foods|the|all|of))\b|^(list|name)\b"),
    (
        "brainstorm",
        r"\b(ideas?|brainstorm|suggest|names? for|titles? for|slogans?|recommend\w*|come up with|gift)\b",
    ),
    ("brainstorm", r"\b(give me names|names that|headlines|opening lines|present for)\b"),
    (
        "list",
        r"^(give me \w+|what are (some|the (best|most|top|main))|what.?s (the|your) (most|best|worst))",
    ),
    (
        "diagnose",
        r"\b(won't|doesn't work|not working|keeps? \w+ing|error|broken|wrong|fails?|faulty|what did (i|we) do)\b",
    ),
    (
        "advise",
        r"^(so )?how (do|can|should|could|to) (i|we|you|one|to|people)?\b|\bhow to\b|\bhow (do|can|should) (i|we)\b",
    ),
    (
        "advise",
        r"\b((what )?should (i|we)|what (can|do) (i|we)|what now|advice|tips|any way to|best way|help me)\b",
    ),
    ("advise", r"\b(is it (ok|okay|safe)|worth \w+ing|going mad)\b"),
    (
        "explain",
        r"^(why|what|how|who|when|where|which|is|are|does|do|did|can|was|were|has|have|explain|describe)\b",
    ),
    ("explain", r"\b(explain|why|describe|what (is|are|does)|tell me about|how (does|do|did|is|are|come))\b"),
    ("explain", r"\?"),
)
"""Form -> a pattern, in the order in which they are asked: particular requests before questions of any kind."""
FOUND = [(form, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for form, pattern in RULES]
KINDS_OF_PIECE = [(form, re.compile(pattern, re.IGNORECASE)) for form, pattern in PIECES]
FORMS = tuple(dict.fromkeys([*(form for form, _ in PIECES), *(form for form, _ in RULES), OTHER]))


def form_of(dialogue: Example | Prompt) -> str:
    """As its tag says, else as its first turn reads."""
    text = dialogue.turns[0].text
    stated = next((tag.removeprefix(TAG) for tag in dialogue.tags if tag.startswith(TAG)), "")
    form = stated or by_words(text)
    return piece(text) if form == WRITE else form


def by_words(text: str) -> str:
    """The form of the first rule that fits; `WRITE` is not parted yet."""
    read = text.strip() if len(text) <= 2 * MUCH else f"{text.strip()[:MUCH]}\n{text.strip()[-MUCH:]}"
    return next((form for form, pattern in FOUND if pattern.search(read)), OTHER)


def piece(text: str) -> str:
    """What is to be written: the first of `PIECES` that is named, else "write"."""
    found = ((match.start(), form) for form, p in KINDS_OF_PIECE if (match := p.search(text[:MUCH])))
    return min(found, default=(0, WRITE))[1]
