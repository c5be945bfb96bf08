"""Adoption: a database that was lost is made anew from what the files of the history say of themselves."""

import logging
from pathlib import Path

import duckdb
import msgspec

from tradewatch.history.duckdb.database import run
from tradewatch.history.duckdb.parts import (
    FILES,
    PART_SUFFIX,
    Group,
    enter_part,
    found_part,
    part_number,
    put_aside,
)
from tradewatch.history.duckdb.recording import Saved
from tradewatch.history.duckdb.transaction import transaction
from tradewatch.history.registry import Registry
from tradewatch.model.asset_class import AssetClass

_log = logging.getLogger("tradewatch.history")


def adopt(cursor: "duckdb.DuckDBPyConnection", directory: Path) -> int:
    """Let all files of a directory count in a database that knows nothing yet; how many there are.

    What was in the database only is gone; where the tape still has it, it is recorded again.
    """
    named = _counting(cursor, directory)
    if not named:
        return 0
    registry = _registry(list(named.values()))
    with transaction(cursor):
        Saved(Registry()).write_new(cursor, registry)
        for path in named:
            group = Group.of(path.parent.relative_to(directory).as_posix())
            first, _ = _numbers(named[path], "run")
            part = found_part(cursor, path, number=int(path.stem), first=first, group=group, level=0)
            enter_part(cursor, directory, part)
        run(
            cursor,
            "update instruments set scale = found.scale, size_scale = found.size_scale from"
            " (select instrument, max(greatest(bid_scale, ask_scale)) as scale,"
            " max(greatest(bid_size_scale, ask_size_scale)) as size_scale"
            f" from {FILES} group by instrument) as found where number = found.instrument",
            [str(path) for path in named],
        )
    _log.warning("the history was found without its database: %d files are taken in again", len(named))
    return len(named)


def _counting(cursor: "duckdb.DuckDBPyConnection", directory: Path) -> dict[Path, dict[str, str]]:
    """The files that have each row once, and what they say of themselves.

    A run whose last file never came, while files that it replaces are still there, was not finished.
    """
    numbers = {path: part_number(path) for path in sorted(directory.glob("*/*/*"))}
    present = {number for number in numbers.values() if number is not None}
    read = {
        path: _metadata(cursor, path)
        for path, number in numbers.items()
        if number is not None and path.suffix == PART_SUFFIX
    }
    finished = {
        path: found
        for path, found in read.items()
        if found
        and (_numbers(found, "run")[-1] in present or present.isdisjoint(_numbers(found, "replaced")))
    }
    replaced = {number for found in finished.values() for number in _numbers(found, "replaced")}
    return {path: found for path, found in finished.items() if numbers[path] not in replaced}


def _numbers(found: dict[str, str], name: str) -> list[int]:
    """The numbers of parts that a file names."""
    return msgspec.json.decode(found[f"tradewatch_{name}"], type=list[int])


def _metadata(cursor: "duckdb.DuckDBPyConnection", path: Path) -> dict[str, str]:
    """What a file says of itself; nothing where it cannot be read or is not ours."""
    try:
        found = run(cursor, "select key, value from parquet_kv_metadata(?)", str(path))
    except duckdb.Error as error:
        _log.error("%s cannot be read and is put aside: %s", path, error)
        put_aside(path)
        return {}
    values = {key.decode(): text.decode() for key, text in found}
    return values if values.get("tradewatch_format") == "1" else {}


def _registry(found: list[dict[str, str]]) -> Registry:
    """The names and numbers of all files; a number that none of them names stays nobody's."""
    members: dict[int, tuple[AssetClass, str]] = {}
    epochs: list[int] = []
    sources: list[str] = []
    for values in found:
        asset_class = AssetClass(values["tradewatch_class"])
        symbols = msgspec.json.decode(values["tradewatch_symbols"], type=dict[int, str])
        members |= {number: (asset_class, symbol) for number, symbol in symbols.items()}
        epochs = max(epochs, msgspec.json.decode(values["tradewatch_epochs_ms"], type=list[int]), key=len)
        sources = max(sources, msgspec.json.decode(values["tradewatch_sources"], type=list[str]), key=len)
    registry = Registry()
    for number in range(1, max(members) + 1):
        asset_class, symbol = members.get(number, (AssetClass.CURRENCIES, f"~{number}"))
        registry.add(asset_class, symbol, scale=0)
    for epoch_ms in epochs:
        registry.epoch(epoch_ms)
    for name in sources:
        registry.source(name)
    return registry
