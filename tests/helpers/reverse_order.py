"""A pytest plugin that runs the last test first:

    PYTHONPATH=tests pytest -p helpers.reverse_order

No test may depend on the tests before it. ``.ci/run`` uses this for its second run.
"""


def pytest_collection_modifyitems(items):
    items.reverse()
