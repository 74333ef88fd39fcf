"""Claim: 2,000 judgments at concurrency 64, by a server that takes 100 ms for each, take at most 1.3 times the ideal.

The ideal is what the server alone would need: 2,000 / 64 times 100 ms. Ours is the whole stage `judge`: questions made,
sent, read, kept in the cache of replies, written down in the ledger and as verdicts. Beside it the same 2,000 requests
by inspect_ai, where it is installed (or lies in the folder of --peer, as `pip install --target FOLDER inspect_ai`
leaves it), in one round: its own evaluation loop, which keeps a log and no cache. The server is a process of its own
here, so both sides share the cores with it. The last line is 1.3 times the ideal over ours: 1 or more holds the claim.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

MOST = 1.3
"""Times the ideal."""
TEXT = "The sky is blue since air scatters short waves of light more than long ones. " * 12
"""Of a response: some 900 characters."""
USAGE = {"prompt_tokens": 500, "completion_tokens": 5, "total_tokens": 505}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Verdict: A"}}
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "m",
    "choices": [CHOICE],
    "usage": USAGE,
}
INSPECT = """
import sys, time
sys.path[:0] = [sys.argv[5]] if sys.argv[5] else []
from importlib import metadata
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.solver import generate
base_url, count, concurrency, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
text = sys.stdin.read()
model = get_model("openai-api/local/m", base_url=base_url, api_key="none", responses_api=False)
task = Task(dataset=MemoryDataset([Sample(input=f"Question {n}. {text}") for n in range(count)]), solver=generate())
began = time.perf_counter()
[log] = eval(task, model=model, max_connections=concurrency, max_samples=concurrency, adaptive_connections=False,
             temperature=0.0, max_tokens=64, log_dir=folder, display="none", log_realtime=False)
assert log.status == "success", log.error
print(time.perf_counter() - began, metadata.version("inspect_ai"))
"""


class Judge(asyncio.Protocol):
    """Answers each request after a while, whatever it says."""

    seconds = 0.1
    content = json.dumps(ANSWER).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)

    def connection_made(self, transport: Any) -> None:
        self.transport, self.waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            fields = self.waiting[:end].lower().split(b"\r\n")
            length = next(int(f.split(b":")[1]) for f in fields if f.startswith(b"content-length"))
            if len(self.waiting) < end + 4 + length:
                return
            self.waiting = self.waiting[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.seconds, self.answer)

    def answer(self) -> None:
        self.transport.write(self.head + self.content)


async def serve(seconds: float) -> None:
    Judge.seconds = seconds
    server = await asyncio.get_running_loop().create_server(Judge, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(seconds: float) -> Iterator[str]:
    """The address of a server in a process of its own."""
    command = [sys.executable, __file__, "--serve", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def study(folder: Path, count: int) -> None:
    """What the stage `study` leaves, as far as `judge` reads it: every comparison is judged in both orders."""
    from handful.core import jsonl
    from handful.core.types import Comparison, Turn
    from handful.run.store import Manifest, write_manifest

    (folder / "instructions").mkdir(parents=True)
    for name in ("instructions.md", "instructions/preference.md"):
        (folder / name).write_text("Which of the two answers is better?\n")
    pairs = [
        Comparison(f"c{n}", f"p{n}", (Turn("user", f"Why is the sky blue ({n})?"),), TEXT + "a", TEXT + "b")
        for n in range(count // 2)
    ]
    jsonl.write(folder / "comparisons.jsonl", pairs)
    jsonl.write(folder / "submissions.jsonl", [])
    write_manifest(folder, Manifest("study", 1, "0", {}, {}, {}, {}, {}))


def ours(base_url: str, count: int, concurrency: int, folder: Path) -> float:
    """Seconds for the stage `judge`."""
    from handful.judge.work import work
    from handful.models.api import openai  # noqa: F401 (a second of imports is no part of it)
    from handful.recipe.judging import EndpointJudge, Judge
    from handful.run.spending import account_of

    os.environ["HANDFUL_REPLIES"] = str(folder / "replies")
    study(folder / "study", count)
    judge = EndpointJudge(
        kind="endpoint",
        base_url=base_url,
        model="m",
        concurrency=concurrency,
        max_tokens=64,
        input_price=1.0,
        output_price=1.0,
    )
    out = folder / "judge"
    out.mkdir()
    began = time.perf_counter()
    with account_of(folder, ()):
        counts = work(Judge(judges={"m": judge}), {"study": folder / "study"}, out)
    seconds = time.perf_counter() - began
    assert counts["verdicts"] == count, counts
    assert counts["choices"]["unreadable"] == 0, counts
    return seconds


def peers(base_url: str, options: argparse.Namespace, folder: Path) -> tuple[float, str] | None:
    """Seconds for inspect_ai, in a process of its own, without its imports; None where it is not there."""
    command = [sys.executable, "-c", INSPECT, base_url, str(options.judgments), str(options.concurrency)]
    command += [str(folder), options.peer]
    run = subprocess.run(command, input=TEXT * 2, capture_output=True, text=True)
    if run.returncode:
        print(
            f"inspect_ai: left out ({(run.stderr.strip() or 'no reason').splitlines()[-1]})", file=sys.stderr
        )
        return None
    seconds, version = run.stdout.split()[-2:]
    return float(seconds), version


def measure(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, list[float]] = {"ours": [], "peer": []}
    version = "none"
    with serving(options.latency) as base_url:
        for number in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                seconds = ours(base_url, options.judgments, options.concurrency, Path(folder))
                found["ours"].append(seconds)
                last = number == options.rounds - 1
                peer = peers(base_url, options, Path(folder) / "log") if last else None
            if peer:
                found["peer"].append(peer[0])
                version = peer[1]
            if not options.json:
                beside = f"; inspect_ai {peer[0]:.2f} s" if peer else ""
                print(f"round {number + 1}: ours {seconds:.2f} s{beside}", flush=True)
    ideal = options.judgments / options.concurrency * options.latency
    mine = statistics.median(found["ours"])
    theirs = statistics.median(found["peer"]) if found["peer"] else None
    return {
        "claim": f"{options.judgments} judgments at concurrency {options.concurrency}, {options.latency:g} s each",
        "ideal": round(ideal, 3),
        "ours": round(mine, 3),
        "peer": theirs and round(theirs, 3),
        "unit": "seconds",
        "versions": {
            "python": platform.python_version(),
            "inspect_ai": version,
            **{name: metadata.version(name) for name in ("handful", "openai")},
        },
        "ratio_peer": theirs and round(theirs / mine, 2),
        "ratio": round(MOST * ideal / mine, 3),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="print the JSON and the ratio alone")
    arguments.add_argument("--judgments", type=int, default=2000)
    arguments.add_argument("--concurrency", type=int, default=64)
    arguments.add_argument("--latency", type=float, default=0.1, help="seconds")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument(
        "--peer", default="", metavar="FOLDER", help="where inspect_ai lies, if not installed"
    )
    arguments.add_argument("--serve", type=float, metavar="SECONDS", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    result = measure(options)
    print(json.dumps(result))
    print(result["ratio"])


if __name__ == "__main__":
    main()
