"""Temporary files that are unique, follow no links and do not stay; and one run at a time."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.small import run, same_bits, small_net

from tinyae import load_weights, save_weights
from tinyae.io import files, locked, remove_leftovers, write_atomically
from tinyae.io.files import TEMPORARY

posix = pytest.mark.skipif(sys.platform == "win32", reason="file locks and links of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def python(code, **options):
    return subprocess.Popen([sys.executable, "-c", code], text=True, **options)


class TestTemporaryFiles:
    def test_threads_that_save_one_path_do_not_disturb_each_other(self, tmp_path):
        path = tmp_path / "w.npz"
        models = [small_net(seed=i) for i in range(4)]
        errors = []

        def save(model):
            try:
                for _ in range(15):
                    save_weights(model, path)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=save, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other = small_net(seed=9)
        load_weights(other, path)
        first = [model.params["encoder.0.weight"] for model in models]
        assert not errors and names(tmp_path) == ["w.npz"]
        assert any(np.array_equal(other.params["encoder.0.weight"], w) for w in first)

    def test_the_names_are_unique_and_recognized(self, tmp_path):
        seen = []
        for _ in range(20):
            write_atomically(tmp_path / "a.b.txt", lambda t: (seen.append(t.name), t.touch()))
        assert len(set(seen)) == 20 and all(TEMPORARY.fullmatch(name) for name in seen)

    @posix
    def test_a_link_with_the_temporary_name_is_not_followed(self, tmp_path, monkeypatch):
        (tmp_path / "precious").write_text("mine")
        monkeypatch.setattr("secrets.token_hex", lambda n: "ab" * n)
        link = tmp_path / f".a.{os.getpid()}-abababab.tmp.txt"
        link.symlink_to(tmp_path / "precious")
        with pytest.raises(OSError, match="cannot write .*a.txt"):
            write_atomically(tmp_path / "a.txt", lambda t: t.write_text("new"))
        assert (tmp_path / "precious").read_text() == "mine"

    @posix
    def test_the_content_is_on_the_disk_before_the_name(self, tmp_path, monkeypatch):
        calls = []
        sync, replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(os.fstat(fd)), sync(fd)))
        monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("renamed"), replace(a, b)))
        write_atomically(tmp_path / "a.txt", lambda t: t.write_text("content"))
        file, renamed, folder = calls
        assert file.st_size == 7 and renamed == "renamed" and stat.S_ISDIR(folder.st_mode)

    @posix
    def test_the_permissions_are_those_of_any_new_file(self, tmp_path):
        before = os.umask(0o027)
        try:
            write_atomically(tmp_path / "a.txt", lambda t: t.write_text("x"))
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


class TestLeftovers:
    LEFT = ".run.4711-0123abcd.tmp.npz"

    def test_what_a_killed_process_left_is_removed_and_nothing_else(self, tmp_path):
        others = [".run.npz", ".tmp.npz", "run.4711-0123abcd.tmp.npz", ".a.tmp", "run.npz"]
        for name in [self.LEFT, ".history.1-00000000.tmp.csv", ".x.2-ffffffff.tmp", *others]:
            (tmp_path / name).touch()
        remove_leftovers(tmp_path)
        assert names(tmp_path) == sorted(others)

    @posix
    def test_the_file_of_a_process_that_still_writes_stays(self, tmp_path):
        code = (
            "import sys, tinyae.io\n"
            "def write(t):\n"
            "    t.write_text('half'); print('ready', flush=True); sys.stdin.readline()\n"
            f"tinyae.io.write_atomically({str(tmp_path / 'a.txt')!r}, write)\n"
        )
        process = python(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == "ready\n"
        remove_leftovers(tmp_path)
        assert len(names(tmp_path)) == 1
        process.communicate("go on\n")
        assert process.returncode == 0 and (tmp_path / "a.txt").read_text() == "half"

    @posix
    def test_a_link_is_not_followed(self, tmp_path):
        (tmp_path / "precious").write_text("mine")
        (tmp_path / self.LEFT).symlink_to(tmp_path / "precious")
        remove_leftovers(tmp_path)
        assert (tmp_path / "precious").read_text() == "mine"

    def test_the_next_run_cleans_up(self, tmp_path):
        (tmp_path / self.LEFT).write_bytes(b"half a checkpoint")
        run(1, checkpoint=tmp_path / "run.npz")
        assert names(tmp_path) == ["run.npz"]


@posix
class TestLock:
    def holder(self, path):
        code = (
            "import sys, tinyae.io\n"
            f"with tinyae.io.locked({str(path)!r}):\n"
            "    print('locked', flush=True); sys.stdin.readline()\n"
        )
        process = python(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == "locked\n"
        return process

    def test_a_second_run_of_the_same_checkpoint_is_refused_and_told_who_runs(self, tmp_path):
        path = tmp_path / "run.npz"
        process = self.holder(path)
        model = small_net()
        with pytest.raises(OSError, match=rf"run.npz: another run .*process {process.pid} on"):
            run(1, model, checkpoint=path)
        same_bits(model, small_net())
        assert not path.exists()
        run(1, checkpoint=tmp_path / "other.npz")  # another checkpoint in the same folder
        process.communicate("done\n")
        run(1, checkpoint=path)
        assert names(tmp_path) == ["other.npz", "run.npz"]

    def test_the_lock_of_a_killed_run_is_free(self, tmp_path):
        process = self.holder(tmp_path / "run.npz")
        process.kill()
        process.wait()
        run(1, checkpoint=tmp_path / "run.npz")
        assert names(tmp_path) == ["run.npz"]

    def test_two_threads(self, tmp_path):
        with locked(tmp_path / "a"):
            with pytest.raises(BlockingIOError, match=f"process {os.getpid()} on"):
                with locked(tmp_path / "a"):
                    pass
            with locked(tmp_path / "b"):
                pass
        with locked(tmp_path / "a"):
            assert names(tmp_path) == [".a.lock"]
        assert not names(tmp_path)

    def test_the_lock_is_released_when_the_run_fails(self, tmp_path):
        def broken(model, x, rng):
            raise ZeroDivisionError

        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                run(1, objective=broken, checkpoint=tmp_path / "run.npz")
        assert not names(tmp_path)

    def test_a_lock_whose_file_is_deleted_meanwhile_is_taken_again(self, tmp_path, monkeypatch):
        """Between open and lock, the holder before may delete the file: a third run would then lock
        a new file of the same name."""
        lock, calls = files._lock, []

        def deleted_before(descriptor):
            calls.append(descriptor)
            if len(calls) == 1:
                (tmp_path / ".a.lock").unlink()
            lock(descriptor)

        monkeypatch.setattr(files, "_lock", deleted_before)
        with locked(tmp_path / "a"):
            assert len(calls) == 2
            with pytest.raises(BlockingIOError), locked(tmp_path / "a"):
                pass

    def test_only_one_of_many_holds_it_at_any_time(self, tmp_path):
        """Also where one deletes the lock's file while another one opens it."""
        inside, overlaps, entered = [0], [], [0]

        def work():
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                try:
                    with locked(tmp_path / "a"):
                        inside[0] += 1
                        entered[0] += 1
                        overlaps.append(inside[0])
                        inside[0] -= 1
                except BlockingIOError:
                    pass

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert entered[0] > 20 and set(overlaps) == {1} and not names(tmp_path)

    def test_a_file_system_without_locks_can_still_be_used(self, tmp_path, monkeypatch):
        def no_locks(descriptor):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr("tinyae.io.files._lock", no_locks)
        with locked(tmp_path / "a"):
            pass


def test_a_folder_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(1, checkpoint="run.npz")
    run(2, checkpoint=Path("run.npz"), resume=True)
    assert names(tmp_path) == ["run.npz"]
