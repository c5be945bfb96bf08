"""Shown columns as Arrow: record batches that any reader of Arrow takes, decimals and all."""

from typing import Any

import nanoarrow
import numpy as np

from tradewatch.history.json_text import decimal_texts
from tradewatch.history.shown import Column, Columns, Form

#: A mantissa of 64 bits, whatever its scale, has at most 38 digits in this one; finer columns are texts.
MAX_DECIMALS = 19
_DIGITS = 38


def schema_of(columns: Columns) -> Any:
    """The Arrow schema of columns; it depends on their names, forms and scales only."""
    return nanoarrow.struct({column.name: _type(column) for column in columns}, nullable=False)


def batch_of(columns: Columns) -> Any:
    """The rows as one record batch."""
    length = len(columns[0].values)
    children = [_array(column, length) for column in columns]
    return nanoarrow.c_array_from_buffers(schema_of(columns), length, [None], children=children)


def _type(column: Column) -> Any:
    match column.form:
        case Form.SECONDS:
            return nanoarrow.timestamp("s", "UTC")
        case Form.NANOSECONDS:
            return nanoarrow.timestamp("ns", "UTC")
        case Form.INTEGER:
            return nanoarrow.int64()
        case Form.DECIMAL if column.scale <= MAX_DECIMALS:
            return nanoarrow.decimal128(_DIGITS, column.scale)
        case Form.DECIMAL | Form.TEXT:
            return nanoarrow.string()


def _array(column: Column, length: int) -> Any:
    missing, values = column.missing, column.values
    valid = None if missing is None or not missing.any() else np.packbits(~missing, bitorder="little")
    if column.form is Form.TEXT or (column.form is Form.DECIMAL and column.scale > MAX_DECIMALS):
        texts = values.tolist() if column.form is Form.TEXT else decimal_texts(values.tolist(), column.scale)
        buffers = [valid, *_text_buffers(texts)]
    elif column.form is Form.DECIMAL:
        buffers = [valid, _decimals(values)]
    else:
        buffers = [valid, np.ascontiguousarray(values, dtype=np.int64)]
    return nanoarrow.c_array_from_buffers(_type(column), length, buffers, null_count=-1)


def _decimals(mantissas: np.ndarray) -> np.ndarray:
    """Integers of 128 bits, low half first."""
    if mantissas.dtype == object:
        data = b"".join(mantissa.to_bytes(16, "little", signed=True) for mantissa in mantissas.tolist())
        return np.frombuffer(data, dtype=np.int64)
    halves = np.empty((len(mantissas), 2), dtype=np.int64)
    halves[:, 0] = mantissas
    halves[:, 1] = mantissas >> 63
    return halves


def _text_buffers(texts: list[str]) -> tuple[np.ndarray, bytes]:
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return offsets, b"".join(encoded)
