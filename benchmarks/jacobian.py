"""The contractive penalty ‖∂z/∂x‖²_F with all its gradients, in tinyae and in PyTorch.

    python benchmarks/jacobian.py
    python benchmarks/jacobian.py dense-relu conv --batches 32 --rounds 5

The exact penalty: its value and its gradients with respect to every parameter and x, for the
encoder of the dense model (784-512-256-32, with ReLU or Sigmoid) and of the convolutional one
(28×28 → 128). PyTorch computes it in two ways: ``func`` is torch.func, a vmap over the examples of
jacrev, then backward; ``loop`` is what most people write, autograd.grad(create_graph=True) for each
code unit in turn, then backward. tinyae works as in ``fit``, with one shard of the batch per
thread.

Each measurement is a separate process, and they take turns. The output has medians over the rounds
of each process's median, the median of the rounds' ratios, the peak memory of the process, and how
much of it is for these steps.
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
from collections.abc import Callable

# A process measures this many steps, or as many as fit into this time, but at least 3.
STEPS, SECONDS = 12, 4.0
BATCHES = {"dense-relu": [32, 128], "dense-sigmoid": [32, 128], "conv": [32]}
# -> the value and the norm of all gradients, which must agree between the libraries
Step = Callable[[], tuple[float, float]]


def encoder_net(encoder: str, batch: int):
    """The encoder with fixed weights, and the shape of a batch."""
    import numpy as np

    from tinyae import Linear, ReLU, Sequential, Sigmoid
    from tinyae.models import conv_autoencoder

    rng = np.random.default_rng(0)
    if encoder == "conv":
        net, shape = conv_autoencoder(rng).encoder, (batch, 1, 28, 28)
    else:
        f = ReLU if encoder == "dense-relu" else Sigmoid
        net = Sequential(
            Linear(784, 512, rng=rng),
            f(),
            Linear(512, 256, rng=rng),
            f(),
            Linear(256, 32, rng=rng),
            f(),
        )
        shape = (batch, 784)
    return net, shape


def tinyae_step(encoder: str, batch: int, threads: int) -> Step:
    import numpy as np

    from tinyae import contractive
    from tinyae.gradients import GradientSum, weighted_sum
    from tinyae.training.workers import Workers, shards

    net, shape = encoder_net(encoder, batch)
    x = np.random.default_rng(1).random(shape, dtype=np.float32)
    team, cuts = Workers(threads).__enter__(), shards(batch, threads)
    weights = [(cut.stop - cut.start) / batch for cut in cuts]

    def one(cut: slice):
        return contractive(net, net.forward(x[cut])[1])

    def step() -> tuple[float, float]:
        values, dx, grads = zip(*team.map(one, cuts), strict=True)
        grads = GradientSum(grads, weights)
        squares = sum(float((g * g).sum()) for g in grads.values())
        squares += sum(
            w * w * float((d * d).sum()) for w, d in zip(weights, dx, strict=True) if d is not None
        )
        return weighted_sum(values, weights), squares**0.5

    return step


def torch_net(encoder: str, batch: int, threads: int):
    """The same net with the same weights and input."""
    import numpy as np
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    ours, shape = encoder_net(encoder, batch)
    f = nn.Sigmoid if encoder == "dense-sigmoid" else nn.ReLU
    if encoder == "conv":
        layers = [
            nn.Conv2d(1, 32, 3, 2, 1),
            f(),
            nn.Conv2d(32, 64, 3, 2, 1),
            f(),
            nn.Conv2d(64, 128, 7),
            f(),
            nn.Flatten(),
        ]
    else:
        layers = [nn.Linear(784, 512), f(), nn.Linear(512, 256), f(), nn.Linear(256, 32), f()]
    net = nn.Sequential(*layers)
    net.load_state_dict(
        {key: torch.tensor(np.ascontiguousarray(w)) for key, w in ours.params.items()}
    )
    x = torch.tensor(np.random.default_rng(1).random(shape, dtype=np.float32), requires_grad=True)
    return net, x


def gradients(value, net, x) -> tuple[float, float]:
    import torch

    grads = torch.autograd.grad(
        value, [*net.parameters(), x], allow_unused=True
    )  # of a ReLU net, x has none
    return value.item(), sum(float((g * g).sum()) for g in grads if g is not None) ** 0.5


def func_step(encoder: str, batch: int, threads: int) -> Step:
    from torch.func import functional_call, jacrev, vmap

    net, x = torch_net(encoder, batch, threads)
    params = dict(net.named_parameters())

    def code(params, one):
        return functional_call(net, params, one[None])[0]

    rows = vmap(jacrev(code, argnums=1), in_dims=(None, 0))

    def step() -> tuple[float, float]:
        return gradients((rows(params, x) ** 2).sum() / batch, net, x)

    return step


def loop_step(encoder: str, batch: int, threads: int) -> Step:
    import torch

    net, x = torch_net(encoder, batch, threads)

    def step() -> tuple[float, float]:
        z, value = net(x), 0.0
        for k in range(z.shape[1]):
            (row,) = torch.autograd.grad(z[:, k].sum(), x, create_graph=True)
            value = value + (row**2).sum() / batch
        return gradients(value, net, x)

    return step


PEERS = {"tinyae": tinyae_step, "func": func_step, "loop": loop_step}


def child(peer: str, encoder: str, batch: int, threads: int) -> None:
    step = PEERS[peer](encoder, batch, threads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = []
    while len(times) < 5 or (len(times) < STEPS + 2 and sum(times) < SECONDS):
        start = time.perf_counter()
        results = step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "ms": statistics.median(times[2:]) * 1e3,
                "peak": peak,
                "step": peak - before,
                "results": results,
            }
        )
    )


def measure(peer: str, encoder: str, batch: int, threads: int) -> dict:
    command = [
        sys.executable,
        __file__,
        encoder,
        "--child",
        peer,
        "--batches",
        str(batch),
        "--threads",
        str(threads),
    ]
    run = subprocess.run(
        command, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    if run.returncode:
        raise SystemExit(f"{peer} failed:\n{run.stderr}")
    return json.loads(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "encoders",
        nargs="*",
        choices=[*BATCHES, []],
        default=[],
        metavar="ENCODER",
        help=", ".join(BATCHES),
    )
    parser.add_argument("--batches", type=int, nargs="+", help="default: 32 and 128, for conv 32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.encoders[0], args.batches[0], args.threads)
        return

    print(f"{args.threads} threads, median of {args.rounds} alternating processes each")
    print(
        f"{'encoder':<14}{'batch':>6}{'tinyae ms':>11}{'func ms':>9}{'loop ms':>9}"
        f"{'func/tinyae':>13}{'loop/tinyae':>13}"
        "   peak MiB tinyae / func / loop   of it for the steps"
    )
    for encoder in args.encoders or BATCHES:
        for batch in args.batches or BATCHES[encoder]:
            rounds = [
                {peer: measure(peer, encoder, batch, args.threads) for peer in PEERS}
                for _ in range(args.rounds)
            ]
            results = [rounds[0][peer]["results"] for peer in PEERS]
            if any(
                abs(a / b - 1) > 1e-3
                for other in results
                for a, b in zip(results[0], other, strict=True)
            ):
                raise SystemExit(
                    f"{encoder}: the peers do not agree (value, norm of the gradients): {results}"
                )

            def median(peer: str, what: str, rounds: list = rounds) -> float:
                return statistics.median(r[peer][what] for r in rounds)

            ms = [median(peer, "ms") for peer in PEERS]
            ratios = [
                statistics.median(r[peer]["ms"] / r["tinyae"]["ms"] for r in rounds)
                for peer in ("func", "loop")
            ]
            peaks, of_it = (
                " / ".join(f"{median(peer, what):.0f}" for peer in PEERS)
                for what in ("peak", "step")
            )
            print(
                f"{encoder:<14}{batch:>6}{ms[0]:>11.1f}{ms[1]:>9.1f}{ms[2]:>9.1f}{ratios[0]:>13.2f}{ratios[1]:>13.2f}"
                f"   {peaks:<30}   {of_it}",
                flush=True,
            )


if __name__ == "__main__":
    main()
