"""How much of an answer is due to the others in the batch (Luo et al. 2019, https://arxiv.org/abs/1809.00846)."""

import numpy as np
import tensorflow as tf

from bnexp.probes.base import OfBatch, Values, graph
from bnexp.specs import probes as specs
from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.trial import stream
from bnexp.training.loop import Setup
from bnexp.training.program import examples

_ROUNDING = 1e-6
"""Of the largest logit: what lies below is no noise, but the order of sums in batches of another order."""


class BatchNoise(OfBatch[specs.BatchNoise]):
    """Standard deviation of logits and probabilities over random companions, under the statistics of the batch."""

    def __init__(self, spec: specs.BatchNoise, setup: Setup) -> None:
        super().__init__(spec, setup)
        self._logits = graph(setup.program.logits_with_batch_statistics)
        batch, train = setup.trial.spec.training.batch_size, setup.parts.train
        # An eighth of a batch are probe images: then those of others are random enough, and the batches few.
        self._each = max(1, batch // 8)
        self._companions = batch - self._each
        self.chosen = self.chosen[: len(train) - self._companions]
        self._others = np.setdiff1d(train, self.chosen)

    def measured(self) -> Values:
        if isinstance(self.setup.trial.spec.norm, OwnNorm) and not self.setup.program.batch_dependent:
            return {}
        labels = tf.gather(self.setup.data.labels, self.chosen).numpy()
        found = deviations(np.array(self._draws()), labels)
        return {name: {specs.MODEL: value} for name, value in found.items()}

    def _draws(self) -> list[np.ndarray]:
        """The logits (n,classes) of all probe images in each draw; of the same companions at every look."""
        generator = np.random.default_rng(stream(self.setup.trial.seed, "probe", "companions"))
        found = []
        for _ in range(self.spec.draws):
            order, logits = generator.permutation(len(self.chosen)), []
            for start in range(0, len(order), self._each):
                mine = self.chosen[order[start : start + self._each]]
                missing = self._each + self._companions - len(mine)
                companions = generator.choice(self._others, min(missing, len(self._others)), replace=False)
                logits.append(self._among(mine, companions, generator))
            found.append(np.concatenate(logits)[np.argsort(order)])
        return found

    def _among(self, mine: np.ndarray, companions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The logits of `mine` in one batch with the companions, in any order."""
        batch = np.concatenate([mine, companions])
        order = generator.permutation(len(batch))
        x, _ = examples(self.setup.data.images, self.setup.data.labels, batch[order])
        return np.asarray(self._logits(x))[np.argsort(order)[: len(mine)]]


def deviations(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The numbers of the spec, of logits (draws,images,classes) and true classes (images,); in float64."""
    z = logits.astype(np.float64)
    p = np.exp(z - z.max(-1, keepdims=True))
    true = np.take_along_axis(p / p.sum(-1, keepdims=True), labels[None, :, None], -1)
    noise = _pooled(z, 0)
    if noise <= _ROUNDING * np.abs(z).max():
        return {"logits": 0.0, "relative": 0.0, "probability": 0.0}
    return {"logits": noise, "relative": noise / _pooled(z.mean(0), 0), "probability": _pooled(true, 0)}


def _pooled(values: np.ndarray, axis: int) -> float:
    """Root of the mean unbiased variance along an axis."""
    return float(np.sqrt(values.var(axis, ddof=1).mean()))
