"""Downloads: several mirrors, checksums and a cache. pooch does the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TIMEOUT = 30  # seconds without an answer before the next mirror is tried


def fetch(filename: str, md5: str, mirrors: Sequence[str], folder: str) -> Path:
    """The path of a file in the cache, downloaded unless a valid copy is there.

    A copy is valid if its MD5 checksum is ``md5``. A file is downloaded under a temporary name,
    checked and then renamed, so an interrupted or wrong download is never mistaken for the file.

    Args:
        filename: the file's name on each mirror and in the cache.
        md5: the expected checksum, hexadecimal.
        mirrors: URLs of folders, tried in this order.
        folder: a subfolder of the cache, ``pooch.os_cache("tinyae")`` (~/.cache/tinyae on Linux).

    Raises:
        ImportError: pooch is not installed.
        ConnectionError: no mirror gave the file. The message lists what each mirror answered and
            what to do without a download.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f'downloading {filename} needs pooch: pip install "tinyae[data]" '
            '(if you have the files: TINYAE_DATA=DIR, or data_dir=DIR; "strokes" needs no download)'
        ) from error
    cache, failures = pooch.os_cache("tinyae") / folder, []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{filename}"
        try:
            return Path(
                pooch.retrieve(
                    url,
                    known_hash=f"md5:{md5}",
                    fname=filename,
                    path=cache,
                    downloader=pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT),
                )
            )
        # OSError: no connection, 404 or a full disk. ValueError: a wrong checksum.
        except (OSError, ValueError) as error:
            failures.append(f"  {url}\n    {type(error).__name__}: {error}")
    raise ConnectionError(
        "\n".join(
            [
                f"{filename} could not be downloaded. Tried:",
                *failures,
                f"Get the file elsewhere, put it in a folder DIR/{folder}/ and set the environment "
                "variable TINYAE_DATA=DIR, or pass data_dir=DIR. "
                'load_data("strokes") needs no download.',
            ]
        )
    )
