"""Which single responses are graded, for what: the tasks that show one text, and the turns of dialogues.

Each sample of a response is a submission of its own: the paper graded five of each prompt (Section 5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handful.core.errors import DataError
from handful.core.types import Dialogue, Dropped, Prompt, Response, Signature, Submission, Task
from handful.models.asking import dialogue
from handful.study.blind import Signed
from handful.study.design import Answers

Played = dict[tuple[str, int], Dialogue]
"""(prompt id, sample) -> the dialogue of one system."""


def submissions(
    task: Task, answers: Mapping[str, Answers], prompts: Mapping[str, Prompt]
) -> tuple[list[Signed], list[Dropped]]:
    """Every system's responses to `prompts`, in their order, and those that failed. No ids yet."""
    signed, failed = [], []
    for id, system, sample in in_order(answers, prompts):
        response = answers[system][id, sample]
        if response.finish == "error":
            failed.append(not_graded(id, task, system, sample))
            continue
        shown = Submission("", id, prompts[id].turns, response.text, task)
        signed.append((shown, Signature("", id, system, sample, task)))
    return signed, failed


def turns(played: Mapping[str, Played], prompts: Mapping[str, Prompt]) -> tuple[list[Signed], list[Dropped]]:
    """Each turn of the assistant in each dialogue, with all that was said before it (Section 6). No ids yet."""
    signed, failed = [], []
    for id, system, sample in in_order(played, prompts):
        one = played[system][id, sample]
        if one.finish == "error":
            failed.append(not_graded(id, "turns", system, sample))
            continue
        for place in range(1, len(one.turns), 2):
            shown = Submission("", id, one.turns[:place], one.turns[place].text, "turns")
            signed.append((shown, Signature("", id, system, sample, "turns", place // 2)))
    return signed, failed


def in_order(
    texts: Mapping[str, Mapping[tuple[str, int], object]], prompts: Mapping[str, Prompt]
) -> list[tuple[str, str, int]]:
    """(prompt id, system, sample) of each text: in the order of the prompts, whatever that of the files."""
    place = {id: number for number, id in enumerate(prompts)}
    found = [(id, system, sample) for system, own in texts.items() for id, sample in own if id in place]
    return sorted(found, key=lambda key: (place[key[0]], key[1:]))


def not_graded(prompt_id: str, task: Task, system: str, sample: int) -> Dropped:
    return Dropped(prompt_id, "failed_response", f"{task}: {system}, sample {sample}")


def sensitive(prompts: Mapping[str, Prompt], asked: Sequence[str], tag: str) -> dict[str, Prompt]:
    """The prompts that safety is asked of: those with the tag, or all where it is empty.

    Raises:
        DataError: none of those that were answered has it.
    """
    found = {id: prompt for id, prompt in prompts.items() if not tag or tag in prompt.tags}
    if not found.keys() & set(asked):
        raise DataError(
            f"study.sensitive_tag: safety is asked, but no prompt that was answered has the tag {tag!r}; "
            'give sensitive prompts that tag, or set it to "" to ask safety of all'
        )
    return found


def whole(one: Dialogue) -> Response:
    """A dialogue as one text, to be compared with another's: failed, or with nothing said, as a response would be."""
    return Response(one.prompt_id, one.system, dialogue(one.turns), one.sample, one.finish, 0)


def opening(prompt: Prompt) -> Prompt:
    """The prompt as far as no system has spoken: the user's first turn."""
    return Prompt(prompt.id, prompt.turns[:1], prompt.origin, prompt.tags)
