"""How large steps are where scale does not count (van Laarhoven 2017, https://arxiv.org/abs/1706.05350).

Zhang et al. 2019, https://arxiv.org/abs/1810.12281, explain by it what weight decay does to a network with norms.
"""

from bnexp.probes.base import OfStep, Values, norm
from bnexp.specs import probes as specs


class EffectiveLearningRate(OfStep[specs.EffectiveLearningRate]):
    """η/‖W‖², and ‖ΔW‖/‖W‖ of the trial's next step, of the kernel W of each hidden linear layer."""

    def measured(self) -> Values:
        after = dict(zip(map(id, self.model.trainable_variables), self.weights_after_next_step(), strict=True))
        rates, updates = {}, {}
        for hidden in self.built.hidden:
            kernel = hidden.linear.kernel.numpy()
            size, change = norm(kernel), norm(after[id(hidden.linear.kernel)] - kernel)
            if size:
                rates[hidden.linear.name] = self.learning_rate / size**2
                updates[hidden.linear.name] = change / size
        return {"rate": rates, "relative-update": updates}
