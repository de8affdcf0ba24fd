"""One training: its identity by content, and the streams of random numbers that it draws from."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from bnexp.specs.spec import TrialSpec
from bnexp.specs.values import canonical

PROTOCOL = 2
"""Version of how a spec is trained and evaluated.  A change that changes results raises it, and with it
every identity: old records are then kept, and not mixed with new ones."""


@dataclass(frozen=True)
class Trial:
    """A spec and a seed: everything that the numbers of one training depend on."""

    spec: TrialSpec
    seed: int
    search_path: tuple[str, ...] = field(default=(), compare=False)
    """Folders, besides Python's own, where a user's `module:function` is looked for; no part of the identity."""

    @cached_property
    def identity(self) -> str:
        """SHA-256, 64 hexadecimal digits, of the canonical spec, the seed and the protocol version."""
        content = f'{{"protocol": {PROTOCOL}, "seed": {self.seed}, "spec": {_spec_text(self.spec)}}}'
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Name of the trial's folder: a readable part and the first 16 digits of the identity."""
        spec = self.spec
        data, norm = _readable(spec.data.name), _readable(spec.norm.name)
        readable = f"{data}-{spec.model.name}-{norm}-b{spec.training.batch_size}-s{self.seed}"
        return f"{readable}-{self.identity[:16]}"

    def to_json(self) -> dict[str, Any]:
        """Plain data with every key of the spec explicit; `from_json` gives an equal trial back."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "seed": self.seed,
            "search_path": list(self.search_path),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Trial":
        """The trial that `to_json` described."""
        return cls(TrialSpec.model_validate(data["spec"]), data["seed"], tuple(data.get("search_path", ())))


@lru_cache(maxsize=4096)
def _spec_text(spec: TrialSpec) -> str:
    """The canonical spec as JSON with sorted keys; all seeds of a spec share it."""
    return json.dumps(canonical(spec), sort_keys=True)


def _readable(name: str) -> str:
    """A name, or the last part of a `module:function`, as part of a folder's name."""
    return "".join(c if c.isalnum() else "-" for c in name.rpartition(":")[2])[:32]


def stream(seed: int, *names: str | int) -> int:
    """A seed of 63 bits for one use of chance in a trial: `stream(3, "order", epoch)`, `stream(3, "kernel", "conv1")`.

    Two uses never share numbers, and a use that one variant has and another lacks shifts nothing.
    """
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1
