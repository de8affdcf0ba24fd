"""A user's own model: the function called with the variant's norm, and what it returned held to what a trial needs."""

from typing import Any

import keras

from bnexp.errors import UserError
from bnexp.models.blocks import Blocks, Built
from bnexp.models.own_state import apart, calls, unnoticed
from bnexp.specs.block import Block
from bnexp.specs.model import OwnModel
from bnexp.specs.norms.base import Norm
from bnexp.specs.trial import TrialSpec
from bnexp.usercode.code import UserCode, described, own_code

GIVEN = ("inputs", "classes", "norm")
"""What a function takes by position: images (N,H,W,C), the number of classes, and `norm(x, name)`."""


def build(spec: TrialSpec, image: tuple[int, int, int], classes: int) -> Built:
    """A functional model from images (N,H,W,C) to logits (N,classes), by the user's function, within `usercode.in_use`.

    Its weights start as its layers say, drawn from the seed and their paths (`own_state.building`, `apart`).  Raises
    UserError where it cannot be called, or returns what cannot be trained, or compared with other variants.
    """
    model = spec.model
    assert isinstance(model, OwnModel)
    code = own_code("model", model.name, model.source, ())
    assert code is not None, spec
    blocks = Blocks(spec, image)
    with apart():
        norm = _Norm(spec.norm, blocks, code)
        logits = code.function(GIVEN, model.arguments)(blocks.inputs, classes, norm, **model.arguments)
    if wrong := _wrong_logits(logits, classes):
        raise code.fault(wrong)
    try:
        built = blocks.up_to(logits)
    except ValueError as error:
        raise code.fault(f"no model can be made of what it returns: {error}") from None
    if not built.model.trainable_variables:
        raise code.fault("has no trainable weights")
    norm.check(built.model)
    return built


class _Norm:
    """`norm(x, name)` in a user's function: the normalization of the variant."""

    def __init__(self, spec: Norm, blocks: Blocks, code: UserCode) -> None:
        self._spec, self._blocks, self._code = spec, blocks, code
        self._seen: dict[str, tuple[Block, Any]] = {}
        """What was called with each name."""

    def __call__(self, x: Any, name: str) -> Any:
        """x, (N,H,W,C) or (N,C), after the variant's norm, whose layer is called `<name>_norm`; x itself without one.

        Raises UserError where x cannot be normalized so.
        """
        if not (isinstance(name, str) and name and "/" not in name):
            raise self._fault(f"takes the name of what is normalized, such as 'conv1', not {name!r}")
        if name in self._seen:
            raise self._fault(f"is called twice with the name {name!r}; each call takes a name of its own")
        if not keras.utils.is_keras_tensor(x):
            raise self._fault(f"of {name!r} takes what a layer of the model returns, not {described(x)}")
        kinds, size = {4: "conv", 2: "dense"}, tuple(x.shape[1:])
        if len(x.shape) not in kinds or None in size:
            shape = f"({', '.join(['N', *map(str, size)])})"
            hint = "; a sequence (N,T,C) can be reshaped to (N,T,1,C) before and back after" if len(size) == 2 else ""
            raise self._fault(f"of {name!r} takes (N,H,W,C) or (N,C), and was given {shape}{hint}")
        block = Block(name, "conv" if len(size) == 3 else "dense", size)
        self._seen[name] = block, x
        with unnoticed(name):
            return self._normalized(x, block) if self._spec.takes_kind(block.kind) else x

    def _normalized(self, x: Any, block: Block) -> Any:
        if wrong := self._spec.refusal(block):
            key, reason = wrong
            raise UserError(f"model {self._code.name} with norm {self._spec.name}: norm.{key}: {reason}")
        return self._blocks.normalized(x, block)

    def check(self, model: keras.Model) -> None:
        """Raises UserError where a call has no part in the model, where its name is taken, or where none was made."""
        kinds = {block.kind for block, _ in self._seen.values()}
        if self._spec.target and not any(map(self._spec.takes_kind, kinds)):
            calls_it = f"only for {' and '.join(sorted(kinds))} layers" if kinds else "nowhere"
            raise self._fault(
                f"is called {calls_it}, and norm {self._spec.name} takes layers: {getattr(self._spec, 'layers', 'all')}"
            )
        taken_in = {id(tensor) for call in calls(model) for tensor in call.input_tensors}
        taken_in |= {id(tensor) for tensor in model.outputs}
        names = {operation.name: operation for operation in model.operations}
        for name, (block, x) in self._seen.items():
            layer = names.get(f"{name}_norm")
            normalized = self._spec.target is not None and self._spec.takes_kind(block.kind)
            if layer is not None and not normalized:
                raise self._fault(f"of {name!r} gives its layer the name {layer.name!r}, which another layer has")
            if id(x) not in taken_in or (normalized and layer is None):
                raise self._fault(f"of {name!r} has no part in the model; give what it returns to a layer of the model")

    def _fault(self, reason: str) -> UserError:
        return self._code.fault(f"norm(x, name) {reason}")


def _wrong_logits(logits: Any, classes: int) -> str | None:
    """Why what a function returned cannot be trained as logits (N,classes); None if it can."""
    returns = f"returns logits (N, {classes}), and this one returned"
    if isinstance(logits, keras.Model):
        return f"{returns} a keras.Model; return its output"
    if not keras.utils.is_keras_tensor(logits):
        return f"{returns} {described(logits)}"
    if tuple(logits.shape) != (None, classes):
        return f"{returns} the shape ({', '.join(['N', *map(str, logits.shape[1:])])})"
    if not keras.backend.is_float_dtype(logits.dtype):
        return f"{returns} {logits.dtype}"
    last = logits._keras_history.operation
    if isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax:
        return f"{returns} probabilities (layer {last.name}): leave the softmax out, which the loss takes itself"
    return None
