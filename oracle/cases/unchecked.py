"""Making an instance of a frozen dataclass without checking its fields again."""

from typing import Any, TypeVar

_T = TypeVar("_T")


def unchecked(cls: type[_T], **fields: Any) -> _T:
    """Return an instance of the dataclass `cls` with these fields, which are known to be right.

    For what is right by construction and made by the million: checks take several times as
    long as the rest.  The class must have no slots; fields that are left out have their
    defaults.
    """
    made = object.__new__(cls)
    made.__dict__.update(fields)
    return made
