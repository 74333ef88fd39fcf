"""Small values that many tests start from, and where real data lie."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import msgspec
import pytest

from handful.core.types import Candidate, Origin

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from postgres import Cluster

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach for a model hub
ROOT = Path(__file__).parents[1]
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# A slow machine is no fault of the code: what must be fast says so in a test of its own.
hypothesis.settings.register_profile("handful", deadline=None)
hypothesis.settings.load_profile("handful")


@pytest.fixture(autouse=True)
def _replies_of_this_test_alone(tmp_path_factory, monkeypatch, request):
    """Replies of servers are kept for good, and another test's server may stand at the same address."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    monkeypatch.setenv("HANDFUL_REPLIES", str(tmp_path_factory.getbasetemp() / "replies" / name))


@pytest.fixture
def make_candidate():
    """A candidate that every rule keeps; name what should differ."""
    good = Candidate(
        id="cooking/1",
        title="How can rice be kept from sticking?",
        body="It always sticks to the pot.",
        answer="word " * 300,
        question_score=30,
        answer_score=12,
        origin=Origin("other", "cooking", "q/1/a/2", license="CC BY-SA 4.0"),
    )
    return lambda **changes: msgspec.structs.replace(good, **changes)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that is not part of the repository: $HANDFUL_TEST_DATA or ../shared/data."""
    folder = Path(os.environ.get("HANDFUL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real data, which is not at {folder}; set HANDFUL_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A real PostgreSQL server, started once for all tests that ask for it."""
    from postgres import Cluster

    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def postgres_url(postgres) -> str:
    """The address of a database that is empty and this test's alone."""
    return postgres.empty()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium. One for all tests of a process: Playwright has one loop in it, and no more."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "these tests need a real browser: `make test` installs it (apt-get install chromium)"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A folder with a random Llama of 4 layers and a byte-level tokenizer trained on the demo's examples."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [path.read_text() for path in sorted((ROOT / "data/demo/authored").glob("*.md"))]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    folder = tmp_path_factory.mktemp("tiny-model")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def converted(tmp_path_factory) -> tuple[Path, str]:
    """SmolLM2-135M-Instruct, converted by a process of its own into an empty cache: (folder, what it printed)."""
    cache = tmp_path_factory.mktemp("cache")
    code = "from handful.models.embedded import folder_of; print(folder_of('smollm2-135m-instruct'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HANDFUL_CACHE": str(cache), "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    (folder,) = [path for path in (cache / "models").iterdir() if path.is_dir()]
    assert done.stdout.strip() == str(folder)
    return folder, done.stderr
