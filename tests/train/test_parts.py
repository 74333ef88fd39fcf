"""Each process keeps its own rows: what comes back is what was there, for any number of them, and damage is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from handful.core.errors import DataError
from handful.core.files import files_below
from handful.train import checkpoints, lora, plain
from handful.train.distributed import ALONE
from handful.train.parts import Stored, fill

STATE = "resume/step-000004"


def stored(folder: Path) -> Stored:
    state = msgspec.json.decode((folder / STATE / "state.json").read_bytes(), type=checkpoints.State)
    return checkpoints.stored(folder, state)


# States


@pytest.mark.parametrize(("name", "size"), [("llama", 1), ("llama", 2), ("llama", 4), ("adapters", 2)])
def test_the_parts_of_all_processes_are_the_whole(many, name, size):
    """Against weights put together by the processes themselves."""
    whole, parts = load_file(many / f"{name}-{size}.safetensors"), stored(many / f"{name}-{size}")
    kept = {key for key in parts.places if "/" not in key}
    if name == "llama":
        assert kept == whole.keys() - {"lm_head.weight"}  # tied: stored once
        assert all(torch.equal(parts.read(key), whole[key]) for key in kept)
    else:
        assert kept
        assert all(lora.is_trained(key) for key in kept)
    for key in kept:
        for kind in ("exp_avg", "exp_avg_sq"):
            assert parts.read(f"{kind}/{key}").shape == parts.read(key).shape
        assert parts.read(f"step/{key}") == 4


def test_each_process_writes_its_own_rows_only(many):
    """97 rows in four: 25, 25, 25 and 22, as `torch.chunk` has them."""
    folder = many / "llama-4" / STATE
    rows = []
    for rank in range(4):
        own = [load_file(file) for file in sorted(folder.glob(f"part-{rank:05d}-*"))]
        held = {key: tensor for part in own for key, tensor in part.items()}
        rows.append(len(held["exp_avg/model.embed_tokens.weight"]))
        assert ("step/model.embed_tokens.weight" in held) == (rank == 0)
    assert rows == [len(chunk) for chunk in torch.empty(97).chunk(4)] == [25, 25, 25, 22]


@pytest.mark.parametrize(
    ("name", "writers", "readers"), [("llama", 2, 4), ("llama", 4, 2), ("adapters", 2, 1)]
)
def test_another_number_of_processes_reads_the_same_bits(many, name, writers, readers):
    """Put together again by the readers, moments and steps too."""
    read = load_file(many / f"{name}-read-by-{readers}.safetensors")
    parts = stored(many / f"{name}-{writers}")
    assert parts.places.keys() <= read.keys()
    for key in parts.places:
        assert torch.equal(parts.read(key), read[key]), key
    loss = json.loads((many / f"{name}-read-by-{readers}.json").read_text())["dev"]
    assert loss == pytest.approx(json.loads((many / f"{name}-{writers}.json").read_text())["dev"], rel=1e-6)


def test_one_of_two_killed_while_it_saves_leaves_the_former_state_whole(many, tmp_path, capsys):
    """Its part was written and the other's too; the record was not."""
    out = shutil.copytree(many / "killed", tmp_path / "out")
    partial = out / "resume/step-000008.partial"
    assert {file.name[:10] for file in partial.glob("part-*.safetensors")} == {"part-00000", "part-00001"}
    assert not (partial / "state.json").exists()
    state = checkpoints.latest(out)
    assert state is not None
    assert state.step == 4
    assert not partial.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", ["altered", "cut", "gone"])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_damaged_part_is_named_and_the_state_is_not_used(many, tmp_path, capsys, damage, rank):
    out = shutil.copytree(many / "llama-2", tmp_path / "out")
    part = sorted((out / STATE).glob(f"part-{rank:05d}-*"))[-1]
    content = part.read_bytes()
    if damage == "gone":
        part.unlink()
    else:
        part.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-1] + b"\x7f")
    assert checkpoints.latest(out) is None
    why = "is missing" if damage == "gone" else "is not as it was saved"
    assert f"{STATE}/{part.name} {why}" in capsys.readouterr().err
    assert not (out / STATE).exists()


def test_parts_of_another_model_are_refused(many, network):
    with pytest.raises(
        DataError, match=r"part-0000\d-0000\d\.safetensors: \S+ has \d+ rows, but the model's has"
    ):
        fill(network("llama", num_hidden_layers=2, vocab_size=90), stored(many / "llama-2"), ALONE)
    with pytest.raises(DataError, match=r"is of shape .* but the model's is"):
        fill(network("llama", num_hidden_layers=2, hidden_size=64), stored(many / "llama-2"), ALONE)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), sizes=st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_any_rows_of_any_parts(tmp_path_factory, data, sizes):
    folder = tmp_path_factory.mktemp("rows")
    whole = torch.arange(sum(sizes) * 3).reshape(-1, 3)
    for number, part in enumerate(whole.split(sizes)):
        save_file({"w": part.contiguous()}, folder / f"{number}.safetensors")
    parts = Stored(sorted(folder.iterdir()))
    end = data.draw(st.integers(0, len(whole)))
    first = data.draw(st.integers(0, end))
    assert torch.equal(parts.rows("w", first, end), whole[first:end])
    assert torch.equal(parts.read("w"), whole)


# Checkpoints


@pytest.mark.parametrize("name", ["llama", "adapters"])
@pytest.mark.parametrize("size", [1, 2])
def test_a_checkpoint_put_together_file_by_file_is_the_trained_model(many, name, size):
    folder = many / f"{name}-{size}" / "epoch-01"
    whole = load_file(many / f"{name}-{size}.safetensors")
    files = sorted(file.name for file in folder.glob("model*.safetensors"))
    assert len(files) > 2
    assert files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    model = AutoModelForCausalLM.from_pretrained(folder)
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, whole[key]), key


def test_its_files_do_not_tell_how_many_processes_there_were(many):
    one, *others = (many / f"llama-{size}" / "epoch-01" for size in (1, 2, 4))
    names = [str(file.relative_to(one)) for file in files_below(one)]
    for other in others:
        assert [str(file.relative_to(other)) for file in files_below(other)] == names
        for name in names:
            if name.endswith(".json"):
                assert (other / name).read_bytes() == (one / name).read_bytes(), name


class NoTokenizer:
    def save_pretrained(self, folder: Path) -> None:
        pass


@pytest.mark.parametrize("limit", [5_000_000_000, 20_000])
def test_the_bytes_are_those_of_transformers_own_saving(network, family, limit, tmp_path, monkeypatch):
    """All families, tied and not, renamed on disk or not, in one file and in many."""
    monkeypatch.setattr(plain, "SHARD_BYTES", limit)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    plain.write(network(family), NoTokenizer(), ours, ALONE)
    network(family).save_pretrained(theirs, max_shard_size=limit)
    assert {file.name: file.read_bytes() for file in ours.iterdir()} == {
        file.name: file.read_bytes() for file in theirs.iterdir()
    }
