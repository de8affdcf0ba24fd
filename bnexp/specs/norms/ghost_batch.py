"""Ghost batch normalization: statistics of chunks of the batch."""

from typing import Literal

from pydantic import Field

from bnexp.specs.block import Block
from bnexp.specs.norms.arrays import Array, Variables, batch_moments, scaled
from bnexp.specs.norms.base import Averaging, facts, is_single


class GhostBatchNorm(Averaging):
    title = "Ghost batch normalization"
    paper = "Hoffer, Hubara & Soudry 2017"
    link = "https://arxiv.org/abs/1705.08741"
    formula = (
        "y = γ_c (x − μ_kc) / √(σ²_kc + ε) + β_c; μ, σ² over H,W and the ghost_size examples of chunk k; moving "
        "averages at inference"
    )
    target = "bnexp.norms.ghost_batch:GhostBatchNormalization"
    reduced = facts(conv="N of a chunk,H,W", dense="N of a chunk")
    centers_channels = True
    centers_batch = True
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
        return super().caution(block, batch_size)

    def reference(self, x: Array, w: Variables, training: bool) -> Array:
        size = self.ghost_size if training else len(x)
        y = x.copy()
        for k in range(0, len(x), size):
            mean, variance = batch_moments(x[k : k + size], w, training)
            y[k : k + size] = scaled((x[k : k + size] - mean) / (variance + self.epsilon) ** 0.5, w)
        return y
