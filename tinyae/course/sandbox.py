"""Start and end the student's process, with as much protection as this machine offers.

Three ways are tried in turn; the first that works is used from then on:

- ``bwrap`` and ``unshare``: namespaces of Linux, with no network, a read-only file system, and an
  end of all processes that the kernel guarantees;
- a supervisor process alone (Linux): resource limits, and a search for processes left running;
- nothing but a process of its own (other systems).
"""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from tinyae.course.mounts import PACKAGE, mounts

HERE = Path(__file__).resolve().parent
SHOWN_OUTPUT = 4096  # bytes
KINDS = ("bwrap", "unshare", "supervisor", "plain")
NAMESPACES = ("bwrap", "unshare")


@dataclass(frozen=True)
class Limits:
    """What the student's process may use.

    Example:
        >>> from tinyae.course import Limits
        >>> limits = Limits(seconds=2, memory=1 << 30)  # grade(path, "linear", limits=limits)
        >>> limits.memory
        1073741824
    """

    seconds: float = 10.0
    """Time of each request."""
    total: float = math.inf
    """Seconds from the start to the last answer."""
    cpu: int = 60
    """Seconds of CPU time of each process."""
    memory: int = 4 << 30
    """Address space of each process, in bytes."""
    file_size: int = 64 << 20
    """Size of each file that the code writes, in bytes."""
    processes: int = 64
    """Processes that run at the same time."""
    output: int = 64 << 10
    """Output that is kept, in bytes; the rest is dropped."""


def kinds() -> list[str]:
    """The kinds of sandbox worth trying on this machine, best first."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return ["plain"]
    tools = [tool for tool in ("bwrap", "unshare") if shutil.which(tool)]
    return [*tools, "supervisor"]


def protection(kind: str, hidden: Sequence[str]) -> tuple[str, ...]:
    """What is not protected, in sentences. ``hidden``: the folders that it was to hide."""
    words = ["The code can read every file that this program's user can read"]
    if kind in NAMESPACES:
        words[0] += f", except in {', '.join(hidden)}." if hidden else "."
        return (*words, "Memory is limited for each process, not for all of them together.")
    words[0] += f", also in {', '.join(hidden)}." if hidden else "."
    words += [
        "The code can use the network.",
        "The code can change and delete files of this program's user.",
        "The code can stop processes of this program's user, this program among them.",
        "The code can fill the disk with many files.",
    ]
    if kind == "plain":
        words += [
            "Memory, CPU time, file sizes, output and the number of processes are not limited.",
            "Processes that the code starts in a session of their own are left running.",
        ]
    else:
        words += [
            "Memory is limited for each process, not for all of them together.",
            "Code that stops its supervisor process can leave processes running.",
        ]
    return tuple(words)


class Sandbox:
    """One student's process, with its scratch folder and its log.

    Args:
        kind: one of ``KINDS``.
        limits: what the process may use.
        folder: the folder of the student's file, which stays visible.
        hide: folders to hide, besides home folders.

    Raises:
        OSError: if the process cannot be started.
    """

    def __init__(self, kind: str, limits: Limits, folder: Path, hide: Iterable[Path] = ()) -> None:
        self.kind = kind
        self.limits = limits
        self.scratch = os.path.realpath(tempfile.mkdtemp(prefix="student-"))
        self.log = tempfile.TemporaryFile()
        self._output = ""
        self._status, status = os.pipe()
        try:
            paths = mounts(folder, hide)
            self.hidden = [path for path, is_shown in paths if not is_shown]
            options = self._options(status, paths)
            server = [sys.executable, "-I", "-B", str(HERE / "server.py"), json.dumps(options)]
            self.process = subprocess.Popen(
                [*self._wrapper(paths), *server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                bufsize=0,
                pass_fds=(status,) if options["supervised"] else (),
                start_new_session=True,
                cwd=self.scratch,
                env=_environment(self.scratch),
            )
        except BaseException:
            os.close(self._status)
            self._remove_files()
            raise
        finally:
            os.close(status)
        self.requests = cast(BinaryIO, self.process.stdin)
        self.responses = cast(BinaryIO, self.process.stdout)

    def _options(self, status: int, paths: list[tuple[str, bool]]) -> dict[str, Any]:
        """What the server needs to know."""
        limits = asdict(self.limits) | {"user_tasks": _user_tasks() + self.limits.processes}
        return {
            "supervised": self.kind != "plain",
            "mounts": paths if self.kind == "unshare" else None,
            "scratch": self.scratch,
            "status": status,
            "limits": limits,
            "library": str(PACKAGE.parent),
        }

    def _wrapper(self, paths: list[tuple[str, bool]]) -> list[str]:
        """The command that makes the namespaces."""
        if self.kind == "bwrap":
            command = f"{shutil.which('bwrap')} --unshare-all --as-pid-1 --cap-drop ALL".split()
            command += "--ro-bind / / --dev /dev --remount-ro /dev --proc /proc".split()
            for path, is_shown in paths:
                command += ["--ro-bind", path, path] if is_shown else ["--tmpfs", path]
            command += ["--size", str(4 * self.limits.file_size), "--tmpfs", self.scratch]
            for path, is_shown in paths:
                command += [] if is_shown else ["--remount-ro", path]
            return command
        if self.kind == "unshare":
            command = f"{shutil.which('unshare')} --mount --pid --net --ipc --uts".split()
            if os.geteuid() != 0:
                command.append("--map-root-user")
            return [*command, "--fork", "--kill-child", "--mount-proc"]
        return []

    @property
    def output(self) -> str:
        """What the code has printed so far, cut to a few KB."""
        if self.log.closed:
            return self._output
        size = os.fstat(self.log.fileno()).st_size
        text = os.pread(self.log.fileno(), SHOWN_OUTPUT, 0).decode("utf-8", "replace")
        return text if size <= SHOWN_OUTPUT else f"{text}\n[... {size} bytes or more, cut here]"

    def report(self, seconds: float) -> dict[str, Any]:
        """How the process ended: "code" (negative for a signal), "cpu", "memory", "processes".

        The dict is empty if the process still runs after ``seconds`` or left no report.
        """
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return {}
        if self.kind == "plain":
            return {"code": code}
        os.set_blocking(self._status, False)
        try:
            found = json.loads(os.read(self._status, 4096))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def stop(self) -> None:
        """End every process of the sandbox. May be called twice."""
        if self._status >= 0:
            os.close(self._status)  # tells the supervisor to end everything
            self._status = -1
        try:
            self.process.wait(0 if self.kind == "plain" else 10)
        except subprocess.TimeoutExpired:
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
            self.process.wait()

    def end(self) -> None:
        """End every process of the sandbox and remove its files. May be called twice."""
        self.stop()
        for stream in (self.requests, self.responses):
            try:
                stream.close()
            except OSError:  # a request that was not sent to the end
                pass
        self._output = self.output
        self.log.close()
        self._remove_files()

    def _remove_files(self) -> None:
        for folder, subfolders, _ in os.walk(self.scratch):
            for path in (os.path.join(folder, name) for name in subfolders):
                if not os.path.islink(path):  # chmod would follow it to the outside
                    os.chmod(path, 0o700)
        shutil.rmtree(self.scratch, ignore_errors=True)


def _environment(scratch: str) -> dict[str, str]:
    """The few environment variables that the student's process gets."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    threads = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), scratch)
    return (
        kept
        | {f"{name}_NUM_THREADS": "1" for name in threads}
        | folders
        | {"LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
    )


def _user_tasks() -> int:
    """How many threads this user runs now: Linux's limit of processes counts them all."""
    total = 0
    if sys.platform == "linux":
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    if os.stat(f"/proc/{name}").st_uid == os.getuid():
                        total += len(os.listdir(f"/proc/{name}/task"))
                except OSError:  # it ended in the meantime
                    pass
    return total
