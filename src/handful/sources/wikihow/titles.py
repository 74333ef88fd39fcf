"""The title of an article as a prompt: a question, in small letters.

The paper has the title as prompt, as in "How to cook an omelette?". What to do with the titles that are not in this
form is ours, and so is the rule for capitals.
"""

from __future__ import annotations

import re

SITE = re.compile(r"\s*[-|\u2013\u2014]\s*wikiHow(?: \w+)?\s*$", re.IGNORECASE)
PICTURES = re.compile(r"\s*\((?:with|includes?|plus|\+)\s[^()]*\)\s*$", re.IGNORECASE)
HOW_TO = re.compile(r"how\s+to\s+(?=\S)", re.IGNORECASE)
ASKS = re.compile(r"(?:how|what|why|when|where|who|which)\b", re.IGNORECASE)
THINGS = "ways|methods|steps|tips|tricks|strategies|techniques|hacks|ideas|exercises"
WAYS_TO = re.compile(
    rf"(?:(?:the|top)\s+)?(?:\d+\+?\s+)?(?:[\w&,'\u2019-]+\s+){{0,3}}?(?:{THINGS})\s+(?:to|for)\s+(?:how\s+to\s+)?",
    re.IGNORECASE,
)
"""As in "3 Ways to", "Simple Ways to", "12 Safe & Easy Methods to"."""
ADVICE_ON = re.compile(r"[\w ]{0,40}\b(?:on|guide to|guide:|learn)\s+how\s+to\s+", re.IGNORECASE)
DECORATION = re.compile(
    rf":\s+(?=.*(?:\d|\b(?:{THINGS}|reasons|causes|signs|symptoms|solutions|remedies|treatments?|medications|tests|"
    r"examples|definitions|patterns|meanings?|guide|tutorial|advice|explained|explanations?|pictures|visuals|"
    r"how to|step[- ]by[- ]step|everything|what|best|faqs?|more)\b))[^?]*$",
    re.IGNORECASE,
)
"""What a page's title says beyond the question: ": 13 Steps", ": A Quick & Easy Guide"."""


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = words_of(
    """
    accept access account ace achieve acquire act activate adapt add address adjust adopt age amend analyze
    animate answer apologise apologize appear apply appreciate approach argue arrange ask assemble assess assign
    attach attend attract audition avoid awaken bake balance barbecue bargain baste bathe be beat become befriend
    begin behave believe bend bet bid bind bleach bleed blend block blow board boil bond book boost borrow bottle
    bounce bow bowl braid brainstorm brake break breathe breed brew bring broil brown brush build burn bury buy
    bypass calculate calibrate call calm camp can cancel care carry carve cash cast catch celebrate challenge
    change charge chat cheat check cheer chew chill choose chop cite claim clap classify clean clear climb close
    collect color colour comb combine come comfort communicate compare complete compliment compose compost
    compress compute conceal concentrate conduct configure confess confront connect conserve construct consult
    contact continue contribute control convert convince cook cool cope copy correct cosplay count cover crack
    crawl create critique crochet cross cry cuddle cultivate cure curl customize cut cycle dance date deactivate
    deal debate debug decide declare declutter decorate deep defeat defend define defrost delete deliver
    demonstrate deposit describe design destroy detach detect determine develop diagnose die diet dig direct
    disable disagree disappear discipline disconnect discover discuss disinfect dispose dissolve distinguish dive
    divide do donate download downgrade drag drain draw dress drill drink drive drop dry dye earn ease eat edit
    educate eliminate embed embrace encourage end enable engage enhance enjoy ensure enter entertain escape
    establish estimate evaluate evict examine exchange execute exercise exfoliate expand explain explore export
    express extend extract face facilitate factor fade fail fake fall fast feed feel fight figure file fill film
    filter find finish fire fish fit fix flatten flip flirt float flush fly focus fold follow forget forgive form
    format forward frame free freeze fry fuel gain gamble garden gather get give glue go grade graduate graft
    graph grate greet grill grind groom grow guess gut hack hand handle hang harvest have heal hear heat help hem
    hide hike hire hit hold hook host hug hunt hypnotize identify ignore illustrate impress improve include
    incorporate increase infer influence inject insert inspect inspire install insulate interpret interview invent
    invest invite iron jailbreak join joke juggle juice jump keep kick kill kiss knead knit knock know label land
    laugh launch lay lead learn leave let level lift light limit link list listen live load locate lock log look
    loosen lose love lower lube make manage manifest marinate mark market marry massage master match maximize
    measure meditate meet melt memorize mend merge microwave minimize mix modify moisturize monitor motivate mount
    move multiply multitask name navigate negotiate neutralize not nurse observe obtain open operate order
    organise organize outline overcome overwrite own pack paint parallel park participate pass patch pay peel
    perform persuade pet photograph pick pickle pierce pin pitch place plan plant play plug poach polish pop pose
    post pour practice practise pray predict prepare present preserve press pretend prevent price prime print
    process produce program promote pronounce propagate propose protect prove prune publish pull pump punch
    purchase purify push put qualify quit raise rank reach react read rebuild recite recognise recognize recommend
    record recover recycle redeem redirect reduce refinance refinish refresh refuse regain register rehearse
    reject relate relax release relieve remember remove rename renew rent repair repel replace replant reply
    report request research reseed reset resign resist resize resolve respect respond restart restore resume
    retire retrieve return reuse reveal reverse review revive rid ride rinse ripen rise roast roll romance root
    rotate row run sand save say scan scare schedule score scrape scrub sculpt seal search season secure seduce
    see seek select sell send separate serve set settle sew shape share sharpen shave shift shine shop shoot
    shorten show shower shred shrink shuffle sign simplify sing sit skate sketch ski skip sleep slice slow smell
    smile smoke smooth sneak soak socialize soften solve soothe sort sound speak speed spell spend spice spin
    split spoil spot spray spread sprout stain stand start stay steam sterilize stick stimulate stitch stop store
    straighten strain stream strengthen stress stretch strip strum study style submit substitute subtract succeed
    sue suggest summarize support surf surprise survive suspend swallow swap sweep swim switch tack take talk tame
    tan tap taste tattoo teach tell tenderize test text thank thaw thicken think thread throw tie tighten tile tip
    tone toss touch trace track trade train transcribe transfer transform translate transplant transport trap
    travel treat trick trim trust try tune turn tutor twist type unblock unclog understand undo unfreeze uninstall
    unlock unpack update upgrade upload use validate value vent verify view visit volunteer vote wait wake walk
    warm wash watch water wax weaken wean wear weave weigh weld whistle whiten win wipe withdraw woo work worship
    wrap write yodel zest zip zoom
    """
)
"""What a title without "How to" begins with, if it tells what to do: first words of how-to titles."""

SMALL = words_of(
    """
    a about after all an and any are as at be before but by can do does each every for from get has have he her
    him his how if in into is it its like make more no nor not of off on one or out over own per she so some than
    that the their them then they this to too under until up use using via vs was we what when where while who why
    will with without you your yours yourself
    """
)


QUOTES = "\"'()[],.:;?!\u201c\u201d\u2018\u2019"
ABBREVIATED = frozenset({"Dr", "Mr", "Mrs", "Ms", "St", "Jr", "Sr", "Prof"})


def question(title: str) -> str | None:
    """The question that a title is, or stands for; None where it is only a topic ("Angel Number 333: Meaning").

    "Cook an Omelette", "3 Ways to Cook an Omelette - wikiHow" and "How to Cook an Omelette: 9 Steps (with Pictures)"
    all give "How to Cook an Omelette?". Capitals are left to `sentence_case`.
    """
    title = plain_title(title)
    asked, mark, _ = title.partition("?")
    if mark and len(asked.split()) > 1:
        if not HOW_TO.match(asked):
            return f"{asked}?"
        title = asked
    found = HOW_TO.match(title) or WAYS_TO.match(title) or ADVICE_ON.match(title)
    if found is None and ASKS.match(title) and len(title.split()) > 2:
        return f"{DECORATION.sub('', title).rstrip(' .!')}?"
    if found is None and not tells_what_to_do(title):
        return None
    rest = title[found.end() :] if found else title
    rest = DECORATION.sub("", rest).rstrip(" .!:?")
    return f"How to {rest}?" if rest else None


def without_how_to(title: str) -> str:
    found = HOW_TO.match(title)
    return title[found.end() :] if found else title


def plain_title(title: str) -> str:
    """A title without the site's name and "(with Pictures)"."""
    title = " ".join(title.split())
    if title[-12:].lower().find("wiki") >= 0:
        title = SITE.sub("", title)
    return PICTURES.sub("", title) if title.endswith(")") else title


def tells_what_to_do(title: str) -> bool:
    words = [word.strip("\"'\u201c\u201d,").lower() for word in title.split()[:2]]
    return bool(words) and (
        words[0] in VERBS or (len(words) > 1 and words[0].endswith("ly") and words[1] in VERBS)
    )


def sentence_case(asked: str, prose: str) -> str:
    """A title's words in small letters, unless the article itself mostly writes them with a capital.

    "How to Draw Homer Simpson?" becomes "How to draw Homer Simpson?" and "How to Grill Fish?" "How to grill fish?".
    Words that are not plainly capitalised (YouTube, COVID, 3D) stay.
    """
    words = asked.split(" ")
    plain = [word.strip(QUOTES) for word in words]
    how_to = plain[:2] == ["How", "to"]
    for number in range(1, len(words)):
        core = plain[number]
        if not is_plainly_capitalised(core) or (core in ABBREVIATED and words[number].endswith(".")):
            continue
        before, after = plain[number - 1], plain[number + 1] if number + 1 < len(words) else ""
        named = (
            core.lower() not in SMALL
            and not (how_to and number == 2)
            and core in prose
            and (
                is_name(core, prose)
                or (before[:1].isupper() and f"{before} {core}" in prose)
                or (after[:1].isupper() and f"{core} {after}" in prose)
            )
        )
        if not named:
            words[number] = words[number].replace(core, core.lower(), 1)
    return " ".join(words)


def is_plainly_capitalised(word: str) -> bool:
    """Whether only the first letter is a capital, or that of each part between hyphens."""
    return (
        word[:1].isupper()
        and (
            word == "A" or all(part.islower() or part.istitle() for part in word.replace("'", "").split("-"))
        )
        and word != "I"
    )


def is_name(word: str, prose: str) -> bool:
    """Whether `prose` has a word with a capital, within sentences, more often than without."""
    spaced = f" {word}"
    within = 0
    place = prose.find(spaced)
    while place >= 0:
        within += prose[place - 1 : place] not in STARTS
        place = prose.find(spaced, place + 1)
    return within > 0 and within > prose.count(f" {word.lower()}")


STARTS = frozenset([".", "!", "?", ":", "-", "\n", ""])
"""What stands before a sentence's first word."""
