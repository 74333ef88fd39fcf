"""Columns by other names, and files of other kinds: every missing one is told at once, with what to type."""

import json

import pytest

from handful.core.errors import DataError
from handful.votes.columns import missing
from handful.votes.rates import rates
from handful.votes.read import read
from handful.votes.readings import readings
from handful.votes.words import words

TEXTS = {"prompt": "How?", "response_a": "So.", "response_b": "Thus."}


@pytest.fixture
def load(tmp_path):
    def load(records, **options):
        path = tmp_path / "file.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return read([path], **options)

    return load


@pytest.mark.parametrize(
    ("header", "options"),
    [
        (
            "question,worker,model_a,model_b,winner",
            ["prompt_id=question", "annotator=worker", "left=model_a", "right=model_b", "choice=winner"],
        ),
        (
            "item,rater,System 1,System 2,vote",
            ["prompt_id=item", "annotator=rater", "'left=System 1'", "'right=System 2'", "choice=vote"],
        ),
        (
            "task_id,human_assessor,first,second,label",
            ["prompt_id=task_id", "annotator=human_assessor", "left=first", "right=second", "choice=label"],
        ),
        ("prompt_id,user,left,right,judgment", ["annotator=user", "choice=judgment"]),
        (
            "winner,annotater,left,right,promptid",
            ["prompt_id=promptid", "annotator=annotater", "choice=winner"],
        ),
    ],
)
def test_all_missing_columns_are_told_at_once_by_meaning_then_by_spelling(tmp_path, header, options):
    path = tmp_path / "votes.csv"
    path.write_text(f"{header}\n1,2,3,4,5\n")
    with pytest.raises(DataError) as error:
        read([path])
    typed = str(error.value).partition("as in: ")[2]
    assert typed == " ".join(f"--column {option}" for option in options)


def test_an_annotator_is_no_winner(tmp_path):
    said = str(
        missing(tmp_path, ["annotator"], {}, ["prompt_id", "left", "right", "choice", "winner", "worker"])
    )
    assert "--column annotator=worker" in said


def test_what_a_file_lacks_in_every_row_is_given_once(load):
    rows = [{"id": n, "model_a": "x", "model_b": "y", "winner": "model_a"} for n in (1, 2)]
    columns = {"prompt_id": "id", "left": "model_a", "right": "model_b", "choice": "winner"}
    with pytest.raises(DataError, match="--value annotator=NAME"):
        load(rows, columns=columns)
    votes = load(rows, columns=columns, values={"annotator": "crowd"}, vocabulary=words("models"))
    assert (votes.annotators, len(votes)) == (["crowd"], 2)
    with pytest.raises(DataError, match="leave out --value left=z"):
        load(rows, columns=columns, values={"annotator": "crowd", "left": "z"})


def test_values_stand_in_a_table_too(tmp_path):
    (tmp_path / "votes.csv").write_text("prompt_id,choice\n1,left\n2,tie\n")
    votes = read([tmp_path / "votes.csv"], values={"left": "x", "right": "y", "annotator": "ann"})
    assert (votes.systems, votes.annotators, votes.choice.tolist()) == (["x", "y"], ["ann"], [0, 2])


# --- published kinds, made here in their form


def counts(votes, quick):
    row = rates(votes, readings(votes), quick)[0]  # by everybody
    return row.first, row.wins, row.ties, row.losses


def test_chatbot_arenas_conversations(load, quick):
    said = ["model_a", "model_b", "tie", "tie (bothbad)", "model_a"]
    rows = [
        {
            "question_id": f"q{n}",
            "model_a": "x",
            "model_b": "y",
            "winner": word,
            "judge": f"arena_user_{n}",
            "turn": 1,
        }
        | {"conversation_a": [], "conversation_b": [], "anony": True, "tstamp": 1.5}
        for n, word in enumerate(said)
    ]
    with pytest.raises(DataError, match="add --format mt_bench"):
        load(rows)
    assert counts(load(rows, format="mt_bench"), quick) == ("x", 2, 2, 1)


def test_mt_benchs_human_judgments_as_a_table(tmp_path, quick):
    path = tmp_path / "human.csv"
    head = "question_id,model_a,model_b,winner,judge,conversation_a,turn\n"
    path.write_text(head + '81,x,y,model_a,expert_1,"[{""a"":\n1}]",1\n81,y,x,tie,author_2,[],2\n')
    with pytest.raises(DataError, match="add --format mt_bench"):
        read([path])
    votes = read([path], "mt_bench")
    assert (votes.groups, votes.turns) == (["expert", "author"], ["1", "2"])
    assert counts(votes, quick) == ("x", 1, 1, 0)


def test_strengths_of_preference_with_a_mapping(load, quick):
    rows = [
        {"prompt": str(n), "response_1": "So.", "response_2": "Thus.", "preference_strength": strength}
        for n, strength in enumerate([-3, -1, 0, 2])
    ]
    columns = {"prompt_id": "prompt", "choice": "preference_strength"}
    values = {"annotator": "people", "left": "response_1", "right": "response_2"}
    rows = [{**row, "a": row.pop("response_1"), "b": row.pop("response_2")} for row in rows]
    with pytest.raises(DataError, match=r"--map WHICH=-3,WHICH=-1,WHICH=0,WHICH=2, with left"):
        load(rows, columns=columns, values=values)
    vocabulary = words(mapping=["left=-3,left=-1,tie=0,right=2"])
    found = counts(load(rows, columns=columns, values=values, vocabulary=vocabulary), quick)
    assert found == ("response_1", 2, 1, 1)


def test_wildbenchs_winners_by_name_and_choices_inside_of_a_record(load, quick):
    rows = [
        {
            "session_id": str(n),
            "model_A": "x",
            "model_B": "y",
            "winner": won,
            "parsed_result": {"choice": letter},
        }
        for n, (won, letter) in enumerate([("x", "A++"), ("y", "B+"), ("tie", "A=B")])
    ]
    columns = {"prompt_id": "session_id", "left": "model_A", "right": "model_B"}
    values = {"annotator": "gpt"}
    with pytest.raises(DataError, match="--words names may be meant"):
        load(rows[:2], columns={**columns, "choice": "winner"}, values=values)
    by_name = load(rows, columns={**columns, "choice": "winner"}, values=values, vocabulary=words("names"))
    inside = {**columns, "choice": "parsed_result.choice"}
    by_strength = load(rows, columns=inside, values=values, vocabulary=words("strengths"))
    assert counts(by_name, quick) == counts(by_strength, quick) == ("x", 1, 1, 1)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"id": 1, "data": {}, "annotations": [{"result": []}]}, "looks like a Label Studio export"),
        ({"id": "r", "fields": TEXTS, "responses": [], "metadata": {}}, "looks like Argilla's records"),
        ({"id": 1, "model_a": "x", "model_b": "y", "winner_model_a": 1, "winner_model_b": 0}, "of 0 and 1"),
        ({"prompt": "How?", "chosen": "So.", "rejected": "Thus."}, "chosen and rejected texts"),
        (
            {"prompt": "How?", "helpfulness": 3, "correctness": 4, "coherence": 4},
            "grades of single responses",
        ),
        ({"question_id": 1, "model": "x", "judge": "gpt", "games": []}, "looks like Arena-Hard's"),
    ],
)
def test_what_is_no_table_of_verdicts_is_named_with_what_to_do(load, record, why):
    with pytest.raises(DataError, match=why):
        load([record])
