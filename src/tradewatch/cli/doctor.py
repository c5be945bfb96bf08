"""`tradewatch doctor`: whether this machine and these settings will do, before or beside a server."""

from collections import Counter
from typing import Annotated

import msgspec
import typer

import tradewatch
from tradewatch.cli import options
from tradewatch.clock import SystemClock
from tradewatch.diagnosis.finding import Finding, Verdict
from tradewatch.one_line import one_line
from tradewatch.settings import settings_with_origins

_SEVERITY = list(Verdict)


class Report(msgspec.Struct, frozen=True):
    """What `doctor --json` prints.

    Attributes:
        version: of this program.
        verdict: that of the worst finding.
        findings: what each check came to.
    """

    version: str
    verdict: Verdict
    findings: list[Finding]


def doctor(
    context: typer.Context,
    *,
    config: options.Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    port: options.Port = None,
    data_dir: options.DataDir = None,
) -> None:
    """Check this machine and the settings, before `serve` or beside it.

    Each check comes to ok, warning or fault, with what to do about it. The exit code is 1 where there is a
    fault. Nothing is changed.
    """
    loaded = settings_with_origins(config=config, options=options.given_settings(context.params))
    from tradewatch.diagnosis.examination import examine  # noqa: PLC0415 - other commands do not pay for it

    findings = examine(loaded, now=SystemClock())
    worst = max((finding.verdict for finding in findings), key=_SEVERITY.index)
    if as_json:
        report = Report(tradewatch.__version__, worst, findings)
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        typer.echo(_as_text(findings))
    if worst is Verdict.FAULT:
        raise typer.Exit(1)


def _as_text(findings: list[Finding]) -> str:
    """A line for each finding, another for what to do, and a line that counts them."""
    indent = max(map(len, _SEVERITY)) + 2
    column = max(len(finding.check) for finding in findings) + 2
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:{indent}}{finding.check:{column}}{one_line(finding.what)}".rstrip())
        if finding.advice:
            lines.append(f"{'':{indent + column}}> {one_line(finding.advice)}")
    counts = Counter(finding.verdict for finding in findings)
    warnings, faults = counts[Verdict.WARNING], counts[Verdict.FAULT]
    lines += ["", f"{counts[Verdict.OK]} ok, warnings: {warnings}, faults: {faults}"]
    return "\n".join(lines)
