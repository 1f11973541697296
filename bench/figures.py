"""A measured figure: value and unit, the target it is held against, and what stands beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure should be: at least `value`, or at most it."""

    value: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure of that value is good enough."""
        return value <= self.value if self.at_most else value >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table; `beside` is its ratio to something measured in the same run."""

    what: str
    value: float
    unit: str
    target: Target | None = None
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.target.met(self.value)


def ratio(value: float, other: float, of_what: str) -> str:
    """`0.42 of the bare insert`: a figure as a share of another; empty where the other is 0."""
    return f"{value / other:.2f} of {of_what}" if other else ""
