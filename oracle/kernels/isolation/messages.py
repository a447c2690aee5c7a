"""What judge and kernel process say to each other, over pipes and a socket.

Requests are pickled batches of calls.  Answers are no pickles: the kernel's process may
have written anything there, and the judge must neither run it nor wait for its end.  An
answer is a head in JSON, of known types, and the bytes of a result.
"""

import math
import pickle
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

import msgspec
import numpy as np

from convcheck.form.formats import FORMATS
from convcheck.form.layouts import Array
from convcheck.kernels.subjects import Request

_LENGTH = struct.Struct("<Q")
_SIZES = struct.Struct("<4sIQ")
_MARK = b"cvk1"
_LONGEST = 1 << 16
"""bytes in a head"""
_LONGEST_TEXT = 4000  # characters, of which JSON makes up to twelve bytes each
_FLOATING = re.compile(r"[<>]f(2|4|8|12|16)|bfloat16")

CUT_OFF = 97
"""exit status of a kernel process that lost its pipes"""
HUNG_UP = 96
"""exit status of a kernel process that the judge has left"""


class GarbledError(Exception):
    """These bytes are no message."""


@dataclass(frozen=True)
class Message:
    """What a kernel process says."""

    kind: str
    """of a process: started, refused, loaded or next; of calls: told, result or what was wrong"""
    text: str = ""
    number: int = 0
    """of the call that is answered, or the id of the process that is told of"""
    result: Array | None = None
    """real floating; a result has it, nothing else"""
    details: tuple[str, ...] = ()
    """of a misbehaviour, as `MisbehaviourError` has them"""
    seconds: float = 0.0
    """that the kernel took for a result"""
    threaded: bool = False
    """as a `Subject` has it"""


class _Head(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A message but for the numbers of a result, of which it has dtype and shape."""

    kind: str
    text: str
    number: int
    dtype: str
    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    details: tuple[str, ...]
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    threaded: bool = False


def request_bytes(requests: Sequence[Request], number: int = 0) -> bytes:
    """Return a batch of calls, numbered from `number` on, as bytes, fit for `read_requests`."""
    body = pickle.dumps((number, [*map(tuple, requests)]), protocol=5)
    return _LENGTH.pack(len(body)) + body


def read_requests(stream: BinaryIO) -> tuple[int, list[Request]]:
    """Wait for a batch of calls; return the first one's number, and all.

    Raises:
        EOFError: the judge hung up.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    number, requests = pickle.loads(_exactly(stream, length))  # noqa: S301  (the judge's)
    return number, [Request(*each) for each in requests]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def message_bytes(message: Message) -> bytes:
    """Return a message as bytes, fit for `take_message`."""
    z = message.result
    body, dtype = (b"", "") if z is None else (z.tobytes(), _dtype_name(z.dtype))
    told = message.kind, _spelled(message.text[:_LONGEST_TEXT]), message.number
    shape, details = [] if z is None else list(z.shape), (*map(_spelled, message.details),)
    spent = message.seconds, message.threaded
    head = msgspec.json.encode(_Head(*told, dtype, shape, details, *spent))
    return _SIZES.pack(_MARK, len(head), len(body)) + head + body


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.str if dtype.kind == "f" else dtype.name


def _spelled(text: str) -> str:
    """Return `text` with halves of characters spelled out: names of files may hold such."""
    return text.encode(errors="backslashreplace").decode()


def take_message(buffer: bytearray, longest: float = math.inf) -> Message | None:
    """Take the first message off `buffer`; None if it is not all there yet.

    Raises:
        GarbledError: `buffer` does not start with a message, of which a result has at most
            `longest` bytes.
    """
    if len(buffer) < _SIZES.size:
        return None
    mark, head, body = _SIZES.unpack_from(buffer)
    if mark != _MARK or head > _LONGEST or body > longest:
        raise GarbledError
    start, end = _SIZES.size + head, _SIZES.size + head + body
    if len(buffer) < end:
        return None
    try:
        message = _message(buffer[_SIZES.size : start], buffer[start:end])
    except (ValueError, msgspec.MsgspecError) as error:
        raise GarbledError from error
    del buffer[:end]
    return message


def _message(head: bytearray, body: bytearray) -> Message:
    """Return a message of which nothing is known; ValueError or MsgspecError if it is none."""
    read = msgspec.json.decode(head, type=_Head)
    told = read.kind, read.text, read.number
    if read.kind != "result":
        if read.dtype or body:
            raise ValueError(read.dtype)
        return Message(*told, details=read.details)
    if not _FLOATING.fullmatch(read.dtype):
        raise ValueError(read.dtype)
    form = FORMATS.get(read.dtype)
    z = np.frombuffer(body, form.dtype if form else read.dtype).reshape(read.shape)
    return Message(*told, z, seconds=read.seconds, threaded=read.threaded)
