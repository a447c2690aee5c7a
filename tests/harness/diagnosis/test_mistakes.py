"""The catalogue: its mistakes are wrong, differ from one another, and are named by diagnosis."""

from collections import defaultdict
from typing import Any

import pytest
from whole import DIRECT, with_parameters
from zoo import STYLES, kernels

from convcheck.cases.taken import Taken
from convcheck.diagnosis.answers import Asked, replay
from convcheck.diagnosis.mistakes import Mistake, catalogue, right
from convcheck.diagnosis.probes import probes_of
from convcheck.diagnosis.session import session_of
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import MisbehaviourError

each_operation = pytest.mark.parametrize("operation", [*filter(catalogue, OPERATIONS)])
SHARES = 16


def sampled(operation: str) -> list[Mistake]:
    """Return some of an operation's mistakes, others for each operation."""
    start = list(OPERATIONS).index(operation) % SHARES
    return list(catalogue(operation, parameters=True)[start::SHARES])


def test_number_of_kinds() -> None:
    """There are well over sixty kinds of mistakes, each with a sentence and where it is known.

    Of parameters there are more than thirty.
    """
    every = [{each.id for o in OPERATIONS for each in catalogue(o, parameters=p)} for p in (0, 1)]
    assert len(every[0]) > 60
    assert len(every[1] - every[0]) > 30
    mistakes = [each for operation in OPERATIONS for each in catalogue(operation, parameters=True)]
    assert all(mistake.sentence and mistake.known_from for mistake in mistakes)
    assert not any("{" in mistake.sentence for mistake in mistakes)


@each_operation
def test_ids_and_sentences_are_unique(operation: str) -> None:
    """No two mistakes of an operation have the same name."""
    mistakes = catalogue(operation, parameters=True)
    for attribute in ("id", "sentence"):
        assert len({getattr(mistake, attribute) for mistake in mistakes}) == len(mistakes)


@each_operation
def test_mistakes_are_wrong_and_differ(operation: str) -> None:
    """Each mistake is wrong on a probe, and no other gives the same results on all of them.

    Wrong is what no right kernel returns: NaN beside zeros need not be.  None raises on all.
    """
    mistakes = [each for each in catalogue(operation, parameters=True) if not each.state]
    right, silent = ({each.id for each in mistakes} for _ in range(2))
    answers: dict[str, Any] = {"right": lambda probe: probe.expected}
    for each in mistakes:
        answers[each.id] = lambda probe, each=each: replay(each, probe)
    alike, which = [list(answers)], OPERATIONS[operation]
    for probe in probes_of(which, "float64", Taken(which.parameters)):
        parts: dict[Any, list[str]] = defaultdict(list)
        for number, names in enumerate(alike):
            for name in names:
                parts[number, _text(answers[name](probe))].append(name)
        right -= {n for n in right if not Asked(probe, answers[n](probe)).right}
        silent -= {n for n in silent if not isinstance(answers[n](probe), MisbehaviourError)}
        alike = [names for names in parts.values() if len(names) > 1]
    assert (alike, right, silent) == ([], set(), set())


def _text(answer: Any) -> Any:
    if isinstance(answer, MisbehaviourError):
        return str(answer).partition(":")[0]
    return answer.shape, (answer.astype("f8") + 0.0).tobytes()  # -0 is 0


@each_operation
def test_mistakes_are_named(operation: str) -> None:
    """Each mistake is named as itself, and as no other; so is one that remembers calls."""
    state = [mistake for mistake in catalogue(operation) if mistake.state]
    for mistake in {*sampled(operation), *state}:
        subject = subject_of(mistake.make(), OPERATIONS[operation])
        session = session_of(subject, "float64")
        assert [each.id for each in session.fitting] == [mistake.id]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@each_operation
def test_right_kernels_answer_rightly(operation: str, dtype: str) -> None:
    """No right kernel gives a wrong answer to a probe, in whatever way it is written."""
    styles = [kernels(style) for style in STYLES.values()]
    written = [each[operation] for style in styles for each in (style, with_parameters(style))]
    if catalogue(operation):
        written.append(right(OPERATIONS[operation]))
    for kernel in (*written, *filter(None, [DIRECT.get(operation)])):
        session = session_of(subject_of(kernel, OPERATIONS[operation]), dtype)
        wrong = [str(each.probe.case) for each in session.asked if not each.right]
        assert (wrong, session.fitting) == ([], [])
