"""Downloads: from a list of mirrors, checked, kept for the next time. pooch does the work."""

from collections.abc import Sequence
from pathlib import Path

TIMEOUT = 30  # seconds without an answer, after which the next mirror is asked


def fetch(filename: str, md5: str, mirrors: Sequence[str], folder: str) -> Path:
    """The path of a file, downloaded unless a good copy is in the cache.

    A copy is good if its MD5 checksum is `md5`. A file is downloaded under a temporary name, checked, and renamed, so that
    an interrupted or wrong download is never taken for the file.

    Args:
        filename: its name at each mirror and in the cache.
        mirrors: URLs of folders, tried in this order.
        folder: of the cache (`pooch.os_cache("tinyae")`, ~/.cache/tinyae on Linux) to keep it in.

    Raises:
        ImportError: pooch is not installed.
        ConnectionError: no mirror gave the file; lists what each one said, and how to do without.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f'downloading {filename} needs pooch: pip install "tinyae[data]" '
            '(with the files at hand: TINYAE_DATA=DIR, or data_dir=DIR; "strokes" needs none)'
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
        except (
            OSError,
            ValueError,
        ) as error:  # no connection, 404, a full disk; ValueError: a wrong checksum
            failures.append(f"  {url}\n    {type(error).__name__}: {error}")
    raise ConnectionError(
        "\n".join(
            [
                f"{filename} could not be downloaded. Tried:",
                *failures,
                f"Get the file elsewhere, put it in a folder DIR/{folder}/ and set the environment variable TINYAE_DATA=DIR, "
                f'or pass data_dir=DIR. load_data("strokes") needs no download.',
            ]
        )
    )
