"""What `/metrics` shows: for each part the integers that it keeps anyway."""

from collections.abc import Callable, Mapping, Sequence

from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.feeds.source import Source, SourceState
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.rest.metrics import Reading
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.registry import Connections
from tradewatch.tape.log import Log


def stream_readings(counters: StreamCounters, connections: Connections) -> list[Reading]:
    """The stream edge."""
    return [
        Reading(
            "connections", "WebSocket connections that hold a socket", lambda: len(connections), counter=False
        ),
        Reading("connections_opened", "WebSocket handshakes completed", lambda: counters.opened),
        Reading("connections_closed", "connections ended, by why", lambda: counters.closed, label="reason"),
        Reading("refusals", "requests refused before the upgrade", lambda: counters.refused, label="reason"),
        Reading("messages_in", "messages from clients", lambda: counters.messages_in),
        Reading("bytes_in", "bytes from WebSocket connections", lambda: counters.bytes_in),
        Reading("bytes_out", "bytes to WebSocket connections", lambda: counters.bytes_out),
    ]


def quote_readings(intake: Intake, hub: Hub, log: Log, publisher: Publisher) -> list[Reading]:
    """Intake, tape and fan-out."""
    return [
        Reading("quotes_in", "records taken onto the tape", lambda: intake.taken),
        Reading("quotes_out", "quotes written to clients, over all of them", lambda: hub.quotes_out),
        Reading(
            "quotes_skipped", "quotes that clients which were behind never got", lambda: hub.quotes_skipped
        ),
        Reading("flushes", "flushes of the hub that had something to write", lambda: hub.flushes),
        Reading("log_lost_records", "records that the log could not keep", lambda: log.lost_records),
        Reading(
            "log_failing", "1 while the log cannot keep records", lambda: bool(log.failing), counter=False
        ),
        Reading(
            "log_records", "offset of the next record of the log", lambda: log.next_offset, counter=False
        ),
        Reading("batches", "published batches taken", lambda: publisher.batches),
        Reading("batches_repeated", "published batches answered from memory", lambda: publisher.repeated),
        Reading("quotes_refused", "published quotes refused", lambda: publisher.refused_quotes),
    ]


def feed_readings(sources: Sequence[Source]) -> list[Reading]:
    """The feeds, each by its specification."""

    def each(read: Callable[[SourceState], float]) -> Callable[[], Mapping[str, float]]:
        return lambda: {source.name: read(source.state) for source in sources}

    return [
        Reading("feed_quotes", "quotes of a feed", each(lambda state: state.quotes), label="feed"),
        Reading(
            "feed_bad_rows",
            "rows that a feed could not take",
            each(lambda state: state.bad_rows),
            label="feed",
        ),
        Reading(
            "feed_behind_seconds",
            "how late a feed is against its own schedule",
            each(lambda state: state.behind_s),
            label="feed",
            counter=False,
        ),
    ]
