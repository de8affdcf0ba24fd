"""Training: a trial in, a record out.  Importing this imports TensorFlow."""

from bnexp.training.trainer import Trainer

__all__ = ["Trainer"]
