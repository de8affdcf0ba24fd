"""How long the trained model takes to answer, raw and folded."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from bnexp.norms.fold import fold
from bnexp.probes.base import Probe, Values, graph
from bnexp.specs import probes as specs
from bnexp.training.program import examples

_WARM = 5
"""Calls before those that are timed: the first traces the graph, the second optimizes it."""


class InferenceLatency(Probe[specs.InferenceLatency]):
    """Median time (ms) of a call on 1, 32 and 256 training images, of both models in turn."""

    def measured(self) -> Values:
        data, train = self.setup.data, self.setup.parts.train
        models = {"raw": self.model, "folded": fold(self.model, copy=False)}
        graphs = {kind: graph(partial(model, training=False)) for kind, model in models.items()}
        found = {}
        for size in specs.SIZES:
            images, _ = examples(data.images, data.labels, np.resize(train, size))
            # A GPU has answered only once the answer is here.
            calls = {kind: lambda call=call, x=images: call(x).numpy() for kind, call in graphs.items()}
            for kind, seconds in in_turn(calls, self.spec.calls).items():
                found[f"{kind}-{size}"] = {specs.MODEL: 1e3 * float(np.median(seconds))}
        return {name: found[name] for name in self.spec.values}


def in_turn(
    calls: Mapping[str, Callable[[], object]], times: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each of so many warm calls; one of each after another, so that what slows the machine slows all."""
    found: dict[str, list[float]] = {kind: [] for kind in calls}
    for k in range(_WARM + times):
        for kind, call in calls.items():
            since = clock()
            call()
            if k >= _WARM:
                found[kind].append(clock() - since)
    return found
