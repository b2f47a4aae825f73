"""Where a history's choices come from: Hypothesis, which shrinks them, or a seeded random number, which is fast."""

import random
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chooser(Protocol):
    """Makes choices. The first of `options`, a chance not taken and the smallest number are the simplest."""

    def one_of(self, options: Sequence[T]) -> T:
        """One of the options."""
        ...

    def chance(self, percent: int) -> bool:
        """True in about `percent` of a hundred times."""
        ...

    def number(self, least: int, most: int) -> int:
        """A number between two, both included."""
        ...


class SeededChooser:
    """Choices of a random number generator: equal seeds make equal histories."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def one_of(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[self.random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        """True in `percent` of a hundred times."""
        return self.random.random() * 100 < percent

    def number(self, least: int, most: int) -> int:
        """A number between two, all equally likely."""
        return self.random.randint(least, most)


class DrawingChooser:
    """Choices drawn from Hypothesis."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self.draw = draw

    def one_of(self, options: Sequence[T]) -> T:
        """One of the options; Hypothesis prefers the first."""
        return options[self.number(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True where a number below a hundred is a high one; Hypothesis prefers False."""
        return self.number(0, 99) >= 100 - percent

    def number(self, least: int, most: int) -> int:
        """A number between two; Hypothesis prefers small ones."""
        return self.draw(st.integers(least, most))
