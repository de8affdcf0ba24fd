"""From what a user types to what is stored: an experiment by its name, a trial by a part of its name or identity."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from bnexp.errors import UserError
from bnexp.records.plan import StoredPlan
from bnexp.records.record import TrialRecord
from bnexp.records.store import Store, read_record

_SHOWN = 10
_DIGITS = 16  # of the identity, at the end of a folder's name


def plans(store: Store, names: Sequence[str] | None = None) -> list[StoredPlan]:
    """The stored plans of a results folder, by default without those that `--smoke` made beside the config's own.

    Raises UserError for a name that is not there, or where there is none.
    """
    known = store.plans()
    if not known:
        raise UserError(f"{store.root}: no experiment is stored here; `bnexp run CONFIG` stores some")
    found: list[StoredPlan] = []
    for name in dict.fromkeys(names or known):
        stored = store.read_plan(name) if name in known else None
        if stored is None:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise UserError(f"{store.root}: no experiment is named {name!r}; {hint}")
        if any(stored.name == other.name for other in found):
            raise UserError(
                f"{store.plan_file(name)}: holds the plan of {stored.name}, perhaps as a copy that a cloud drive made; "
                "move it away, so that nothing counts twice"
            )
        found.append(stored)
    return found if names else [plan for plan in found if not _tried_out(plan, known)]


def _tried_out(plan: StoredPlan, known: Sequence[str]) -> bool:
    """Whether `--smoke` made it beside the config's own: then it is no result.  An older plan is known by its name."""
    name = plan.name.removesuffix("-smoke")
    return name != plan.name and name in known and ("--smoke" in plan.options or not plan.config)


def find(store: Store, text: str) -> Path:
    """The folder of the one trial that `text` means; raises UserError where it means none or several."""
    if _is_trial(path := Path(text)):
        return path
    folders = sorted(path for path in store.root.glob("trials/*") if _is_trial(path))
    if not folders:
        raise UserError(f"{store.root}: no trial is stored here; `bnexp run CONFIG` trains some")
    matches = [path for path in folders if path.name == text] or [path for path in folders if _means(path, text)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise UserError(
            f"{store.root}: no trial's folder or identity begins with {text!r}; "
            f"`bnexp show` takes names such as {folders[0].name}, or {folders[0].name[-_DIGITS:]}"
        )
    listed = "\n".join(f"  {path.name}" for path in matches[:_SHOWN])
    more = f"\n  and {len(matches) - _SHOWN} more" if len(matches) > _SHOWN else ""
    raise UserError(f"{text!r} means {len(matches)} trials; add characters to mean one of:\n{listed}{more}")


def record(folder: Path) -> TrialRecord:
    """The record of a trial's folder; raises UserError if it has none yet."""
    try:
        return read_record(folder / "record.json")
    except FileNotFoundError:
        raise UserError(
            f"{folder}: not finished, there is no record.json; `bnexp logs {folder.name}` shows how far it came"
        ) from None


def _is_trial(path: Path) -> bool:
    return any((path / name).is_file() for name in ("record.json", "run.log"))


def _means(path: Path, text: str) -> bool:
    identity = path.name[-_DIGITS:]
    if path.name.startswith(text) or identity.startswith(text):
        return bool(text)
    return text.startswith(identity) and record(path).identity.startswith(text)
