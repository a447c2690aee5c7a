"""What a run judges: one kernel for each operation, and what candidates replace."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest

from convcheck.conformance import references
from convcheck.conformance.references import HOMES, reference_for
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.kernels.declared.subject import Declared
from convcheck.kernels.loading import source_digest
from convcheck.kernels.subjects import Subject

_NONE: Mapping[str, Subject] = MappingProxyType({})


class Subjects:
    """Candidates by operation and what they replace, or else all of the reference's kernels."""

    def __init__(
        self, candidates: Mapping[str, Subject] = _NONE, replaced: Mapping[str, Subject] = _NONE
    ) -> None:
        self.candidates, self.replaced = candidates, replaced

    def __getitem__(self, operation: str) -> Subject:
        """Return the kernel to judge: a candidate, or the reference as its module has it now."""
        return self.candidates.get(operation) or reference_for(operation)

    def __iter__(self) -> Iterator[Subject]:
        """Return what is judged: the candidates, or all."""
        return (self[name] for name in OPERATIONS if not self.candidates or name in self.candidates)

    @property
    def operations(self) -> list[Operation]:
        """The operations that are judged, for which tests are collected."""
        return [each.operation for each in self]

    def begin(self) -> None:
        """Begin a test: candidates that were given up in another are called again."""
        for each in self.candidates.values():
            each.begin()

    def check_oracles(self) -> None:
        """Check that the oracles agree on what is judged; OracleError where they do not."""
        for each in self:
            references.check_oracles(each)

    def names(self) -> dict[str, str]:
        """Return where each operation's kernel comes from, as MODULE:FUNCTION."""
        found = {each.operation.name: each.place for each in self}
        return {name: place or f"{HOMES[name].__name__}:{name}" for name, place in found.items()}

    def sources(self) -> dict[str, str | None]:
        """Return the SHA-256 of the file that each kernel stands in, where it has one."""
        found = {}
        for each, (name, place) in zip(self, self.names().items(), strict=True):
            own = each.candidate.source if isinstance(each, Declared) else None
            found[name] = own or source_digest(place.rpartition(":")[0]) or None
        return found


SUBJECTS = pytest.StashKey[Subjects]()


def subjects_of(config: pytest.Config) -> Subjects:
    """Return what a run judges; where nobody has asked for candidates, the reference."""
    return config.stash.setdefault(SUBJECTS, Subjects())
