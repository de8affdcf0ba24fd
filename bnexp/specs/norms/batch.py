"""Batch normalization: statistics of each channel over the batch."""

from typing import Literal

from bnexp.specs.norms.arrays import Array, Variables, batch_moments, scaled
from bnexp.specs.norms.base import MOVING_AVERAGES_LAG, Averaging, InitialGamma, facts


class BatchNorm(Averaging):
    title = "Batch normalization"
    paper = "Ioffe & Szegedy 2015"
    link = "https://arxiv.org/abs/1502.03167"
    formula = "y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c; μ, σ² over N,H,W; moving averages at inference"
    in_cell = (
        "i, f, g, o = BN(W_x x) + BN(W_h h) + b, h = σ(o) tanh(BN(c)), each BN with a γ, that of c with a β; "
        "place: inputs has BN(W_x x) + W_h h + b alone; each time step has statistics and moving averages of its own, "
        "and all have one γ and β; γ starts at 0.1; Cooijmans et al. 2017, https://arxiv.org/abs/1603.09025"
    )
    target = "bnexp.norms.batch:layer"
    cell_target = "bnexp.norms.in_cell:batch"
    reduced = facts(conv="N,H,W", dense="N")
    centers_channels = True
    centers_batch = True
    traps = (
        MOVING_AVERAGES_LAG,
        "torch's momentum is 1 − ours; its moving variance is unbiased, as the paper's; ours, like Keras's, is biased",
        "after a dense layer a batch of one example outputs β and learns nothing",
    )

    name: Literal["batch"] = "batch"
    initial_gamma: InitialGamma = None

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        mean, variance = batch_moments(x, w, training)
        return scaled((x - mean) / (variance + self.epsilon) ** 0.5, w)
