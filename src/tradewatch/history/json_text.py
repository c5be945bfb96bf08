"""Candles and ticks as the JSON of the API: numbers with every digit they have, and no float."""

from collections.abc import Iterable

import msgspec
import numpy as np

from tradewatch.history.shown import Column, Columns, Form

_MS = 1_000_000


def json_rows(columns: Columns) -> list[str]:
    """Each row as an object."""
    texts = [_texts(column) for column in columns]
    names = [f'"{column.name}":' for column in columns]
    parts = [[name + text for text in column] for name, column in zip(names, texts, strict=True)]
    return ["{" + ",".join(row) + "}" for row in zip(*parts, strict=True)]


def decimal_texts(mantissas: Iterable[int], scale: int) -> list[str]:
    """Each integer in units of 10 ** -`scale` as plain decimal text, without trailing zeros."""
    if scale == 0:
        return [str(mantissa) for mantissa in mantissas]
    known: dict[int, str] = {}  # prices of a day are many times the same
    texts: list[str] = []
    for mantissa in mantissas:
        text = known.get(mantissa)
        if text is None:
            text = known[mantissa] = _decimal_text(mantissa, scale)
        texts.append(text)
    return texts


def _decimal_text(mantissa: int, scale: int) -> str:
    digits = str(abs(mantissa)).rjust(scale + 1, "0")
    text = f"{digits[:-scale]}.{digits[-scale:]}".rstrip("0").rstrip(".")
    return f"-{text}" if mantissa < 0 else text


def iso_times(times_ns: np.ndarray) -> list[str]:
    """Unix nanoseconds as `2014-05-08T00:00:00.123Z`: to the millisecond, or to the microsecond if need be.

    What is finer than a microsecond is cut: parsers of dates know no more digits.
    """
    if np.any(times_ns % _MS):
        texts = np.datetime_as_string((times_ns // 1_000).astype("datetime64[us]"), unit="us")
    else:
        texts = np.datetime_as_string((times_ns // _MS).astype("datetime64[ms]"), unit="ms")
    return [f"{text}Z" for text in texts.tolist()]


def _texts(column: Column) -> list[str]:
    values = column.values
    match column.form:
        case Form.NANOSECONDS:
            return [f'"{text}"' for text in iso_times(values)]
        case Form.TEXT:
            return [msgspec.json.encode(text).decode() for text in values.tolist()]
        case Form.DECIMAL:
            texts = decimal_texts(values.tolist(), column.scale)
        case Form.SECONDS | Form.INTEGER:
            texts = [str(number) for number in values.tolist()]
    if column.missing is None or not column.missing.any():
        return texts
    return ["null" if gone else text for gone, text in zip(column.missing.tolist(), texts, strict=True)]
