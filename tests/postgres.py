"""A real PostgreSQL server for the tests: its own cluster in a folder of its own, reached by a socket in there."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

USER, PASSWORD = "handful", "open-sesame-2-people"
REMEDY = "install it (Debian: apt-get install postgresql), or run make test, which does"
SECONDS = 30
LIBC, PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
"""So that a killed test run leaves no server behind."""


def programs() -> Path:
    """Where PostgreSQL's programs are: Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError(f"the tests need PostgreSQL, which is not on this machine: {REMEDY}")
    return found[-1].parent if found else Path(str(on_path)).parent


class Cluster:
    """A server that this process started and may kill. It refuses to run as root, so then it runs as another user."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="handful-postgres-"))
        self.identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            entries = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = entries.get("postgres") or entries["nobody"]
            self.identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.process: subprocess.Popen[bytes] | None = None
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ["-D", "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", "password", "-N"]
        self.run(programs() / "initdb", *options)
        self.start()

    def run(self, program: str | Path, *arguments: str) -> None:
        """Run a program as the server's user."""
        done = subprocess.run(
            [program, *arguments],
            cwd=self.folder, env=self.environment(), **self.identity, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")

    def start(self) -> None:
        """Start, also after a kill, and wait until it answers.

        It does not wait for the disk (-F): what it has written outlives its death, if not the machine's.
        """
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", "data", "-k", self.folder, "-h", "", "-F", "-c", "max_wal_size=64MB"],
                cwd=self.folder, env=self.environment(), **self.identity, stdout=log, stderr=log,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT),
            )  # fmt: skip
        end = time.monotonic() + SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > end or self.process.poll() is not None:
                    text = (self.folder / "log").read_text()[-2000:]
                    raise RuntimeError(f"PostgreSQL did not start: {error}\n{text}") from error
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it in order; SIGQUIT at once, as a power cut would (its "immediate" shutdown)."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(SECONDS)
            self.process = None

    def empty(self) -> str:
        """The address of a database that is empty, again and again: making a new one each time takes 8 MB of disk."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'study'").fetchone():
                connection.execute("CREATE DATABASE study")
            connection.execute("ALTER DATABASE study RESET ALL")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'study'"
            )
        with psycopg.connect(self.url("study"), autocommit=True) as connection:
            connection.execute(
                "SET client_min_messages = error; DROP SCHEMA public CASCADE; CREATE SCHEMA public"
            )
        return self.url("study")

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@/{database}?host={self.folder}"

    def close(self) -> None:
        self.stop(signal.SIGQUIT)  # nobody reads it again
        shutil.rmtree(self.folder)

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
