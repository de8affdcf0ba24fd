"""Records of older schemas as records of today's: each step takes one version to the next.

A record is never rewritten: it is migrated each time it is read.  Plain data in, plain data out.
"""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def _names_its_normalization(record: Data) -> Data:
    """2: a record says which weights belong to normalization; in 1 they were known by the names of our own layers."""
    if not (fingerprints := record.get("fingerprints")):
        return record
    found = [path for path in fingerprints["weights"] if path.rpartition("/")[0].endswith("_norm")]
    return {**record, "fingerprints": {**fingerprints, "normalization": found}}


RECORD: dict[int, Callable[[Data], Data]] = {1: _names_its_normalization}
"""From each earlier version of a record's schema, the step to the next."""


def migrated(record: Data) -> Data:
    """A record of any schema so far as one of the newest; anything else is left as it is, for the model to refuse."""
    while (version := record.get("schema_version")) in RECORD:
        record = {**RECORD[version](record), "schema_version": version + 1}
    return record
