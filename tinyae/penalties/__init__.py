"""Penalties: on the code (``sparsity``) and on the encoder's Jacobian (``jacobian``, whose function of that name is
``tinyae.jacobian``); ``measures`` of the Jacobian for tables and plots."""

from tinyae.penalties.jacobian_metrics import (
    contraction_ratios,
    jacobian_norms,
    normalized_contraction,
    singular_values,
)
from tinyae.penalties.jacobian_penalty import (
    contractive,
    higher_order_contractive,
    reconstruction_contractive,
)
from tinyae.penalties.sparsity import KLSparsity, l1

__all__ = [
    "contraction_ratios",
    "contractive",
    "higher_order_contractive",
    "jacobian_norms",
    "KLSparsity",
    "l1",
    "reconstruction_contractive",
    "normalized_contraction",
    "singular_values",
]
