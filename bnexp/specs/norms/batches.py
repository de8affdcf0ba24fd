"""Rows of the methods with statistics of the batch: batch normalization and its relatives."""

from typing import Literal

from pydantic import Field, model_validator

from bnexp.specs.block import Block
from bnexp.specs.norms.base import SCALE_AND_SHIFT, Averaging, constant_in_training, facts, is_single

_MOMENTS = facts(moving_mean="C", moving_variance="C")
_LAG = "moving averages lag: momentum 0.99 keeps 37 % of their initial value after 100 steps, 0.9 % after 468"


class BatchNorm(Averaging):
    title = "Batch normalization"
    paper = "Ioffe & Szegedy 2015"
    link = "https://arxiv.org/abs/1502.03167"
    formula = "y = γ_c (x − μ_c) / √(σ²_c + ε) + β_c; μ, σ² over N,H,W; moving averages at inference"
    target = "bnexp.norms.batch:layer"
    parameters = SCALE_AND_SHIFT
    state = _MOMENTS
    reduced = facts(conv="N,H,W", dense="N")
    traps = (
        _LAG,
        "torch's momentum is 1 − ours; its moving variance is unbiased, as the paper's; ours, like Keras's, is biased",
        "after a dense layer a batch of one example outputs β and learns nothing",
    )

    name: Literal["batch"] = "batch"

    def caution(self, block: Block, batch_size: int) -> str | None:
        return constant_in_training(block, batch_size)

    def bias_redundant(self, block: Block) -> bool:
        return self.before


class BatchRenorm(Averaging):
    title = "Batch renormalization"
    paper = "Ioffe 2017"
    link = "https://arxiv.org/abs/1702.03275"
    formula = (
        "y = γ_c x̂ + β_c, x̂ = (x − μ_B) / σ_B · r + d; r = clip(σ_B/σ, 1/r_max, r_max), d = clip((μ_B − μ)/σ, "
        "−d_max, d_max), no gradient through r, d; σ_B = √(var_B + ε) over N,H,W; μ, σ moving averages, used at "
        "inference"
    )
    target = "bnexp.norms.batch_renorm:layer"
    parameters = SCALE_AND_SHIFT
    state = facts(moving_mean="C", moving_deviation="C", steps="")
    reduced = facts(conv="N,H,W", dense="N")
    in_training = "statistics of the batch, moved towards the moving averages as far as the ramp allows"
    traps = (
        _LAG,
        (
            "the ramp's defaults are the paper's, for ImageNet; ten epochs of MNIST in batches of 64 are 8,440 steps: "
            "there ramp_start: 500, r_ramp_end: 4000, d_ramp_end: 2500 keep its proportions"
        ),
        "with r_max 1 and d_max 0 it is batch normalization; its moving average is of σ, not of σ²",
    )

    name: Literal["batch-renorm"] = "batch-renorm"
    r_max: float = Field(3.0, ge=1, description="largest correction of scale, at the end of its ramp from 1")
    d_max: float = Field(5.0, ge=0, description="largest correction of shift, at the end of its ramp from 0")
    ramp_start: int = Field(5_000, ge=0, description="training steps as plain batch normalization")
    r_ramp_end: int = Field(40_000, ge=0, description="training step at which r_max is reached, linearly")
    d_ramp_end: int = Field(25_000, ge=0, description="training step at which d_max is reached, linearly")

    @model_validator(mode="after")
    def _ramps(self) -> "BatchRenorm":
        for key in ("r_ramp_end", "d_ramp_end"):
            if getattr(self, key) < self.ramp_start:
                raise ValueError(f"{key} ({getattr(self, key)}) lies before ramp_start ({self.ramp_start})")
        return self

    def bias_redundant(self, block: Block) -> bool:
        return self.before


class GhostBatchNorm(Averaging):
    title = "Ghost batch normalization"
    paper = "Hoffer, Hubara & Soudry 2017"
    link = "https://arxiv.org/abs/1705.08741"
    formula = (
        "y = γ_c (x − μ_kc) / √(σ²_kc + ε) + β_c; μ, σ² over H,W and the ghost_size examples of chunk k; moving "
        "averages at inference"
    )
    target = "bnexp.norms.ghost_batch:layer"
    parameters = SCALE_AND_SHIFT
    state = _MOMENTS
    reduced = facts(conv="N of a chunk,H,W", dense="N of a chunk")
    in_training = "statistics of each chunk of the batch; the moving averages take in one chunk after the other"
    traps = (
        "the moving averages move once for each chunk, so more in a step than those of `batch`",
        "what is left of a batch is a smaller last chunk; of one example after a dense layer, it outputs β",
        "the paper's moving average is of σ, ours of σ², so that one chunk is `batch` at inference too",
        "one chunk is `batch`; this is also what data-parallel training without synchronization computes",
    )

    name: Literal["ghost-batch"] = "ghost-batch"
    ghost_size: int = Field(16, ge=1, description="examples in a chunk")

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if self.ghost_size == 1 and is_single(block):
            return "ghost_size", f"chunks of one example make {block.name} a constant; use at least 2, or layers: conv"
        return None

    def caution(self, block: Block, batch_size: int) -> str | None:
        if self.ghost_size > batch_size:
            return f"batches of {batch_size} hold no chunk of {self.ghost_size}: it is batch normalization"
        return constant_in_training(block, batch_size)

    def bias_redundant(self, block: Block) -> bool:
        return self.before


class BatchInstanceNorm(Averaging):
    title = "Batch-instance normalization"
    paper = "Nam & Kim 2018"
    link = "https://arxiv.org/abs/1805.07925"
    formula = (
        "y = γ_c (ρ_c x̂_B + (1 − ρ_c) x̂_I) + β_c, ρ in [0,1]; x̂_B as in batch, x̂_I as in instance normalization; "
        "moving averages for x̂_B at inference"
    )
    target = "bnexp.norms.batch_instance:layer"
    parameters = facts(rho="C", **SCALE_AND_SHIFT)
    state = _MOMENTS
    reduced = facts(conv="N,H,W and H,W")
    not_dense = "the instance half of a dense output is zero, and the rest is batch norm with its scale split in two"
    traps = (
        _LAG,
        "convolutions only: its fair control is another method with `layers: conv`",
        "ρ starts at 1, so as batch normalization, and is clipped to [0,1] after each step",
    )

    name: Literal["batch-instance"] = "batch-instance"
    layers: Literal["conv"] = "conv"

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if is_single(block):
            return "name", f"the instance half of {block.name}, which is 1x1 pixel, would be zero"
        return None

    def bias_redundant(self, block: Block) -> bool:
        return self.before


class SwitchableNorm(Averaging):
    title = "Switchable normalization"
    paper = "Luo et al. 2018"
    link = "https://arxiv.org/abs/1806.10779"
    formula = (
        "y = γ_c (x − Σ_k w_k μ_k) / √(Σ_k w'_k σ²_k + ε) + β_c; k over instance, layer and batch statistics (dense: "
        "layer, batch); w, w' softmax of trained scalars"
    )
    target = "bnexp.norms.switchable:layer"
    parameters = facts(mean_logits="3 (dense: 2)", variance_logits="3 (dense: 2)", **SCALE_AND_SHIFT)
    state = _MOMENTS
    reduced = facts(conv="H,W; H,W,C; N,H,W", dense="C; N")
    traps = (
        _LAG,
        (
            "the paper averages batch statistics over some batches once training has ended: that is the recalibrated "
            "evaluation; moving averages are the headline here, as for all methods"
        ),
    )

    name: Literal["switchable"] = "switchable"

    def parameter_shapes(self, block: Block) -> dict[str, tuple[int, ...]]:
        members = (2,) if block.kind == "dense" else (3,)
        return {"mean_logits": members, "variance_logits": members} | dict.fromkeys(("gamma", "beta"), block.shape[-1:])

    def refusal(self, block: Block) -> tuple[str, str] | None:
        if block.kind == "conv" and is_single(block):
            return "name", f"the instance statistics of {block.name}, which is 1x1 pixel, have no variance"
        return None
