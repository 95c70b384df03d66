"""What the operating system says: time used, memory used, and what this machine is."""

import contextlib
import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
SCRATCH = TARGET / "bench"
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(text, file=sys.stderr, flush=True)


def stop(text):
    raise SystemExit(f"bench: {text}")


def run(*command, **options):
    """Runs a command to its end and gives what it printed; one that fails ends everything."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        stop(f"{command[0]} ended with status {done.returncode}: {done.stdout[-500:]}")
    return done.stdout


def build():
    """The release binary, then the servers and generators of examples/. Not in one go: what tests depend on would
    then have its say in how the binary is built."""
    run("cargo", "build", "--release", "--locked", cwd=ROOT)
    run("cargo", "build", "--release", "--locked", "--examples", cwd=ROOT)


def family(pid):
    """A process and everything it started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(stat_of(folder.name)[1])
        except OSError:
            pass
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def stat_of(pid):
    """The fields of /proc/PID/stat after the name, which may hold spaces: field 3 of proc(5) is number 0 here."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid):
    """User and system time of a process and its children, those that have ended included."""
    ticks = sum(map(int, stat_of(pid)[11:15]))
    for child in family(pid)[1:]:
        # One that ends meanwhile, as helpers of PostgreSQL do, counts for its parent the next time.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(map(int, stat_of(child)[11:15]))
    return ticks / TICK


def memory(pid):
    """Resident memory in MB, now and at its highest, of a process and its children together."""
    now = highest = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                now += int(line.split()[1])
            elif line.startswith("VmHWM:"):
                highest += int(line.split()[1])
    return {"now": now / 1024, "highest": highest / 1024}


def proportional_memory(pid):
    """Resident memory in MB of a process and its children, what they share counted once (Pss of proc(5))."""
    total = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def needs_debian(program, package):
    """Makes sure that a program is there, installing its Debian package where that may be done."""
    if shutil.which(program):
        return
    if os.geteuid() != 0:
        stop(f"please install what this needs, as root: apt-get install {package}")
    say(f"==> installing {package}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-qq", env=quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, env=quiet, stdin=subprocess.DEVNULL)


def first_line(*command):
    """The first line that a program prints, of its version most often; None if it is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.splitlines()[0].strip() if done.stdout else None


def versions():
    """What was measured with what: names and numbers, and nothing that names a machine."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "processor": f"{os.cpu_count()} cores, {model}, {gigabytes:.0f} GB of memory",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "rustc": first_line("rustc", "--version"),
        "wrk": (first_line("wrk", "--version") or "none").partition(" [")[0],
        "node": first_line("node", "--version") or "none",
        "python": platform.python_version(),
    }


def children_cpu_seconds():
    """User and system time of all children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
