"""The one tree of errors.

TradewatchError               somebody's fault, named; one line on stderr, no traceback
├── UsageError                the caller's: a command, an option, a setting (exit code 2)
│   ├── SettingError          a setting that does not exist or does not fit
│   ├── FeedSpecError         a feed specification that cannot be understood
│   └── InstrumentFileError   a file of instruments that cannot be taken
├── InvalidPriceError         a text that is no price, or no price that a record can hold
├── InvalidInstrumentError    a name that is no symbol, or one more than the catalogue may hold
├── DataDirectoryError        the data directory is taken, unreadable or not ours
├── TapeError                 the log on disk contradicts itself
├── HistoryError              the history cannot be opened, read or written
├── ImportFileError           a file of quotes that the history cannot take in
├── KeyStoreError             a key that cannot be made, found or revoked
│   └── KeyRequestError           because of what was asked for, not because of the store
├── TicketError               a ticket that cannot be issued
├── ListenError               an address that cannot be listened on
├── ClientError               a server that we are the client of: refused, not reached or cut
│   ├── UnreachableError          nobody there, nobody to trust, or nobody who speaks WebSocket
│   ├── RefusedError              an HTTP answer instead of a stream
│   │   ├── AuthenticationError       401: no key, or none that is good
│   │   ├── PlanError                 403: a good key that does not cover this
│   │   ├── NotFoundError             404: no such path
│   │   ├── RateLimitedError          429: too many connections or attempts
│   │   └── ServerDrainingError       503: the server goes down
│   ├── ConnectionClosedError     the connection ended, with a code and a reason
│   ├── StreamClosedError         this side has closed the stream, or not opened it yet
│   ├── RequestRefusedError       the server understood a request and does not do it
│   └── ProtocolViolationError    the server sent what its own protocol rules out
└── BatchRefusedError         a published batch that the tape does not take
"""

from collections.abc import Sequence
from pathlib import Path


class TradewatchError(Exception):
    """Base of every error that this package raises on purpose; `str()` of it is fit for a person."""

    exit_code = 1


class UsageError(TradewatchError):
    """The caller asked for something that does not exist or does not fit."""

    exit_code = 2


class SettingError(UsageError):
    """A setting that is unknown or whose value does not fit; names the setting and where it stood."""


class FeedSpecError(UsageError):
    """A feed specification that cannot be understood; names the specification and the part at fault."""


class InstrumentFileError(UsageError):
    """A file of instruments that cannot be read, or in which something does not fit.

    Attributes:
        path: the file.
        line: the line, from 1; None where the whole file is meant.
        column: the name of the column; None where the whole line is meant.
    """

    def __init__(self, path: Path, what: str, *, line: int | None = None, column: str | None = None) -> None:
        place = str(path)
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column!r}"
        super().__init__(f"{place}: {what}")
        self.path = path
        self.line = line
        self.column = column


class InvalidPriceError(TradewatchError, ValueError):
    """A text that is no decimal number, or one that a record cannot hold exactly."""


class InvalidInstrumentError(TradewatchError, ValueError):
    """A name that is no symbol; a symbol the catalogue may not take."""

    def __init__(self, message: str, *, code: str = "invalid_symbol") -> None:
        super().__init__(message)
        self.code = code


class DataDirectoryError(TradewatchError):
    """The data directory is held by another process, cannot be written, or is not one of ours."""


class TapeError(TradewatchError):
    """What stands in the log contradicts itself in a way that recovery may not decide alone."""


class HistoryError(TradewatchError):
    """The history cannot be opened, read or written; names what cannot."""


class ImportFileError(TradewatchError):
    """A file of quotes that cannot be taken into the history; names the file, and the line if it is one."""


class KeyStoreError(TradewatchError):
    """An API key that cannot be created, found or revoked."""


class KeyRequestError(KeyStoreError):
    """What was asked for cannot be done with the keys there are; the store itself is well.

    Attributes:
        status: the HTTP status of the answer.
        reason: the stable name of why, as `docs/reference/protocol.md` lists them.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class TicketError(TradewatchError):
    """A one-time ticket that cannot be issued as it was asked for, or not now.

    Attributes:
        retry_after_s: when it may be asked for again; None where what was asked for has to change.
    """

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ListenError(TradewatchError):
    """The server cannot listen where it was told to; names host and port."""


class ClientError(TradewatchError):
    """A server that we are the client of refused the stream, could not be reached, or ended it.

    Attributes:
        may_come_back: whether the same attempt may succeed later, with nothing changed on this side.
    """

    may_come_back = False


class UnreachableError(ClientError):
    """Nobody answers at the address, its certificate is not trusted, or it does not speak WebSocket."""

    may_come_back = True


class RefusedError(ClientError):
    """An HTTP answer that refuses.

    Attributes:
        status: the HTTP status.
        reason: the stable name of why, as `docs/reference/protocol.md` lists them; empty where the answer
            came from somebody else than a server of quotes.
        message: the same for a person.
        retry_after_s: how long the server wants to be left alone; None where it does not say.
    """

    def __init__(self, status: int, reason: str, message: str, *, retry_after_s: int | None = None) -> None:
        said = f"{status} {reason}: {message}" if reason else message
        super().__init__(said if retry_after_s is None else f"{said} (again in {retry_after_s} s)")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.may_come_back = status in (408, 429) or status >= 500


class AuthenticationError(RefusedError):
    """401: no key came with the request, or one that is unknown, revoked or used up."""


class PlanError(RefusedError):
    """403: the key is good, and its plan or scope does not cover this."""


class NotFoundError(RefusedError):
    """404: the server has no such path."""


class RateLimitedError(RefusedError):
    """429: too many connections of this key, or too many attempts."""


class ServerDrainingError(RefusedError):
    """503: the server goes down; it or another one is there soon."""


#: Closes of RFC 6455 that say that this side did wrong; the same again would end the same.
_OWN_FAULTS = frozenset({1002, 1003, 1007, 1008, 1009, 1010})


class ConnectionClosedError(ClientError):
    """The server ended the connection, or it was lost.

    Attributes:
        code: the close code; 1006 where the connection was lost without one.
        reason: its name; empty where there is none.
    """

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(
            "the connection to the server is lost"
            if code == 1006
            else f"the server closed the connection: {code} {reason}".rstrip()
        )
        self.code = code
        self.reason = reason
        self.may_come_back = code not in _OWN_FAULTS and not 4500 <= code < 5000


class StreamClosedError(ClientError):
    """Something was asked of a stream that this program has closed, or not opened yet."""


class RequestRefusedError(ClientError):
    """The server answered a request with an error; the stream goes on.

    Attributes:
        code: the stable code.
        symbols: the names at fault, where names are.
    """

    def __init__(self, code: str, message: str, symbols: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.symbols = tuple(symbols)


class ProtocolViolationError(ClientError):
    """The server sent what its own protocol rules out."""


class BatchRefusedError(TradewatchError):
    """A published batch that the tape does not take, whole.

    Attributes:
        status: the HTTP status of the answer.
        code: the stable wire code, as `docs/reference/protocol.md` lists them.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
