"""A merged tree to a spec, or to mistakes at the lines that they come from."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from bnexp.config.findings import Finding, findings
from bnexp.config.mistakes import Mistake
from bnexp.config.tree import Node, Path, get, plain, without
from bnexp.specs.trial import TrialSpec
from bnexp.usercode.code import KINDS, UserCode, own_code

_ROUNDS = 10  # a mistake can hide others; so many times the wrong parts are left out, and the rest is looked at


class Checker:
    """Checks specs; a user's own module is read once, however many points name it."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._folders = tuple(search_path)
        self._digest = cache(UserCode.digest)

    def spec(self, tree: Node) -> tuple[TrialSpec | None, list[Finding]]:
        """The spec that a tree describes, or what is wrong with it."""
        found: list[Finding] = []
        for _ in range(_ROUNDS):
            value = plain(tree)
            new = self._add_sources(value)
            try:
                spec = TrialSpec.model_validate(value)
            except ValidationError as error:
                # A default is no mistake beside a value that is wrong itself.
                new += [
                    finding
                    for finding in findings(error, value, TrialSpec)
                    if not (found and finding.together and get(tree, finding.path) is None)
                ]
            else:
                if not (found or new):
                    return spec, []
            if not new:
                break
            found += new
            for finding in new:
                tree = without(tree, whole(finding.path))
        return None, found

    def _add_sources(self, value: dict[str, Any]) -> list[Finding]:
        """Fill in the hashes of a user's own modules; what stands there already, or has no module, is found wrong."""
        found = []
        for key in KINDS:
            block = value.get(key)
            if not isinstance(block, dict):
                continue
            if "source" in block:
                found.append(Finding((key, "source"), f"{key}.source is filled in, not set; remove it", at_key=True))
            try:
                if code := own_code(key, block.get("name"), None, self._folders):
                    block["source"] = self._digest(code)
            except ValueError as error:
                found.append(Finding((key, "name"), str(error)))
        return found


def located(finding: Finding, tree: Node) -> Mistake:
    """The finding at its place: the value or the key, or the block around it where a default is wrong."""
    path = next((place for place in (finding.path, *finding.beside) if get(tree, place)), finding.path)
    by_itself = path in finding.beside
    while (node := get(tree, path)) is None:
        path = path[:-1]
    message = finding.message
    if path != finding.path:
        message += f" ({'.'.join(map(str, finding.path))} has its default)"
    at_key = node.key is not None and (finding.at_key or not (by_itself or path == finding.path))
    return Mistake(node.key if at_key and node.key else node.mark, message)


def whole(path: Path) -> Path:
    """What to leave out with a wrong part: with a wrong name the whole block."""
    return path[:-1] if path[-1:] == ("name",) else path
