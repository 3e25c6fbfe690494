"""The tables of the papers on MNIST, beside what tinyae reaches, with mean and spread over seeds.

    python benchmarks/papers.py vincent               # 3 seeds
    python benchmarks/papers.py hinton --seeds 1 --json hinton.json
    python benchmarks/papers.py rifai --quick              # a test that it runs: seconds

With ``--json``, every result is written as soon as it is there, and a result that FILE already has
is not computed again: a run that was stopped continues with the same command. The results in
``benchmarks/results`` are such files; ``benchmarks/papers.md`` explains them.

Tables: hinton (deep autoencoder, 2006), vincent (denoising, 2008), rifai (contractive, 2011),
ksparse (Makhzani & Frey 2014), vae (Kingma & Welling 2014). The data are MNIST: TINYAE_DATA, or
downloaded once.

All settings were chosen on validation data: images of the training set on which the model was not
trained. How, is said at the head of each table's module in ``paper_tables``. The test set only
judges the final settings.

Seconds are of training alone. CPU seconds are those of all threads together: compare these, since
wall seconds depend on what else the machine does. With OPENBLAS_NUM_THREADS=1, only the workers of
``fit`` are threads.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import platform
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from paper_tables.common import Metrics, Table, say

TABLES = ("hinton", "vincent", "rifai", "ksparse", "vae")
SECONDS = {"cpu_s": ("CPU s", ".0f"), "wall_s": ("wall s", ".0f")}

Results = dict[str, list[Metrics]]  # per method, the metrics of each seed


def collect(
    table: Table,
    methods: list[str],
    seeds: range,
    results: Results,
    quick: bool,
    path: Path | None,
    name: str,
) -> None:
    """Run the seeds that ``results`` does not have yet, and add them. The JSON file is written
    after every method, so nothing is lost."""
    for seed, method in itertools.product(seeds, methods):
        if any(metrics["seed"] == seed for metrics in results.get(method, [])):
            say(f"  seed {seed}: {method}: from {path}")
            continue
        metrics = {"seed": seed, **table.methods[method](seed, quick)}
        table.remember(method, metrics)
        results.setdefault(method, []).append(metrics)
        texts = (
            f"{heading} {format(metrics[key], form)}"
            for key, (heading, form) in (table.columns | SECONDS).items()
            if key in metrics
        )
        say(f"  seed {seed}: {method}: {', '.join(texts)}")
        if path is not None:
            path.write_text(json.dumps(report(table, name, results, quick), indent=1) + "\n")


def earlier_results(path: Path | None, name: str, quick: bool) -> Results:
    """The results that the file has already.

    Raises:
        ValueError: the file has another table, or a quick run beside a full one.
    """
    if path is None or not path.exists():
        return {}
    found = json.loads(path.read_text())
    if (found.get("table"), found.get("quick")) != (name, quick):
        raise ValueError(
            f"{path} has table {found.get('table')}, quick: {found.get('quick')}; expected "
            f"{name}, quick: {quick}"
        )
    return found["results"]


def report(table: Table, name: str, results: Results, quick: bool) -> dict[str, Any]:
    return {
        "table": name,
        "title": table.title,
        "quick": quick,
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        "paper": table.paper,
        "results": results,
        "differs": table.differs,
    }


def cell(values: list[float], form: str) -> str:
    """``2.51`` or ``2.51 ± 0.01``: mean and standard deviation over the seeds."""
    if not values:
        return "–"
    mean = format(statistics.mean(values), form)
    return mean if len(values) < 2 else f"{mean} ± {format(statistics.stdev(values), form)}"


def print_table(table: Table, results: Results) -> None:
    """One line per method: ours (mean ± standard deviation), and the paper's value in brackets."""
    columns = {**table.columns, **SECONDS}
    lines = [["", *(heading for heading, _ in columns.values())]]
    for method in dict.fromkeys([*(m for m in table.methods if m in results), *table.paper]):
        line = [method]
        for key, (_, form) in columns.items():
            ours = cell([m[key] for m in results.get(method, []) if key in m], form)
            theirs = table.paper.get(method, {}).get(key)
            line.append(ours if theirs is None else f"{ours} [{theirs:g}]")
        lines.append(line)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{table.title}\n(in brackets: the paper)\n")
    for line in lines:
        first, *rest = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join([first, *rest]).rstrip())
    print("\nWhat differs from the paper:")
    for text in table.differs:
        print(f"- {text}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first one (default: 0)")
    parser.add_argument("--quick", action="store_true", help="few images and epochs, for a test")
    parser.add_argument("--method", metavar="TEXT", help="only the methods with TEXT in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")
    args = parser.parse_args()
    if args.seeds < 1:
        parser.error(f"--seeds is {args.seeds}, expected at least 1")
    table: Table = importlib.import_module(f"paper_tables.{args.table}").TABLE
    methods = [name for name in table.methods if args.method is None or args.method in name]
    if not methods:
        parser.error(f"--method {args.method!r}: none of {', '.join(table.methods)}")
    say(f"{args.table}: {args.seeds} seed(s){', quick' if args.quick else ''}")
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    try:
        results = earlier_results(args.json, args.table, args.quick)
    except ValueError as error:
        parser.error(str(error))
    for method, earlier in results.items():
        for metrics in earlier:
            table.remember(method, metrics)
    collect(table, methods, seeds, results, args.quick, args.json, args.table)
    print_table(table, results)


if __name__ == "__main__":
    main()
