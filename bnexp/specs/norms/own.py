"""Normalizations that are not in the table: a user's own `module:Class`, and names that installed packages add.

Nothing of them is imported here; `norms.own_layer` does that, in the process that trains.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeGuard, Union

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from bnexp.specs.norms.base import Layers, Norm
from bnexp.specs.norms.table import METHODS
from bnexp.specs.values import argument, named

GROUP = "bnexp.norms"
"""The entry-point group by which an installed package adds names; each stands for a `module:Class`."""

OWN = "my_module:MyNorm"
FORM = "a normalization of your own is written module:Class, as in my_norms:MyNorm"


class OwnNorm(Norm):
    """A layer that is not ours.  Every further key is an argument of its class, given by keyword."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(argument)]]

    title = "Your own layer"
    formula = "whatever its class computes"
    target = "bnexp.norms.own_layer:layer"

    name: str = Field(description="module:Class of a Keras layer, or a name from an installed package", examples=[OWN])
    place: Literal["before-activation", "after-activation"] = "before-activation"
    layers: Layers = "all"
    source: str | None = Field(
        None, description="the module's file and those it imports, each with its SHA-256; filled in when loaded"
    )

    @property
    def arguments(self) -> dict[str, Any]:
        """What the class is called with."""
        return dict(self.__pydantic_extra__)


def is_own(name: object) -> TypeGuard[str]:
    """Whether a config's `norm` names a layer that is not ours."""
    return isinstance(name, str) and (":" in name or (name not in METHODS and name in installed()))


def installed() -> Mapping[str, str]:
    """The names that installed packages add, each with its `module:Class`; a name of ours stays ours."""
    return _installed(tuple(sys.path))


@cache
def _installed(path: tuple[str, ...]) -> Mapping[str, str]:
    return {point.name: point.value for point in entry_points(group=GROUP) if point.name not in METHODS}


def _choice(value: Any) -> Any:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return OWN if is_own(name) else name


if TYPE_CHECKING:
    AnyNorm = Norm
else:
    _MEMBERS = {**METHODS, OWN: OwnNorm}
    AnyNorm = Annotated[
        Union[tuple(Annotated[method, Tag(name)] for name, method in _MEMBERS.items())],  # noqa: UP007  # of a tuple
        Discriminator(_choice),
        named("none"),
    ]
