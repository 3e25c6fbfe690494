"""Conv2d compared with other ways to write a convolution in NumPy, for the two middle layers of
chapter 2's model.

    python benchmarks/convolutions.py
    python benchmarks/convolutions.py --batch 128 --rounds 9

Each way is restated in a few lines, forward and backward (dx, dW), and first checked to give the
same values. Then they take turns, on one thread. The output has medians over the rounds of each
round's best of five, and the ratio to tinyae's time. Each way gets its input and its dy in the
memory order in which it writes its own outputs, because this is what a net made of such layers
passes to it. The six loops (tinyae/layers/reference.py; every line works on the whole batch) run
once, over some of the filters, and the time is scaled up: the loop over the filters is the
outermost one, so the time is proportional to their number.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import statistics
import time

import numpy as np

from tinyae import Conv2d
from tinyae.layers.reference import conv2d_loops, conv2d_loops_backward

K, S, P = 3, 2, 1  # kernel, stride, padding of both layers
LAYERS = {"1 → 32, 28×28": (1, 32, 28), "32 → 64, 14×14": (32, 64, 14)}


def pad(x):
    return np.pad(x, ((0, 0), (0, 0), (P, P), (P, P)))


def crop(x):
    return x[:, :, P:-P, P:-P]


def strided(u, v, h):
    """The pixels that kernel position (u, v) meets, one for each of the h × h output positions."""
    return slice(None), slice(None), slice(u, u + S * h, S), slice(v, v + S * h, S)


class Ours:
    def __init__(self, w):
        self.layer = Conv2d(w.shape[1], w.shape[0], K, S, P, bias=False)
        self.layer.params["weight"][...] = w

    def forward(self, x):
        return self.layer.forward(x)

    def backward(self, dy, x):
        dx, grads = self.layer.backward(dy, x)
        return dx, grads["weight"]


class KernelTaps:
    """A loop over the kernel positions, with one product over the channels for each."""

    def __init__(self, w):
        self.w = w

    def forward(self, x):
        xp, h = pad(x), (x.shape[2] + 2 * P - K) // S + 1
        y = 0
        for u in range(K):
            for v in range(K):
                y = y + np.tensordot(
                    self.w[:, :, u, v], xp[strided(u, v, h)], axes=(1, 1)
                )  # (O, N, h, h)
        return y.transpose(1, 0, 2, 3), xp

    def backward(self, dy, xp):
        h, dxp, dw = dy.shape[2], np.zeros_like(xp), np.zeros_like(self.w)
        for u in range(K):
            for v in range(K):
                at = strided(u, v, h)
                dw[:, :, u, v] = np.tensordot(dy, xp[at], axes=((0, 2, 3), (0, 2, 3)))
                dxp[at] += np.tensordot(dy, self.w[:, :, u, v], axes=(1, 0)).transpose(0, 3, 1, 2)
        return crop(dxp), dw


class FancyIndexing:
    """im2col as in many courses: three index arrays select the patches as columns, and
    ``np.add.at`` adds them back."""

    def __init__(self, w):
        self.w = w

    def indices(self, c, h):
        # channel, row and column of each entry of each patch
        k = np.repeat(np.arange(c), K * K)[:, None]
        i = np.tile(np.repeat(np.arange(K), K), c)[:, None] + S * np.repeat(np.arange(h), h)
        j = np.tile(np.arange(K), K * c)[:, None] + S * np.tile(np.arange(h), h)
        return slice(None), k, i, j

    def forward(self, x):
        h = (x.shape[2] + 2 * P - K) // S + 1
        columns = pad(x)[self.indices(x.shape[1], h)]  # (N, C·k·k, h·h)
        columns = columns.transpose(1, 2, 0).reshape(columns.shape[1], -1)  # (C·k·k, h·h·N)
        y = (
            (self.w.reshape(len(self.w), -1) @ columns)
            .reshape(len(self.w), h, h, len(x))
            .transpose(3, 0, 1, 2)
        )
        return y, (x.shape, columns)

    def columns_back(self, dy, cache):
        (n, c, height, width), columns = cache
        rows = dy.transpose(1, 2, 3, 0).reshape(len(self.w), -1)  # (O, h·h·N)
        dcolumns = (
            (self.w.reshape(len(self.w), -1).T @ rows)
            .reshape(len(columns), -1, n)
            .transpose(2, 0, 1)
        )
        return (
            dcolumns,
            (rows @ columns.T).reshape(self.w.shape),
            (n, c, height + 2 * P, width + 2 * P),
        )

    def backward(self, dy, cache):
        dcolumns, dw, shape = self.columns_back(dy, cache)
        dxp = np.zeros(shape, dy.dtype)
        np.add.at(dxp, self.indices(shape[1], dy.shape[2]), dcolumns)
        return crop(dxp), dw


class Bincount(FancyIndexing):
    """The same; col2im by ``np.bincount``, which adds in float64."""

    def backward(self, dy, cache):
        dcolumns, dw, shape = self.columns_back(dy, cache)
        _, k, i, j = self.indices(shape[1], dy.shape[2])
        where = (
            np.arange(shape[0])[:, None, None] * np.prod(shape[1:])
            + (k * shape[2] + i) * shape[3]
            + j
        )
        dxp = np.bincount(where.ravel(), dcolumns.ravel(), minlength=np.prod(shape)).reshape(shape)
        return crop(dxp).astype(dy.dtype), dw


class Einsum:
    """einsum over a view of all windows; dx uses the windows of dy, dilated by the stride, and the
    flipped kernel."""

    optimize = True

    def __init__(self, w):
        self.w = w

    def windows(self, x, step):
        return np.lib.stride_tricks.sliding_window_view(x, (K, K), axis=(2, 3))[
            :, :, ::step, ::step
        ]  # (N, C, h, h, k, k)

    def forward(self, x):
        windows = self.windows(pad(x), S)
        return np.einsum("nchwuv,ocuv->nohw", windows, self.w, optimize=self.optimize), (
            x.shape,
            windows,
        )

    def backward(self, dy, cache):
        (n, _, height, width), windows = cache
        dw = np.einsum("nohw,nchwuv->ocuv", dy, windows, optimize=self.optimize)
        spread = np.zeros((n, dy.shape[1], height + 2 * P + K - 1, width + 2 * P + K - 1), dy.dtype)
        spread[strided(K - 1, K - 1, dy.shape[2])] = dy
        flipped = self.w[:, :, ::-1, ::-1]
        dxp = np.einsum(
            "nohwuv,ocuv->nchw", self.windows(spread, 1), flipped, optimize=self.optimize
        )
        return crop(dxp), dw


class PlainEinsum(Einsum):
    """The same without ``optimize=True``: no matrix products."""

    optimize = False


class SixLoops:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        return conv2d_loops(x, self.w, None, (S, S), (P, P)), x

    def backward(self, dy, x):
        return conv2d_loops_backward(dy, x, self.w, (S, S), (P, P))[:2]


WAYS = {
    "tinyae: unfold in pieces, channels-last": Ours,
    "loop over kernel taps": KernelTaps,
    "im2col by fancy indexing, np.add.at": FancyIndexing,
    "im2col by fancy indexing, np.bincount": Bincount,
    "einsum over a window view, optimize=True": Einsum,
    "einsum over a window view": PlainEinsum,
}


def example(name, n):
    """x, dy, w in float32."""
    c, o, size = LAYERS[name]
    rng, h = np.random.default_rng(0), (size + 2 * P - K) // S + 1
    shapes = (n, c, size, size), (n, o, h, h), (o, c, K, K)
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def at_home(way, x, dy):
    """x and dy in the memory order of this way's dx and y."""
    (y, dx, _), _ = run(way, x, dy)
    new = []
    for a, like in ((x, dx), (dy, y)):
        new.append(np.empty_like(like))
        new[-1][...] = a
    return new


def run(way, x, dy):
    """y, dx, dw and the milliseconds that forward and backward took."""
    start = time.perf_counter()
    y, cache = way.forward(x)
    middle = time.perf_counter()
    dx, dw = way.backward(dy, cache)
    return (y, dx, dw), (1e3 * (middle - start), 1e3 * (time.perf_counter() - middle))


def check_equal(name):
    x, dy, w = example(name, 2)
    wanted, _ = run(SixLoops(w), x, dy)
    for way, make in WAYS.items():
        for ours, theirs in zip(run(make(w), x, dy)[0], wanted, strict=True):
            assert (
                ours.shape == theirs.shape
                and np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()
            ), way


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    for name in LAYERS:
        check_equal(name)
        x, dy, w = example(name, args.batch)
        ways = {way: make(w) for way, make in WAYS.items()}
        inputs = {way: at_home(what, x, dy) for way, what in ways.items()}
        times = {way: [] for way in ways}
        for _ in range(args.rounds):
            for way, what in ways.items():
                repeats = 1 if way == "einsum over a window view" else 5
                times[way].append(
                    np.min([run(what, *inputs[way])[1] for _ in range(repeats)], axis=0)
                )
        few, of = 2, len(w)
        times[f"six loops ({few} of {of} filters, time × {of // few})"] = [
            np.array(run(SixLoops(w[:few]), x, dy[:, :few])[1]) * (of / few)
        ]

        print(
            f"{name}, kernel 3, stride 2, padding 1, batch {args.batch}, float32, one thread, "
            f"medians of {args.rounds} rounds"
        )
        print(f"{'':<46}{'forward ms':>12}{'backward ms':>13}{'together':>12}{'× tinyae':>10}")
        ours = times[next(iter(WAYS))]
        for way, rows in times.items():
            forward, backward = np.median(rows, axis=0)
            alike = ours if len(rows) == len(ours) else [np.median(ours, axis=0)]
            ratio = statistics.median(a.sum() / b.sum() for a, b in zip(rows, alike, strict=True))
            print(
                f"{way:<46}{forward:>12.2f}{backward:>13.2f}{forward + backward:>12.2f}"
                f"{ratio:>10.1f}",
                flush=True,
            )
        print()


if __name__ == "__main__":
    main()
