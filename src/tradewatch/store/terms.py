"""What the server and its store process tell each other besides requests: how to run, and what is logged."""

import msgspec

from tradewatch.model.asset_class import AssetClass

#: What the process says on its stdout once it answers.
READY = b"ready\n"


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the process runs with; the first line of its stdin, in JSON.

    Attributes:
        history: `<data-dir>/history`.
        tape: the directory of the log's shard.
        memory_bytes: what DuckDB may take.
        threads: that it may use.
        retain_s: how long rows of a class are kept.
        cursor_secret: signs cursors.
        log_level: the least severity that is logged.
    """

    history: str
    tape: str
    memory_bytes: int
    threads: int
    retain_s: dict[AssetClass, float]
    cursor_secret: bytes
    log_level: str = "info"


class Line(msgspec.Struct, frozen=True):
    """A line of the log on the way to the server, which writes it as it writes its own.

    Attributes:
        level: of `logging`.
        name: of the logger.
        message: the text, a traceback included.
    """

    level: int
    name: str
    message: str
