"""How a trial's steps are computed: chosen from its spec, so that a trial is computed the same way each time.

Any way is the same mathematics as Keras's `train_on_batch`; they differ in speed and, by rounding, in the last digits.
"""

from typing import Literal, NamedTuple

XLA_LARGEST_BATCH = 2
XLA_FEWEST_STEPS = 16_000


class Way(NamedTuple):
    """The way of one trial."""

    step: Literal["graph", "xla"]
    """`graph`: TensorFlow's kernels one after the other.  `xla`: the step compiled into one by XLA."""
    batch_size: int | None
    """What the step is compiled for; None where one graph serves batches of any size."""


GRAPH = Way("graph", None)


def way(batch_size: int, steps: int, device: str) -> Way:
    """The way for a trial of so many steps, on `cpu` or `gpu`.

    On a CPU compiled steps are ahead only in the smallest batches, where a kernel's overhead counts for more than its
    work.  Compiling takes 1.5 to 4 seconds longer than making the graph, which 16,000 steps win back without
    normalization.  Training images per second of one thread, reference CNN, AMD EPYC with AVX-512, medians of two or
    three rounds in turn while the other core was at work (`tests/bench/with_bnexp.py` takes the way that
    BNEXP_BENCH_STEP names):

        batch   none: graph, xla   batch: graph, xla   group: graph, xla   switchable: graph, xla
            2        1787   2300         1453   1652         1130   1177               735   1103
            4        2913   2881         1962   1685         1327    591               903   1063
            8        3388   3204         2627   2447
           16        3844   3142         3017   2132         2724   1183              1513   1391
    """
    if device == "gpu" or (batch_size <= XLA_LARGEST_BATCH and steps >= XLA_FEWEST_STEPS):
        return Way("xla", batch_size)
    return GRAPH
