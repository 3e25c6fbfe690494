"""Penalties: on the code (``sparsity``) and on the encoder's Jacobian (``jacobian``, whose function of that name is
``tinyae.jacobian``)."""

from tinyae.penalties.jacobian import contractive, higher_order_contractive, reconstruction_contractive
from tinyae.penalties.sparsity import kl_sparsity, kl_to, l1

__all__ = ["contractive", "higher_order_contractive", "kl_sparsity", "kl_to", "l1", "reconstruction_contractive"]
