"""Penalties on the code (``sparsity``) and on the encoder's Jacobian (``jacobian_penalty``), and
what the Jacobian looks like, for tables and plots (``jacobian_metrics``)."""

from tinyae.penalties.jacobian_metrics import (
    contraction_ratios,
    jacobian_norms,
    normalized_contraction,
    saturation,
    singular_values,
)
from tinyae.penalties.jacobian_penalty import (
    contractive,
    higher_order_contractive,
    reconstruction_contractive,
)
from tinyae.penalties.rows import jacobian
from tinyae.penalties.sparsity import KLSparsity, l1

__all__ = [
    "KLSparsity",
    "contraction_ratios",
    "contractive",
    "higher_order_contractive",
    "jacobian",
    "jacobian_norms",
    "l1",
    "normalized_contraction",
    "reconstruction_contractive",
    "saturation",
    "singular_values",
]
