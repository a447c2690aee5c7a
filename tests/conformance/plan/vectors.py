"""Conformance vectors that others wrote: a kernel's results, and the vectors' own.

A kernel is judged by what it promises, on the vector's arguments.  So is what the vector expects,
as a result of a kernel that promises nothing special: where it is off by more, the vector is told
to be wrong.  Where a kernel is off by more than the vector's own rule allows, that is told, and no
failure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from convcheck.cases.case import Case
from convcheck.conformance.foreign.vectors import Vector
from convcheck.conformance.shapes.networks import evened
from convcheck.form.layouts import Array
from convcheck.judging.bounds import bound
from convcheck.judging.judge import decided, limits_of, not_judged
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.subjects import Call, Subject

from .step import Judged, Step

PROPERTY = "vectors"


@dataclass(frozen=True)
class ForeignVector(Step):
    """One vector."""

    vector: Vector

    fills = (PROPERTY,)
    replayable = False

    @property
    def name(self) -> str:
        """What tells the step from others of its kind, without spaces."""
        return re.sub(r"[^\w.=,'-]+", "_", self.vector.name)

    @property
    def only(self) -> str:
        """The dtype in which it judges."""
        return self.vector.dtype

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel, and the vector."""
        vector, operation = self.vector, self.operation
        geometry = vector.geometry
        if subject.taken.symmetric:
            geometry = evened(operation.layer, geometry)
        case = Case(operation.name, geometry, vector.dtype, "uniform", seed=0)
        agrees = Verdict(case, subject, PROPERTY, Outcome.AGREES)
        nothing = not_judged(subject, case, PROPERTY)
        if nothing is not None:
            yield Judged([nothing])
            return
        right = operation.oracle(geometry, vector.arrays)
        (answer,) = subject.call_all([Call(geometry, vector.arrays, right.shape)])
        limits = limits_of(subject.promise, case, vector.arrays)
        yield Judged(
            [decided(agrees, vector.arrays, answer, right, limits)],
            remarks={vector.name: "; ".join([*self._own(right), *self._rule(answer)])},
        )

    def _own(self, right: Array) -> Iterator[str]:
        """Yield what is wrong with what the vector expects, if anything."""
        vector = self.vector
        allowed = bound(self.operation, vector.geometry, vector.arrays, vector.dtype).error
        error = np.abs(vector.expected.astype(np.float64) - right)
        beyond = ~(error <= allowed)
        if beyond.any():
            index = tuple(int(each) for each in np.argwhere(beyond)[0])
            place = ", ".join(map(str, index))
            yield (
                f"the vector is wrong: it expects {float(vector.expected[index])!r} at z[{place}], "
                f"where {float(right[index])!r} is right"
            )

    def _rule(self, answer: Array | MisbehaviourError) -> Iterator[str]:
        """Yield by how much more a result is off than the vector's own rule allows, if so."""
        vector = self.vector
        if vector.ulps is None or isinstance(answer, MisbehaviourError):
            return
        got = answer.astype(vector.expected.dtype)
        most = int(np.max(_ordered(got) - _ordered(vector.expected), initial=0))
        least = int(np.min(_ordered(got) - _ordered(vector.expected), initial=0))
        off = max(most, -least)
        if off > vector.ulps:
            yield f"off by {off} units in the last place, of which the vector allows {vector.ulps}"


def _ordered(array: Array) -> Array:
    """Return integers in the order of the numbers, neighbours one apart, both zeros the same."""
    bits = array.view(f"i{array.dtype.itemsize}").astype(np.int64)
    least = -(2 ** (8 * array.dtype.itemsize - 1))
    return np.where(bits < 0, least - bits, bits)
