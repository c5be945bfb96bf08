"""The history: the store process beside the server, and what the two tell each other."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tradewatch.composition.core import SHARD, Core
from tradewatch.data_directory import DataDirectory
from tradewatch.errors import DataDirectoryError, InvalidInstrumentError
from tradewatch.model.asset_class import AssetClass
from tradewatch.protocol.cursor import SECRET_BYTES
from tradewatch.settings import Settings
from tradewatch.store.client import HistoryClient
from tradewatch.store.keeper import Keeper, StoredInstrument
from tradewatch.store.terms import StoreSettings

_DAY_S = 86_400


def build_keeper(settings: Settings, directory: DataDirectory, core: Core) -> Keeper:
    """What runs the store process, once `Keeper.run` does.

    Raises:
        DataDirectoryError: the directory of the history cannot be made or written.
    """
    chosen = settings.history
    ages = {each: chosen.retain_days_by_class.get(each.value, chosen.retain_days) for each in AssetClass}
    stored = StoreSettings(
        history=str(directory.history.absolute()),
        tape=str((directory.tape / SHARD).absolute()),
        memory_bytes=chosen.memory_bytes,
        threads=chosen.threads,
        retain_s={each: days * _DAY_S for each, days in ages.items() if days},
        cursor_secret=cursor_secret(directory),
        log_level=settings.log_level,
    )

    def known(instrument: StoredInstrument) -> None:
        """What was recorded or imported can be asked for, whoever quotes it now."""
        with suppress(InvalidInstrumentError):
            core.catalogue.add(instrument.asset_class, instrument.symbol, decimals=instrument.decimals)

    return Keeper(stored, HistoryClient(directory.history), recorded=core.tape.log.hold, known=known)


def cursor_secret(directory: DataDirectory) -> bytes:
    """What signs cursors: made once for a data directory, so that they outlive the process.

    Raises:
        DataDirectoryError: it can be neither read nor written.
    """
    path = directory.history / "cursor.key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            secret = path.read_bytes()
            if len(secret) == SECRET_BYTES:
                return secret
        return _new_secret(path)
    except OSError as error:
        raise DataDirectoryError(f"{path}: {error.strerror}") from error


def _new_secret(path: Path) -> bytes:
    secret = secrets.token_bytes(SECRET_BYTES)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secret)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.rename(path)
    return secret
