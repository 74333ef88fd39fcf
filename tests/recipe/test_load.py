from pathlib import Path

import pytest

from handful.core.errors import RecipeError
from handful.recipe.load import load

BASE = """
name = "base"
[sources.stem]
kind = "stackexchange"
paths = ["dump/ai.7z"]
[train]
model = "llama"
learning_rate = 1e-5
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    write("base.toml", BASE)
    return write


def test_a_recipe_states_only_what_differs_from_its_parent(write):
    recipe = load(write("small.toml", 'extends = "base.toml"\nname = "small"\n[train]\nbatch_size = 64\n'))
    assert (recipe.name, recipe.train.model, recipe.train.batch_size) == ("small", "llama", 64)


def test_the_command_line_has_the_last_word(write):
    recipe = load(write("base.toml", BASE), ["train.epochs=3", "train.model=../mine", "clean.min_chars = 5"])
    assert (recipe.train.epochs, recipe.clean.min_chars) == (3, 5)
    assert recipe.train.model == str(Path("../mine").resolve())


def test_a_path_starts_at_the_file_that_states_it(write, tmp_path):
    write("far/parent.toml", BASE)
    recipe = load(write("child.toml", 'extends = "far/parent.toml"\n'))
    assert recipe.sources["stem"].paths == (str(tmp_path / "far/dump/ai.7z"),)


def test_a_model_is_a_folder_only_if_it_looks_like_one(write, tmp_path):
    assert load(write("a.toml", BASE), []).train.model == "llama"
    path = write("b.toml", 'extends = "base.toml"\n[train]\nmodel = "./llama"\n')
    assert load(path).train.model == str(tmp_path / "llama")


def test_a_base_system_starts_from_the_trained_model_unless_it_says_otherwise(write):
    text = 'extends = "base.toml"\n[generate.systems]\nb = { kind = "base" }\nc = { kind = "base", model = "gpt2" }\n'
    systems = load(write("s.toml", text)).generate.systems
    assert (systems["b"].model, systems["c"].model) == ("llama", "gpt2")


def test_who_is_compared_is_stated_so_that_another_order_is_another_study(write):
    systems = '[generate.systems]\n{} = {{ kind = "fake" }}\n{} = {{ kind = "fake" }}\n'
    one, two = (
        load(write(f"{first}.toml", 'extends = "base.toml"\n' + systems.format(first, second))).study
        for first, second in (("a", "b"), ("b", "a"))
    )
    assert (one.subject, one.against) == ("a", ("b",))
    assert (two.subject, two.against) == ("b", ("a",))


def test_a_table_of_another_kind_replaces_the_one_below_whole(write):
    text = 'extends = "base.toml"\n[sources.stem]\nkind = "messages"\npaths = ["rows.jsonl"]\n'
    assert load(write("k.toml", text)).sources["stem"].kind == "messages"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "[train]\nlearning_rates = 1e-5",
            r"train: has no field 'learning_rates'; did you mean 'learning_rate'",
        ),
        ('[train]\nepochs = "15"', r"train\.epochs: expected int, found '15'"),
        ("[train]\nepochs = 0", r"train\.epochs: must be at least 1, found 0"),
        ("[train]\nresidual_dropout = 1.5", r"train\.residual_dropout: must be at most 0.99, found 1.5"),
        (
            '[train]\nprecision = "bfloat"',
            r"train\.precision: 'bfloat' is not one of .*; did you mean 'bfloat16'",
        ),
        ("[select]\nquota = { stem = 2.5 }", r"select\.quota\.stem: expected int, found 2\.5"),
        ("[select]\nquota = { stem = -1 }", r"select\.quota\.stem: must be at least 0, found -1"),
        ("[select]\ntemperature = 0", r"select\.temperature: must be positive, found 0"),
        ("[clean]\nmin_chars = 5000", r"clean\.max_chars: must be at least 5000, found 4096"),
        ('[sources.other]\npaths = ["x"]', r"sources\.other: is missing 'kind', one of 'stackexchange'"),
        (
            '[sources.other]\nkind = "stackexchanged"\npaths = []',
            r"sources\.other\.kind: 'stackexchanged' is not one of",
        ),
        ('[sources.other]\nkind = "wikihow"', r"sources\.other: is missing 'paths'"),
        (
            '[sources.other]\nkind = "authored"\nkinds = ["plain"]\nleave_out = ["plain"]',
            r'sources\.other\.leave_out: "plain" stands in kinds, too',
        ),
        (
            '[sources.other]\nkind = "authored"\npaths = "x"',
            r"sources\.other\.paths: expected a list, found 'x'",
        ),
        (
            '[sources.other]\nkind = "authored"\npaths = ["x", 3]',
            r"sources\.other\.paths\[1\]: expected str, found 3",
        ),
        ("[clean", r"Expected .* \(at line"),
        ("[trian]\nepochs = 1", r"has no field 'trian'; did you mean 'train'"),
        (
            '[study]\nsubject = "tunde"',
            r"study\.subject: there is no 'tunde' among the systems .*did you mean 'tuned'",
        ),
        (
            '[study]\nagainst = ["base", "x"]',
            r"study\.against: there is no 'x' among the systems \('tuned', 'base'\)",
        ),
        ("[select]\nquota = { sten = 3 }", r"select\.quota\.sten: there is no 'sten' .*did you mean 'stem'"),
        (
            '[sources.other]\nkind = "authored"\npaths = []',
            r"sources\.other\.paths: is empty; name the files",
        ),
        (
            '[sources.other]\nkind = "authored"\npaths = [""]',
            r"sources\.other\.paths\[0\]: is empty; name a file",
        ),
        (
            '[sources.other]\nkind = "authored"\npaths = ["a\\u0000b"]',
            r"sources\.other\.paths\[0\]: 'a\\x00b' leads to no file \(embedded null byte\)",
        ),
        (
            '[sources.other]\nkind = "authored"\npaths = ["~nobody-of-this-name/x"]',
            r"sources\.other\.paths\[0\]: '~nobody-of-this-name/x' leads to no file",
        ),
        (
            '[sources."../x"]\nkind = "authored"\npaths = ["x"]',
            r"sources: '\.\./x' cannot name a folder, as an entry has to",
        ),
        ('[generate.systems." "]\nkind = "fake"', r"generate\.systems: ' ' cannot name a folder"),
        (
            '[generate.systems.a]\nkind = "fake"\n[generate.systems.a]\nkind = "base"',
            r"\[generate\.systems\.a\] stands there twice, again in line 4; two entries need two names",
        ),
        (
            '[generate.systems.gpt4]\nkind = "fake"\n[generate.systems."GPT 4"]\nkind = "fake"',
            r"generate\.systems: has two entries that people cannot tell apart: 'gpt4' and 'GPT 4'",
        ),
        (
            '[generate.systems.a]\nkind = "checkpoint"\nmodel = "./x"\nepoch = 3',
            r"generate\.systems\.a\.epoch: is this run's, where model names a checkpoint of another",
        ),
        ('[sources.other]\nkind = ["x"]', r"sources\.other\.kind: \['x'\] is not one of"),
        ("[select]\ntemperature = nan", r"select\.temperature: must be a finite number, found nan"),
        ("[clean]\nnear_duplicate_similarity = -inf", r"clean\..*: must be a finite number, found -inf"),
        (f"[clean]\nmin_chars = {'9' * 5000}", "Exceeds the limit"),
        (f"x = {'[' * 5000}", "maximum recursion depth"),
        ("[generate]\nfirst = -3", r"generate\.first: must be at least 0, found -3"),
    ],
)
def test_a_recipe_is_refused_where_it_is_wrong(write, lines, message):
    path = write("bad.toml", f'extends = "base.toml"\n{lines}\n')
    with pytest.raises(RecipeError, match=rf"bad\.toml: {message}"):
        load(path)


def test_the_file_that_is_wrong_is_named_and_not_its_child(write):
    write("base.toml", BASE + "epoch = 3\n")
    path = write("child.toml", 'extends = "base.toml"\n[train]\nbatch_size = 2\n')
    with pytest.raises(RecipeError, match=r"base\.toml: train: has no field 'epoch'; did you mean 'epochs'"):
        load(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", "--set: train: has no field 'epoch'; did you mean 'epochs'"),
        ("train.epochs", "--set train.epochs: expected KEY=VALUE"),
        ("train.epochs=three", "--set: train.epochs: expected int, found 'three'"),
    ],
)
def test_a_wrong_override_is_said_to_come_from_the_command_line(write, override, message):
    with pytest.raises(RecipeError, match=message):
        load(write("base.toml", BASE), [override])


def test_a_missing_recipe_and_a_missing_parent_are_named(write, tmp_path):
    with pytest.raises(RecipeError, match=r"none\.toml: no such recipe$"):
        load(tmp_path / "none.toml")
    with pytest.raises(
        RecipeError, match=r"gone\.toml: no such recipe \(named by `extends` in .*child\.toml\)"
    ):
        load(write("child.toml", 'extends = "gone.toml"\n'))


def test_a_recipe_that_extends_itself_is_refused(write):
    write("a.toml", 'extends = "b.toml"\n')
    with pytest.raises(RecipeError, match="extends itself"):
        load(write("b.toml", 'extends = "a.toml"\n'))


def test_a_recipe_without_a_source_and_one_that_is_a_folder_are_refused(write, tmp_path):
    with pytest.raises(RecipeError, match=r"none\.toml: sources: is empty; add a table \[sources\.NAME\]"):
        load(write("none.toml", 'name = "none"\n[sources]\n'))
    with pytest.raises(
        RecipeError, match=r"cannot be read as a recipe, which is a TOML file \(Is a directory\)"
    ):
        load(tmp_path)


def test_links_that_lead_to_themselves_are_refused(write, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(RecipeError, match="loop"):
        load(tmp_path / "loop")
    path = write("a.toml", 'name = "a"\n[sources.own]\nkind = "authored"\npaths = ["loop"]\n')
    with pytest.raises(RecipeError, match=r"a\.toml: sources\.own\.paths\[0\]: 'loop' leads to no file"):
        load(path)


def test_a_byte_order_mark_is_passed_over(write):
    assert load(write("base.toml", "\ufeff" + BASE)) == load(write("base.toml", BASE))
