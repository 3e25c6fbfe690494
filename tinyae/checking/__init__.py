"""Gradient checking that explains: is this gradient right, and if not, what is wrong with it?

``gradcheck(target, *inputs) -> Report`` compares backward with finite differences, and
``assert_gradients`` does the same in tests. ``show_report`` shows a report, in a notebook with an
error map of each tensor. ``step_sweep`` measures the error for many step sizes. ``adjoint_gap``
tests linear maps exactly. ``check_second`` checks the second derivatives of a layer, and
``check_penalty`` checks whether value and gradient of a penalty belong together.
``tinyae.known_bugs`` has wrong gradients to test a checker with; ``tinyae.cli.check.check_file``
checks an object in a file.
"""

from tinyae.checking.check import assert_gradients, gradcheck
from tinyae.checking.penalties import check_penalty
from tinyae.checking.report import Report, show_report
from tinyae.checking.second_order import adjoint_gap, check_second
from tinyae.checking.step_sweep import StepSizeSweep, step_sweep

__all__ = [
    "Report",
    "StepSizeSweep",
    "adjoint_gap",
    "assert_gradients",
    "check_penalty",
    "check_second",
    "gradcheck",
    "show_report",
    "step_sweep",
]
