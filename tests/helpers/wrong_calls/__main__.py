"""``python -m helpers.wrong_calls``: see the package."""

import sys
from collections import Counter

from helpers.wrong_calls import outcomes
from helpers.wrong_calls.every import PACKAGES

total: Counter[str] = Counter()
for package, calls in PACKAGES.items():
    counts: Counter[str] = Counter()
    for result, call, message in outcomes(calls):
        counts[result] += 1
        if result != "ours" or "--all" in sys.argv:
            print(f"{result:8}{call}  {message[:150]}")
    print(f"{package}: {counts.total()} wrong calls of {len(calls)} functions, {dict(counts)}\n")
    total += counts
print(f"{total.total()} wrong calls: {dict(total)}")
