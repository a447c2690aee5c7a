"""What a program is sent and what it answers: a line of JSON, and arrays as .npy files."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

_MAGIC = np.lib.format.MAGIC_PREFIX
_LENGTHS = {1: 2, 2: 4}
"""bytes that hold the length of a header, by version of the format"""
_SHOWN = 40
"""bytes of what is no .npy file"""
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


def array_of(data: bytearray, shape: Sequence[int], arrays: Mapping[str, Array]) -> Array | None:
    """Return the array of this shape that a .npy file holds; None if it is not all there yet.

    Args:
        data: what has come of the file; the array keeps it.
        shape: that the array is to have.
        arrays: those of the request.

    Raises:
        MisbehaviourError: it will never be, or there is more.
    """
    if not _MAGIC.startswith(data[: len(_MAGIC)]):
        begins = f"wrote no .npy file to its standard output: it begins with {_shown(data)}"
        raise _no_array(begins)
    start = len(_MAGIC) + 2
    if len(data) < start:
        return None
    length = _LENGTHS.get(data[start - 2])
    if length is None:
        raise _no_array(f"wrote a .npy file of version {data[start - 2]}, expected 1 or 2")
    body = start + length + int.from_bytes(data[start : start + length], "little")
    if len(data) < body:
        return None
    dtype, fortran, found = _described(bytes(data[start:body]), length)
    if dtype == np.uint16:
        narrow = (each.dtype for each in arrays.values() if each.dtype.name == _NARROW)
        dtype = next(narrow, dtype)
    if dtype.kind != "f" and dtype.name != _NARROW:
        text = f"returned dtype {dtype}, expected a real floating one"
        raise MisbehaviourError(Misbehaviour.RETURNED_NUMBERS, text)
    if found != tuple(shape):
        text = f"returned shape {found}, expected {tuple(shape)}"
        raise MisbehaviourError(Misbehaviour.RETURNED_SHAPE, text)
    count = math.prod(shape)
    beyond = len(data) - body - count * dtype.itemsize
    if beyond < 0:
        return None
    if beyond:
        raise too_much(data[-beyond:])
    z = np.frombuffer(data, dtype, count, body)
    return z.reshape(shape, order="F" if fortran else "C")


@lru_cache(maxsize=4096)
def _described(header: bytes, length: int) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Return dtype, order and shape that a header tells, behind its length."""
    fmt = np.lib.format
    read = fmt.read_array_header_1_0 if length == _LENGTHS[1] else fmt.read_array_header_2_0
    try:
        shape, fortran, dtype = read(BytesIO(header))
    except Exception:  # noqa: BLE001  (whatever comes of reading it as Python)
        text = f"wrote a .npy file with a header that cannot be read: {_shown(header[length:])}"
        raise _no_array(text) from None
    return dtype, fortran, shape


def too_much(data: bytes | bytearray) -> MisbehaviourError:
    """Return that a program wrote something that belongs to no answer."""
    return _no_array(f"wrote more than its answer to its standard output: {_shown(data)}")


def _no_array(text: str) -> MisbehaviourError:
    return MisbehaviourError(Misbehaviour.RETURNED_NO_ARRAY, text)


def _shown(data: bytes | bytearray) -> str:
    """Return the first line of what a program wrote, or its beginning."""
    line, end, _ = data.partition(b"\n")
    shown = bytes(line + end)[:_SHOWN]
    return repr(shown) + (" ..." if len(data) > len(shown) else "")
