"""Ghost batch normalization (Hoffer, Hubara & Soudry 2017, https://arxiv.org/abs/1705.08741)."""

from typing import Any

import keras
from keras import ops

from bnexp.norms.bases import ByBatch


@keras.saving.register_keras_serializable(package="bnexp")
class GhostBatchNormalization(ByBatch):
    """Batch normalization over chunks of the batch.

    y = γ_c (x − μ_kc) / √(σ²_kc + ε) + β_c for x of shape (N,...,C); in training μ and σ² (biased) are those of the
    chunk k of `ghost_size` examples in a row that the example lies in, over all axes but the last.  What is left of a
    batch is a smaller last chunk.  At inference they are moving averages, which start at 0 and 1 and have taken in one
    chunk after the other, as if each had been a batch (the paper's algorithm 1, with weights that sum to 1, and of σ²
    where the paper has σ, so that one chunk is batch normalization at inference too).
    γ and β, of shape (C), start at 1 and 0.  Any batch size, also one that is known only when the graph runs.

    Arguments: `ghost_size` ≥ 1, 16; `momentum` in [0,1), 0.99; `epsilon` > 0, 1e-3.  ValueError for others.
    One chunk of the whole batch is batch normalization, chunks of one example are instance normalization in training.
    It is also what data-parallel training computes on `ghost_size` examples a device without synchronization.
    """

    arguments = ("ghost_size", "momentum", "epsilon")

    def __init__(self, ghost_size: int = 16, momentum: float = 0.99, epsilon: float = 1e-3, **keywords: Any) -> None:
        super().__init__(momentum, epsilon, **keywords)
        if ghost_size < 1:
            raise ValueError(f"ghost_size must be at least 1; received {ghost_size}")
        self.ghost_size = ghost_size

    def line(self, mean: Any, variance: Any, training: bool | None) -> tuple[Any, Any]:
        if self.uses_batch(training):
            of_all, variance = self._of_chunks(mean, variance)
        else:
            of_all, variance = self.precise(self.moving_mean), self.precise(self.moving_variance)
        inverse = ops.rsqrt(variance + self.epsilon)
        return self.scale_and_shift(inverse, (mean - of_all) * inverse)

    def _of_chunks(self, means: Any, variances: Any) -> tuple[Any, Any]:
        """Mean and variance of each example's chunk, from those of the examples, all of shape (N,1,...,C)."""
        examples, *others = ops.shape(means)
        chunks = (examples + self.ghost_size - 1) // self.ghost_size
        missing = chunks * self.ghost_size - examples

        def mean(values: Any) -> Any:
            """Over chunks (K,V,...,C), the last filled up with zeros that count for nothing."""
            filled = ops.concatenate([values, ops.zeros((missing, *others), values.dtype)])
            return ops.sum(ops.reshape(filled, (chunks, self.ghost_size, *others)), 1) / count

        def of_examples(values: Any) -> Any:
            repeated = ops.broadcast_to(ops.expand_dims(values, 1), (chunks, self.ghost_size, *others))
            return ops.reshape(repeated, (-1, *others))[:examples]

        sizes = ops.minimum(self.ghost_size, examples - ops.arange(chunks) * self.ghost_size)
        count = ops.reshape(self.precise(sizes), (-1, *(1 for _ in others)))
        chunk_mean = mean(means)
        each_mean = of_examples(chunk_mean)
        chunk_variance = mean(variances + ops.square(means - each_mean))
        self._take_in(chunks, chunk_mean, chunk_variance)
        return each_mean, of_examples(chunk_variance)

    def _take_in(self, chunks: Any, mean: Any, variance: Any) -> None:
        """One step of the moving averages for each chunk, in one go: (1 − m) Σ_k m^(K−1−k) μ_k + m^K · average."""
        later = self.precise(chunks - 1 - ops.arange(chunks))
        weights = (1 - self.momentum) * ops.expand_dims(self.momentum**later, -1)
        kept = self.momentum ** self.precise(chunks)
        for average, values in [(self.moving_mean, mean), (self.moving_variance, variance)]:
            taken = ops.sum(weights * ops.reshape(values, (chunks, self.channels)), 0)
            average.assign(kept * self.precise(average) + taken)
