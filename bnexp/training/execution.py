"""How a trial's steps are computed: chosen from its spec, so that a trial is computed the same way each time.

Each execution is the same mathematics as Keras's `train_on_batch`; they differ in speed and, by rounding, in last
digits.
"""

from typing import Literal, NamedTuple

from bnexp.specs.workers import XLA_LARGEST_BATCH

XLA_FEWEST_STEPS = 16_000


class Execution(NamedTuple):
    """How the steps of one trial are computed."""

    step: Literal["graph", "xla"]
    """`graph`: TensorFlow's kernels one after the other.  `xla`: the step compiled into one by XLA."""
    batch_size: int | None
    """What the step is compiled for; None where one graph serves batches of any size."""


GRAPH = Execution("graph", None)


def execution_for(batch_size: int, steps: int, device: str) -> Execution:
    """The execution of a trial of so many steps, on `cpu` or `gpu`.

    On a CPU compiled steps are ahead only in the smallest batches, where a kernel's overhead counts for more than its
    work.  Compiling takes 1.5 to 4 seconds longer than making the graph, which 16,000 steps win back.  Training images
    per second of one thread, reference CNN, AMD EPYC with AVX-512, medians of three rounds in turn, the other core
    at the same work (up to batch 4 at other work; `tests/bench/with_bnexp.py` takes the one that BNEXP_BENCH_STEP
    names):

                none         batch        layer        instance     group        switchable
        batch   graph   XLA  graph   XLA  graph   XLA  graph   XLA  graph   XLA  graph   XLA
            2    1993  2355   1613  1786   1261  1594   1475  1827   1438  1836    804  1371
            4    2913  2881   2306  2012                2195  1643   1982  1324   1602  1765
           16    4349  3296   3264  2571   2555  1716   2623  1694   2638  1139
           64    4576  3472   3484  2435   3027  1635   3092  1618   3016  1184   3004
          256    4309  3183   3693  2404   2537  1509   2095  1441   2384  1098

    (layer, instance and group from batch 4 on with Keras's own layer in XLA; at 2 with the faster form, which takes the
    1271 of group to 1836.)  Compiling only a normalization within the graph was no gain at batch 32: switchable 1416
    to 1912 of the graph, ghost-batch 1683 to 2502, group 2817 to 3266.

    `make bench` has the ratio of both for every method.  At batch 8 XLA is ahead for a few (filter-response 1.3,
    evonorm-b0 and ghost-batch 1.2, layer-channel and switchable 1.1, all others 0.7 to 1.05).  They get the graph like
    the rest: the method decides over the forms of layers (`training.fast_layers`), not over this, because the two
    sides of a pair shall be computed alike, and the audit names it where they were not.
    """
    if device == "gpu" or (batch_size <= XLA_LARGEST_BATCH and steps >= XLA_FEWEST_STEPS):
        return Execution("xla", batch_size)
    return GRAPH
