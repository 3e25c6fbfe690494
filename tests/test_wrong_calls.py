"""Every public function looks once at what it is given: no wrong call passes silently, and almost
every one is refused in our own words, which name the function or the argument."""

from collections import Counter

import pytest
from helpers.wrong_calls import outcomes
from helpers.wrong_calls.every import PACKAGES

FOREIGN = 0.04  # the largest fraction of exceptions that are not ours


@pytest.mark.parametrize("package", PACKAGES)
def test_the_right_calls_work(package):
    """Otherwise a wrong call could fail for another reason."""
    for call in PACKAGES[package]:
        call.works()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_wrong_call_is_silent_and_few_fail_in_foreign_words(package, capfd):
    results = list(outcomes(PACKAGES[package]))
    silent = [call for result, call, _ in results if result == "silent"]
    foreign = [f"{call}: {message}" for result, call, message in results if result == "foreign"]
    assert not silent
    assert len(foreign) <= FOREIGN * len(results), "\n".join(foreign)


def test_they_are_many():
    counts = Counter(
        {
            package: sum(len(values) for call in calls for values in call.wrong.values())
            for package, calls in PACKAGES.items()
        }
    )
    assert counts.total() > 3000 and min(counts.values()) > 50
