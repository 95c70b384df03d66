"""A server while it is measured."""

import os
import signal
import socket
import subprocess
import time

from . import machine


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A process with a port. `probe` is a whole request that it answers with 2xx or 3xx once it serves."""

    def __init__(self, name, command, port, probe, env=None, cwd=None):
        self.name, self.port, self.ports, self.probe = name, port, [port], probe
        machine.SCRATCH.mkdir(parents=True, exist_ok=True)
        self.log = machine.SCRATCH / f"{name}.log"
        # The log goes into a file, as it would into a journal: what a server spends on its log counts.
        with open(self.log, "wb") as log:
            begun = time.perf_counter()
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        try:
            self.first_answer = self._await_answer(begun)
        except BaseException:
            self.stop()
            raise

    def _await_answer(self, begun):
        """Seconds from the start to the first answer."""
        while time.perf_counter() - begun < 120:
            if self.process.poll() is not None:
                machine.stop(f"{self.name} ended at once: {self.log.read_text()[-800:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    connection.sendall(self.probe)
                    answer = connection.recv(65536)
            except OSError:
                answer = b""
            if answer[9:10] in (b"2", b"3"):
                return time.perf_counter() - begun
            if answer and answer[9:12] != b"503":
                machine.stop(f"{self.name} answered its probe with {answer[:200]!r}")
            time.sleep(0.0005)
        machine.stop(f"{self.name} does not answer: {self.log.read_text()[-800:]}")

    def cpu_seconds(self):
        return machine.cpu_seconds(self.process.pid)

    def memory(self):
        return machine.memory(self.process.pid)

    def proportional_memory(self):
        return machine.proportional_memory(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Fleet:
    """Servers that do the same, side by side: load is shared out among them, and what they take is added up."""

    def __init__(self, servers):
        self.servers = servers
        self.name, self.ports = servers[0].name, [server.port for server in servers]

    def cpu_seconds(self):
        return sum(server.cpu_seconds() for server in self.servers)


def baseline():
    """The same HTTP stack as doorkey's, answering a constant."""
    port = free_port()
    command = [machine.TARGET / "release/examples/baseline", f"127.0.0.1:{port}"]
    return Server("baseline", command, port, b"GET /api/login_links/1 HTTP/1.1\r\nHost: x\r\n\r\n")
