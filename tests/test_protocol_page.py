"""The pages of the protocol, of plans and of watching name what the code has: each code, limit and metric."""

import re
from unittest.mock import Mock

import msgspec

from tests.pages import ROOT
from tradewatch.access.plan import Plan
from tradewatch.model.record import Flags
from tradewatch.protocol.codes import CloseCode, ErrorCode, PublishCode
from tradewatch.protocol.limits import ConnectionLimits
from tradewatch.protocol.refusal import RefusalReason
from tradewatch.protocol.v2 import events
from tradewatch.server.rest import readings
from tradewatch.server.rest.history_readings import history_readings
from tradewatch.server.rest.tickets import TicketRequest
from tradewatch.settings.values import LimitSettings

PROTOCOL = (ROOT / "docs/reference/protocol.md").read_text()
PLANS = (ROOT / "docs/how-to/plans.md").read_text()
WATCH = (ROOT / "docs/how-to/watch-it.md").read_text()

#: What a batch may meet besides the codes of publishing; the body's limit is HTTP's.
_OF_MESSAGES = {
    ErrorCode.INVALID_JSON,
    ErrorCode.INVALID_MESSAGE,
    ErrorCode.UNKNOWN_ACTION,
    ErrorCode.MESSAGE_TOO_LARGE,
    RefusalReason.BODY_TOO_LARGE,
}


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the one table of a page whose first line begins so, as texts of their cells."""
    (lines,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines.splitlines()]


def named(rows: list[list[str]], column: int = 0) -> list[str]:
    """The names that a column has in code spans, in their order."""
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row[column])]


def once(names: list[str]) -> set[str]:
    assert len(names) == len(set(names)), "each stands once"
    return set(names)


def test_a_table_is_found_by_its_heading() -> None:
    page = "| a | b |\n|---|---|\n| `x`, `y` | 1 |\n| `z` | `w` |\n\n| c | |\n|---|---|\n| `v` | |\n"
    assert table(page, "a") == [["`x`, `y`", "1"], ["`z`", "`w`"]]
    assert (named(table(page, "a")), named(table(page, "c"))) == (["x", "y", "z"], ["v"])


def test_every_refusal_is_on_the_page_and_no_other() -> None:
    assert once(named(table(PROTOCOL, "status"), 1)) == set(RefusalReason)


def test_every_error_code_is_on_the_page_and_no_other() -> None:
    assert once(named(table(PROTOCOL, "error code"))) == set(ErrorCode)


def test_every_code_of_publishing_is_on_the_page_and_no_other() -> None:
    of_batches = once(named(table(PROTOCOL, "refusal of a batch")))
    of_quotes = once(named(table(PROTOCOL, "code of a quote")))
    assert not of_batches & of_quotes
    assert of_batches | of_quotes == set(PublishCode) | _OF_MESSAGES


def test_every_close_code_is_on_the_page_with_its_name_and_no_other() -> None:
    rows = table(PROTOCOL, "code")
    assert [(int(row[0]), row[1].strip("`")) for row in rows] == [
        (code.value, code.reason) for code in sorted(CloseCode)
    ]


def test_every_limit_of_a_connection_is_on_the_page() -> None:
    rows = table(PROTOCOL, "limit of a connection")
    assert named(rows) == [field.name for field in msgspec.structs.fields(ConnectionLimits)]


def test_the_defaults_of_limits_are_those_of_the_settings() -> None:
    found = re.findall(r"\| ?.*\| ([\d,]+) \(`limits\.(\w+)`\)(?:, ([\d,]+) \(`limits\.(\w+)`\))?", PROTOCOL)
    shown = {name: int(text.replace(",", "")) for row in found for text, name in (row[:2], row[2:]) if name}
    assert len(shown) == 9
    assert shown == {name: getattr(LimitSettings(), name) for name in shown}


def test_every_flag_is_on_the_page() -> None:
    assert once(named(table(PROTOCOL, "flag"))) == {flag.name.lower() for flag in Flags if flag.name and flag}


def test_every_event_of_v2_that_is_sent_is_on_the_page() -> None:
    """A gap is one that this version has a shape for and never sends; quotes are written without one."""
    values = vars(events).values()
    structs = [each for each in values if isinstance(each, type) and issubclass(each, events.Event)]
    tags = {str(each.__struct_config__.tag) for each in structs if each not in (events.Event, events.Answer)}
    assert once(named(table(PROTOCOL, "event"))) == tags - {"gap"} | {"quote"}


def test_every_field_of_a_ticket_is_on_the_page() -> None:
    assert named(table(PROTOCOL, "field of a ticket")) == [
        field.name for field in msgspec.structs.fields(TicketRequest)
    ]


def test_every_field_of_a_plan_is_on_its_page() -> None:
    fields = [field.name for field in msgspec.structs.fields(Plan)]
    assert named(table(PLANS, "limit of a plan")) == [name for name in fields if name != "name"]


def test_every_metric_is_on_its_page_and_no_other() -> None:
    parts = [
        readings.stream_readings(Mock(), Mock(), Mock()),
        readings.door_readings(Mock(), Mock(), Mock(), Mock()),
        readings.quote_readings(Mock(), Mock(), Mock(), Mock(), Mock()),
        readings.usage_readings(Mock()),
        readings.feed_readings([]),
        history_readings(Mock()),
    ]
    # A distribution has a suffix of its own; what only grows ends in `_total`.
    metrics = {
        f"tradewatch_{each.name}" + ("_total" if each.counter and not each.name.endswith("_seconds") else "")
        for part in parts
        for each in part
    }
    assert once(named(table(WATCH, "metric"))) == metrics
