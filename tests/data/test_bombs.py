"""Files that promise or unpack too much, or that are something else than files."""

import gzip
import io
import os
import struct
import subprocess
import sys
import textwrap
import zipfile
import zlib

import numpy as np
import pytest

from tinyae.data import read_idx, read_images

PIL = pytest.importorskip("PIL.Image")
LIMITS = pytest.importorskip("resource", reason="needs limits of memory")
MEMORY = 800 * 2**20  # above what the imports take


def in_a_small_process(path):
    """What ``load_data(path)`` prints in a process with little memory: its text, and its memory."""
    code = f"""
        import resource, sys
        import numpy, PIL.Image, tinyae.data
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        try:
            data = tinyae.data.load_data({str(path)!r})
            print(data, data.classes[:9])
        except (ValueError, OSError) as error:
            print("refused:", error)
        try:  # ru_maxrss begins with the memory of the process that started this one
            print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024)
        except OSError:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr[-500:]
    text, memory = run.stdout.rsplit("\n", 2)[:2]
    assert int(memory) < MEMORY
    return text


def refused(path, *words):
    """A ValueError or OSError with the name of the file, and little memory."""
    text = in_a_small_process(path)
    assert text.startswith("refused:") and path.name in text, text
    assert all(word in text for word in words), text


def npy_header(shape, dtype="|u1"):
    file = io.BytesIO()
    description = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)
    return file.getvalue()


def test_labels_of_a_billion_do_not_fill_the_memory(tmp_path):
    x = np.random.default_rng(0).random((30, 8, 8))
    np.savez(tmp_path / "x.npz", x_train=x, y_train=np.full(30, 10**9) + np.arange(30) % 2)
    assert "('1000000000', '1000000001')" in in_a_small_process(tmp_path / "x.npz")


def test_a_gzip_bomb(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(bytes([0, 0, 8, 3]) + struct.pack(">III", 300 * 2**10, 32, 32))
        for _ in range(300):
            file.write(b"\0" * 2**20)
    assert path.stat().st_size < 2**20
    refused(path, "decompression bomb")
    with gzip.open(path, "wb", compresslevel=9) as file:  # more than its header announces
        file.write(bytes([0, 0, 8, 3]) + struct.pack(">III", 10, 28, 28))
        for _ in range(300):
            file.write(b"\0" * 2**20)
    refused(path, "too long")


def test_a_zip_bomb(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            file.write(npy_header((300, 2**20)))
            for _ in range(300):
                file.write(b"\0" * 2**20)
    assert path.stat().st_size < 2**20
    refused(path, "decompression bomb")


def test_headers_that_promise_more_than_the_file_has(tmp_path):
    for shape, dtype in (((10**12,), "|u1"), ((2**40, 2**40), "<f8"), ((10**9, 28, 28), "<f4")):
        (tmp_path / "x.npy").write_bytes(npy_header(shape, dtype) + b"\0" * 1000)
        refused(tmp_path / "x.npy", "truncated or damaged")
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("x.npy", npy_header(shape, dtype) + b"\0" * 1000)
        refused(tmp_path / "x.npz", "truncated or damaged")
    (tmp_path / "x").write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"\0" * 1000)
    refused(tmp_path / "x", "truncated")
    (tmp_path / "t-ubyte.gz").write_bytes(
        gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">III", 300, 999, 999))
    )
    refused(tmp_path / "t-ubyte.gz", "decompression bomb")


@pytest.mark.parametrize("size", [(60_000, 60_000), (12_000, 12_000)])
def test_images_with_too_many_pixels(size, tmp_path):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    pixels = zlib.compressobj(9)
    packed = b"".join(pixels.compress(b"\0" * (size[0] + 1)) for _ in range(2000))
    (tmp_path / "x.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", packed + pixels.flush())
        + chunk(b"IEND", b"")
    )
    refused(tmp_path / "x.png", "pixels")


def test_postscript_named_png_starts_no_other_program(tmp_path, monkeypatch):
    started = []
    for name in ("Popen", "run", "call", "check_call", "check_output"):
        monkeypatch.setattr(subprocess, name, lambda *args, **options: started.append(args))
    (tmp_path / "x.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(ValueError, match="x.png: not a readable image .it is PostScript"):
        read_images(tmp_path / "x.png")
    assert not started


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize(
    "name", ["x.png", "x.npz", "x.npy", "x.csv", "x", "t10k-images-idx3-ubyte"]
)
def test_a_named_pipe_does_not_wait(name, tmp_path):
    os.mkfifo(tmp_path / name)
    refused(tmp_path / name, "a named pipe")
    with pytest.raises(ValueError, match="a named pipe"):
        read_idx(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_in_a_folder_is_left_out(tmp_path):
    PIL.new("L", (28, 28), 255).save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    with pytest.warns(UserWarning, match="read 1 of 2 files"):
        assert len(read_images(tmp_path)) == 1


def test_a_tiff_whose_pages_share_their_pixels(tmp_path):
    """300 pages of 16 million pixels in a small file."""
    packed, side, count = zlib.compress(b"\0" * 16_000_000, 9), 4000, 300
    tags = ((256, side), (257, side), (258, 8), (259, 8), (262, 1), (273, 8), (278, side))
    tags += ((279, len(packed)),)
    start, length = 8 + len(packed), 2 + 12 * len(tags) + 4
    with open(tmp_path / "x.tif", "wb") as file:
        file.write(b"II*\0" + struct.pack("<I", start) + packed)
        for page in range(count):
            file.write(struct.pack("<H", len(tags)))
            for tag, value in tags:
                file.write(struct.pack("<HHII", tag, 4, 1, value))
            file.write(struct.pack("<I", start + (page + 1) * length if page < count - 1 else 0))
    refused(tmp_path / "x.tif", "decompression bomb")


def test_out_of_memory_is_a_sentence_on_the_command_line(monkeypatch, capsys):
    from tinyae.cli.main import main

    def fail(*args, **kwargs):
        raise MemoryError("Unable to allocate 30 GiB")

    monkeypatch.setattr("tinyae.cli.training_data.load_data", fail)
    assert main(["train", "--data", "x.npz"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinyae: not enough memory (Unable to allocate 30 GiB)")
