"""A small study as its stage leaves it, and ledgers that are closed again."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from handful.annotate.board import Board
from handful.annotate.items import read_study
from handful.annotate.ledger import open_ledger as open_at
from handful.annotate.rows import hash_of
from handful.core import jsonl
from handful.core.types import Comparison, Submission, Turn
from handful.recipe.evaluation import Annotate


def comparison(number, left=None, right=None, task="preference"):
    turns = (Turn("user", f"Question {number}?"),)
    return Comparison(
        f"c{number}", f"p{number}", turns, left or f"left {number}", right or f"right {number}", task
    )


def submission(number, task="quality"):
    return Submission(
        f"s{number}", f"p{number}", (Turn("user", f"Request {number}"),), f"text {number}", task
    )


@pytest.fixture
def make_comparison():
    return comparison


@pytest.fixture
def make_submission():
    return submission


@pytest.fixture
def make_folder(tmp_path):
    """A study's folder. What is sealed cannot be read here: it is no file of the right kind."""

    def make(comparisons=(), submissions=(), tasks=None, name="study-0123456789ab", told="Which is better?"):
        folder = tmp_path / name
        (folder / "sealed" / "key.jsonl").mkdir(parents=True)
        (folder / "instructions").mkdir()
        asked = tasks or dict.fromkeys(one.task for one in (*comparisons, *submissions))
        for task in asked:
            (folder / "instructions" / f"{task}.md").write_text(
                told if task == "preference" else f"On {task}."
            )
        jsonl.write(folder / "comparisons.jsonl", comparisons)
        jsonl.write(folder / "submissions.jsonl", submissions)
        (folder / "instructions.md").write_text(told)
        return folder

    return make


@pytest.fixture
def comparisons():
    return tuple(comparison(n) for n in range(6))


@pytest.fixture
def folder(make_folder, comparisons):
    return make_folder(comparisons)


@pytest.fixture
def study(folder):
    return read_study(folder)


@pytest.fixture
def kind():
    """Which database a test runs on; a module that runs on both has it as a parameter."""
    return "sqlite"


@pytest.fixture
def target(kind, tmp_path, request):
    return tmp_path / "people.sqlite" if kind == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """An SQLite ledger without a row: making one takes a while."""
    path = tmp_path_factory.mktemp("blank") / "people.sqlite"
    open_at(path).close()
    return path


@pytest.fixture
def made_target(blank, tmp_path):
    """For tests that are not about how a ledger is made."""
    return Path(shutil.copy(blank, tmp_path / "people.sqlite"))


@pytest.fixture
def open_ledger(target):
    opened = []

    def open_one(**how):
        opened.append(open_at(target, **how))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger):
    return open_ledger()


@pytest.fixture
def ask(target):
    """Put SQL to the database itself, past the ledger."""
    address = f"sqlite:///{target}" if isinstance(target, Path) else target.replace("://", "+psycopg://", 1)
    engine = create_engine(address, poolclass=NullPool)

    def ask_one(statement):
        with engine.begin() as connection:
            found = connection.execute(text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []

    yield ask_one
    engine.dispose()


@pytest.fixture
def enter():
    """Add people who have agreed and practised."""

    def enter_all(ledger, *names, group=""):
        for name in names:
            ledger.add_person(name, group)
            ledger.event("consented", name)
            ledger.event("practised", name)

    return enter_all


@pytest.fixture
def give():
    """Store an answer of `person` to an item, seen in `order`."""

    def give_one(ledger, person, item, choice="first", order=None, round=0, ms=None, reason=""):
        order = order if order is not None else ("forward" if len(item.load().texts) == 2 else "")
        first = item.load(order).texts[0]
        answer, _ = ledger.answer(
            person=person, item=item.key, round=round, task=item.task, subject=item.subject, shown=order,
            first=hash_of(first), choice=choice, reason=reason, ms=ms,
        )  # fmt: skip
        return answer

    return give_one


@pytest.fixture
def make_board(study, ledger):
    def make(chosen=None, clock=None, practice=(), checks=(), **params):
        settings = {"people": 1, "shared": 0, **params}
        options = {"clock": clock} if clock else {}
        return Board(
            chosen or study, ledger, Annotate(**settings), practice=practice, checks=checks, **options
        )

    return make
