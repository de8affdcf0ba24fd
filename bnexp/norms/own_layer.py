"""A layer that is not ours: made with the arguments of the config, or told in the user's terms why it cannot be."""

import inspect

import keras

from bnexp.specs.norms.own import OwnNorm
from bnexp.specs.wording import did_you_mean
from bnexp.usercode.code import UserCode, described, own_code
from bnexp.usercode.importing import its_own


def layer(spec: OwnNorm, name: str) -> keras.layers.Layer:
    """A new layer of the user's class, called with the arguments of the config and `name`, within `usercode.in_use`.

    Raises UserError where there is no such module or class, where it fails, or where it takes other arguments.
    """
    code = own_code("norm", spec.name, spec.source, ())
    assert code is not None, spec
    cls = code.load()
    if not (isinstance(cls, type) and issubclass(cls, keras.layers.Layer)):
        raise code.fault(f"must be a class derived from keras.layers.Layer, and is {described(cls)}")
    _check_arguments(code, spec, cls)
    try:
        return cls(**spec.arguments, name=name)
    except Exception as error:
        raise code.fault(f"making the layer failed: {its_own(error)}") from error


def _check_arguments(code: UserCode, spec: OwnNorm, cls: type[keras.layers.Layer]) -> None:
    """Keyword arguments are named in `__init__`, of the class or of one that it derives from."""
    own = [one for one in cls.__mro__ if issubclass(one, keras.layers.Layer) and one is not keras.layers.Layer]
    known: list[str] = []
    defaults: dict[str, object] = {}
    for init in [vars(one)["__init__"] for one in own if "__init__" in vars(one)]:
        found = inspect.signature(init).parameters.values()
        known += [p.name for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][1:]
        defaults = {p.name: p.default for p in found} | defaults
        if not any(p.kind is p.VAR_KEYWORD for p in found):
            break  # what stands above gets nothing from here
    else:
        known += ["name", "trainable", "dtype"]
    takes = [key for key in dict.fromkeys(known) if key not in ("name", "trainable", "dtype")]
    if wrong := [key for key in spec.arguments if key not in known]:
        hint = did_you_mean(wrong[0], takes) if takes else "; it takes none"
        raise code.fault(f"has no argument {wrong[0]!r}{hint}")
    words = {"yes", "no", "on", "off", "y", "n", "true", "false"}
    for key, value in spec.arguments.items():
        if isinstance(defaults.get(key), bool) and str(value).lower() in words and not isinstance(value, bool):
            raise code.fault(f"{key} is true or false, and {value!r} is a text, which would count as true")
    if "name" not in known:
        raise code.fault(
            "must take the layer's name and hand it on, as in "
            f"`def __init__(self, {', '.join([*takes, '**kwargs'])}): super().__init__(**kwargs)`"
        )
