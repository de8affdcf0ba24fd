"""Which images are trained on, and how they are divided."""

from typing import Annotated

from pydantic import Field, field_validator

from bnexp.specs.datasets import DATASETS, ImageSet
from bnexp.specs.values import Frozen
from bnexp.specs.wording import unknown


class DataSpec(Frozen):
    """The images, and how they are divided into training and validation."""

    name: str = Field("mnist", description="mnist, mnist-5k, fashion-mnist, cifar10, or your own module:function")
    validation: int | float = Field(
        0.1, ge=0, description="a whole number counts examples, a fraction is a share; stratified, drawn from the seed"
    )
    train: Annotated[int, Field(ge=1)] | None = Field(
        None, description="use only so many training examples, stratified, after the validation split; null: all"
    )
    source: str | None = Field(
        None, description="your module's file and those it imports, each with its SHA-256; filled in when loaded"
    )

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name not in DATASETS and ":" not in name:
            raise ValueError(unknown("dataset", name, DATASETS) + ", or your own module:function")
        return name

    @field_validator("validation")
    @classmethod
    def _share(cls, validation: int | float) -> int | float:
        if isinstance(validation, float) and validation >= 1:
            raise ValueError(f"a share lies below 1, not {validation:g}; a count is a whole number, as in 5000")
        return validation

    @property
    def known(self) -> ImageSet | None:
        """Sizes of a named dataset; None for a user's own, known only once it is loaded."""
        return DATASETS.get(self.name)

    def validation_examples(self, available: int) -> int:
        """How many of `available` training examples are set aside for validation."""
        if isinstance(self.validation, float):
            return round(self.validation * available)
        return self.validation

    def train_examples(self, available: int) -> int:
        """How many of `available` training examples are trained on."""
        rest = available - self.validation_examples(available)
        return rest if self.train is None else min(self.train, rest)
