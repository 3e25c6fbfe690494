"""Autoencoders from scratch."""
