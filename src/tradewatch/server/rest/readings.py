"""What `/metrics` shows: for each part the integers that it keeps anyway."""

from collections.abc import Callable, Sequence

from tradewatch.access.attempts import Attempts
from tradewatch.access.rates import Rates
from tradewatch.access.tickets import Tickets
from tradewatch.access.usage_meter import UsageMeter
from tradewatch.clock import Clock
from tradewatch.fanout.flush_watch import FlushWatch
from tradewatch.fanout.intake import Intake
from tradewatch.feeds.runner import FeedRunner
from tradewatch.publishing.publisher import Publisher
from tradewatch.server.rest.metrics import Reading
from tradewatch.server.stream.counters import StreamCounters
from tradewatch.server.stream.registry import Connections
from tradewatch.server.stream.views import Views
from tradewatch.tape.log import Log

#: So many of the connections that have been behind longest are shown one by one.
_SLOWEST = 10


def stream_readings(counters: StreamCounters, connections: Connections, views: Views) -> list[Reading]:
    """The stream edge. No key is named; a connection by the number that the log knows it by."""

    def states() -> dict[str, float]:
        each = [hub.states for hub in views.hubs]
        return {state: sum(states[state] for states in each) for state in each[0]}

    def behind_bytes() -> dict[str, float]:
        return {member.id: member.queued_bytes for member in connections.slowest(_SLOWEST)}

    return [
        Reading(
            "connections", "WebSocket connections that hold a socket", lambda: len(connections), counter=False
        ),
        Reading("connections_max", "how many may", lambda: connections.max_connections, counter=False),
        Reading(
            "subscribers",
            "subscribers that are live, behind since they do not read, or held by their plan",
            states,
            label="state",
            counter=False,
        ),
        Reading(
            "http_connections",
            "sockets that speak HTTP, or have not said a word yet",
            lambda: counters.http_open,
            counter=False,
        ),
        Reading("connections_opened", "WebSocket handshakes completed", lambda: counters.opened),
        Reading("connections_closed", "connections ended, by why", lambda: counters.closed, label="reason"),
        Reading("refusals", "requests refused before the upgrade", lambda: counters.refused, label="reason"),
        Reading("messages_in", "messages from clients", lambda: counters.messages_in),
        Reading("bytes_in", "bytes from WebSocket connections", lambda: counters.bytes_in),
        Reading("bytes_out", "bytes to WebSocket connections", lambda: counters.bytes_out),
        Reading(
            "queue_bytes",
            "bytes that wait for clients which are behind, the kernel's queues included",
            connections.queued_bytes,
            counter=False,
        ),
        Reading(
            "slow_connection_queue_bytes",
            "the same of each of the ten that have been behind longest",
            behind_bytes,
            label="connection",
            counter=False,
        ),
    ]


def door_readings(attempts: Attempts, tickets: Tickets, rates: Rates, clock: Clock) -> list[Reading]:
    """Attempts of addresses, one-time tickets, and the rates of keys."""
    return [
        Reading(
            "attempt_networks", "networks whose attempts are counted", lambda: attempts.tracked, counter=False
        ),
        Reading(
            "banned_networks",
            "networks that are banned now",
            lambda: attempts.banned(clock.monotonic_s()),
            counter=False,
        ),
        Reading("bans", "bans that began", lambda: attempts.bans),
        Reading("attempts_refused", "attempts refused by a ban", lambda: attempts.refused),
        Reading("attempts_evicted", "networks forgotten for want of room", lambda: attempts.evicted),
        Reading(
            "tickets_open",
            "tickets that may still be used",
            lambda: tickets.open_count(clock.monotonic_s()),
            counter=False,
        ),
        Reading("tickets_issued", "tickets issued", lambda: tickets.issued),
        Reading("tickets_redeemed", "tickets used", lambda: tickets.redeemed),
        Reading("tickets_refused", "tickets shown that were not good", lambda: tickets.refused),
        Reading("requests_refused", "HTTP requests beyond the rate of their key", lambda: rates.refused),
    ]


def quote_readings(
    intake: Intake, views: Views, watch: FlushWatch, log: Log, publisher: Publisher
) -> list[Reading]:
    """Intake, tape and fan-out."""
    return [
        Reading("quotes_in", "records taken onto the tape", lambda: intake.taken),
        Reading(
            "quotes_out",
            "quotes written to clients, over all of them",
            lambda: sum(hub.quotes_out for hub in views.hubs),
        ),
        Reading(
            "quotes_skipped",
            "quotes that clients which were behind, or held, never got",
            lambda: sum(hub.quotes_skipped for hub in views.hubs),
        ),
        Reading(
            "flushes",
            "flushes that had something to write",
            lambda: sum(hub.flushes for hub in views.hubs),
        ),
        Reading("quote_age_seconds", "age of the oldest quote of a flush when written", lambda: watch.ages),
        Reading("flush_seconds", "how long a flush took", lambda: watch.costs),
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


def usage_readings(meter: UsageMeter) -> list[Reading]:
    """The account of usage itself."""
    return [
        Reading("usage_lost_hours", "hours of keys whose usage was given up", lambda: meter.lost),
        Reading("usage_uncounted", "uses that found no room in the account", lambda: meter.uncounted),
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
