"""A real Ray cluster of three nodes on this machine, and what may be lost of it without changing what comes out."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from made_up_sites import write_site
from shard_work import Shard, copy_twice

from handful.cli.main import cli
from handful.core.errors import DataError, HandfulError
from handful.run import cluster as module
from handful.run.engine import ATTEMPTS, PART, Engine, each, using

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
RANGE_BYTES = 20_000


@pytest.fixture(scope="module")
def nodes():
    """A head and two more nodes, with a CPU each."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", str(Path(__file__).parents[1])
        )  # of the nodes: they import what tests share
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        for _ in range(2):
            cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def on_ray(nodes):
    return Engine("ray", address=nodes.address)


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait_for(found, seconds=60):
    until = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)


def program(code, folder):
    """Python code in a process of its own, which works in `folder`."""
    log = (folder / "log").open("a")
    with log:
        return subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )


def kill_one_at_work(signs, done):
    """Kill the process that began a shard last; another one, if that had just ended its shard."""
    tried = set()

    def lost():
        sign = latest(signs)
        if sign in tried:
            return False
        tried.add(sign)
        start, process = map(int, sign.name.split(".")[:2])
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        return f"range-{start // RANGE_BYTES:05}" not in done()

    wait_for(lost)


def test_a_dump_is_read_alike_though_driver_worker_and_node_are_killed(nodes, tmp_path):
    for name, questions in (("big.example.com", 150), ("one.example.com", 12), ("two.example.com", 9)):
        write_site(tmp_path / "dump", name, questions, good=0.5)
    assert (tmp_path / "dump/big.example.com/Posts.xml").stat().st_size > 16 * RANGE_BYTES
    signs = tmp_path / "signs"
    signs.mkdir()
    on_ray = f"Engine('ray', address={nodes.address!r})"
    there = f"from cluster_work import *; drive({on_ray}, 'dump', 'out', {RANGE_BYTES}, True)"
    ranges = tmp_path / "out/shards/site-big.example.com/ranges"

    def done():
        return {path.parent.name: path.stat().st_mtime_ns for path in ranges.glob(f"*/{PART}")}

    first = program(there, tmp_path)
    wait_for(lambda: len(done()) >= 4 or first.poll() is not None)
    first.kill()
    assert first.wait() == -signal.SIGKILL, (tmp_path / "log").read_text()
    by_first = done()
    begun_by_first = Counter(sign.name.partition(".")[0] for sign in signs.iterdir())
    assert 4 <= len(by_first) <= 12

    second = program(there, tmp_path)
    wait_for(lambda: len(done()) >= len(by_first) + 2)
    kept = {name: at for name, at in done().items() if name in by_first}
    kill_one_at_work(signs, done)
    wait_for(lambda: len(done()) >= len(by_first) + 4)
    nodes.remove_node(nodes.list_all_nodes()[-1], allow_graceful=False)
    assert second.wait(60) == 0, (tmp_path / "log").read_text()

    assert kept == by_first
    attempts = Counter(sign.name.partition(".")[0] for sign in signs.iterdir())
    assert len(attempts) > 16
    again = attempts - begun_by_first
    assert sum(again.values()) > len(again), "no shard of the second driver was lost"
    for out, engine, bytes in (
        ("alone", "Engine(workers=1)", 1 << 40),
        ("local", "Engine(workers=2)", RANGE_BYTES),
    ):
        here = f"from cluster_work import *; drive({engine}, 'dump', {out!r}, {bytes}, False)"
        assert program(here, tmp_path).wait(60) == 0, (tmp_path / "log").read_text()
    assert tree(tmp_path / "out") == tree(tmp_path / "local")
    assert len(tree(tmp_path / "out")["candidates.jsonl"].splitlines()) > 40
    for name, content in tree(tmp_path / "alone").items():
        assert sorted(content.splitlines()) == sorted(tree(tmp_path / "out")[name].splitlines())


def latest(signs):
    """The sign of the shard that began last, whose worker still works on it."""
    return max(signs.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def run(engine, shards, out, function=copy_twice, **more):
    with using(engine):
        return each(function, shards, out, **more)


def test_the_same_folders_as_here_under_a_relative_path_and_the_cluster_is_left(
    on_ray, tmp_path, monkeypatch
):
    import ray

    monkeypatch.chdir(tmp_path)
    shards = {text: Shard(text) for text in ("water", "light", "root")}
    ended = []
    parts = run(on_ray, shards, Path("there"), ended=ended.append)
    assert not ray.is_initialized()
    assert list(parts) == list(shards)
    assert sorted(ended) == sorted(shards)
    run(Engine(workers=1), shards, Path("here"))
    assert tree(tmp_path / "there") == tree(tmp_path / "here")


def test_a_connection_that_the_caller_has_made_is_used_and_left_as_it_is(on_ray, tmp_path):
    import ray

    ray.init(address=on_ray.address, log_to_driver=False)
    try:
        run(Engine("ray", address="not asked"), {"water": Shard("water")}, tmp_path / "out")
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_errors_of_shards_and_lost_workers_are_told_as_on_one_machine(on_ray, tmp_path):
    """All on one connection, which a block makes when it first needs it."""

    def failing(mode, *texts):
        some = {text: Shard(text, mode, str(tmp_path)) for text in texts} | {"light": Shard("light")}
        return each(copy_twice, some, tmp_path / mode)

    with using(on_ray):
        with pytest.raises(DataError, match=r"^root: is damaged$") as caught:
            failing("data error", "root")
        assert caught.value.__cause__ is None
        with pytest.raises(FileNotFoundError, match="not there"):
            failing("system error", "root")
        with pytest.raises(Exception, match="in raise_mistake"):
            failing("mistake", "root")
        assert list(failing("kill the first", "water", "root")) == ["water", "root", "light"]
        with pytest.raises(HandfulError, match=rf"root: the cluster lost its task {ATTEMPTS} times"):
            failing("kill each", "root")
        with pytest.raises(HandfulError, match=r"No module named 'nowhere'; install the same handful"):
            each(only_here(), {"water": Shard("water")}, tmp_path / "lacking")
    assert (tmp_path / "attempts").read_text() == "x" * ATTEMPTS
    assert (tmp_path / "kill each/light" / PART).exists()


def only_here():
    """A function of a module that the nodes do not have."""
    module = type(sys)("nowhere")
    exec("def work(shard, out): return {}", vars(module))
    sys.modules["nowhere"] = module
    return module.work


def test_after_an_error_no_other_task_begins(on_ray, tmp_path):
    bad = {f"bad-{number}": Shard("bad", "data error", str(tmp_path)) for number in range(3)}
    good = {f"{number:03}": Shard("water") for number in range(300)}
    with pytest.raises(DataError):
        run(on_ray, bad | good, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) < 300
    assert not list((tmp_path / "out").glob(".*"))


def test_a_recipe_comes_out_alike_on_the_cluster(on_ray, tmp_path, repository):
    def curate(*more):
        command = [
            "run",
            str(repository / "recipes/demo.toml"),
            "--to",
            "dataset",
            "--work",
            more[-1],
            *more[:-1],
        ]
        result = CliRunner().invoke(cli, command)
        assert result.exit_code == 0, result.output
        folders = [path for path in Path(more[-1]).iterdir() if path.is_dir()]
        return {folder.name: tree(folder) for folder in folders}

    there = curate("--engine", "ray", "--address", on_ray.address, "--workers", "2", str(tmp_path / "there"))
    assert there == curate("--workers", "1", str(tmp_path / "here"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "nobody answers there"),
        ("nowhere.invalid:6379", "nobody answers there"),
        ("nowhere", "not an address of a Ray cluster"),
        ("ray://127.0.0.1:10001", "not an address of a Ray cluster"),
    ],
)
def test_a_wrong_address_is_one_clear_error_at_once(tmp_path, address, said):
    start = time.monotonic()
    with pytest.raises(HandfulError, match=f"^--address {address}: {said}; give the HOST:PORT"):
        run(Engine("ray", address=address), {"water": Shard("water")}, tmp_path / "out")
    assert time.monotonic() - start < 15


def test_a_server_that_is_no_cluster_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "JOIN_SECONDS", 3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(HandfulError, match="no Ray cluster answers within 3 seconds"):
            run(Engine("ray", address=address), {"water": Shard("water")}, tmp_path / "out")


def test_a_node_that_does_not_see_the_folders_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for drafts, folder in ((tmp_path, tmp_path / "nowhere"), (tmp_path / "nowhere", tmp_path)):
        error = module.run_there(copy_twice, Shard("water"), tmp_path / "out", drafts, str(folder))
        assert isinstance(error, HandfulError)
        assert re.search(r"nowhere: is not there on the node .*, as on a shared file system", str(error))
    monkeypatch.setattr(module, "SEEN_SECONDS", 0.1)
    with pytest.raises(HandfulError, match="this machine does not see it"):
        module.wait_to_see(tmp_path / "out")


def test_a_cluster_without_any_cpu_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "NO_CPU_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        context = SimpleNamespace(gcs_address=address, get_node_id=lambda: "a")
        cpus = {"CPU": 0.0}
        nodes = [{"NodeID": "a", "Alive": True, "Resources": cpus}]
        ray = SimpleNamespace(get_runtime_context=lambda: context, nodes=lambda: nodes)
        watch = module.Watch(ray)
        watch.look()
        cpus["CPU"] = 8.0
        time.sleep(0.1)
        watch.look()
        cpus.clear()
        watch.look()
        time.sleep(0.1)
        with pytest.raises(HandfulError, match=r"it has no CPU for a task"):
            watch.look()
        nodes[0] |= {"Alive": False}
        with pytest.raises(HandfulError, match=r"this machine is no longer one of its nodes"):
            watch.look()


def test_a_cluster_that_goes_away_is_given_up(nodes, tmp_path):
    """The last test here: it kills the cluster's head."""
    code = (
        "from pathlib import Path; from handful.run import cluster; from handful.run.engine import *; "
        "from shard_work import *; cluster.LOOK_SECONDS, cluster.GONE_SECONDS = 0.5, 2;\n"
        f"with using(Engine('ray', address={nodes.address!r})):\n"
        f"    each(copy_twice, {{'water': Shard('water', 'wait', {str(tmp_path)!r})}}, Path('out'))"
    )
    driver = program(code, tmp_path)
    wait_for(lambda: list(tmp_path.glob("water.*")) or driver.poll() is not None)
    nodes.head_node.kill_gcs_server()
    assert driver.wait(30) == 1
    assert (
        "the Ray cluster is lost: its head does not answer (for 2 seconds)" in (tmp_path / "log").read_text()
    )
