"""Tables of numbers for CSV, from lists of columns that say where each value stands."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bnexp.records.quantities import of
from bnexp.reporting.phrases import Placed

Columns = Mapping[str, tuple[str, str]]
"""Column to its type in pandas, and the dotted path of its value in a row; nothing where a part of it is None."""


def estimated(name: str, path: str, middle: str = "mean") -> Columns:
    """An estimate and the ends of its interval."""
    ends = {f"{name}_{end}": ("float64", f"{path}.{end}") for end in ("low", "high")}
    return {name: ("float64", f"{path}.{middle}"), **ends}


def framed(conditions: Sequence[Placed], rows: Sequence[Any], columns: Columns) -> pd.DataFrame:
    """`variant`, the grid keys and the columns of `rows`, each with its own of the `conditions`."""
    keys = dict.fromkeys(key for each in conditions for key in each.coordinates)
    where = pd.DataFrame(
        [{"variant": each.variant, **{key: each.coordinates.get(key) for key in keys}} for each in conditions],
        columns=["variant", *keys],
    )
    values = {name: pd.Series([of(path)(row) for row in rows], dtype=kind) for name, (kind, path) in columns.items()}
    return pd.concat([where, pd.DataFrame(values)], axis="columns")
