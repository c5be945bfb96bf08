"""The one tree of errors.

TradewatchError               somebody's fault, named; one line on stderr, no traceback
├── UsageError                the caller's: a command, an option, a setting (exit code 2)
│   ├── SettingError          a setting that does not exist or does not fit
│   └── FeedSpecError         a feed specification that cannot be understood
├── InvalidPriceError         a text that is no price, or no price that a record can hold
├── InvalidInstrumentError    a name that is no symbol, or one more than the catalogue may hold
├── DataDirectoryError        the data directory is taken, unreadable or not ours
├── TapeError                 the log on disk contradicts itself
├── KeyStoreError             a key that cannot be made, found or revoked
├── ListenError               an address that cannot be listened on
├── StreamError               a stream that we asked for was refused, not reached or cut
└── BatchRefusedError         a published batch that the tape does not take
"""


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


class KeyStoreError(TradewatchError):
    """An API key that cannot be created, found or revoked."""


class ListenError(TradewatchError):
    """The server cannot listen where it was told to; names host and port."""


class StreamError(TradewatchError):
    """A server that we are the client of refused the stream, could not be reached, or ended it."""


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
