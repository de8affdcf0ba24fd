"""bnexp: honest, reproducible comparison of how neural networks are normalized."""

__version__ = "0.1.0"
