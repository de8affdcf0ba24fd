"""The keys of a config besides those of a trial's spec: their form, and the values of the simpler ones."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema

from bnexp.config.check import findings, located
from bnexp.config.mistakes import Mistakes
from bnexp.config.tree import Node, get, plain, put, without
from bnexp.specs.experiment import MARGIN, MAX_SEED, MAX_SEEDS, Published
from bnexp.specs.values import Frozen
from bnexp.specs.wording import described

Values = Annotated[list[Any], Field(min_length=1)]
Entries = Annotated[list[dict[str, Any]], Field(min_length=1)]
Axes = Annotated[dict[str, Values], Field(min_length=1)]

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Seeds = (
    Annotated[int, Field(ge=1, le=MAX_SEEDS)]
    | Annotated[list[Seed], Field(min_length=1, json_schema_extra={"uniqueItems": True})]
)


class Header(Frozen):
    """The form of these keys; what those that are varied say is checked by their readers."""

    name: str | None = Field(
        None, description="names the experiment in the results folder; default: the file's name without .yaml"
    )
    about: str = Field("", description="one line on the question that the experiment asks")
    variants: Annotated[dict[str, dict[str, Any] | None], Field(min_length=1)] | None = Field(
        None, description="named changes to the keys above: the things compared"
    )
    grid: Axes | None = Field(None, description="dotted keys with lists of values; all combinations, with each variant")
    zip: Axes | None = Field(None, description="dotted keys with lists of equal length, which advance together")
    include: Entries | None = Field(None, description="further points: dotted keys with values; `variant` chooses")
    exclude: Entries | None = Field(None, description="points to leave out: those that match every key of an entry")
    seeds: Annotated[Any, WithJsonSchema(TypeAdapter(Seeds).json_schema())] = Field(
        10, description="how often each point is trained, seeds 0, 1, ...; or a list of seeds"
    )
    baseline: str | None = Field(
        None, description="the variant that the others are compared with; default: the first variant"
    )
    baselines: Annotated[list[str], Field(min_length=1, json_schema_extra={"uniqueItems": True})] | None = Field(
        None, description="several of them, in place of `baseline`; tables show the first"
    )
    primary: str = Field(
        "test-accuracy",
        description="the one metric in which the report asserts anything, set before the run; others are exploratory",
    )
    margin: float | None = Field(
        None,
        gt=0,
        lt=100,
        description=f"a difference in the primary metric below this does not matter: for the test of equivalence; of "
        f"accuracies in percentage points, and {MARGIN:g} by default",
    )
    published: Annotated[list[Published], Field(min_length=1)] | None = Field(
        None, description="test accuracies of others that the report holds the results against"
    )
    claims: Annotated[dict[str, dict[str, Any]], Field(min_length=1)] | None = Field(
        None, description="what is claimed, by id, each with the rule that decides it, set before the run"
    )


HINTS = {
    "name": "name the experiment with a word",
    "variants": "write a name and its changes on each line, as in `bn: {norm: batch}`",
    "variants.*": "write its changes, as in `{norm: batch}`; empty means none",
    "grid": "write dotted keys with lists, as in `training.batch_size: [16, 64]`",
    "baselines": "write a list of variants, as in `baselines: [none, bn]`",
    "primary": "write a metric, as in `primary: test-accuracy`",
    "margin": "write a number, of accuracies percentage points, as in `margin: 0.1`",
    "published": "write a list, as in `- {value: 99.2, source: LeCun et al. 1998, variant: none}`",
    "claims": "write an id and its claim, as in `faster: {text: ..., treatment: bn, control: none, rule: superiority}`",
    "claims.*": "write its keys, as in `{text: ..., treatment: bn, control: none}`",
    "zip": "write dotted keys with lists of equal length",
    "include": "write a list of points, as in `- {variant: bn, training.batch_size: 512}`",
    "exclude": "write a list of entries, as in `- {variant: bn, training.batch_size: 2}`",
}
"""How each key and what stands below it is written, added to the message where it is written otherwise."""

HEADER = tuple(Header.model_fields)


def well_formed(header: Node, mistakes: Mistakes) -> Node:
    """The header without what has a wrong form, which is reported."""
    for key, node in header.value.items():
        if node.value is None:
            mistakes.add(node.mark, f"{key} is empty; {HINTS.get(key, 'give it a value, or remove it')}")
            header = without(header, (key,))
    rest = header
    try:
        Header.model_validate(plain(header))
    except ValidationError as error:
        for finding in findings(error, plain(header), Header):
            key, *below = map(str, finding.path[:2])
            hint = HINTS.get(f"{key}.*" if below else key, HINTS.get(key, ""))
            mark, message = located(finding, header)
            mistakes.add(mark, f"{message}; {hint}" if hint else message)
            if key == "variants" and below and (node := get(header, finding.path[:2])):
                # The variant itself stays, so that entries that name it are right.
                rest = put(rest, (key, *below), node._replace(value=None))
            else:
                rest = without(rest, finding.path[:2])
    return rest


def read_seeds(node: Node, mistakes: Mistakes) -> tuple[int, ...]:
    """How often each point is trained, a number n for the seeds 0 to n − 1, or a list of seeds.  Never empty."""
    value = node.value
    if type(value) is int and 1 <= value <= MAX_SEEDS:
        return tuple(range(value))
    if type(value) is int:
        rule = f"seeds, as a number, is from 1 to {MAX_SEEDS:,}, not {value}; one seed is a list: [{value}]"
        mistakes.add(node.mark, rule)
    elif not node.is_list:
        mistakes.add(node.mark, f"seeds is a number of seeds or a list of them, not {described(value)}")
    elif not value:
        mistakes.add(node.mark, "seeds is empty; give at least one")
    seeds: list[int] = []
    for item in value if node.is_list else ():
        if type(item.value) is not int or not 0 <= item.value <= MAX_SEED:
            mistakes.add(item.mark, f"a seed is a whole number from 0 to {MAX_SEED}, not {described(item.value)}")
        elif item.value in seeds:
            mistakes.add(item.mark, f"the seed {item.value} stands here twice")
        else:
            seeds.append(item.value)
    return tuple(seeds) or (0,)
