"""A training step of the chapters' models in tinyae and in PyTorch: forward, loss, backward, Adam.

    python benchmarks/training_step.py dense
    python benchmarks/training_step.py conv --batches 64 128 512 --rounds 5

Each measurement is a separate process (two thread pools in one process would disturb each other),
and the two libraries take turns, so that a change of the machine's speed does not favor one. The
output has medians over the rounds of each process's median step; the floor, which is the time of
the matrix products alone on as many threads; and peak memory. PyTorch uses its default settings.
On a GPU: --device gpu.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

STEPS = {"dense": 60, "conv": 20}


def tinyae_step(model_name: str, batch: int, threads: int, device: str):
    import numpy as np

    from tinyae import Adam, Objective, to_device
    from tinyae.models import basic_autoencoder, conv_autoencoder
    from tinyae.training.workers import Workers, loss_and_gradients

    model = {"dense": basic_autoencoder, "conv": conv_autoencoder}[model_name](0).to(device)
    shape = (batch, 784) if model_name == "dense" else (batch, 1, 28, 28)
    x = to_device(np.random.default_rng(0).random(shape, dtype=np.float32), device)
    optimizer, objective = Adam(model.params), Objective()
    team = Workers(threads if device == "cpu" else 1).__enter__()

    def step() -> None:
        _, grads, _ = loss_and_gradients(model, x, objective, team, [0])
        optimizer.step(grads, team.map)

    def wait() -> None:
        if device == "gpu":
            import cupy

            cupy.cuda.get_current_stream().synchronize()

    return step, wait


def torch_step(model_name: str, batch: int, threads: int, device: str):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if model_name == "dense":
        sizes = [784, 512, 256, 32, 256, 512, 784]
        layers = [
            part
            for a, b in zip(sizes, sizes[1:], strict=False)
            for part in (nn.Linear(a, b), nn.ReLU())
        ]
        shape = (batch, 784)
    else:
        layers = [
            nn.Conv2d(1, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(128, 64, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, 2, 1, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, 2, 1, 1),
            nn.ReLU(),
        ]
        shape = (batch, 1, 28, 28)
    where = "cuda" if device == "gpu" else "cpu"
    model = nn.Sequential(*layers[:-1], nn.Sigmoid()).to(where)
    criterion, optimizer = nn.MSELoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    x = torch.rand(shape, device=where)

    def step() -> None:
        optimizer.zero_grad()
        loss = criterion(model(x), x)
        loss.backward()
        optimizer.step()

    return step, torch.cuda.synchronize if device == "gpu" else lambda: None


def floor_step(model_name: str, batch: int, threads: int, device: str):
    """Only the three matrix products of every layer. Each thread has an equal part of the batch."""
    import numpy as np

    from tinyae.training.workers import Workers

    n = batch // threads
    if model_name == "dense":
        sizes = [784, 512, 256, 32, 256, 512, 784]
        shapes = [(n, a, b) for a, b in zip(sizes, sizes[1:], strict=False)]
    else:  # (rows, kh·kw·image channels, filters)
        shapes = [(n * 196, 9, 32), (n * 49, 288, 64), (n, 3136, 128)] * 2
    products = []
    for rows, a, b in shapes:
        x, w, dy = (np.ones(shape, np.float32) for shape in ((rows, a), (b, a), (rows, b)))
        products += [(x, w.T, (rows, b)), (dy, w, (rows, a)), (dy.T, x, (b, a))]
    buffers = [[np.empty(shape, np.float32) for _, _, shape in products] for _ in range(threads)]
    team = Workers(threads).__enter__()

    def one(worker: int) -> None:
        for (a, b, _), out in zip(products, buffers[worker], strict=True):
            np.matmul(a, b, out=out)

    return lambda: team.map(one, range(threads)), lambda: None


PEERS = {"tinyae": tinyae_step, "torch": torch_step, "floor": floor_step}


def child(peer: str, model: str, batch: int, threads: int, device: str) -> None:
    step, wait = PEERS[peer](model, batch, threads, device)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = []
    for _ in range(STEPS[model] + 5):
        wait()
        start = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps({"ms": statistics.median(times[5:]) * 1e3, "peak": peak, "step": peak - before})
    )


def measure(peer: str, model: str, batch: int, threads: int, device: str) -> dict[str, float]:
    blas = {"OPENBLAS_NUM_THREADS": "1"} if peer != "torch" else {}
    command = [
        sys.executable,
        __file__,
        model,
        "--child",
        peer,
        "--batches",
        str(batch),
        "--threads",
        str(threads),
    ]
    run = subprocess.run(
        [*command, "--device", device], env={**os.environ, **blas}, capture_output=True, text=True
    )
    if run.returncode:
        raise SystemExit(f"{peer} failed:\n{run.stderr}")
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=STEPS)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.model, args.batches[0], args.threads, args.device)
        return

    where = f"{args.threads} threads" if args.device == "cpu" else "GPU"
    print(f"{args.model} model, {where}, median of {args.rounds} alternating processes each")
    print(
        "batch   tinyae ms   PyTorch ms   PyTorch/tinyae   floor ms   "
        "peak MiB tinyae / PyTorch   of it for the steps"
    )
    for batch in args.batches:
        peers = ["tinyae", "torch"] + (["floor"] if args.device == "cpu" else [])
        settings = args.model, batch, args.threads, args.device
        rounds = [{peer: measure(peer, *settings) for peer in peers} for _ in range(args.rounds)]

        def median(peer: str, what: str, rounds: list = rounds) -> float:
            return (
                statistics.median(r[peer][what] for r in rounds)
                if peer in rounds[0]
                else float("nan")
            )

        ratio = statistics.median(r["torch"]["ms"] / r["tinyae"]["ms"] for r in rounds)
        print(
            f"{batch:5d} {median('tinyae', 'ms'):11.2f} {median('torch', 'ms'):12.2f} {ratio:16.2f}"
            f" {median('floor', 'ms'):10.2f}"
            f" {median('tinyae', 'peak'):15.0f} / {median('torch', 'peak'):.0f}"
            f" {median('tinyae', 'step'):18.0f} / {median('torch', 'step'):.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
