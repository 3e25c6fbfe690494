"""Linux: a process that watches the student's process and ends everything that the code starts.

``supervise`` forks. The child returns, with its resource limits set, and becomes the student's
process. The parent never runs code of the student. It

- copies the first bytes of the child's output to the log and drops the rest;
- counts the processes that the child has started, and kills all of them if there are too many;
- waits until the child ends or the grader closes the other end of the status pipe, kills every
  descendant (also those that have left the session: they become its children), and exits;
- reports through the status pipe how the child ended.

In a namespace made by ``unshare`` it also makes the file system read-only. In a namespace, it is
process 1: nothing inside can end it, and when it ends, the kernel ends everything inside.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

TICK = 200  # milliseconds between two counts of the processes
OUTPUT_CHUNK = 1 << 16

# Constants of <sys/prctl.h>, <sys/mount.h> and <linux/mount.h>
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
MS_NOSUID, MS_NODEV, MS_BIND, MS_MOVE, MS_REC = 2, 4, 4096, 8192, 16384
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1


def supervise(options: dict[str, Any], connection: list[int]) -> None:
    """Return in the child, which is limited; never return in the parent.

    Args:
        options: "limits", "scratch", "status" (a file descriptor) and "mounts" (the folders to hide
            and to show, if the file system is to be made read-only here; else None).
        connection: the file descriptors of the connection to the grader, for the child only.
    """
    status = options["status"]
    os.set_inheritable(status, False)
    libc = ctypes.CDLL(None, use_errno=True)
    if options["mounts"] is not None:
        size = 4 * options["limits"]["file_size"]
        private_mounts(libc, options["scratch"], options["mounts"], size)
    os.chdir(options["scratch"])
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    output, writer = os.pipe()
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.dup2(writer, 2)
        for descriptor in (status, output, writer):
            os.close(descriptor)
        drop_privileges(libc)
        set_limits(options["limits"])
        return
    for descriptor in (writer, *connection):
        os.close(descriptor)
    watch(child, status, output, options["limits"])


def set_limits(limits: dict[str, int]) -> None:
    """Limit memory, CPU time, file size and processes of this process and of all that it starts."""
    wanted = {
        resource.RLIMIT_AS: (limits["memory"], limits["memory"]),
        # SIGXCPU first; code that ignores it gets SIGKILL two seconds later.
        resource.RLIMIT_CPU: (limits["cpu"], limits["cpu"] + 2),
        resource.RLIMIT_FSIZE: (limits["file_size"], limits["file_size"]),
        resource.RLIMIT_NPROC: (limits["user_tasks"], limits["user_tasks"]),
        resource.RLIMIT_CORE: (0, 0),
    }
    for which, (soft, hard) in wanted.items():
        _, highest = resource.getrlimit(which)
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        resource.setrlimit(which, (soft, hard))


def drop_privileges(libc: ctypes.CDLL) -> None:
    """Give up every capability, for good: the code may not mount, trace or signal as root."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    libc.capset(header, (ctypes.c_uint32 * 6)())


def watch(child: int, status: int, output: int, limits: dict[str, int]) -> NoReturn:
    """Wait for the end, end everything, report, exit."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    poll.register(os.pidfd_open(child), select.POLLIN)
    poll.register(status, 0)  # reports the error that nobody reads the status pipe
    room = [limits["output"]]
    report: dict[str, Any] = {}
    next_count = time.monotonic() + TICK / 1000
    while True:
        ready = dict(poll.poll(TICK))
        if output in ready and not drain(output, room):
            poll.unregister(output)
        if status in ready:  # the grader is done, or gone
            break
        if time.monotonic() >= next_count:
            if len(descendants(os.getpid())) > limits["processes"]:
                report["processes"] = limits["processes"]
                break
            next_count = time.monotonic() + TICK / 1000
        found, code, usage = wait_any()
        if found == child:
            report["code"] = os.waitstatus_to_exitcode(code)
            report["cpu"] = usage.ru_utime + usage.ru_stime
            report["memory"] = usage.ru_maxrss * 1024
            break
    if os.getpid() != 1:  # the kernel does it for process 1
        kill_descendants()
    os.set_blocking(output, False)
    while drain(output, room):
        pass
    try:
        os.write(status, json.dumps(report).encode())
    except OSError:  # nobody reads it
        pass
    os._exit(0)


def wait_any() -> tuple[int, int, Any]:
    """Collect one ended child, if there is one."""
    try:
        return os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0, None


def drain(output: int, room: list[int]) -> bool:
    """Copy some output to the log while there is room; False where there is no more to read."""
    try:
        data = os.read(output, OUTPUT_CHUNK)
        if room[0] > 0:
            os.write(2, data[: room[0]])
    except BlockingIOError:
        return False
    except OSError:  # the disk is full
        return True
    room[0] -= len(data)
    return bool(data)


def descendants(root: int) -> list[int]:
    """The processes that ``root`` started, directly or not, without those that have ended."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path("/proc", name, "stat").read_bytes()
            except OSError:  # it ended in the meantime
                continue
            state, parent = text.rpartition(b")")[2].split()[:2]
            if state not in b"ZX":
                children.setdefault(int(parent), []).append(int(name))
    found = children.get(root, [])
    for pid in found:  # grows on the way
        found.extend(children.get(pid, []))
    return found


def kill_descendants(seconds: float = 5.0) -> None:
    """Kill until none is left: a process that forks quickly needs several rounds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.wait4(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def private_mounts(
    libc: ctypes.CDLL, scratch: str, paths: list[tuple[str, bool]], size: int
) -> None:
    """Make the file system read-only, with an empty scratch folder in memory and few devices.

    Raises:
        OSError: if a mount is refused.
    """

    def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        arguments = [text.encode() for text in (source, target, kind)]
        if libc.mount(*arguments, ctypes.c_ulong(flags), data.encode()):
            raise OSError(ctypes.get_errno(), f"mounting {target} failed")

    def set_read_only(path: str, on: bool, flags: int) -> None:
        change = (MOUNT_ATTR_RDONLY, 0) if on else (0, MOUNT_ATTR_RDONLY)
        attributes = (ctypes.c_uint64 * 4)(*change, 0, 0)
        arguments = (AT_FDCWD, path.encode(), flags, attributes, ctypes.c_size_t(32))
        if libc.syscall(SYS_MOUNT_SETATTR, *arguments):
            raise OSError(ctypes.get_errno(), f"making {path} read-only failed")

    # A folder of harmless devices takes the place of /dev: root could write to the disks in there.
    mount("tmpfs", scratch, "tmpfs", MS_NOSUID, "size=1m,mode=755")
    for name in ("null", "zero", "full", "random", "urandom"):
        Path(scratch, name).touch()
        mount(f"/dev/{name}", f"{scratch}/{name}", "", MS_BIND)
    Path(scratch, "fd").symlink_to("/proc/self/fd")
    mount(scratch, "/dev", "", MS_MOVE)
    # What is shown lies inside of what is hidden: open it before that disappears.
    opened = {path: os.open(path, os.O_PATH) for path, is_shown in paths if is_shown}
    for path, is_shown in paths:
        if is_shown:
            make_empty(path, os.path.isdir(f"/proc/self/fd/{opened[path]}"))
            mount(f"/proc/self/fd/{opened[path]}", path, "", MS_BIND | MS_REC)
            os.close(opened[path])
        else:
            mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    make_empty(scratch, True)
    mount("tmpfs", scratch, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},mode=700")
    set_read_only("/", True, AT_RECURSIVE)
    set_read_only(scratch, False, 0)


def make_empty(path: str, is_folder: bool) -> None:
    """A place for a mount, unless there is one."""
    if not os.path.exists(path):
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
        if not is_folder:
            Path(path).touch()


if sys.platform != "linux":
    raise ImportError("the supervisor needs Linux")
