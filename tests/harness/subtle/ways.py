"""One convolution's ways to be wrong, each a kernel of its own: ordinary sizes, in company."""

from typing import Any

from .kernels import off_where

WAYS: dict[str, Any] = {
    "24 channels come in": lambda n: n.i == 24,
    "40 channels go out": lambda n: n.o == 40,
    "channels are equal and 12 or 20": lambda n: n.i == n.o and n.i in (12, 20),
    "3 channels come in in batches of 3": lambda n: n.b == n.i == 3,
    "more than 512 channels go out": lambda n: n.o > 512,
    "96 channels come in and go out": lambda n: n.i == n.o == 96,
    "128 channels go out of 1 x 1 taps on 7 columns": lambda n: (n.w, n.Q) == (1, 7) and n.o >= 128,
    "a sum has 576 terms": lambda n: n.i * n.h * n.w == 576,
    "there are 7 x 7 windows": lambda n: n.P == n.Q == 7,
    "windows are a multiple of 128": lambda n: n.b * n.P * n.Q % 128 == 0,
    "a single row has 12 steps": lambda n: n.P == 1 and n.Q == 12,
    "a row has more than 56 steps": lambda n: n.Q > 56,
    "input has 100 rows and columns": lambda n: min(n.H, n.W) >= 100,
    "filter is higher than the result": lambda n: n.h > n.P > 8,
    "filter has 6 columns": lambda n: n.w == 6,
    "filter has 10 x 10 taps and 4 channels": lambda n: min(n.h, n.w) >= 10 and n.i >= 4,
    "7 x 7 taps at stride 2 take 3 channels": lambda n: (n.h, n.w, n.sh, n.i) == (7, 7, 2, 3),
    "3 taps at stride 2 end on 14 rows": lambda n: (n.h, n.sh, n.H) == (3, 2, 14),
    "3 rows are left of stride 4": lambda n: n.sh == 4 and (n.H - n.h) % 4 == 3 and n.P > 2,
    "stride is 5 along 20 columns": lambda n: n.sw == 5 and n.W >= 20,
    "strides differ and 8 channels come in": lambda n: n.sh != n.sw and n.i >= 8,
    "2 of 16 columns are left at stride 2": lambda n: n.sw == 2 and n.Q > 16 and n.Q % 16 == 2,
    "28 x 28 input has 5 taps": lambda n: n.H == n.W == 28 and n.h == n.w == 5,
}

for words, way in WAYS.items():
    off_where(words, way, "convolution")
