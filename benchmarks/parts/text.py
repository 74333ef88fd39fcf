"""Text that nobody wrote, as HTML escaped for an attribute: invented words between the commonest words of English.

Every word is drawn anew, so nothing repeats but what repeats in a language: a few words make most of a text (Zipf),
some stand together as phrases, each text has a subject whose words return, and people write about themselves or do not.
Entropy, and so how far a packer gets, was set after six real sites; so were the lengths of sentences and paragraphs and
what there is of each element. Beyond FRESH bytes, whole blocks are drawn again, in other company: for speed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

COMMON = (
    "the 60 of 29 to 27 and 26 a 24 in 20 is 18 that 12 it 11 for 10 you 10 be 8 as 8 with 7 are 7 on 7 this 7 or 6 "
    "not 6 can 6 if 5 but 5 have 5 by 4 from 4 at 4 an 4 will 4 which 4 would 3 there 3 your 3 one 3 more 3 so 3 "
    "they 3 has 3 should 2 when 2 what 2 some 2 all 2 does 2 no 2 then 2 may 2 than 2 other 2 only 2 also 2 their 2 "
    "was 2 any 2 like 2 use 2 these 2 most 2 how 1 because 1 time 1 about 1 just 1 need 1 into 1 very 1 many 1 such 1 "
    "get 1 make 1 them 1"
)
PERSONAL = "I 24 my 7 me 3 we 4 our 2"
"""Thousandths of the words of those who write about themselves."""
COMMON_SHARE = 0.47
"""Of all words; the rest are invented."""
SUBJECT_SHARE, SUBJECTS, SUBJECT_WORDS, SUBJECT_RUN = 0.2, 4000, 16, 240
"""Words that belong to what a text is about; how many of those a text has, and how long it is about it."""
PHRASE_SHARE, PHRASES = 0.3, 20_000
"""Of what is drawn: two to four words that often stand together."""
VOCABULARY = 20_000
ONSETS = (*"bcdfghlmnprstvw", "st", "tr", "pr", "ch", "sh", "th", "br", "cl", "gr", "pl", "sp")
VOWELS = (*"aeiouaeioe", "ea", "ou", "ai")
CODAS = ("", "", "", *"nrstldmcp", "nd", "nt", "st", "ng", "ck")

FORMS: tuple[tuple[float, bytes], ...] = (
    (0.875, b"%b "),
    (0.04, b"%b, "),
    (0.052, b"%b. "),
    (0.006, b"%b? "),
    (0.009, b"(%b) "),
    (0.009, b"&quot;%b&quot; "),
    (0.005, b"&lt;em&gt;%b&lt;/em&gt; "),
    (0.005, b"&lt;strong&gt;%b&lt;/strong&gt; "),
    (0.004, b"&lt;code&gt;%b&lt;/code&gt; "),
    (0.001, b"it\xe2\x80\x99s %b "),
)
"""How often a word stands so, and how."""
ENDS = (2, 3)
CAPITAL = len(FORMS)
LINK_SHARE = 0.0085
LINK = (
    b"&lt;a href=&quot;https://%b.example.org/questions/%d/%b-%b&quot; rel=&quot;nofollow noreferrer&quot;"
    b"&gt;%b %b&lt;/a&gt; "
)
LINKS = 20_000
CODE = (
    *(
        b" = ",
        b"(",
        b")",
        b", ",
        b".",
        b";&#xA;",
        b"&#xA;    ",
        b"&#xA;        ",
        b" {&#xA;    ",
        b"&#xA;}&#xA;",
    ),
    *(
        b"return ",
        b"if (",
        b"for ",
        b" in ",
        b" -&amp;gt; ",
        b" &amp;lt; ",
        b" &amp;amp;&amp;amp; ",
        b"&quot;",
        b"0",
        b"1",
        b" + ",
    ),
    *(b"[", b"]", b"new "),
)
LINE_ENDS = (5, 9)
"""From and to: the pieces of code at which a line may end."""
CODE_WORDS = 12_000
SLOTS = 1 << 18
"""Of the table that turns a random number into a word: the rarest word has one."""
PARAGRAPH, PARAGRAPH_SPREAD = 120, 0.8
"""Bytes until the sentence ends: median, and spread of the logarithm."""
MARKUP = 40
FRESH = 200e6
"""Bytes of bodies in which nothing returns. Then blocks do, in other company: far beyond what a packer looks back."""


class Bank:
    """Pieces of text, by number."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = list(pieces)
        self.sizes = np.array([len(piece) for piece in pieces], np.int32)

    def write(self, numbers: Numbers) -> tuple[bytes, NDArray[np.int64]]:
        """The pieces of these numbers as one text, and where each ends in it."""
        text = b"".join(map(self.pieces.__getitem__, numbers.tolist()))
        return text, np.cumsum(self.sizes[numbers], dtype=np.int64)


@dataclass(slots=True)
class Stream:
    """Running text with the places where a sentence (in code: a line) ends, eaten from its front."""

    text: bytes
    ends: list[int]
    at: int = 0

    def take(self, size: int) -> bytes:
        """About `size` bytes, up to the end of a sentence."""
        end = self.ends[min(bisect_left(self.ends, self.at + size), len(self.ends) - 1)]
        piece = self.text[self.at : end]
        self.at = end
        return piece


class Text:
    """Bodies of posts without end, of wanted lengths."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        words = invented_words(self.random)
        common, self.weights = weights(COMMON)
        personal, self.personal_weights = weights(PERSONAL)
        self.common, self.personal = len(common), len(personal)
        self.names = words
        self.words = [*common, *personal, *words]
        self.words += self.phrases()
        forms = [form % word for _, form in FORMS for word in self.words]
        capitals = [word[:1].upper() + word[1:] + b" " for word in self.words]
        links = [self.link() for _ in range(LINKS)]
        self.bank = Bank([*forms, *capitals, *links])
        self.code_bank = Bank([*CODE, *(self.identifier() for _ in range(CODE_WORDS))])
        self.pools: list[list[bytes]] = [[], [], []]
        """Blocks by who writes, and blocks of code; sorted by length once there are enough."""
        self.lengths: list[list[int]] = []
        self.made = 0
        self.tables = [self.table(personal=False), self.table(personal=True)]
        first = self.common + self.personal
        self.subjects = self.random.integers(first, first + VOCABULARY, (SUBJECTS, SUBJECT_WORDS))
        self.subject_table = zipf_table(SUBJECT_WORDS, 1.0, 1 << 8)
        self.code_table = np.concatenate(
            [np.repeat(np.arange(len(CODE)), 160), len(CODE) + zipf_table(CODE_WORDS, 1.0, 4096)]
        )
        shares = np.array([share for share, _ in FORMS])
        self.form_table = np.repeat(np.arange(len(FORMS)), np.round(shares / shares.sum() * 4096).astype(int))

    def word(self) -> bytes:
        """An invented word; short ones, which are the commoner, come more often."""
        return self.names[int(len(self.names) * self.random.random() ** 2.5)]

    def link(self) -> bytes:
        words = [self.word() for _ in range(5)]
        return LINK % (words[0], int(self.random.integers(100, 9_000_000)), *words[1:])

    def identifier(self) -> bytes:
        if self.random.random() < 0.15:
            return b"%d" % self.random.integers(2, 5000)
        return b"_".join(self.word() for _ in range(1 + int(self.random.random() < 0.3)))

    def table(self, personal: bool) -> Numbers:
        """Words by how often they come; those of the first person for people who write about themselves only."""
        own = self.personal_weights / 1000 if personal else np.zeros(self.personal)
        common = self.weights / self.weights.sum() * (COMMON_SHARE - own.sum())
        rest = ranked(VOCABULARY, 1.1, 5.0) * (1 - COMMON_SHARE)
        phrases = ranked(PHRASES, 0.9, 10.0) * PHRASE_SHARE / (1 - PHRASE_SHARE)
        return slots(np.concatenate([common, own, rest, phrases]), SLOTS)

    def phrases(self) -> list[bytes]:
        shares = np.concatenate([self.weights / self.weights.sum(), np.zeros(self.personal)])
        table = slots(np.concatenate([shares, ranked(VOCABULARY, 1.1, 5.0)]), SLOTS)
        numbers = iter(table[self.random.integers(0, SLOTS, 4 * PHRASES)].tolist())
        sizes = self.random.choice([2, 2, 2, 3, 3, 4], PHRASES).tolist()
        return [b" ".join(self.words[next(numbers)] for _ in range(size)) for size in sizes]

    def stream(self, size: int, personal: bool) -> Stream:
        """At least `size` bytes of sentences."""
        count = size // 6 + 1000
        draws = self.random.integers(0, 1 << 62, count)
        numbers = self.tables[personal][draws & (SLOTS - 1)]
        draws >>= 18
        subject = np.repeat(self.random.integers(0, SUBJECTS, count // SUBJECT_RUN + 1), SUBJECT_RUN)[:count]
        about = (draws & 1023) < 1024 * SUBJECT_SHARE
        draws >>= 10
        numbers[about] = self.subjects[subject[about], self.subject_table[draws[about] & 255]]
        draws >>= 8
        draws = self.random.integers(0, 1 << 31, count, dtype=np.int32)
        forms = self.form_table[(draws & 4095) % len(self.form_table)]
        draws >>= 12
        ends = np.isin(forms, ENDS)
        first = np.concatenate(([True], ends[:-1]))
        forms[first & (forms == 0)] = CAPITAL
        numbers += forms * len(self.words)
        linked = ~ends & ((draws & 8191) < 8192 * LINK_SHARE)
        numbers[linked] = (CAPITAL + 1) * len(self.words) + self.random.integers(0, LINKS, int(linked.sum()))
        text, places = self.bank.write(numbers)
        return Stream(text, places[ends].tolist())

    def code(self, size: int) -> Stream:
        """At least `size` bytes of something like a program."""
        numbers = self.code_table[self.random.integers(0, len(self.code_table), size // 3 + 1000)]
        text, places = self.code_bank.write(numbers)
        return Stream(text, places[(numbers >= LINE_ENDS[0]) & (numbers <= LINE_ENDS[1])].tolist())

    def bodies(self, sizes: Numbers, personal_share: float, code_share: float) -> list[bytes]:
        """A body of about each size, with new text until there are FRESH bytes, and then with blocks of that.

        Args:
            personal_share: of those who write about themselves.
            code_share: of those with blocks of code.
        """
        count = len(sizes)
        personal = self.random.random(count) < personal_share
        coded = self.random.random(count) < code_share
        make = self.fresh if self.made < FRESH else self.recombined
        return [b"&#xA;".join(blocks) for blocks in make(sizes, personal, coded)]

    def fresh(self, sizes: Numbers, personal: Flags, coded: Flags) -> Iterator[list[bytes]]:
        total, plain = int(sizes.sum()), int(sizes[~personal].sum())
        streams = [self.stream(plain + 20_000, False), self.stream(total - plain + 20_000, True)]
        code = self.code(total // 3 + 20_000)
        wanted = np.exp(
            self.random.normal(np.log(PARAGRAPH), PARAGRAPH_SPREAD, total // 60 + 64 * len(sizes))
        )
        paragraphs = iter(np.maximum(wanted, 20).astype(int).tolist())
        kinds = iter(self.random.random(len(wanted)).tolist())
        for size, person, has_code in zip(sizes.tolist(), personal.tolist(), coded.tolist(), strict=True):
            blocks: list[bytes] = []
            left = size
            while left > 0:
                kind = next(kinds)
                if has_code and kind > 0.6:
                    block, pool = CODED % code.take(next(paragraphs) * 2), self.pools[2]
                else:
                    text = streams[person].take(min(next(paragraphs), max(left - MARKUP, 20)))
                    block, pool = self.block(text[:-1], kind), self.pools[person]
                pool.append(block)
                blocks.append(block)
                left -= len(block) + 5
            self.made += size - left
            yield blocks

    def recombined(self, sizes: Numbers, personal: Flags, coded: Flags) -> Iterator[list[bytes]]:
        if not self.lengths:
            for pool in self.pools:
                pool.sort(key=len)
            self.lengths = [[len(block) for block in pool] for pool in self.pools]
        draws = iter(self.random.random(int(sizes.sum()) // 60 + 64 * len(sizes)).tolist())
        for size, person, has_code in zip(sizes.tolist(), personal.tolist(), coded.tolist(), strict=True):
            blocks = []
            left = size + MARKUP  # on average a body ends before what is left is filled
            while left > 0:
                draw = next(draws)
                pool, lengths = self.pools[person], self.lengths[person]
                if has_code and draw > 0.6:
                    pool, lengths, draw = self.pools[2], self.lengths[2], next(draws)
                number = int(draw * len(pool))
                if lengths[number] > left + MARKUP:
                    number = int(bisect_left(lengths, left + MARKUP) * (1 - draw / 20))
                blocks.append(pool[number])
                left -= len(pool[number]) + 5
            yield blocks

    def titles(self, count: int) -> list[bytes]:
        """Titles of some eight words, without markup."""
        sizes = 3 + self.random.integers(0, 6, count) + self.random.integers(0, 6, count)
        numbers = self.tables[0][self.random.integers(0, SLOTS, int(sizes.sum()))]
        starts = np.cumsum(sizes) - sizes
        numbers[starts] += CAPITAL * len(self.words)
        text, places = self.bank.write(numbers)
        ends = places[np.cumsum(sizes) - 1].tolist()
        return [text[start : end - 1] + b"?" for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    def block(self, sentences: bytes, kind: float) -> bytes:
        if kind < 0.87:
            return b"&lt;p&gt;%b&lt;/p&gt;&#xA;" % sentences
        if kind < 0.92:
            items = sentences.replace(b". ", b".&lt;/li&gt;&#xA;&lt;li&gt;")
            name = b"ul" if kind < 0.90 else b"ol"
            return b"&lt;%b&gt;&#xA;&lt;li&gt;%b&lt;/li&gt;&#xA;&lt;/%b&gt;&#xA;" % (name, items, name)
        if kind < 0.965:
            return b"&lt;blockquote&gt;&#xA;  &lt;p&gt;%b&lt;/p&gt;&#xA;&lt;/blockquote&gt;&#xA;" % sentences
        if kind < 0.98:
            return PICTURE % (sentences, self.random.bytes(4).hex().encode(), self.word())
        return b"&lt;p&gt;%b&lt;/p&gt;&#xA;&#xA;&lt;hr&gt;&#xA;" % sentences


CODED = b"&lt;pre&gt;&lt;code&gt;%b&lt;/code&gt;&lt;/pre&gt;&#xA;"
PICTURE = (
    b"&lt;p&gt;%b&lt;/p&gt;&#xA;&#xA;&lt;p&gt;&lt;img src=&quot;https://i.example.org/%b.png&quot; alt=&quot;%b"
    b"&quot;&gt;&lt;/p&gt;&#xA;"
)


def invented_words(random: np.random.Generator) -> list[bytes]:
    """Words of one to four syllables, each once, shorter ones mostly first."""
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        syllables = 1 + min(3, int(random.random() * (1.2 + 3.2 * len(found) / VOCABULARY)))
        word = "".join(
            ONSETS[int(random.random() * len(ONSETS))]
            + VOWELS[int(random.random() * len(VOWELS))]
            + (CODAS[int(random.random() * len(CODAS))] if last or random.random() < 0.4 else "")
            for last in [False] * (syllables - 1) + [True]
        )
        found[word] = None
    return [word.encode() for word in found]


def weights(listed: str) -> tuple[list[bytes], NDArray[np.float64]]:
    parts = listed.split()
    return [word.encode() for word in parts[::2]], np.array([float(number) for number in parts[1::2]])


def ranked(count: int, exponent: float, shift: float) -> NDArray[np.float64]:
    """Shares of words by their rank, after Zipf and Mandelbrot."""
    shares: NDArray[np.float64] = 1 / (np.arange(count) + shift) ** exponent
    return shares / shares.sum()


def slots(shares: NDArray[np.float64], count: int) -> Numbers:
    """A table of `count` numbers in which each comes as often as its share says."""
    bounds = np.round(np.cumsum(shares) / shares.sum() * count).astype(np.int64)
    return np.repeat(np.arange(len(shares)), np.diff(bounds, prepend=0))


def zipf_table(count: int, exponent: float, size: int) -> Numbers:
    return slots(ranked(count, exponent, 1.0), size)
