"""Files of every kind that is read, damaged at random: by bytes that change, move, vanish or
repeat, and by numbers in headers that become huge.

    python tests/helpers/damaged_files.py 3000     # that many files; prints what came of them

Each file is read, or refused with a ValueError or OSError that names it; nothing else may happen.
"""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from tinyae.data import load_data, read_images

HUGE = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\0\0")


def originals() -> dict[str, bytes]:
    """One intact file of each kind: {name: content}."""
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30, 33), dtype=np.uint8)
    gray, color = Image.fromarray(pixels), Image.fromarray(np.stack([pixels] * 3, axis=-1))
    deep = Image.fromarray(pixels.astype(np.uint16) * 257)
    files: dict[str, bytes] = {}

    def image(name: str, content: Image.Image, kind: str, **options: object) -> None:
        file = io.BytesIO()
        content.save(file, kind, **options)
        files[name] = file.getvalue()

    image("gray.png", gray, "PNG")
    image("deep.png", deep, "PNG")
    image("alpha.png", color.convert("RGBA"), "PNG")
    image("palette.png", color.convert("P"), "PNG", transparency=3)
    image("color.jpg", color, "JPEG")
    image("scan.bmp", color, "BMP")
    image("anim.gif", gray, "GIF", save_all=True, append_images=[gray.rotate(9)])
    image("photo.webp", color, "WEBP")
    image("stack.tif", gray, "TIFF", save_all=True, append_images=[gray.rotate(9)] * 3)
    image("packed.tiff", color, "TIFF", compression="tiff_lzw")
    image("float.tif", Image.fromarray(rng.random((30, 33)).astype(np.float32)), "TIFF")
    image("map.ppm", color, "PPM")
    image("deep.pgm", deep, "PPM")

    def arrays(name: str, save: object, *args: object, **named: object) -> None:
        file = io.BytesIO()
        save(file, *args, **named)  # type: ignore[operator]
        files[name] = file.getvalue()

    x, y = rng.random((12, 6, 6)), np.arange(12) % 3
    arrays("x.npy", np.save, pixels)
    arrays("stored.npz", np.savez, X=x, y=y)
    arrays("packed.npz", np.savez_compressed, x_train=x, y_train=y, x_test=x, y_test=y)
    idx = bytes([0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 6, 0, 0, 0, 6])
    idx += (x * 255).astype(np.uint8).tobytes()
    files["t10k-images-idx3-ubyte"] = idx
    files["mine.idx.gz"] = gzip.compress(idx)
    numbers = [[str(i % 3), *(f"{v:.3f}" for v in row[0])] for i, row in enumerate(x)]
    rows = "\n".join(map(",".join, numbers))
    files["table.csv"] = f"label,a,b,c,d,e,f\n{rows}\n".encode()
    files["ECG_TRAIN.txt"] = rows.replace(",", "  ").encode()
    files["batch.bin"] = (bytes([1]) + bytes(3072)) * 4
    return files


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy. Half of the files with an outer layer (zip, gzip, the checksums of PNG) are
    damaged inside, and the layer is right."""
    if rng.random() < 0.5:
        if content.startswith(b"PK"):
            return _damaged_zip(content, rng)
        if content.startswith(b"\x1f\x8b"):
            return gzip.compress(_changed(gzip.decompress(content), rng))
        if content.startswith(b"\x89PNG"):
            return _damaged_png(content, rng)
    return _changed(content, rng)


def _damaged_zip(content: bytes, rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            member = old.read(info)
            if rng.random() < 0.5:
                member = _changed(member, rng)
            new.writestr(info.filename, member, compress_type=info.compress_type)
    return file.getvalue()


def _damaged_png(content: bytes, rng: np.random.Generator) -> bytes:
    data, at = content[:8], 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        chunk = content[at + 4 : at + 8 + length]  # kind and data
        if rng.random() < 0.3:
            chunk = _changed(chunk, rng)
        data += struct.pack(">I", max(0, len(chunk) - 4)) + chunk
        data += struct.pack(">I", zlib.crc32(chunk))
        at += 12 + length
    return data


def _changed(content: bytes, rng: np.random.Generator) -> bytes:
    """A copy of ``content`` with one to four random changes, rather fewer."""
    data = bytearray(content)
    for _ in range(min(4, rng.geometric(0.6))):
        if not data:
            break
        # headers are at the beginning, and zip's directory is at the end
        where = (rng.integers(0, len(data)), rng.integers(0, min(len(data), 80)), 0)
        at = int(where[rng.integers(0, 2)])
        if rng.random() < 0.2:
            at = len(data) - 1 - int(rng.integers(0, min(len(data), 80)))
        kind = rng.integers(0, 8)
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[at] = int(rng.integers(0, 256))
        elif kind == 2:
            data[at : at + 4] = HUGE[int(rng.integers(0, len(HUGE)))]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + int(rng.integers(1, 40))]
        elif kind == 5:
            data[at:at] = rng.bytes(int(rng.integers(1, 40)))
        elif kind == 6:
            data[at:at] = data[at : at + int(rng.integers(1, 200))]
        else:
            data[at:at] = bytes(rng.choice(list(b"0123456789.,;-eE\"' \n\t#"), 4).tolist())
    return bytes(data)


def try_file(path: Path) -> str:
    """What reading a file gives: "read", "ValueError" or "OSError", or else what is wrong."""
    read = load_data if path.suffix in (".npz", ".csv", ".txt", ".bin") else read_images
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = read(path)
        images = getattr(data, "images", None)
        if images is not None and not np.isfinite(images).all():
            return "wrong: values that are not finite"
    except (ValueError, OSError) as error:
        if path.name not in str(error):
            return f"wrong: the message does not name the file: {type(error).__name__}: {error}"
        return "OSError" if isinstance(error, OSError) else "ValueError"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"wrong: {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
    return "read"


def run(count: int, folder: Path, seed: int = 0) -> tuple[Counter[str], float]:
    """Try ``count`` damaged files. Returns how often each outcome came, and the longest time of a
    single file in seconds."""
    files, outcomes, slowest = list(originals().items()), Counter[str](), 0.0
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        name, content = files[i % len(files)]
        path = folder / name
        path.write_bytes(damaged(content, rng))
        started = time.perf_counter()
        outcome = try_file(path)
        slowest = max(slowest, time.perf_counter() - started)
        outcomes[outcome if not outcome.startswith("wrong") else f"{outcome} [{name}, {i}]"] += 1
        path.unlink()
    return outcomes, slowest


if __name__ == "__main__":
    import resource

    with tempfile.TemporaryDirectory() as scratch:
        counts, longest = run(int(sys.argv[1]), Path(scratch))
    for outcome, n in counts.most_common():
        print(f"{n:6}  {outcome}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"longest time of a file {longest:.2f} s, peak memory {peak:.0f} MiB")
    sys.exit(any(outcome.startswith("wrong") for outcome in counts))
