"""The whole of stats.json, from what was read. Touches no file. docs/statistics.md describes every block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from handful.core.types import Choice, Noun, Task
from handful.recipe.evaluation import Stats
from handful.run.progress import Advance
from handful.stats import robustness
from handful.stats import turns as of_turns
from handful.stats.agreement import Agreement, agreements, alpha, exact, tie_discounted
from handful.stats.bootstrap import Bootstrap
from handful.stats.bradley_terry import Ranking, rankings
from handful.stats.cautions import cautions
from handful.stats.facts import Study
from handful.stats.gate import Gate, gate
from handful.stats.grades import (
    GradeDifference,
    Grader,
    MeanGrade,
    Shares,
    Superiority,
    class_shares,
    grade_differences,
    mean_grades,
    superiorities,
)
from handful.stats.length_control import LengthControl, length_control
from handful.stats.lengths import LengthBias, SystemLength, length_bias, system_length
from handful.stats.losses import Losses, losses
from handful.stats.panels import Panel, members, panel, seat
from handful.stats.people import Participant, SelfConsistency, participants
from handful.stats.preference import Preference, preferences
from handful.stats.readings import Annotator, Pair
from handful.stats.reliability import (
    LeaveOneOut,
    Reliability,
    between_groups,
    groups_of,
    leave_one_out,
    reliability,
)
from handful.stats.robustness import Robustness
from handful.stats.trust import Trust, examine
from handful.stats.turns import TurnDifference, Turns

__all__ = ["Study", "Summary", "summarize"]

LIVE = ", live"
"""After a person's name where what they judged are conversations that people had, not played ones."""


class PairSize(Noun, frozen=True):
    subject: str
    baseline: str
    comparisons: int
    prompts: int


class Alpha(Noun, frozen=True):
    """Krippendorff's alpha over all people; None where nobody overlaps."""

    tie_distance: float | None
    nominal: float | None


class Graded(Noun, frozen=True):
    """What was said of single responses and of the turns of dialogues."""

    helpfulness: tuple[MeanGrade, ...] = ()
    helpfulness_differences: tuple[GradeDifference, ...] = ()
    shares: tuple[Shares, ...] = ()
    """Of quality and of safety."""
    quality_differences: tuple[Superiority, ...] = ()
    turns: tuple[Turns, ...] = ()
    turn_differences: tuple[TurnDifference, ...] = ()


class Summary(Noun, frozen=True):
    level: float
    draws: int
    pairs: tuple[PairSize, ...]
    preference: tuple[Preference, ...]
    agreement: tuple[Agreement, ...]
    alpha_of_people: Alpha
    trust: tuple[Trust, ...]
    systems: tuple[SystemLength, ...]
    length_bias: tuple[LengthBias, ...]
    losses: Losses
    groups: tuple[Agreement, ...] = ()
    """Agreement of groups: people, and the model judges of each mode."""
    leave_one_out: tuple[LeaveOneOut, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    length_control: tuple[LengthControl, ...] = ()
    rankings: tuple[Ranking, ...] = ()
    """Bradley-Terry, where there are more than two systems."""
    panels: tuple[Panel, ...] = ()
    gates: tuple[Gate, ...] = ()
    dialogues: tuple[Preference, ...] = ()
    """Preference between whole dialogues, as `preference`; its unit is the dialogue."""
    grades: Graded = Graded()
    robustness: Robustness = Robustness()
    """The worst of several samples, and prompts asked in another way."""
    self_consistency: tuple[SelfConsistency, ...] = ()
    """People who were asked the same again."""
    participants: tuple[Participant, ...] = ()
    """The people who took part, those too who were dropped."""
    warnings: tuple[str, ...] = ()
    """What a reader of these figures must know."""


def summarize(study: Study, params: Stats, advance: Advance = lambda amount=1, note="": None) -> Summary:
    bootstrap = Bootstrap(params.level, params.draws, params.seed)
    robust = robust_of(study, bootstrap)
    study = study.originals()
    annotators, pairs = study.annotators("preference"), study.pairs("preference")
    prompts = {id: study.comparisons[id].prompt_id for id in study.ids("preference")}
    seated = {name: members(name, judges, annotators) for name, judges in study.panels.items()}
    jury = [*annotators, *(seat(name, judges) for name, judges in seated.items())]
    preference = tuple(preferences(jury, pairs, bootstrap)) if prompts else ()
    advance(1, "preference")
    agreement = agreements(annotators, prompts, bootstrap) if prompts else []
    groups = groups_of(annotators, study.fakes)
    people = [a for a in annotators if a.kind == "person"]
    advance(1, "agreement")
    dialogues = whole_dialogues(study, bootstrap)
    graded = grades(study, bootstrap)
    advance(1, "grades")
    bias = [length_bias(a, study.comparisons, bootstrap) for a in annotators] if prompts else []
    gates = gates_of(study, bootstrap)
    return Summary(
        level=params.level,
        draws=params.draws,
        pairs=tuple(map(size, pairs)),
        preference=preference,
        agreement=tuple(agreement),
        alpha_of_people=alpha_of_people(annotators, list(prompts)),
        trust=trust_of(study, annotators, prompts, agreement, bias, gates, bootstrap),
        systems=tuple(
            system_length(name, study.responses[name], bootstrap)
            for name in study.systems()
            if name in study.responses
        ),
        length_bias=tuple(bias),
        losses=losses(
            study.everyone(),
            study.cut(),
            study.unpaired,
            list(study.comparisons),
            study.people_wanted,
            study.gradings(),
        ),
        groups=tuple(between_groups(groups, prompts, bootstrap)),
        leave_one_out=tuple(leave_one_out(people, prompts, bootstrap)) if len(people) > 1 else (),
        reliability=tuple(
            reliability(name, group, prompts, bootstrap) for name, group in groups.items() if len(group) > 1
        ),
        length_control=tuple(
            length_control(a, p, study.comparisons, params.level)
            for a in annotators
            for p in pairs
            if a.kind == "model"
        ),
        rankings=rankings(jury, pairs, bootstrap),
        panels=tuple(panel(name, judges, prompts, bootstrap) for name, judges in seated.items()),
        gates=tuple(gates),
        dialogues=dialogues,
        grades=graded,
        robustness=robust,
        self_consistency=tuple(study.self_consistency(bootstrap)),
        participants=tuple(participants(study.extras)),
        warnings=tuple(cautions(study, preference, graded.helpfulness_differences, params.level)),
    )


def size(pair: Pair) -> PairSize:
    return PairSize(
        pair.subject, pair.baseline, len(pair.seals), len({seal.prompt_id for seal in pair.seals})
    )


def gates_of(study: Study, bootstrap: Bootstrap) -> list[Gate]:
    return [
        gate(name, study.modes.get(name, ""), verdicts, labels, bootstrap)
        for name, (verdicts, labels) in study.gates.items()
    ]


def trust_of(
    study: Study,
    annotators: Sequence[Annotator],
    prompts: Mapping[str, str],
    agreement: Sequence[Agreement],
    bias: Sequence[LengthBias],
    gates: Sequence[Gate],
    bootstrap: Bootstrap,
) -> tuple[Trust, ...]:
    """Every model judge, by what it said of responses; of whole dialogues where the study asked of these only."""
    truncated = {name: len(ids) for name, ids in study.truncated.items()}
    if not prompts and study.comparisons:
        annotators = study.annotators("dialogues")
        prompts = {id: study.comparisons[id].prompt_id for id in study.ids("dialogues")}
        bias = [length_bias(a, study.comparisons, bootstrap) for a in annotators]
    longer = {row.judge: row.longer_chosen for row in bias}
    return tuple(
        examine(annotators, prompts, truncated, agreement, bootstrap, longer, gates, study.gradings())
    )


def whole_dialogues(study: Study, bootstrap: Bootstrap) -> tuple[Preference, ...]:
    """Of dialogues that the systems played, then of those that people had live."""
    by_dialogue = replace(bootstrap, unit="dialogues")
    found = []
    if study.ids("dialogues"):
        found += preferences(study.annotators("dialogues"), study.pairs("dialogues"), by_dialogue)
    if study.live and study.live.ids("dialogues"):
        live = preferences(study.live.annotators("dialogues"), study.live.pairs("dialogues"), by_dialogue)
        found += [msgspec.structs.replace(row, judge=f"{row.judge}{LIVE}") for row in live]
    return tuple(found)


def grades(study: Study, bootstrap: Bootstrap) -> Graded:
    helpful, quality = study.graders("helpfulness"), study.graders("quality")
    by_turn = study.graders("turns")
    if study.live:
        by_turn += [replace(g, name=f"{g.name}{LIVE}") for g in study.live.graders("turns")]
    tasks: tuple[tuple[Task, Sequence[Grader]], ...] = (
        ("quality", quality),
        ("safety", study.graders("safety")),
    )
    return Graded(
        helpfulness=tuple(row for g in helpful for row in mean_grades(g, bootstrap)),
        helpfulness_differences=tuple(row for g in helpful for row in grade_differences(g, bootstrap)),
        shares=tuple(
            row
            for task, graders in tasks
            for g in graders
            for row in class_shares(g, task, study.out_of_distribution, bootstrap, study.intents)
        ),
        quality_differences=tuple(row for g in quality for row in superiorities(g, bootstrap)),
        turns=tuple(row for g in by_turn for row in of_turns.turns(g, bootstrap)),
        turn_differences=tuple(row for g in by_turn for row in of_turns.turn_differences(g, bootstrap)),
    )


def robust_of(study: Study, bootstrap: Bootstrap) -> Robustness:
    """Of preference and of every grade of single answers, variants and all."""
    tasks: tuple[Task, ...] = ("helpfulness", "quality", "safety")
    annotators = study.annotators("preference")
    seats = [seat(name, members(name, judges, annotators)) for name, judges in study.panels.items()]
    voices = robustness.of_annotators([*annotators, *seats], study.pairs("preference"))
    for task in tasks:
        voices += [voice for grader in study.graders(task) for voice in robustness.of_grader(grader, task)]
    return robustness.robustness(voices, study.variants, bootstrap)


def alpha_of_people(annotators: Sequence[Annotator], ids: Sequence[str]) -> Alpha:
    people = [a for a in annotators if a.kind == "person"]
    items: list[list[Choice]] = []
    for id in ids:
        said = [a.readings[id].choice for a in people if id in a.readings]
        items.append([choice for choice in said if choice])
    return Alpha(alpha(items, tie_discounted), alpha(items, exact))
