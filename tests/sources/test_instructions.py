"""Super-NaturalInstructions: which tasks are used, what is drawn of them, and what becomes of files that are broken."""

import json
from collections import Counter

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from handful.core.errors import DataError
from handful.core.types import Example
from handful.recipe.sources import SuperNaturalInstructions
from handful.recipe.values import InputPath
from handful.sources.instructions.read import read, shuffled
from handful.sources.instructions.task import HEAD

NAMES = ["ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hal", "ida", "jon", "kim", "lou"]


def sentence(number):
    return f"{NAMES[number % 12]} went with {NAMES[number // 12 % 12]} to see the {'very ' * (number // 144)}old sea"


def instance(number, **changed):
    return {"id": f"t-{number}", "input": f"Story {number}.", "output": [sentence(number)]} | changed


def task(instances=None, **changed):
    """The last layout; name what should differ, or None to leave a key out."""
    keys = {
        "Contributors": ["Ann Lee", "Bob Ray"],
        "Source": ["stories"],
        "URL": ["https://example.com/stories"],
        "Categories": ["Summarization"],
        "Reasoning": [],
        "Definition": ["Sum up the story.", "In one sentence, tell the story."],
        "Input_language": ["English"],
        "Output_language": ["English"],
        "Instruction_language": ["English"],
        "Domains": ["Story"],
        "Positive Examples": [{"input": "a", "output": "b", "explanation": "c"}],
        "Negative Examples": [],
        "Instances": [instance(number) for number in range(30)] if instances is None else instances,
        "Instance License": ["CC BY 4.0"],
    }
    return {key: value for key, value in (keys | changed).items() if value is not None}


@pytest.fixture
def folder(tmp_path):
    """Write tasks to task001.json, task002.json …; bytes as they are."""

    def write(*tasks, suffix=".json"):
        for number, found in enumerate(tasks, start=1):
            content = found if isinstance(found, bytes) else json.dumps(found, indent=4).encode()
            packed = zstandard.compress(content) if suffix.endswith(".zst") else content
            (tmp_path / f"task{number:03}{suffix}").write_bytes(packed)
        return tmp_path

    return write


def read_all(*paths, **options):
    found = []
    source = SuperNaturalInstructions(
        kind="super_natural_instructions", paths=tuple(InputPath(str(path)) for path in paths), **options
    )
    counts = read("ni", source, {}, lambda file, record: found.append((file, record)), paths[0])
    assert {file for file, _ in found} <= {"examples", "dropped"}
    return [r for f, r in found if f == "examples"], [r for f, r in found if f == "dropped"], counts


def reason(folder, found, **options):
    """The rule that took a task which is read beside a good one, and what the rule saw."""
    examples, (dropped,), _ = read_all(folder(found, task()), **options)
    assert [example.origin.item.partition(":")[0] for example in examples] == ["task002.json"]
    assert dropped.id == "task001"
    return dropped.rule, dropped.detail


def test_a_prompt_is_the_first_definition_and_an_input_and_its_credit_is_the_tasks(folder):
    (example,), dropped, counts = read_all(folder(task([instance(3)])))
    assert example.id == "ni/task001/t-3"
    assert [turn.text for turn in example.turns] == ["Sum up the story.\n\nStory 3.", sentence(3)]
    origin = example.origin
    assert (origin.source, origin.community, origin.item) == (
        "ni",
        "Summarization",
        "task001.json: instance 1",
    )
    assert (origin.author, origin.license) == ("Ann Lee, Bob Ray", "CC BY 4.0")
    assert origin.url == "https://example.com/stories"
    assert (dropped, counts) == ([], {"tasks": 1, "communities": {"Summarization": 1}})


def test_early_layouts_say_less_and_are_read_all_the_same(folder):
    bare = {"Definition": " Sum up. ", "Instances": [{"input": "Story 1.\n", "output": sentence(1)}]}
    (example,), _, _ = read_all(folder(bare))
    assert [turn.text for turn in example.turns] == ["Sum up.\n\nStory 1.", sentence(1)]
    assert example.id == "ni/task001/1"
    assert (example.origin.community, example.origin.license, example.origin.author) == (
        "Uncategorized",
        "",
        "",
    )
    assert example.origin.url == (
        "https://github.com/allenai/natural-instructions/blob/master/tasks/task001.json"
    )


def test_the_first_output_that_is_not_blank_is_the_response(folder):
    (example,), _, _ = read_all(
        folder(task([instance(1, output=[" ", "One fine long day.\n", "Another day."])]))
    )
    assert example.turns[1].text == "One fine long day."


def test_a_packed_task_gives_what_the_plain_one_does(folder, tmp_path):
    plain = read_all(*sorted(folder(task(), task()).glob("*.json")))
    packed = read_all(*sorted(folder(task(), task(), suffix=".json.zst").glob("*.zst")))
    assert [example.turns for example in plain[0]] == [example.turns for example in packed[0]]
    assert [example.id for example in plain[0]] == [example.id for example in packed[0]]


def test_a_tasks_draw_does_not_depend_on_the_others_and_every_instance_may_be_drawn(folder):
    path = folder(task(), task(), task())
    together = {example.id for example in read_all(path)[0]}
    alone = {example.id for file in sorted(path.iterdir()) for example in read_all(file)[0]}
    assert together == alone
    drawn = Counter(read_all(path / "task001.json", seed=seed)[0][0].id for seed in range(600))
    assert len(drawn) == 30  # 20 times each on average; 5 or fewer has a chance below 1 in 10,000
    assert min(drawn.values()) > 5


def test_more_instances_of_a_task_keep_those_that_fewer_gave(folder):
    path = folder(task())
    one, five, all_ = (read_all(path, per_task=count)[0] for count in (1, 5, 99))
    assert (len(five), len(all_)) == (5, 30)
    assert all_[:5] == five
    assert five[:1] == one


@given(st.integers(0, 60), st.randoms(use_true_random=False))
def test_shuffled_gives_each_number_once(count, rng):
    assert sorted(shuffled(count, rng)) == list(range(count))


LABELS = [instance(n, output=[f"Statement {n % 8} is more likely"]) for n in range(40)]
LETTERS = [instance(n, output=["ABCD"[n % 4]]) for n in range(40)]
NAMED = [instance(n, output=[f"{NAMES[n % 12]} {n}"]) for n in range(40)]
SPANS = [instance(n, input=f"Who? It was he: {sentence(n)}.") for n in range(40)]
NUMBERS = [instance(n, output=[f"[{n}, {n + 1}, -3.5, {n * n}]"]) for n in range(40)]


@pytest.mark.parametrize(
    ("changed", "rule", "detail"),
    [
        ({"Instances": LABELS}, "label_task", "8 different answers among 40"),
        ({"Instances": LETTERS}, "label_task", "4 different answers among 40"),
        ({"Instances": NAMED}, "label_task", "answers have 2.0 words on average"),
        ({"Instances": SPANS}, "copied_answers", "100% of the answers stand in their input"),
        ({"Instances": NUMBERS}, "not_prose", "of the answers are letters"),
        ({"Categories": ["Program Execution"]}, "category", "Program Execution is excluded"),
        ({"Categories": ["text to code -> SQL"]}, "category", "is excluded"),
        ({"Output_language": ["Spanish"]}, "language", "output language is Spanish"),
        ({"Input_language": ["English", "Hindi"]}, "language", "input language is Hindi"),
        ({"Instruction_language": "Persian"}, "language", "instruction language is Persian"),
        ({"Output_language": ["Programming Language -> Python"]}, "language", "-> Python"),
        ({"Instances": []}, "no_instances", "none of 0 has an input and an output"),
        ({"Instances": [instance(1, output=[""])]}, "no_instances", "none of 1 has"),
        ({"Instances": None}, "bad_task", "missing required field `Instances`"),
        ({"Definition": None}, "bad_task", "missing required field `Definition`"),
        ({"Definition": [" "]}, "bad_task", "its definition has no text"),
        ({"Instances": {"input": "x"}}, "bad_task", "Expected `array`, got `object`"),
    ],
)
def test_a_task_that_is_passed_over_is_a_line_that_says_why(folder, changed, rule, detail):
    found = reason(folder, task(**changed))
    assert found[0] == rule
    assert detail in found[1]


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"Instances": LABELS}, {"min_distinct_share": 0.0}),
        ({"Instances": NAMED}, {"min_mean_words": 0.0}),
        ({"Instances": SPANS}, {"max_copied_share": 1.0}),
        ({"Instances": NUMBERS}, {"min_letter_share": 0.0}),
        ({"Categories": ["Program Execution"]}, {"exclude_categories": ()}),
        ({"Output_language": ["Spanish"]}, {"languages": ("english", "spanish")}),
        ({"Output_language": ["Natural Language -> English"]}, {}),
        ({"Categories": ["Text Generation -> Dialogue"]}, {"categories": ("Text Generation",)}),
    ],
)
def test_every_rule_on_tasks_can_be_switched_off(folder, changed, options):
    examples, dropped, _ = read_all(folder(task(**changed)), **options)
    assert (len(examples), dropped) == (1, [])


def test_a_category_that_is_asked_for_and_not_there_is_counted_as_none(folder):
    path = folder(task(), task(Categories=["Paraphrasing"]))
    _, (dropped,), counts = read_all(path, categories=("Summarization", "Sumarization"))
    assert counts["communities"] == {"Summarization": 1, "Sumarization": 0}
    assert (dropped.rule, dropped.detail) == ("category", "Paraphrasing is not among those asked for")


@pytest.mark.parametrize(
    ("licence", "non_commercial", "unknown"),
    [
        (["CC BY-NC-SA 4.0"], True, False),
        (["MIT", "CC BY NC 3.0"], True, False),
        (["Non-commercial use (https://example.com)"], True, False),
        (["Free for academic purposes"], True, False),
        (["CC BY-SA 4.0"], False, False),
        (["Apache 2.0"], False, False),
        (["CNC Licence (https://example.com/unknown)"], False, False),
        (["Unknown"], False, True),
        ("Unknown.", False, True),
        (["N/A"], False, True),
        ([""], False, True),
        (None, False, True),
    ],
)
def test_licences_are_kept_and_can_be_asked_for(folder, licence, non_commercial, unknown):
    path = folder(task(**{"Instance License": licence}), task())
    stated = [licence] if isinstance(licence, str) else licence or []
    assert read_all(path)[0][0].origin.license == ", ".join(filter(None, stated))
    for option, applies, rule in (
        ("allow_non_commercial", non_commercial, "non_commercial"),
        ("allow_unknown_license", unknown, "unknown_license"),
    ):
        _, dropped, _ = read_all(path, **{option: False})
        assert [record.rule for record in dropped] == [rule] * applies


def test_a_task_of_more_than_its_head_is_judged_by_its_first_hundred_instances(folder):
    many = [instance(number, output=[sentence(number)]) for number in range(2000)]
    labels = [instance(number, output=["Yes, it is so"]) for number in range(2000)]
    for instances, rules in ((many, []), (labels, ["label_task"]), (labels[:100] + many, ["label_task"])):
        found = task(instances)
        assert len(json.dumps(found)) > HEAD
        _, dropped, _ = read_all(folder(found, task()))
        assert [record.rule for record in dropped] == rules


def test_braces_in_texts_do_not_mislead_the_look_at_the_head(folder):
    odd = [instance(n, input='{"a": [}] },\n {"Instances": [{ \\" ' * 20 + str(n)) for n in range(900)]
    first, second = task(odd), json.dumps(task(odd)).encode()
    assert len(second) > HEAD
    examples, dropped, _ = read_all(folder(first, second, task()), per_task=900)
    assert dropped == []
    assert len(examples) == 900 + 900 + 30


def test_what_stands_behind_the_instances_counts_too(folder):
    keys = task([instance(n) for n in range(1000)])
    found = {"Instances": keys.pop("Instances"), **keys, "Output_language": ["Spanish"]}
    assert reason(folder, found)[0] == "language"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (instance(0, output=["  "]), "its outputs are blank"),
        (instance(0, output=[]), "its outputs are blank"),
        (instance(0, output=[None]), "is no object with an input and an output as text"),
        (instance(0, input=["x"]), "is no object with"),
        ({"input": "x"}, "is no object with"),
        ("x", "is no object with"),
        (instance(0, input="a\x00b"), "holds NUL, or half a surrogate pair"),
        (instance(0, input="cut in an emoji \ud83d"), "holds NUL, or half a surrogate pair"),
        (instance(1), "the id 't-1' stands there twice"),
    ],
)
def test_a_bad_instance_is_a_line_and_another_is_drawn(folder, bad, why):
    good = [instance(number) for number in range(1, 30)]
    examples, (dropped,), _ = read_all(folder(task([*good, bad])), per_task=30)
    assert len(examples) == 29
    assert dropped.rule == "bad_instance"
    assert dropped.id in ("task001/30", "task001/1")
    assert why in dropped.detail


def test_whole_surrogate_pairs_and_backslashes_before_them_are_text(folder):
    odd = instance(
        1, input="\U0001f600 \\ud83d"
    )  # in the file: a pair of escapes, then a backslash that is text
    path = folder(task([odd, instance(2, input="half a pair: \ud83d")]))
    (example,), (dropped,), _ = read_all(path, per_task=2)
    assert dropped.id == "task001/2"
    assert example.turns[0].text.endswith("\U0001f600 \\ud83d")


WHOLE = json.dumps(task()).encode()


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "is empty, or cut off"),
        (b"<!DOCTYPE html><html>Not found", "is a web page"),
        (b"null", "Expected `object`, got `null`"),
        (b'[{"Definition": "x", "Instances": []}]', "Expected `object`, got `array`"),
        (b'{"Question Generation": ["Question Answering"]}', "missing required field `Definition`"),
        (WHOLE[:-200], "is not a task"),
        (WHOLE.decode().encode("utf-16"), "is text in UTF-16; `iconv -f UTF-16"),
        (WHOLE.replace(b"Sum up the story", b"Sum up \xe9t\xe9"), "is not a task"),
        (b'{"Definition": "x", "Instances": [' + b"[" * 100_000, "is not a task"),
    ],
)
def test_a_file_that_is_no_task_is_a_line_and_the_others_are_read(folder, content, detail):
    rule, found = reason(folder, content)
    assert rule == "bad_task"
    assert found.startswith("task001.json: ")
    assert detail in found


def test_a_byte_order_mark_is_passed_over(folder):
    assert len(read_all(folder(b"\xef\xbb\xbf" + WHOLE))[0]) == 1


def test_an_instance_in_another_encoding_spoils_itself_only(folder):
    path = folder(json.dumps(task()).encode().replace(b"Story 7.", b"Story \xe9."))
    examples, (dropped,), _ = read_all(path, per_task=30)
    assert (len(examples), dropped.id, dropped.rule) == (29, "task001/8", "bad_instance")


def test_a_packed_file_that_is_cut_off_or_no_zstd_is_a_line(tmp_path, folder):
    path = folder(task(), suffix=".json.zst")
    packed = (path / "task001.json.zst").read_bytes()
    (path / "task002.json.zst").write_bytes(packed[: len(packed) // 2])
    (path / "task003.json.zst").write_bytes(WHOLE)
    (path / "task004.json.zst").write_bytes(packed[:200] + bytes(50) + packed[250:])
    examples, dropped, _ = read_all(path)
    assert len(examples) == 1
    assert [(record.id, record.rule) for record in dropped] == [
        (f"task00{number}", "bad_task") for number in (2, 3, 4)
    ]


def test_a_packed_file_of_many_frames_is_read_to_its_end(tmp_path):
    frames = [zstandard.compress(WHOLE[start : start + 500]) for start in range(0, len(WHOLE), 500)]
    (tmp_path / "task001.json.zst").write_bytes(b"".join(frames))
    assert len(read_all(tmp_path)[0]) == 1


def test_a_file_larger_than_allowed_is_refused_packed_or_not(folder):
    large = WHOLE + b" " * 3_000_000
    path = folder(large, task(), task())
    (path / "task003.json").unlink()
    (path / "task003.json.zst").write_bytes(zstandard.compress(WHOLE + b" " * 50_000_000))
    examples, dropped, _ = read_all(path, max_unpacked_mb=2.0)
    assert [example.id.split("/")[1] for example in examples] == ["task002"]
    assert [(record.id, record.rule) for record in dropped] == [
        ("task001", "bad_task"),
        ("task003", "bad_task"),
    ]
    assert all("holds more than 2 MB; raise max_unpacked_mb" in record.detail for record in dropped)


def test_a_task_that_stands_there_twice_is_read_once(folder):
    path = folder(task())
    folder(task(), suffix=".json.zst")
    examples, dropped, counts = read_all(path, path / "task001.json")
    assert len(examples) == counts["tasks"] == 1
    assert [record.rule for record in dropped] == ["duplicate_task"] * 2


def test_a_copy_of_the_repository_is_read_by_its_folder_of_tasks(tmp_path, folder):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "task009_x.json").write_bytes(WHOLE)
    (tmp_path / "tasks" / "README.md").write_text("| name |")
    (tmp_path / "tasks" / "._task009_x.json").write_bytes(b"\x00")
    examples, dropped, _ = read_all(tmp_path)
    assert ([example.origin.item.partition(":")[0] for example in examples], dropped) == (
        ["task009_x.json"],
        [],
    )


def test_files_that_give_nothing_are_an_error(folder, tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such file"):
        read_all(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no \*\.json"):
        read_all(tmp_path / "empty")
    path = folder(b"{", task(LABELS), task(LETTERS))
    with pytest.raises(
        DataError, match=r"of 3 task files none can be used; label_task took 2, bad_task took 1; the"
    ):
        read_all(path)


REAL = "super_natural_instructions"


def kinds(folder):
    """Task -> "generation" or "label", as the folder's README has it."""
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| task")]
    return {row[1].partition(".")[0]: row[2] for row in rows}


def test_every_real_label_task_is_out_and_every_real_generation_task_but_choices_and_lists_is_in(shared_data):
    kind = kinds(shared_data / REAL)
    examples, dropped, _ = read_all(shared_data / REAL / "tasks")
    confusion = Counter((kind[record.id], record.rule) for record in dropped)
    confusion.update((kind[example.id.split("/")[1]], "used") for example in examples)
    assert confusion == {
        ("label", "label_task"): 11,
        ("generation", "used"): 52,
        ("generation", "copied_answers"): 5,  # choices between given texts, and spans
        ("generation", "category"): 3,  # arithmetic on lists
    }
    numbers = read_all(shared_data / REAL / "tasks", exclude_categories=())[1]
    assert Counter(record.rule for record in numbers)["not_prose"] == 3


def test_what_is_drawn_of_real_tasks_stands_in_them(shared_data):
    examples, _, _ = read_all(shared_data / REAL / "tasks")
    for example in examples[::9]:
        file, number = example.origin.item.split(": instance ")
        content = (shared_data / REAL / "tasks" / file).read_bytes()
        if file.endswith(".zst"):
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        peer = json.loads(content)
        drawn = peer["Instances"][int(number) - 1]
        assert example.id.endswith(drawn["id"])
        assert example.turns[0].text == f"{peer['Definition'][0].strip()}\n\n{drawn['input'].strip()}"
        assert example.turns[1].text == drawn["output"][0].strip()
        assert example.origin.license == peer["Instance License"][0].strip()
        assert example.origin.community == peer["Categories"][0]
    assert all(isinstance(example, Example) and len(example.turns) == 2 for example in examples)


def test_real_licences_can_be_asked_for(shared_data):
    path = shared_data / REAL / "tasks"
    _, dropped, _ = read_all(path, allow_non_commercial=False, allow_unknown_license=False)
    non_commercial = {record.id.partition("_")[0] for record in dropped if record.rule == "non_commercial"}
    assert non_commercial == {"task593", "task748", "task1614"}
    unknown = {record.id.partition("_")[0] for record in dropped if record.rule == "unknown_license"}
    assert unknown == {f"task{n}" for n in ("067", "132", "352", "933", "955", "1339", "1596", "1713")}
