"""Settings shared by all tests: one BLAS thread, no windows, reproducible hypothesis, real data
where it lies."""

import os

for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "tinyae",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tinyae")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_dir():
    """The folder with mnist/ and fashion-mnist/: TINYAE_DATA, else ../shared/data; skips where
    there is none."""
    for folder in (os.environ.get("TINYAE_DATA"), ROOT.parent / "shared" / "data"):
        if folder and (Path(folder) / "mnist").is_dir():
            return Path(folder)
    pytest.skip(
        "real MNIST not found: set TINYAE_DATA to a folder with mnist/ and fashion-mnist/ in it"
    )
