"""The stores: what a server keeps on disk beside the tape."""

import contextlib
from typing import NamedTuple

from tradewatch.access.store import KeyStore
from tradewatch.access.usage_store import UsageStore
from tradewatch.clock import Clock
from tradewatch.composition.core import Core
from tradewatch.composition.history import build_keeper, cursor_secret
from tradewatch.data_directory import DataDirectory
from tradewatch.insights.store import InsightStore
from tradewatch.protocol.cursor import Cursors
from tradewatch.settings import Settings
from tradewatch.store.keeper import Keeper


class Stores(NamedTuple):
    """What is open.

    Attributes:
        keys: the API keys.
        usage: what they have used.
        insights: what operators have written.
        keeper: runs the store process of the history; None where nothing is recorded.
        cursors: writes and reads the places between pages, with a secret of the data directory's.
    """

    keys: KeyStore
    usage: UsageStore
    insights: InsightStore
    keeper: Keeper | None
    cursors: Cursors


def open_stores(
    settings: Settings,
    directory: DataDirectory,
    core: Core,
    opened: contextlib.ExitStack,
    *,
    clock: Clock,
) -> Stores:
    """Open them; `opened` closes them again.

    Raises:
        TradewatchError: one of them cannot be opened.
    """
    keys = KeyStore.open(settings.data_dir, clock=clock)
    opened.callback(keys.close)
    usage = UsageStore.open(settings.data_dir)
    opened.callback(usage.close)
    insights = InsightStore.open(settings.data_dir)
    opened.callback(insights.close)
    return Stores(
        keys=keys,
        usage=usage,
        insights=insights,
        keeper=build_keeper(settings, directory, core) if settings.history.enabled else None,
        cursors=Cursors(cursor_secret(directory)),
    )
