"""What `/metrics` shows: for each part the integers that it keeps anyway."""

from collections.abc import Callable, Sequence

from tradewatch.fanout.hub import Hub
from tradewatch.fanout.intake import Intake
from tradewatch.feeds.runner import FeedRunner
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


def feed_readings(feeds: Sequence[FeedRunner]) -> list[Reading]:
    """The feeds, each by its specification."""

    def each(
        name: str, meaning: str, read: Callable[[FeedRunner], float], *, counter: bool = True
    ) -> Reading:
        return Reading(
            f"feed_{name}",
            meaning,
            lambda: {feed.source.name: read(feed) for feed in feeds},
            label="feed",
            counter=counter,
        )

    return [
        each("quotes", "quotes of a feed", lambda feed: feed.source.state.quotes),
        each("bad_rows", "rows that a feed could not take", lambda feed: feed.source.state.bad_rows),
        each("refused", "records of symbols that another feed holds", lambda feed: feed.source.state.refused),
        each("restarts", "times a feed failed and began again", lambda feed: feed.restarts),
        each("silences", "times a feed fell silent", lambda feed: feed.silences),
        each(
            "behind_seconds",
            "how late a feed is against its own schedule",
            lambda feed: feed.source.state.behind_s,
            counter=False,
        ),
    ]
