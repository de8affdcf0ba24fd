"""`seeds`: how often each point is trained, or with which seeds."""

from bnexp.config.mistakes import Mistakes
from bnexp.config.tree import Node
from bnexp.specs.experiment import MAX_SEED, MAX_SEEDS
from bnexp.specs.wording import described


def read_seeds(node: Node, mistakes: Mistakes) -> tuple[int, ...]:
    """A number n is the seeds 0 to n − 1; a list is itself.  Never empty."""
    value = node.value
    if node.is_list:
        return _listed(node, mistakes)
    if type(value) is int and 1 <= value <= MAX_SEEDS:
        return tuple(range(value))
    if type(value) is not int:
        message = f"seeds is a number of seeds or a list of them, not {described(value)}"
    else:
        message = f"seeds, as a number, is from 1 to {MAX_SEEDS:,}, not {value}; one seed is a list: [{value}]"
    mistakes.add(node.mark, message)
    return (0,)


def _listed(node: Node, mistakes: Mistakes) -> tuple[int, ...]:
    seeds: list[int] = []
    for item in node.value:
        if type(item.value) is not int or not 0 <= item.value <= MAX_SEED:
            mistakes.add(item.mark, f"a seed is a whole number from 0 to {MAX_SEED}, not {described(item.value)}")
        elif item.value in seeds:
            mistakes.add(item.mark, f"the seed {item.value} stands here twice")
        else:
            seeds.append(item.value)
    if not node.value:
        mistakes.add(node.mark, "seeds is empty; give at least one")
    return tuple(seeds) or (0,)
