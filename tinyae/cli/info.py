"""``tinyae list`` and ``tinyae info``: commands that only print."""

from __future__ import annotations

import argparse
import platform
from importlib import metadata
from typing import Any

import tinyae
from tinyae import compiled
from tinyae.backend import gpu_available
from tinyae.cli.presets import PRESETS, option_text
from tinyae.data.formats import format_table
from tinyae.data.sources import locate
from tinyae.training.workers import default_workers


def list_models(args: argparse.Namespace) -> int:
    """The presets, each with its options."""
    width = max(map(len, PRESETS))
    for name, preset in PRESETS.items():
        print(f"{name:<{width}}  {preset.description}")
        options = " ".join(map(option_text, preset.option_names))
        print(f"{'':<{width}}    {preset.epochs} epochs; options: {options}")
    return 0


def info(args: argparse.Namespace) -> int:
    """Versions, BLAS, threads, GPU, and where data sets were found; or the table of formats."""
    if args.formats:
        print(format_table())
        return 0
    print(f"tinyae {tinyae.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in (
        "numpy",
        "cupy",
        "matplotlib",
        "tqdm",
        "threadpoolctl",
        "pooch",
        "scikit-learn",
        "safetensors",
        "pillow",
    ):
        names = [package] if package != "cupy" else ["cupy", "cupy-cuda13x", "cupy-cuda12x"]
        found = next((f"{metadata.version(n)}" for n in names if _installed(n)), "not installed")
        print(f"  {package:<14}{found}")
    for pool in _thread_pools():
        kind = pool["user_api"].upper() if pool["user_api"] == "blas" else pool["user_api"]
        detail = (
            f"{pool['internal_api']} {pool['version'] or ''} {pool.get('architecture', '')}".strip()
        )
        print(
            f"{kind}: {detail}, {pool['num_threads']} threads "
            f"(during training, 1 for each of {default_workers(128)} workers)"
        )
    print(f"compiled loops: {compiled.load()}")
    print(f"GPU: {_gpu()}")
    for name, where in _data_found().items():
        print(f"data {name}: {where}")
    return 0


def _thread_pools() -> list[dict[str, Any]]:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:  # as in a browser
        return []
    pools: list[dict[str, Any]] = threadpool_info()
    return pools


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _gpu() -> str:
    if not gpu_available():
        return 'none found (this needs CuPy and a CUDA device: pip install "tinyae[gpu]")'
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(0)
    return f"{properties['name'].decode()}, {properties['totalGlobalMem'] / 2**30:.0f} GiB"


def _data_found() -> dict[str, str]:
    return {"strokes": "generated on the fly", "digits": "included in scikit-learn"} | {
        name: locate(name) for name in ("mnist", "fashion-mnist")
    }
