"""A judge on this machine that writes its verdict: greedy, a sentence or two and the verdict's line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handful.core.types import Finish, Task
from handful.judge import ask
from handful.judge.items import Item, Order, Said
from handful.judge.local import Frame, Reader, Row
from handful.judge.parse import read_choice
from handful.models.layout import end_ids
from handful.models.sampling import GREEDY, Sampling, sample
from handful.models.scoring import load_judge, template
from handful.recipe.judging import LocalJudge

NEW_TOKENS = 256
"""Room for the reasons and the verdict; of a short context a quarter."""


class Questions(Reader):
    """Reads questions that end in a request for words, with room left for them."""

    def frame(self, task: Task) -> Frame:
        if task not in self.frames:
            self.frames[task] = Frame(*template(self.tokenizer, ""))
        return self.frames[task]

    def text(self, item: Item, order: Order) -> str:
        asked = ask.question(self.instructions[item.task], item, order, self.params.mode)
        return asked if self.params.mode == "lima" else f"{asked}\n\n{ask.request(item.task)}"


class Writer:
    """The loaded model, and what it reads."""

    def __init__(self, params: LocalJudge, instructions: Mapping[Task, str]) -> None:
        self.model, self.tokenizer, limit = load_judge(params)
        self.room = min(NEW_TOKENS, limit // 4)
        self.reader = Questions(self.tokenizer, instructions, params, limit - self.room)
        self.mode = params.mode
        ids = {*end_ids(self.model), self.tokenizer.eos_token_id} - {None}
        self.ends: dict[int, Finish] = dict.fromkeys(ids, "eos")

    def answers(self, rows: Sequence[Row]) -> list[Said]:
        """What the model writes to each row of one task, read; what cannot be read is asked for once more."""
        said = self.written([row.ids for row in rows], rows[0].task)
        lost = [place for place, (choice, _) in enumerate(said) if choice is None]
        if lost:
            more = [self.once_more(rows[place]) for place in lost]
            for place, found in zip(lost, self.written(more, rows[0].task), strict=True):
                said[place] = found
        return [Said(r.id, r.order, choice, raw) for r, (choice, raw) in zip(rows, said, strict=True)]

    def written(self, prompts: Sequence[Sequence[int]], task: Task) -> list[tuple[str | None, str]]:
        """(the choice, the words) of each prompt."""
        sampling = Sampling(**GREEDY, max_tokens=self.room, limit="new")  # type: ignore[arg-type]
        outputs = sample(self.model, prompts, sampling, self.ends, [0] * len(prompts))
        texts = [self.tokenizer.decode(output.ids, skip_special_tokens=True) for output in outputs]
        return [
            (read_choice(text, task, whole=output.finish != "length"), text)
            for text, output in zip(texts, outputs, strict=True)
        ]

    def once_more(self, row: Row) -> tuple[int, ...]:
        """The same question with the demand for one line at its end: small models lose a longer thread."""
        after = self.reader.frame(row.task).after
        asked = row.ids[: len(row.ids) - len(after)]
        return (*asked, *self.reader.encode(f"\n\n{ask.again(row.task, self.mode)}"), *after)
