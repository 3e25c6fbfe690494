"""What the namespaces protect, and what is said where there are none."""

import sys

import pytest

from tinyae.course import Limits, StudentCode, TimeLimit, connection, sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
QUICK = Limits(seconds=0.5)


# Namespaces


def test_in_a_namespace_the_file_system_is_read_only_and_stays_so(namespace, write):
    code = """
        import ctypes, os
        def attempt(path):
            try:
                with open(path, "ab") as f: f.write(b"x")
            except OSError as error:
                return type(error).__name__
            return "written"
        def remount(path):
            libc = ctypes.CDLL(None)
            libc.mount(None, path.encode(), None, ctypes.c_ulong(32 | 4096), None)
            libc.unshare(0x10020000)
            libc.mount(None, path.encode(), None, ctypes.c_ulong(32 | 4096), None)
            libc.umount2(path.encode(), 2)
    """
    path = write(code)
    with StudentCode(path) as student:
        scratch = student._connection.sandbox.scratch
        targets = [
            path,
            path.with_name("new"),
            "/new",
            "/dev/new",
            "/run/new",
            "/proc/sys/vm/overcommit_memory",
        ]
        for _ in range(2):
            for target in map(str, targets):
                assert student.call("attempt", target) != "written", target
            assert student.call("attempt", f"{scratch}/new") == "written"
            assert student.call("attempt", "/dev/null") == "written"
            for folder in ("/", str(path.parent), "/run", "/dev"):
                student.call("remount", folder)


def test_in_a_namespace_there_is_no_network_and_no_other_process(namespace, write):
    code = """
        import os, socket
        def look():
            names = [name for _, name in socket.if_nameindex()]
            try:
                socket.create_connection(("1.1.1.1", 53), 0.2)
                names.append("connected")
            except OSError:
                pass
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            disks = [n for n in os.listdir("/dev") if n.startswith(("sd", "vd", "nvme", "mem"))]
            return names, len(pids), disks
    """
    with StudentCode(write(code)) as student:
        names, processes, disks = student.call("look")
        assert student.protection == sandbox.protection(
            namespace, student._connection.sandbox.hidden
        )
    assert names in ([], ["lo"]) and processes <= 3 and disks == []


def test_in_a_namespace_the_code_cannot_end_its_supervisor(namespace, write):
    code = """
        import os
        def f():
            for pid in (1, -1, os.getppid()):
                try: os.kill(pid, 9)
                except OSError: pass
            return 1
    """
    with StudentCode(write(code)) as student:
        assert student.call("f") == 1


# Other systems


def test_without_linux_the_code_runs_and_missing_protection_is_named(write, monkeypatch, solution):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.kinds() == ["plain"]
    monkeypatch.setattr(connection, "_kind", [])
    with StudentCode(solution, QUICK) as student:
        assert student.call("structure", 1)[3] == "text"
        assert any("are not limited" in sentence for sentence in student.protection)
        assert connection._kind == ["plain"]
    with StudentCode(write("def f():\n    while True: pass"), QUICK) as student:
        with pytest.raises(TimeLimit):
            student.call("f")


@linux
def test_a_kind_that_does_not_work_is_skipped_and_the_choice_is_remembered(monkeypatch, solution):
    monkeypatch.setattr(connection, "_kind", [])
    monkeypatch.setattr(sandbox, "kinds", lambda: ["bwrap", "supervisor"])
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "false")
    with StudentCode(solution) as student:
        assert student.call("structure", 1)[3] == "text"
    assert connection._kind == ["supervisor"]


# Folders


def test_in_a_namespace_hidden_folders_and_home_folders_are_empty(
    namespace, write, tmp_path, monkeypatch
):
    code = """
        import os
        def look(path):
            try:
                return sorted(os.listdir(path))
            except OSError as error:
                return type(error).__name__
    """
    path = write(code)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for folder in ("home", "solutions", "others/a", "others/b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "secret.py").write_text("")
    mine = tmp_path / "others" / "mine"
    mine.mkdir()
    path = path.rename(mine / "homework.py")
    with StudentCode(path, hide=[tmp_path / "solutions", tmp_path / "others"]) as student:
        assert student.call("look", str(tmp_path / "solutions")) == []
        assert student.call("look", str(tmp_path / "others")) == ["mine"]
        assert student.call("look", str(mine)) == ["homework.py"]
        assert student.call("look", str(tmp_path)) == ["home", "others", "solutions"]
        assert student.call("look", str(tmp_path / "home")) == []
        assert str(tmp_path / "solutions") in student.protection[0]


def test_a_folder_to_hide_must_be_one_that_the_code_does_not_need(write, tmp_path):
    path = write("")
    with pytest.raises(ValueError, match="is not a folder"):
        StudentCode(path, hide=[tmp_path / "nothing"])
    with pytest.raises(ValueError, match="the folder of homework.py"):
        StudentCode(path, hide=[tmp_path])


def test_where_folders_cannot_be_hidden_it_is_said(write, tmp_path, monkeypatch):
    (tmp_path / "solutions").mkdir()
    monkeypatch.setattr(connection, "_kind", ["plain"])
    with StudentCode(write(""), hide=[tmp_path / "solutions"]) as student:
        assert "also in" in student.protection[0] and "solutions" in student.protection[0]
