"""Switchable normalization: a trained mixture of instance, layer and batch statistics."""

import math
from collections.abc import Sequence
from typing import Literal

from bnexp.specs.block import Block
from bnexp.specs.norms.arrays import Array, Variables, batch_moments, example_axes, pixel_axes, scaled
from bnexp.specs.norms.base import MOVING_AVERAGES_LAG, SCALE_AND_SHIFT, Averaging, facts


class SwitchableNorm(Averaging):
    title = "Switchable normalization"
    paper = "Luo et al. 2018"
    link = "https://arxiv.org/abs/1806.10779"
    formula = (
        "y = γ_c (x − Σ_k w_k μ_k) / √(Σ_k w'_k σ²_k + ε) + β_c; k over instance, layer and batch statistics (dense: "
        "layer, batch); w, w' softmax of trained scalars"
    )
    not_one_pixel = "the instance statistics of {}, which is 1x1 pixel, have no variance"
    target = "bnexp.norms.switchable:SwitchableNormalization"
    parameters = facts(mean_logits="3 (dense: 2)", variance_logits="3 (dense: 2)", **SCALE_AND_SHIFT)
    reduced = facts(conv="H,W; H,W,C; N,H,W", dense="C; N")
    traps = (
        MOVING_AVERAGES_LAG,
        (
            "the paper averages batch statistics over some batches once training has ended: that is the recalibrated "
            "evaluation; moving averages are the headline here, as for all methods"
        ),
    )

    name: Literal["switchable"] = "switchable"

    def parameter_shapes(self, block: Block) -> dict[str, tuple[int, ...]]:
        members = (2,) if block.kind == "dense" else (3,)
        return {"mean_logits": members, "variance_logits": members} | dict.fromkeys(("gamma", "beta"), block.shape[-1:])

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        kinds = [pixel_axes(x), example_axes(x)] if x.ndim == 4 else [example_axes(x)]
        members = [(x.mean(axes, keepdims=True), x.var(axes, keepdims=True)) for axes in kinds]
        means, variances = zip(*members, batch_moments(x, w, training), strict=True)
        mean, variance = _mixed(w["mean_logits"], means), _mixed(w["variance_logits"], variances)
        return scaled((x - mean) / (variance + self.epsilon) ** 0.5, w)


def _mixed(logits: Array, members: Sequence[Array]) -> Array:
    """The members, weighted by the softmax of the logits."""
    shares = math.e**logits / (math.e**logits).sum()
    return sum(share * member for share, member in zip(shares, members, strict=True))
