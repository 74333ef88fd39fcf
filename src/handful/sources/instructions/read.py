"""Section 2.2: a random instance each of Super-NaturalInstructions' generation tasks.

The prompt is the task's definition, a blank line and the instance's input; the response is its first output. Of
several definitions, which say the same in other words, the first counts. Which tasks are used is decided in rules.py.
Not covered: the examples in a task ("Positive Examples"), which explain it; and the paper's light editing by hand.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from handful.core.errors import DataError
from handful.core.rng import rng_for
from handful.core.types import Dropped, Example, Noun, Origin, Turn
from handful.recipe.sources import SuperNaturalInstructions
from handful.run.progress import progress
from handful.sources.instructions.rules import category_of, check_answers, check_claims, check_license
from handful.sources.instructions.task import Task, Unused, opened, peek, readable, rest, task_name, texts

SUFFIXES = (".json", ".json.zst")
TASKS = "tasks"
"""The folder of the collection's repository that holds the task files."""
PUBLISHED = "https://github.com/allenai/natural-instructions/blob/master/tasks/{task}.json"


def read(
    name: str,
    source: SuperNaturalInstructions,
    rules: Mapping[str, int],
    put: Callable[[str, Noun], None],
    scratch: Path,
) -> dict[str, Any]:
    """Put the instances that are drawn, and a line for each task that is passed over, in the order of the files.

    Raises:
        DataError: no such file, no task file among them, or none that can be used.
    """
    files = task_files(source.paths)
    seen: set[str] = set()
    communities = Counter(dict.fromkeys(source.categories, 0))
    reasons: Counter[str] = Counter()
    first = ""
    with progress(f"{name}: reading tasks", len(files), "tasks") as advance:
        for path in files:
            for record in read_task(path, name, source, seen):
                if isinstance(record, Example):
                    put("examples", record)
                    communities[record.origin.community] += 1
                else:
                    put("dropped", record)
                    reasons[record.rule] += 1
                    first = first or f"{record.id}: {record.rule}, {record.detail}"
            advance()
    if not communities.total():
        took = ", ".join(f"{rule} took {n:,}" for rule, n in reasons.most_common())
        raise DataError(
            f"{', '.join(source.paths)}: of {len(files):,} task files none can be used; {took}; the first is {first}"
        )
    return {"tasks": len(seen), "communities": dict(sorted(communities.items()))}


def task_files(paths: Iterable[str]) -> list[Path]:
    """The task files at `paths`, sorted by name within each folder. A repository's are in its folder `tasks`."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        below = [path] if path.is_file() else _below(path) or _below(path / TASKS)
        if not below:
            raise DataError(f"{path}: holds no *.json or *.json.zst file")
        files += below
    return files


def _below(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        path
        for path in found
        if path.name.endswith(SUFFIXES) and not path.name.startswith(".") and not path.is_dir()
    )


def read_task(
    path: Path, name: str, source: SuperNaturalInstructions, seen: set[str]
) -> Iterator[Example | Dropped]:
    """Yield what is drawn of the task in one file, or why nothing is.

    Args:
        seen: names of the tasks so far; this one's is added.
    """
    task = task_name(path)
    try:
        if task in seen:
            raise Unused("duplicate_task", f"{path.name}: a task of this name was read before")
        seen.add(task)
        yield from draw(load(path, source), path, name, source)
    except Unused as reason:
        yield Dropped(task, reason.rule, reason.detail)


def load(path: Path, source: SuperNaturalInstructions) -> Task:
    """The task in a file, which is read to its end only where the task is used; Unused where it is not."""
    with opened(path) as stream:
        head, seen = peek(stream)
        if seen:
            check_claims(seen, source)
            check_answers(seen, source)
        task = rest(stream, head, int(source.max_unpacked_mb * 1e6), path.name)
    check_claims(task, source)
    if not seen:
        check_answers(task, source)
    check_license(task, source)
    return task


def draw(task: Task, path: Path, name: str, source: SuperNaturalInstructions) -> Iterator[Example | Dropped]:
    """Yield `per_task` random instances, and those on the way to them that cannot be used.

    Raises:
        Unused: none can be used.
    """
    title = task_name(path)
    rng = rng_for(source.seed, "sources", "super_natural_instructions", title)
    drawn: set[str] = set()
    for place in shuffled(len(task.instances), rng):
        number = str(place + 1)
        where = f"{path.name}: instance {number}"
        try:
            asked, answer, own = compose(task, task.instances[place])
            id = f"{name}/{title}/{own or number}"
            if id in drawn:
                raise ValueError(f"the id {own!r} stands there twice")
        except ValueError as error:
            yield Dropped(f"{title}/{number}", "bad_instance", f"{where}: {error}")
            continue
        drawn.add(id)
        yield Example(id, (Turn("user", asked), Turn("assistant", answer)), origin(task, title, where, name))
        if len(drawn) == source.per_task:
            return
    if not drawn:
        raise Unused("no_instances", f"none of {len(task.instances):,} can be used")


def shuffled(count: int, rng: random.Random) -> Iterator[int]:
    """The numbers below `count` in random order, each drawn when it is asked for."""
    moved: dict[int, int] = {}
    for last in range(count - 1, -1, -1):
        pick = rng.randrange(last + 1)
        yield moved.get(pick, pick)
        moved[pick] = moved.get(last, last)


def compose(task: Task, raw: msgspec.Raw) -> tuple[str, str, str]:
    """(prompt, response, the instance's own id or "").

    Raises:
        ValueError: the instance has no input or no output as text, or holds what no text should.
    """
    instance = readable(raw)
    if instance is None:
        raise ValueError("is no object with an input and an output as text")
    answer = instance.answer
    if not answer:
        raise ValueError("its outputs are blank")
    prompt = "\n\n".join(filter(None, (texts(task.definition)[0], instance.input.strip())))
    if "\0" in prompt or "\0" in answer:
        raise ValueError("holds NUL, or half a surrogate pair")
    return prompt, answer, str(instance.id) if isinstance(instance.id, str | int) else ""


def origin(task: Task, title: str, where: str, name: str) -> Origin:
    addresses = [url for url in texts(task.url) if url.startswith(("http://", "https://"))]
    return Origin(
        source=name,
        community=category_of(task),
        item=where,
        url=addresses[0] if addresses else PUBLISHED.format(task=quote(title)),
        author=", ".join(texts(task.contributors)),
        license=", ".join(texts(task.license)),
        title=title,
    )
