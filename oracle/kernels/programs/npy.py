"""What a program is sent and what it answers: a line of JSON, and arrays as .npy files."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

_MAGIC = np.lib.format.MAGIC_PREFIX
_LENGTHS = {1: 2, 2: 4}
"""bytes that hold the length of a header, by version of the format"""
_SHOWN = 40
"""bytes of what is no .npy file"""
_MOST = 1 << 30
"""bytes of an array of another shape than was asked for"""
_REFUSAL = b"NotImplementedError"
"""begins the line that a program answers where it does not take a call"""
_NARROW = "bfloat16"
"""a dtype that .npy files do not have: it travels as uint16"""


def request_bytes(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return a request that says what JSON has `about` it, and its arrays."""
    dtypes = [each.dtype.name for each in arrays.values()]
    line = json.dumps({**about, "arrays": [*arrays], "dtypes": dtypes}, default=int)
    parts = [line.encode(), b"\n"]
    for array, dtype in zip(arrays.values(), dtypes, strict=True):
        of = "<u2" if dtype == _NARROW else array.dtype.str
        parts += [_header(of, array.shape), array.tobytes()]
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    file = BytesIO()
    about = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def answer_of(
    data: bytearray, shape: Sequence[int], arrays: Mapping[str, Array]
) -> Array | NotImplementedError | None:
    """Return the array that an answer holds, or that it is a refusal; None if more is to come.

    Args:
        data: what has come of the answer; the array keeps it.
        shape: that the array should have, which is for others to judge.
        arrays: those of the request.

    Raises:
        MisbehaviourError: it will never be an answer, or there is more.
    """
    if _REFUSAL.startswith(data[: len(_REFUSAL)]):
        line, end, beyond = data.partition(b"\n")
        if beyond:
            raise too_much(beyond)
        why = line[len(_REFUSAL) :].decode(errors="replace")
        return NotImplementedError(why.strip(": \r")) if end else None
    file = _described(data)
    if file is None:
        return None
    size = math.prod(file.shape) * file.dtype.itemsize
    if file.dtype.hasobject or (file.shape != tuple(shape) and size > _MOST):
        of = f"shape {file.shape} and dtype {file.dtype}"
        raise garbled(f"promised an array of {of}, expected shape {tuple(shape)}")
    if len(data) < file.start + size:
        return None
    if beyond := data[file.start + size :]:
        raise too_much(beyond)
    dtype = file.dtype
    if dtype == np.uint16:
        narrow = (each.dtype for each in arrays.values() if each.dtype.name == _NARROW)
        dtype = next(narrow, dtype)
    z = np.frombuffer(data, dtype, math.prod(file.shape), file.start)
    return z.reshape(file.shape, order="F" if file.fortran else "C")


class _File(NamedTuple):
    """What a .npy file says of itself, and where its numbers start."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    start: int


def _described(data: bytearray) -> _File | None:
    """Return what the header of a .npy file tells; None if it is not all there yet."""
    if not _MAGIC.startswith(data[: len(_MAGIC)]):
        begins = f"wrote no .npy file to its standard output: it begins with {_shown(data)}"
        raise garbled(begins)
    start = len(_MAGIC) + 2
    if len(data) < start:
        return None
    length = _LENGTHS.get(data[start - 2])
    if length is None:
        raise garbled(f"wrote a .npy file of version {data[start - 2]}, expected 1 or 2")
    body = start + length + int.from_bytes(data[start : start + length], "little")
    return _read(bytes(data[start:body]), length, body) if len(data) >= body else None


@lru_cache(maxsize=4096)
def _read(header: bytes, length: int, start: int) -> _File:
    """Return what a header tells, behind its length."""
    fmt = np.lib.format
    read = fmt.read_array_header_1_0 if length == _LENGTHS[1] else fmt.read_array_header_2_0
    try:
        shape, fortran, dtype = read(BytesIO(header))
    except Exception:  # noqa: BLE001  (whatever comes of reading it as Python)
        shape = (-1,)
    if min(shape, default=0) < 0:
        text = f"wrote a .npy file with a header that cannot be read: {_shown(header[length:])}"
        raise garbled(text)
    return _File(dtype, fortran, shape, start)


def too_much(data: bytes | bytearray) -> MisbehaviourError:
    """Return that a program wrote something that belongs to no answer."""
    return garbled(f"wrote more than its answer to its standard output: {_shown(data)}")


def too_little(data: bytearray) -> str:
    """Say that a program wrote so much of an answer and no more."""
    file = _described(data) if data.startswith(_MAGIC) else None
    whole = f" of {file.start + math.prod(file.shape) * file.dtype.itemsize:,}" if file else ""
    return f"wrote {len(data):,}{whole} bytes of its answer, and waited for another request"


def garbled(text: str) -> MisbehaviourError:
    """Return that a program did this instead of answering."""
    return MisbehaviourError(Misbehaviour.GARBLED, text)


def _shown(data: bytes | bytearray) -> str:
    """Return the first line of what a program wrote, or its beginning."""
    line, end, _ = data.partition(b"\n")
    shown = bytes(line + end)[:_SHOWN]
    return repr(shown) + (" ..." if len(data) > len(shown) else "")
