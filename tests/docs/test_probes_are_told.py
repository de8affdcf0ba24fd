"""The table of probes in configs/README.md is what their specs say; `python tests/docs/test_probes.py` prints it."""

from pathlib import Path

from bnexp.specs.probes import PROBES, Probe

ROOT = Path(__file__).parents[2]


def row(name: str, probe: type[Probe]) -> str:
    """A line of the table."""
    numbers = ", ".join(
        f"`{key}` ({', '.join(part for part in (value.label, value.unit) if part)})"
        for key, value in probe.values.items()
    )
    keys = ", ".join(
        f"`{key}`: {'null' if field.default is None else format(field.default, 'g')}"
        for key, field in probe.model_fields.items()
        if key != "name"
    )
    paper = f"[{probe.paper}]({probe.link})" if probe.paper else ""
    return f"| `{name}` | {probe.definition} | {numbers} | {keys} | {paper} |"


def table() -> list[str]:
    """All of them."""
    head = ["| probe | what it measures | numbers (unit) | keys | after |", "| --- | --- | --- | --- | --- |"]
    return [*head, *(row(name, probe) for name, probe in PROBES.items())]


def test_the_table_of_probes_is_that_of_the_specs() -> None:
    assert "\n".join(table()) in (ROOT / "configs/README.md").read_text()


def test_every_key_of_a_probe_is_explained_and_every_probe_named_in_the_readme() -> None:
    text = (ROOT / "configs/README.md").read_text()
    keys = {key for probe in PROBES.values() for key in probe.model_fields}
    assert [key for key in keys if f"| `{key}` |" not in text and f"| `probes[].{key}` |" not in text] == []
    assert [name for name in PROBES if f"`{name}`" not in (ROOT / "README.md").read_text()] == []


if __name__ == "__main__":
    print("\n".join(table()))
