"""``mpiexec -n K python train_with_mpi.py OUT.npz [options]``: a short run, for the tests.

With ``--workers K`` and without mpiexec it is the same run in one process.
"""

import argparse

import numpy as np

from tinyae import Adam, Autoencoder, Linear, Objective, Sequential, Sigmoid, Tanh, fit, load_data
from tinyae.data import Gaussian
from tinyae.training.machines import find_machines


def small_model(dtype):
    def linear(a, b, seed):
        return Linear(a, b, rng=seed, dtype=dtype)

    return Autoencoder(
        Sequential(linear(784, 32, 0), Tanh(), linear(32, 8, 1)),
        Sequential(linear(8, 32, 2), Tanh(), linear(32, 784, 3), Sigmoid()),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--examples", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--checkpoint")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--patience", type=int)
    parser.add_argument("--nan", action="store_true")
    parser.add_argument("--fail", type=int, default=-1)
    args = parser.parse_args()

    rank = find_machines().rank
    x = load_data("strokes").train.flat[: args.examples].astype(args.dtype)
    model = small_model(args.dtype)
    objective = Objective(corrupt=Gaussian(0.2))

    def watched(model, batch, rng):
        if rank == args.fail:
            raise RuntimeError("a broken disk")
        loss, grads, terms = objective(model, batch, rng)
        return (float("nan") if args.nan else loss), grads, terms

    history = fit(
        model, x, watched, Adam(model.params, lr=1e-2), epochs=args.epochs,
        batch_size=args.batch_size, workers=args.workers, validation=x[:32], progress=False,
        checkpoint=args.checkpoint, resume=args.resume, patience=args.patience,
    )  # fmt: skip
    np.savez(
        f"{args.out}.{rank}.npz", losses=history["loss"], val=history["val_loss"], **model.params
    )


if __name__ == "__main__":
    main()
