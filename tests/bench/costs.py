"""What a judged geometry costs here, and with what people use today: ratios of one run."""

import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
import zoo
from enumeration import Watch, share, watched_oracle
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from convcheck.cases.case import Case, agreement_fills
from convcheck.cases.regions import Region
from convcheck.conformance.plan.step import judge_fills
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.strategies import geometries, seeds
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import view
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge_all
from convcheck.kernels.functions import subject_of

KERNELS = zoo.kernels(zoo.STYLES["fused"])
GRADIENTS = ("convolution_input_gradient", "convolution_filter_gradient")


class _Convolution(torch.autograd.Function):
    """The vectorised kernels as an operation that gradcheck takes."""

    @staticmethod
    def forward(ctx: Any, x: Any, ftr: Any, strd: Any) -> Any:
        ctx.save_for_backward(x, ftr)
        ctx.strd = strd
        z = KERNELS["convolution"](x.detach().numpy(), ftr.detach().numpy(), strd)
        return torch.from_numpy(z)

    @staticmethod
    def backward(ctx: Any, *deltas: Any) -> Any:
        x, ftr = (each.detach().numpy() for each in ctx.saved_tensors)
        delta = deltas[0].detach().numpy()
        dx = KERNELS[GRADIENTS[0]](delta, ftr, ctx.strd, x.shape)
        dftr = KERNELS[GRADIENTS[1]](x, delta, ctx.strd, ftr.shape)
        return torch.from_numpy(dx), torch.from_numpy(dftr), None


def _sample(count: int) -> list[Geometry]:
    """Return geometries spread evenly over all up to extent 6, batches and channels mixed."""
    every = list(Region("convolution", 6, narrow=0, full_to=0).geometries())
    return [every[int((i + 0.5) * len(every) / count)][1] for i in range(count)]


def _gradcheck(geometry: Geometry, *, fast: bool) -> None:
    arrays = Case("convolution", geometry, "float64", "uniform", 0).arrays().values()
    x, ftr = (torch.from_numpy(array).requires_grad_() for array in arrays)
    strd = geometry.strides
    torch.autograd.gradcheck(
        lambda x, ftr: _Convolution.apply(x, ftr, strd), (x, ftr), fast_mode=fast
    )


def _enumeration(chosen: Iterable[Geometry], names: Iterable[str]) -> None:
    for name in names:
        cases = [Case(name, geometry, "float64", "integers", 0) for geometry in chosen]
        for at in range(0, len(cases), 32):
            verdicts = judge_all(KERNELS[name], cases[at : at + 32])
            assert not any(verdict.failed for verdict in verdicts)


def _seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def per_geometry(count: int = 60) -> dict[str, float]:
    """Return the cost of judging both gradients of a geometry, as multiples of the enumeration."""
    chosen = _sample(count)
    _enumeration(chosen[:2], GRADIENTS)  # imports and caches
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds = {
            "enumeration": min(_seconds(lambda: _enumeration(chosen, GRADIENTS)) for _ in range(3)),
            "gradcheck, fast": _seconds(lambda: [_gradcheck(g, fast=True) for g in chosen]),
            "gradcheck, slow": _seconds(lambda: [_gradcheck(g, fast=False) for g in chosen]),
        }
    return {name: each / seconds["enumeration"] for name, each in seconds.items()}


def _quiet(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


def _suite(kernel: Any, examples: int, seen: list[Any]) -> Callable[[], None]:
    """Return what a Hypothesis suite of convolutions does; it adds its verdicts to `seen`."""
    operation = OPERATIONS["convolution"]
    subject = subject_of(kernel, operation)

    @_quiet(examples)
    @given(geometries(operation), seeds)
    def suite(geometry: Geometry, seed: int) -> None:
        seen.extend(judge_fills(subject, agreement_fills(operation), geometry, seed))

    return suite


def _plain(kernel: Any, examples: int, seen: list[Any]) -> Callable[[], None]:
    """Return what people write today: it adds its results to `seen`."""

    @_quiet(examples)
    @given(st.data())
    def plain(data: st.DataObject) -> None:
        b, i, o, fh, fw, sh, sw = (data.draw(st.integers(1, 3)) for _ in range(7))
        h, w = fh + data.draw(st.integers(0, 5)), fw + data.draw(st.integers(0, 5))
        x, ftr = torch.randn(b, h, w, i), torch.randn(i, fh, fw, o)
        z = torch.from_numpy(kernel(x.numpy(), ftr.numpy(), (sh, sw)))
        expected = torch.nn.functional.conv2d(
            view(x, "NHWC", "NCHW"),
            view(ftr, "ihwo", "oihw").contiguous(),
            stride=(sh, sw),  # type: ignore[arg-type]
        )
        torch.testing.assert_close(z, expected.permute(0, 2, 3, 1))
        seen.append(z)

    return plain


def against_kernel_and_oracle(examples: int = 150) -> dict[str, float]:
    """Return whole time over the time in kernel and oracle, of both ways to judge."""
    kernel, oracle = Watch(), Watch()
    suite = _suite(kernel(reference_for("convolution")), examples, [])
    with watched_oracle(oracle):
        seconds = _seconds(suite) - kernel.own_seconds - oracle.own_seconds
    shares = share()
    return {
        "enumeration": 1 / (1 - shares["all"]["rest"]),
        "enumeration with parameters": 1 / (1 - shares["all with parameters"]["rest"]),
        "Hypothesis suite": seconds / (kernel.seconds + oracle.seconds),
    }


def per_judged_case(examples: int = 100) -> dict[str, float]:
    """Return the cost of a judged case, as multiples of the enumeration's, for a fast kernel."""
    chosen = _sample(300)
    seconds = {"enumeration": _seconds(lambda: _enumeration(chosen, ["convolution"])) / len(chosen)}
    ways = {"Hypothesis suite": _suite, "plain pytest + Hypothesis + assert_close": _plain}
    for name, way in ways.items():
        seen: list[Any] = []
        taken = _seconds(way(KERNELS["convolution"], examples, seen))
        seconds[name] = taken / len(seen)
    return {name: each / seconds["enumeration"] for name, each in seconds.items()}
