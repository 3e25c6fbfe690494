"""Gradient checking that explains: is this gradient right, and if not, what is wrong with it?"""

from tinyae.checking.gradcheck import assert_gradients, gradcheck
from tinyae.checking.report import Report

__all__ = ["Report", "assert_gradients", "gradcheck"]
