"""Domains: which geometries an expression holds of, such as `filter_height == 3`.

    expression = comparison | expression and expression | expression or expression
               | not expression | ( expression )
    comparison = value == value, with != < <= > >=, chained too
    value      = an integer | a name | - value | value + value, with - * // % | ( value )

Names are the numbers of a geometry: see `names`.  A comparison that divides by zero does not hold,
nor does its opposite.  Text is read by `ast`, never run.  It is kept as alternatives, each of which
is comparisons that all have to hold: so a geometry can be sought that does.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from convcheck.form.geometry import PARAMETER_NUMBERS, Fore, Geometry
from convcheck.form.names import one_of
from convcheck.form.operations import Operation

Numbers = Mapping[str, int]
_Value = Callable[[Numbers], int]

FORE = "fore_"
SIZES = (
    *("batch", "height", "width", "channels_in", "channels_out"),
    *("filter_height", "filter_width", "stride_height", "stride_width"),
)
_MOST = 64
"""alternatives"""
_LONGEST = 1000
"""characters"""
_COMPARE: Mapping[type[ast.cmpop], tuple[str, str, Callable[[int, int], bool]]] = {
    ast.Eq: ("==", "!=", operator.eq),
    ast.NotEq: ("!=", "==", operator.ne),
    ast.Lt: ("<", ">=", operator.lt),
    ast.LtE: ("<=", ">", operator.le),
    ast.Gt: (">", "<=", operator.gt),
    ast.GtE: (">=", "<", operator.ge),
}
"""each with its text, its opposite's, and what it does"""
_BY_TEXT = {text: compare for text, _, compare in _COMPARE.values()}
_COMPUTE: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def names(operation: Operation) -> tuple[str, ...]:
    """Return what an expression about an operation's geometries may name."""
    fore = [] if operation.default_fore is None else [FORE + name for name in _FORE_SIZES]
    return (*SIZES, *PARAMETER_NUMBERS, *fore)


_FORE_SIZES = tuple(Fore("convolution", 1, 1, 1, 1, 1).sizes)


def numbers_of(geometry: Geometry) -> dict[str, int]:
    """Return a geometry's numbers by name."""
    g = geometry
    own = {**g.sizes, **g.parameters}
    return own if g.fore is None else {**own, **{FORE + n: v for n, v in g.fore.sizes.items()}}


class Comparison(NamedTuple):
    """One comparison of an expression."""

    names: frozenset[str]
    compare: Callable[[int, int], bool]
    left: _Value
    right: _Value

    def holds(self, numbers: Numbers) -> bool:
        """Return whether it holds of numbers, among which are those that it names."""
        try:
            return self.compare(self.left(numbers), self.right(numbers))
        except ZeroDivisionError:
            return False


Clause = tuple[Comparison, ...]
"""comparisons that all hold"""


@dataclass(frozen=True)
class Domain:
    """The geometries that an expression holds of."""

    text: str
    """as `_written` has it"""

    @classmethod
    def parse(cls, text: str, known: tuple[str, ...] = ()) -> "Domain":
        """Return the domain of an expression, whose names have to be among the `known` ones.

        Raises:
            ValueError: it is none.
        """
        tree = _tree(text)
        _require_names(text, tree, known)
        made = cls(_written(tree))
        if len(made.clauses) > _MOST:
            raise ValueError(f"only={text!r}: expected at most {_MOST} alternatives")
        return made

    def __str__(self) -> str:
        return self.text

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The alternatives, of which one has to hold."""
        return _read(self.text)[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The comparisons, and what is joined by `or` or `not`, that all have to hold, as text."""
        return (*_parts(_tree(self.text)),)

    @property
    def constants(self) -> frozenset[int]:
        """The integers in the expression."""
        return _read(self.text)[1]

    def __contains__(self, geometry: Geometry) -> bool:
        """Return whether it holds of a geometry."""
        return self.holds(numbers_of(geometry))

    def holds(self, numbers: Numbers) -> bool:
        """Return whether it holds of a geometry's numbers."""
        return any(all(each.holds(numbers) for each in clause) for clause in self.clauses)

    def may_hold(self, numbers: Numbers) -> bool:
        """Return whether some of a geometry's numbers leave open that it holds."""
        return any(
            all(each.holds(numbers) for each in clause if each.names <= numbers.keys())
            for clause in self.clauses
        )

    def __and__(self, other: "Domain") -> "Domain":
        """Return the domain of what both hold of."""
        return Domain(_written(ast.BoolOp(ast.And(), [_tree(self.text), _tree(other.text)])))


@lru_cache(maxsize=64)
def _read(text: str) -> tuple[tuple[Clause, ...], frozenset[int]]:
    """Return alternatives and integers of an expression: closures, which no pickle has to hold."""
    tree = _tree(text)
    constants = (each.value for each in ast.walk(tree) if isinstance(each, ast.Constant))
    integers = frozenset(each for each in constants if isinstance(each, int))
    return tuple(_clauses(text, tree, negated=False)), integers


def _tree(text: str) -> ast.expr:
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"only={text!r:.100}: expected at most {_LONGEST} characters")
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError(
            f"only={text!r}: expected comparisons, such as filter_height == 3 and channels_in % 8 "
            "== 0"
        ) from None
    if isinstance(tree, ast.Name):
        raise ValueError(  # noqa: TRY004  (a text, whatever it says)
            f"only={text!r}: expected a comparison; quote the line, where a shell takes "
            "spaces, < and > for its own"
        )
    return tree


def _written(tree: ast.expr, within: str = "") -> str:
    """Return an expression as text, with the parentheses that it needs."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
        return f"not {_written(tree.operand, 'not')}"
    if not isinstance(tree, ast.BoolOp):
        return ast.unparse(tree)
    word = "and" if isinstance(tree.op, ast.And) else "or"
    text = f" {word} ".join(_written(each, word) for each in tree.values)
    return text if within in ("", word) else f"({text})"


def _parts(tree: ast.expr, within: str = "") -> Iterator[str]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        yield from (part for each in tree.values for part in _parts(each, "and"))
    elif isinstance(tree, ast.Compare):
        values = [tree.left, *tree.comparators]
        for left, op, right in zip(values[:-1], tree.ops, values[1:], strict=True):
            yield ast.unparse(ast.Compare(left, [op], [right]))
    else:
        yield _written(tree, within)


def _require_names(text: str, tree: ast.expr, known: tuple[str, ...]) -> None:
    for each in ast.walk(tree):
        if isinstance(each, ast.Name) and each.id not in known:
            raise ValueError(f"only={text!r}: {each.id}: {one_of(each.id, known)}")


def _clauses(text: str, node: ast.expr, *, negated: bool) -> Iterator[Clause]:
    """Yield the alternatives of an expression, or of its opposite."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _clauses(text, node.operand, negated=not negated)
    elif isinstance(node, ast.BoolOp):
        parts = ([*_clauses(text, each, negated=negated)] for each in node.values)
        yield from _joined(parts, either=isinstance(node.op, ast.Or) is not negated)
    elif isinstance(node, ast.Compare):
        values = [node.left, *node.comparators]
        pairs: list[list[Clause]] = [
            [(_comparison(text, *pair, negated=negated),)]
            for pair in zip(values[:-1], node.ops, values[1:], strict=True)
        ]
        yield from _joined(iter(pairs), either=negated)
    else:
        _refuse(text, node, "a comparison")


def _joined(parts: Iterator[list[Clause]], *, either: bool) -> Iterator[Clause]:
    if either:
        yield from (clause for part in parts for clause in part)
        return
    joined: list[Clause] = [()]
    for part in parts:
        joined = [(*one, *other) for one in joined for other in part][: _MOST + 1]
    yield from joined


def _comparison(
    text: str, left: ast.expr, op: ast.cmpop, right: ast.expr, *, negated: bool
) -> Comparison:
    if type(op) not in _COMPARE:
        what = ast.unparse(ast.Compare(left, [op], [right]))
        known = ", ".join(_BY_TEXT)
        raise ValueError(f"only={text!r}: {what}: expected one of {known}")
    own, opposite, _ = _COMPARE[type(op)]
    both = ast.Tuple([left, right])
    named = frozenset(each.id for each in ast.walk(both) if isinstance(each, ast.Name))
    compare = _BY_TEXT[opposite if negated else own]
    return Comparison(named, compare, _value(text, left), _value(text, right))


def _value(text: str, node: ast.expr) -> _Value:
    if isinstance(node, ast.Name):
        return operator.itemgetter(node.id)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        constant = node.value
        return lambda _: constant
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        of = _value(text, node.operand)
        return lambda numbers: -of(numbers)
    if isinstance(node, ast.BinOp) and type(node.op) in _COMPUTE:
        compute = _COMPUTE[type(node.op)]
        one, other = _value(text, node.left), _value(text, node.right)
        return lambda numbers: compute(one(numbers), other(numbers))
    value: _Value = _refuse(text, node, "integers, names, + - * // % and parentheses")
    return value


def _refuse(text: str, node: ast.expr, expected: str) -> Any:
    raise ValueError(f"only={text!r}: {ast.unparse(node)}: expected {expected}")
