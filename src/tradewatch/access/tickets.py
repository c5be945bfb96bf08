"""One-time tickets: what a browser shows in place of an API key, once, within seconds.

The text is `twt_<secret>`. It is returned once, by `issue`, and kept nowhere: a table in memory holds its
SHA-256. No ticket outlives the process.
"""

import base64
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from tradewatch.access.grant import PublishGrant
from tradewatch.access.key import digest_of
from tradewatch.errors import KeyStoreError, TicketError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.refusal import RefusalReason

TICKET_TEXT_PREFIX = "twt_"
LONGEST_TTL_S = 30
MAX_SUBJECT_CHARS = 128
#: Symbol patterns of all open tickets together.
MAX_PATTERNS_OPEN = 1_000_000
#: Patterns of one ticket.
MAX_PATTERNS = 100

#: Expired tickets that one call forgets: a few milliseconds of work.
_FORGOTTEN_AT_ONCE = 1_000
_SECRET_BYTES = 32
_TICKET_TEXT = re.compile(rf"{TICKET_TEXT_PREFIX}[0-9A-Za-z_-]{{43}}", re.ASCII)


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket stands for, without its secret.

    Attributes:
        key_id: the key that it was issued for.
        subject: whom the holder of the key gave it to, in the holder's own words; it may stand in logs.
        grant: the classes and symbols that it shows, of those that its key does.
        max_connections: connections that its subject may have open at a time; None: as many as its key.
        ttl_s: for how long it is good.
        expires_s: when that ends, on the clock that `issue` was told.
    """

    key_id: str
    subject: str | None
    grant: PublishGrant
    max_connections: int | None
    ttl_s: int
    expires_s: float


class Tickets:
    """The open tickets of all keys: issued, neither redeemed nor expired.

    Issuing and redeeming take the same time however many tickets there are. Expired ones are forgotten when
    others are issued, a thousand at a time; where more have expired at once, the rest counts as open until
    its turn comes.

    Args:
        limit: open tickets of all keys.
        per_key: open tickets of one key.
        random_bytes: returns so many unpredictable bytes.

    Attributes:
        issued: tickets issued.
        redeemed: tickets redeemed.
        refused: texts shown for which there was no open ticket.
    """

    def __init__(
        self,
        *,
        limit: int = 100_000,
        per_key: int = 1_000,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._limit = limit
        self._per_key = per_key
        self._random_bytes = random_bytes
        self._open: dict[bytes, Ticket] = {}
        self._by_key: dict[str, set[bytes]] = {}
        self._by_ttl: dict[int, OrderedDict[bytes, float]] = {}  # each in the order in which they expire
        self._patterns = 0
        self.issued = 0
        self.redeemed = 0
        self.refused = 0

    def open_count(self, now_s: float) -> int:
        """How many tickets are open, once the expired ones have been forgotten."""
        self._forget_expired(now_s)
        return len(self._open)

    def issue(
        self,
        key_id: str,
        *,
        subject: str | None = None,
        classes: Iterable[AssetClass] | None = None,
        symbols: Iterable[str] | None = None,
        max_connections: int | None = None,
        ttl_s: int = LONGEST_TTL_S,
        now_s: float,
    ) -> tuple[str, Ticket]:
        """A new ticket and its text, which exists nowhere else.

        Args:
            key_id: whom it is issued for.
            subject: whom it is meant for: 1 to 128 printable characters.
            classes: the asset classes that it shows, at least one; None: all.
            symbols: patterns of the symbols that it shows, at least one, in any case; None: all.
            max_connections: connections of its subject at a time, at least 1.
            ttl_s: for how many seconds it is good, 1 to 30.
            now_s: seconds that never go back.

        Raises:
            TicketError: an argument does not fit; or too many tickets, or patterns in them, are open, and
                then it says when to come again.
        """
        if not 1 <= ttl_s <= LONGEST_TTL_S:
            raise TicketError(f"ttl_s = {ttl_s} is not from 1 to {LONGEST_TTL_S}")
        if max_connections is not None and max_connections < 1:
            raise TicketError(f"max_connections = {max_connections} is less than 1")
        if subject is not None and not (0 < len(subject) <= MAX_SUBJECT_CHARS and subject.isprintable()):
            raise TicketError(f"a subject is 1 to {MAX_SUBJECT_CHARS} printable characters")
        grant = _grant(classes, symbols)
        self._forget_expired(now_s)
        self._check_room(key_id, len(grant.symbols))
        secret = base64.urlsafe_b64encode(self._random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
        text = TICKET_TEXT_PREFIX + secret
        ticket = Ticket(
            key_id=key_id,
            subject=subject,
            grant=grant,
            max_connections=max_connections,
            ttl_s=ttl_s,
            expires_s=now_s + ttl_s,
        )
        self._add(digest_of(text), ticket)
        self.issued += 1
        return text, ticket

    def peek(self, text: str, now_s: float) -> Ticket | RefusalReason:
        """What `redeem` would answer now; nothing is used, and only a text that is not good is counted."""
        digest = digest_of(text) if _TICKET_TEXT.fullmatch(text) else b""
        ticket = self._open.get(digest)
        if ticket is None or now_s >= ticket.expires_s:
            self.refused += 1
            return RefusalReason.TICKET_EXPIRED
        return ticket

    def redeem(self, text: str, now_s: float) -> Ticket | RefusalReason:
        """The ticket of this text, for the one time that it is good; else `TICKET_EXPIRED`.

        Used, expired, revoked and invented texts get the same answer, so that nobody learns which were
        tickets.
        """
        digest = digest_of(text) if _TICKET_TEXT.fullmatch(text) else b""
        ticket = self._remove(digest) if digest in self._open else None
        if ticket is None or now_s >= ticket.expires_s:
            self.refused += 1
            return RefusalReason.TICKET_EXPIRED
        self.redeemed += 1
        return ticket

    def revoke_key(self, key_id: str) -> int:
        """Forget the open tickets of a key; how many these were."""
        digests = list(self._by_key.get(key_id, ()))
        for digest in digests:
            self._remove(digest)
        return len(digests)

    def _check_room(self, key_id: str, patterns: int) -> None:
        """Raise the error that says which limit one more ticket would break."""
        if len(self._by_key.get(key_id, ())) >= self._per_key:
            full = f"this key has {self._per_key:,} open tickets"
        elif len(self._open) >= self._limit:
            full = f"the server holds {self._limit:,} open tickets"
        elif self._patterns + patterns > MAX_PATTERNS_OPEN:
            full = f"open tickets hold {MAX_PATTERNS_OPEN:,} symbol patterns"
        else:
            return
        raise TicketError(
            f"{full} and takes no more until one is used or expires", retry_after_s=LONGEST_TTL_S
        )

    def _add(self, digest: bytes, ticket: Ticket) -> None:
        self._open[digest] = ticket
        self._by_key.setdefault(ticket.key_id, set()).add(digest)
        self._by_ttl.setdefault(ticket.ttl_s, OrderedDict())[digest] = ticket.expires_s
        self._patterns += len(ticket.grant.symbols)

    def _remove(self, digest: bytes) -> Ticket:
        ticket = self._open.pop(digest)
        siblings = self._by_key[ticket.key_id]
        siblings.remove(digest)
        if not siblings:
            del self._by_key[ticket.key_id]
        del self._by_ttl[ticket.ttl_s][digest]
        self._patterns -= len(ticket.grant.symbols)
        return ticket

    def _forget_expired(self, now_s: float) -> None:
        """Drop what has expired: the first of each queue, as long as they have."""
        left = _FORGOTTEN_AT_ONCE
        for queue in self._by_ttl.values():
            while queue and left:
                digest, expires_s = next(iter(queue.items()))
                if expires_s > now_s:
                    break
                self._remove(digest)
                left -= 1


def _grant(classes: Iterable[AssetClass] | None, symbols: Iterable[str] | None) -> PublishGrant:
    """What a ticket shows. Nothing at all, which a grant cannot say, is an error."""
    shown_classes = None if classes is None else frozenset(classes)
    shown_symbols = None if symbols is None else tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
    if shown_symbols is not None and len(shown_symbols) > MAX_PATTERNS:
        raise TicketError(f"{len(shown_symbols):,} symbol patterns are more than {MAX_PATTERNS}")
    if shown_classes == frozenset() or shown_symbols == ():
        raise TicketError(
            "a ticket shows at least one class and one symbol; leave out what is not restricted"
        )
    try:
        return PublishGrant(
            classes=shown_classes or frozenset(), symbols=shown_symbols or (), may_create=False
        )
    except KeyStoreError as error:
        raise TicketError(str(error)) from error
