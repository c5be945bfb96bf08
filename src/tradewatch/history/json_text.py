"""Candles and ticks as the JSON of the API: numbers with every digit they have, and no float."""

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from tradewatch.history.shown import Column, Columns, Form

_MS = 1_000_000


class DecimalTexts(dict[int, str]):
    """Integers in units of 10 ** -`scale` as plain decimal text, without trailing zeros.

    Each is written once: prices of a day are many times the same, open, high, low and close of them, too.
    """

    def __init__(self, scale: int) -> None:
        self._scale = scale

    def __missing__(self, mantissa: int) -> str:
        text = self[mantissa] = self._written(mantissa)
        return text

    def _written(self, mantissa: int) -> str:
        if self._scale == 0:
            return str(mantissa)
        digits = str(abs(mantissa)).rjust(self._scale + 1, "0")
        text = f"{digits[: -self._scale]}.{digits[-self._scale :]}".rstrip("0").rstrip(".")
        return f"-{text}" if mantissa < 0 else text


def decimal_texts(mantissas: Iterable[int], scale: int) -> list[str]:
    """The texts of many numbers of one scale."""
    return list(map(DecimalTexts(scale).__getitem__, mantissas))


def json_rows(columns: Columns) -> list[str]:
    """Each row as an object."""
    decimals = {column.scale: DecimalTexts(column.scale) for column in columns if column.form is Form.DECIMAL}
    texts = [_texts(column, decimals) for column in columns]
    row = ",".join(f'"{column.name}":%s' for column in columns)
    return [f"{{{row}}}" % values for values in zip(*texts, strict=True)]


def iso_times(times_ns: np.ndarray) -> list[str]:
    """Unix nanoseconds as `2014-05-08T00:00:00.123Z`: to the millisecond, or to the microsecond if need be.

    What is finer than a microsecond is cut: parsers of dates know no more digits.
    """
    if np.any(times_ns % _MS):
        texts = np.datetime_as_string((times_ns // 1_000).astype("datetime64[us]"), unit="us")
    else:
        texts = np.datetime_as_string((times_ns // _MS).astype("datetime64[ms]"), unit="ms")
    return [f"{text}Z" for text in texts.tolist()]


def _texts(column: Column, decimals: Mapping[int, DecimalTexts]) -> list[str]:
    values = column.values
    match column.form:
        case Form.NANOSECONDS:
            return [f'"{text}"' for text in iso_times(values)]
        case Form.TEXT:
            return [msgspec.json.encode(text).decode() for text in values.tolist()]
        case Form.DECIMAL:
            texts = list(map(decimals[column.scale].__getitem__, values.tolist()))
        case Form.SECONDS | Form.INTEGER:
            texts = [str(number) for number in values.tolist()]
    if column.missing is None or not column.missing.any():
        return texts
    return ["null" if gone else text for gone, text in zip(column.missing.tolist(), texts, strict=True)]
