"""What a campaign leaves: the cells and the certificate of one kernel on one region.

It holds no circumstances, so that it is the same to the byte however the campaign ran.
"""

from . import findings
from .document import CERTIFICATE, CERTIFICATE_VERSION, MISSING, Campaign, Kernel, Report
from .rows import Record, added
from .status import ReportError


def assemble(record: Record, kernel: Kernel, convcheck: str, *, complete: bool) -> Campaign:
    """Return the document of a campaign.

    Args:
        record: the certificate and what was judged for it, as of a test.
        kernel: which it is, its name as MODULE:FUNCTION.
        convcheck: the version that judged it.
        complete: whether the whole region is certified.
    """
    findings.bear_out([record])
    return Campaign(
        CERTIFICATE,
        CERTIFICATE_VERSION,
        convcheck,
        kernel,
        findings.settled(added((), record.cells), ()),
        record.certificates,
        complete,
    )


def name_of(campaign: Campaign) -> str:
    """Return the name that a campaign goes by among the tests of a run."""
    regions = "; ".join(each.region for each in campaign.certificates)
    return f"campaign::{campaign.kernel.operation}[{regions}]"


def outcome_of(campaign: Campaign) -> str:
    """Return how it ended, as a test would have."""
    if any(cell.failure for cell in campaign.cells):
        return "failed"
    return "passed" if campaign.complete else MISSING


def require_kernel(name: str, campaign: Campaign, report: Report) -> None:
    """Raise ReportError unless a campaign is about a kernel that `report` is about.

    Args:
        name: of the campaign's file.
        campaign: what it left.
        report: that of a run.
    """
    asked, kernel = report.findings.asked, campaign.kernel
    operation = kernel.operation
    version = report.circumstances.packages.get("convcheck")
    for what, ours, theirs in (
        (f"kernel of {operation}", kernel.name, asked.kernels.get(operation)),
        (f"source of {operation}", kernel.source, asked.sources.get(operation) or ""),
        ("version of convcheck", campaign.convcheck, version),
    ):
        if ours != theirs:
            raise ReportError(f"{name}: {what} is {ours!r}, expected {theirs!r} as in the run")
