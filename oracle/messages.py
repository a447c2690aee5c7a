"""What judge and kernel process say to each other, over pipes.

Requests are pickled batches of calls.  Answers are no pickles: the kernel's process may
have written anything there, and the judge must neither run it nor wait for its end.  An
answer is a header in JSON (a kind, a text, dtype and shape of a result, and details of a
misbehaviour) and the result.
"""

import json
import pickle
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from .layouts import Array

_LENGTH = struct.Struct("<Q")
_HEADER = struct.Struct("<4sIQ")
_MARK = b"cvk1"
_LONGEST = 1 << 16
"""bytes in a header"""

Request = tuple[Sequence[str], Sequence[Any], dict[str, Any], tuple[int, ...] | None, str]
"""the parameters of `calls.invoke`, the arrangement by its name"""

CUT_OFF = 97
"""exit status of a kernel process that lost its pipes"""
HUNG_UP = 96
"""exit status of a kernel process that the judge has left"""
END = struct.Struct("<ii")
"""how a kernel process has ended, as a wait status, and the next one's id"""


class GarbledError(Exception):
    """These bytes are no answer."""


@dataclass(frozen=True)
class Answer:
    """What a kernel process says."""

    kind: str
    """started, loaded, refused, told, misbehaved or result"""
    text: str = ""
    result: Array | None = None
    details: tuple[str, ...] = ()
    """of a misbehaviour, as `calls.MisbehaviourError` has them"""


def request_bytes(requests: Sequence[Request]) -> bytes:
    """Return a batch of calls as bytes, fit for `read_requests`."""
    body = pickle.dumps(list(requests), protocol=5)
    return _LENGTH.pack(len(body)) + body


def read_requests(stream: BinaryIO) -> list[Request]:
    """Wait for a batch of calls; EOFError if the judge hung up."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    requests: list[Request] = pickle.loads(_exactly(stream, length))  # noqa: S301  (the judge's)
    return requests


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def answer_bytes(answer: Answer) -> bytes:
    """Return an answer as bytes, fit for `take_answer`."""
    z = answer.result
    body = b"" if z is None else z.tobytes()
    form = ["", []] if z is None else [z.dtype.str, z.shape]
    header = json.dumps([answer.kind, answer.text, *form, answer.details]).encode()
    return _HEADER.pack(_MARK, len(header), len(body)) + header + body


def take_answer(buffer: bytearray) -> Answer | None:
    """Take the first answer off `buffer`; None if it is not all there yet.

    Raises:
        GarbledError: `buffer` does not start with an answer.
    """
    if len(buffer) < _HEADER.size:
        return None
    mark, header, body = _HEADER.unpack_from(buffer)
    if mark != _MARK or header > _LONGEST:
        raise GarbledError
    start, end = _HEADER.size + header, _HEADER.size + header + body
    if len(buffer) < end:
        return None
    try:
        kind, text, dtype, shape, details = json.loads(buffer[_HEADER.size : start])
        result = np.frombuffer(buffer[start:end], dtype).reshape(shape) if dtype else None
    except (ValueError, TypeError) as error:
        raise GarbledError from error
    del buffer[:end]
    return Answer(kind, text, result, tuple(map(str, details)))
