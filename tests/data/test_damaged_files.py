"""Damaged files of every kind: read, or refused with a ValueError or OSError that names the file.

``python tests/helpers/damaged_files.py 3000`` tries more of them and measures the memory.
"""

import pytest
from helpers.damaged_files import originals, run, try_file

pytest.importorskip("PIL.Image", reason="pillow is not installed")


def test_the_intact_files_are_read(tmp_path):
    for name, content in originals().items():
        (tmp_path / name).write_bytes(content)
        assert try_file(tmp_path / name) == "read", name


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_read_or_refused_by_name(seed, tmp_path):
    outcomes, _ = run(250, tmp_path, seed)
    assert set(outcomes) <= {"read", "ValueError", "OSError"}, outcomes
    assert outcomes["ValueError"] > 50 and outcomes["read"] > 20
