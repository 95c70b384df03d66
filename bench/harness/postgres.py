"""A PostgreSQL to measure over."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from . import machine
from .servers import free_port


class Postgres:
    """A PostgreSQL of one measurement alone, durable as it comes (`fsync` and `synchronous_commit` on)."""

    def __init__(self):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not found:
            machine.needs_debian("postgres", "postgresql")
            found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin, self.port = found[-1], free_port()
        self.version = machine.first_line(str(self.bin / "postgres"), "--version").split()[2]
        self.folder = machine.SCRATCH / "postgres"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        # It will not run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        data = self.folder / "data"
        machine.run(*self.user, self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", cwd="/")
        command = [self.bin / "postgres", "-D", data, "-p", self.port, "-k", self.folder, "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", "max_connections=200"]
        with open(machine.SCRATCH / "postgres.log", "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in [*self.user, *command]], stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        self._await()

    def _await(self):
        ready = [self.bin / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        for _ in range(300):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)
        machine.stop("PostgreSQL does not start: " + (machine.SCRATCH / "postgres.log").read_text()[-800:])

    def fresh(self, database):
        """Makes an empty database anew; its URL."""
        psql = [self.bin / "psql", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-q"]
        silently = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        commands = "-c", f"DROP DATABASE IF EXISTS {database}", "-c", f"CREATE DATABASE {database}"
        machine.run(*psql, *commands, env=silently)
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def cpu_seconds(self):
        return machine.cpu_seconds(self.process.pid)

    def stop(self):
        self.process.terminate()
        self.process.wait()
