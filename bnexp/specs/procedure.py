"""How the examples reach the model: all in one place, or on clients that train by themselves and are averaged."""

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field

from bnexp.specs.values import Frozen, named


class Central(Frozen):
    """All examples in one place."""

    target: ClassVar[str] = "bnexp.training.procedures.central"

    name: Literal["central"] = "central"


class Federated(Frozen):
    """Federated averaging (McMahan et al. 2017, https://arxiv.org/abs/1602.05629), simulated on one machine.

    In each round some clients start from the common weights, train on their own examples, and the mean of their
    weights is what is common afterwards.  Each client keeps the state of its optimizer.  One client that takes part in
    every round is central training.
    """

    target: ClassVar[str] = "bnexp.training.procedures.federated"

    name: Literal["federated"] = "federated"
    clients: int = Field(10, ge=1)
    shards: str = Field(
        "iid",
        pattern=r"^(iid|classes-[1-9]\d*)$",
        examples=["iid", "classes-2"],
        description="which examples a client has: `iid` draws them; for `classes-2` they are sorted by class and cut, "
        "so that each client gets two pieces, of two classes mostly; all have equally many, the few left over nobody",
    )
    fraction: float = Field(1.0, gt=0, le=1, description="share of the clients that train in a round, one at least")
    local_epochs: int = Field(1, ge=1, description="passes of a client over its examples in a round")
    rounds: int = Field(10, ge=1, description="how often weights are averaged, in place of `training.epochs`")
    batch_statistics: Literal["average", "local", "recalibrate"] = Field(
        "average",
        description="the moving averages that a round begins with: the mean of the clients', each client's own (their "
        "mean is what is scored, the same while all clients train in every round), or statistics over 2,000 training "
        "images of all clients",
    )

    @property
    def pieces(self) -> int:
        """Pieces of the examples that each client gets."""
        return 1 if self.shards == "iid" else int(self.shards.removeprefix("classes-"))

    @property
    def participants(self) -> int:
        """Clients that train in a round."""
        return max(1, round(self.fraction * self.clients))

    def examples_of_client(self, examples: int) -> int:
        """How many of the training examples each client has."""
        return examples // (self.clients * self.pieces) * self.pieces


AnyProcedure = Annotated[Central | Federated, Discriminator("name"), named("central")]
