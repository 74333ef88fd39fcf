"""What a reader of the figures must be told before them: judges asked in two ways, few prompts, many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from handful.stats.bootstrap import MIN_PROMPTS
from handful.stats.facts import Study
from handful.stats.grades import GradeDifference
from handful.stats.preference import Preference
from handful.stats.significance import multiplicity

FEW_PROMPTS = 20


def cautions(
    study: Study, preference: Sequence[Preference], differences: Sequence[GradeDifference], level: float
) -> list[str]:
    """Sentences, the most general first."""
    found = []
    modes = {mode for mode in study.modes.values() if mode}
    if len(modes) > 1:
        found.append(
            'Some judges were asked as people are ("lima"), others in both orders ("robust"): never take one figure '
            "of both."
        )
    prompts = {seal.prompt_id for seal in study.seals.values()} | {
        signature.prompt_id for signature in study.signatures.values()
    }
    if 0 < len(prompts) < MIN_PROMPTS:
        what = "One prompt shows" if len(prompts) == 1 else f"{len(prompts)} prompts show"
        found.append(f"{what} nothing: read no figure here as a finding.")
    elif 0 < len(prompts) < FEW_PROMPTS:
        found.append(f"{len(prompts)} prompts are few: every interval here is wide, or should be.")
    baselines = len({row.baseline for row in preference if row.p_value is not None})
    compared = len({(row.first, row.second) for row in differences})
    found += filter(
        None,
        (
            multiplicity(baselines, "baselines", level),
            multiplicity(compared, "differences of mean grades", level),
        ),
    )
    return found
