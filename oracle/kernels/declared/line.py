"""The line that names a candidate: a kernel of a user's, found by name, and what it declares.

    OPERATION=MODULE:FUNCTION[,KEY=VALUE]...

for instance  convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch
MODULE is a dotted name, or the path of a file that ends in .py or .ipynb.  A kernel in another
language is OPERATION=exec:PROGRAM[,KEY=VALUE]..., as `programs.program` has it.  What it declares:

    arguments=A+B                 of a program, on its command line

    tensors=NHWC|NCHW             layout of tensors, taken and returned
    filters=IHWO|HWIO|OIHW|IOHW|OHWI|HWOI   layout of filters, taken and returned
    arrays=numpy|torch|jax|...    what it is handed: arrays of the library of that name
    device=cuda                   and the device that they lie on, by the library's name for it
    takes=padding+dilation+groups+output_padding+bias   parameters that it takes, by keyword
    padding=sides|pair            ((top, bottom), (left, right)), or (height, width), symmetric
    shapes=few|N                  it compiles for each shape and dtype, and is judged on so many
                                  pairs of these alone; few are 150
    strides=pair|int              (height, width), or one integer: equal strides alone
    only=EXPRESSION               the geometries that it takes, as `cases.domain` reads it, such as
                                  filter_height == 3 and channels_in % 8 == 0
    partial=yes                   NotImplementedError means that it does not offer a call
    memory=C                      it takes C-contiguous arguments alone
    rank=2|1                      how many spatial axes arrays, strides and parameters have; where
                                  it is 1, they are without the height, which is 1
    style=cs231n|coursera|layer|module   it is a layer with forward and backward, as `styles.style`
                                  has them; the operation is one of those that it is judged by
    names=x:input+ftr:weight      arguments that go by keyword, under names of its own; the
                                  others go by position, in order
    constants=padding:VALID       further arguments by keyword: literals of Python, such as
                                  numbers and ('NHWC','IHWO','NHWC'), or else text
    dtypes=float32+float64        those that it supports
    declines=memory_layout+nonfinite_data+nonfinite_others   properties that it does not have
    sums=float32                  the precision of its sums, and
    accuracy=normwise[:CONSTANT]  that of its results, as `promises` explains them
    subnormals=flushed|kept       whether numbers below the normal ones may become zero
    promises=nonfinite_others+ieee_zeros       that NaN and infinity meet no zeros that it inserts,
                                  and that it leaves no zeros of the data out;
        +byte_order+mixed_dtypes  that it takes arrays in the other byte order, and one of float64
                                  beside others of another dtype
"""

import re
from collections.abc import Mapping
from typing import Any

from convcheck.form.names import meant, one_of
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.promises import DIRECT, OF_ARRAYS, Promise

from .literals import parts, unbroken, value, written

KEYS = (
    *("tensors", "filters", "arrays", "device", "names", "constants", "dtypes", "declines"),
    *("takes", "padding", "strides", "rank", "shapes", "style", "arguments"),
    *("only", "partial", "memory", "sums", "accuracy", "subnormals", "promises"),
)
TEXTS = (
    *("style", "tensors", "filters", "arrays", "device", "padding", "strides", "rank", "shapes"),
    *("only", "partial", "memory"),
)
"""those whose values are texts as they stand, in the order in which they are written"""
EXEC = "exec"
"""in the place of a module: what follows is a program"""
_FORM = f"OPERATION=MODULE:FUNCTION[,KEY=VALUE]..., or OPERATION={EXEC}:PROGRAM[,KEY=VALUE]..."
# A path may hold commas and colons, too: what is declared is what stands at the end.
_LINE = re.compile(
    rf"(?:(?P<operation>\w+)=)?(?:(?P<exec>{EXEC}):(?P<program>.+?)"
    r"|(?P<module>.+?)(?::(?P<function>[^\W\d][\w.]*))?)"
    rf"(?P<declared>(?:,\w+={unbroken(',')})*)",
    re.DOTALL,
)


def split(text: str) -> tuple[str, str, str, str]:
    """Return operation, module, function and declarations of a line; "" for what is missing.

    The module of a program is `EXEC`, and its function the program.
    """
    match = _LINE.fullmatch(text)
    if match is None:
        return "", "", "", ""
    operation, of, program, module, function, declared = match.groups(default="")
    return operation, of or module, program or function, declared


def read(text: str) -> tuple[str, str, str, dict[str, str]]:
    """Return operation, module, function, and what is declared by key.

    Raises:
        CandidateError: the text names no candidate, or declares what there is not.
        TypeError: it is none.
    """
    if not isinstance(text, str):  # whatever its type says
        raise TypeError(f"candidate={text!r:.100}: expected a text of the form {_FORM}")
    operation, module, function, declared = split(text)
    if module == EXEC and function and not operation:
        raise CandidateError(f"{text!r}: expected an operation, as in convolution={text}")
    if not (operation and module and function):
        raise CandidateError(f"{text!r}: expected the form {_FORM}")
    given: dict[str, str] = {}
    for pair in filter(None, parts(declared, ",")):
        key, _, of = pair.partition("=")
        if key not in KEYS:
            known = ", ".join(f"{each}=" for each in KEYS)
            raise CandidateError(f"{pair!r}: expected one of {known}{meant(key, KEYS)}")
        if key in given:
            raise CandidateError(f"{pair!r}: expected {key} once")
        given[key] = of
    return operation, module, function, given


def fields_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Return a candidate's fields that declarations stand for; ValueError if for none."""
    fields: dict[str, Any] = {}
    for key, text in given.items():
        if key in ("names", "constants"):
            fields[key] = tuple(_pair(each) for each in parts(text, "+"))
        elif key in ("dtypes", "declines"):
            fields[key] = tuple(text.replace("_", " ").split("+"))
        elif key == "takes":
            fields[key] = tuple(text.split("+")) if text else ()
        elif key == "arguments":
            fields[key] = tuple(map(_argument, parts(text, "+")))
        elif key == "only" and not text.strip():
            raise ValueError(f"only={text!r}: expected comparisons, such as filter_height == 3")
        elif key in TEXTS:
            fields[key] = text
    accuracy, colon, constant = given.get("accuracy", "direct").partition(":")
    try:
        number = float(constant) if colon else None
    except ValueError:
        raise ValueError(f"accuracy:{constant!r}: expected a positive number") from None
    said = given["promises"].replace("_", " ").split("+") if "promises" in given else ()
    arrays = tuple(each for each in said if each in OF_ARRAYS)
    zeros = tuple(each for each in said if each not in OF_ARRAYS)
    promised = given.get("subnormals"), zeros, arrays
    promise = Promise(given.get("sums"), accuracy, number, *promised)
    fields["promise"] = DIRECT if promise == DIRECT else promise  # which is what others ask for
    return fields


def _argument(text: str) -> str:
    """Return an argument of a program: the text itself, also of a number, if not in quotes."""
    return str(value(text)) if text[:1] in ("'", '"') else text


def _pair(text: str) -> tuple[str, str]:
    name, _, own = text.partition(":")
    return name, own or name


def declared(key: str, of: Any) -> str:
    """Return a declaration's value as a line has it: of a text, a list of texts, or a table.

    Raises:
        TypeError: it is none of these.
        ValueError: nothing is declared by that key, or no text stands for a constant in it.
    """
    if key not in KEYS:
        raise ValueError(f"{key}={of!r:.100}: {one_of(key, KEYS)}")
    if key == "partial" and isinstance(of, bool):
        of = "yes" if of else "no"
    if isinstance(of, str):
        return of.replace(" ", "_") if key in ("declines", "promises") else of
    lists = ("takes", "dtypes", "declines", "promises", "arguments")
    tables = ("names", "constants")
    if key in ("rank", "shapes") and isinstance(of, int) and not isinstance(of, bool):
        return str(of)
    if key in lists and isinstance(of, list | tuple) and all(isinstance(e, str) for e in of):
        if key == "arguments":
            return "+".join(map(written, of))
        return "+".join(of).replace(" ", "_")
    if key == "constants" and isinstance(of, Mapping):
        return "+".join(f"{name}:{_constant(name, each)}" for name, each in of.items())
    if key == "names" and isinstance(of, Mapping):
        return "+".join(f"{name}:{each}" for name, each in of.items())
    expected = "a list of texts" if key in lists else "a table" if key in tables else "a text"
    raise TypeError(f"{key}={of!r:.100}: expected {expected}")


def _constant(name: str, of: Any) -> str:
    try:
        return written(of)
    except ValueError as error:
        raise ValueError(f"constants={name}: {error}") from None
