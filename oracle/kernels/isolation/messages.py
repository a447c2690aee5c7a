"""What judge and kernel process say to each other, over pipes and a socket.

Requests are pickled batches of calls.  Answers are no pickles: the kernel's process may
have written anything there, and the judge must neither run it nor wait for its end.  An
answer is a header in JSON (a kind, a text, a number, dtype and shape of a result, and details
of a misbehaviour) and the result.
"""

import json
import math
import pickle
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.subjects import Request

_LENGTH = struct.Struct("<Q")
_HEADER = struct.Struct("<4sIQ")
_MARK = b"cvk1"
_LONGEST = 1 << 16
"""bytes in a header"""
_LONGEST_TEXT = 4000  # characters, of which JSON makes up to twelve bytes each
_FLOATING = re.compile(r"[<>]f(2|4|8|12|16)")

CUT_OFF = 97
"""exit status of a kernel process that lost its pipes"""
HUNG_UP = 96
"""exit status of a kernel process that the judge has left"""


class GarbledError(Exception):
    """These bytes are no answer."""


@dataclass(frozen=True)
class Answer:
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


def request_bytes(
    requests: Sequence[Request], number: int = 0, *, rehearsal: bool = False
) -> bytes:
    """Return a batch of calls, numbered from `number` on, as bytes, fit for `read_requests`.

    In a rehearsal everything is done but the kernel called, and results are zeros.
    """
    body = pickle.dumps((number, [*map(tuple, requests)], rehearsal), protocol=5)
    return _LENGTH.pack(len(body)) + body


def read_requests(stream: BinaryIO) -> tuple[int, list[Request], bool]:
    """Wait for a batch of calls; return the first one's number, all, and if it is a rehearsal.

    Raises:
        EOFError: the judge hung up.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    number, requests, rehearsal = pickle.loads(_exactly(stream, length))  # noqa: S301  (the judge's)
    return number, [Request(*each) for each in requests], rehearsal


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
    text = answer.text[:_LONGEST_TEXT]
    header = json.dumps([answer.kind, text, answer.number, *form, answer.details]).encode()
    return _HEADER.pack(_MARK, len(header), len(body)) + header + body


def take_answer(buffer: bytearray, longest: float = math.inf) -> Answer | None:
    """Take the first answer off `buffer`; None if it is not all there yet.

    Raises:
        GarbledError: `buffer` does not start with an answer, of which a result has at most
            `longest` bytes.
    """
    if len(buffer) < _HEADER.size:
        return None
    mark, header, body = _HEADER.unpack_from(buffer)
    if mark != _MARK or header > _LONGEST or body > longest:
        raise GarbledError
    start, end = _HEADER.size + header, _HEADER.size + header + body
    if len(buffer) < end:
        return None
    try:
        answer = _answer(json.loads(buffer[_HEADER.size : start]), buffer[start:end])
    except (ValueError, TypeError, RecursionError) as error:
        raise GarbledError from error
    del buffer[:end]
    return answer


def _answer(header: Any, body: bytearray) -> Answer:
    """Return an answer, of whose header nothing is known; ValueError or TypeError if it is none."""
    kind, text, number, dtype, shape, details = header
    if not (type(kind) is type(text) is type(dtype) is str and type(number) is int):
        raise TypeError
    if not (type(details) is list and all(type(line) is str for line in details)):
        raise TypeError
    if (kind == "result") != bool(dtype):
        raise ValueError
    if not dtype:
        if body:
            raise ValueError
        return Answer(kind, text, number, details=tuple(details))
    sizes = type(shape) is list and all(type(n) is int and n >= 0 for n in shape)
    if not (sizes and _FLOATING.fullmatch(dtype)):
        raise ValueError
    return Answer(kind, text, number, np.frombuffer(body, dtype).reshape(shape))
