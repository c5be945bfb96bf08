"""How log lines look: a line for a person, or a JSON object for a machine."""

import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from typing import Literal

import msgspec

from tradewatch.one_line import one_line

#: What every record has, and what uvicorn adds for terminals: no fields of the one who logs.
_NO_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
_PLAIN = re.compile(r'[^ ="]+')


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, with the names that log collectors look for, and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _encodable(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = _encodable(self.formatException(record.exc_info))
        for name, value in _fields(record):
            line.setdefault(name, value)
        return msgspec.json.encode(line).decode()

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the base's name
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"


class _TextFormatter(_JsonFormatter):
    """Time, level, where from, what, `name=value` for each field; an exception below, further in."""

    def format(self, record: logging.LogRecord) -> str:
        what = " ".join([one_line(record.getMessage()), *_pairs(record)])
        line = f"{self.formatTime(record)} {record.levelname.lower():7} {record.name}: {what}"
        if not record.exc_info:
            return line
        return "\n  ".join([line, *map(one_line, self.formatException(record.exc_info).split("\n"))])


def log_handler(log_format: Literal["text", "json"]) -> logging.Handler:
    """The handler that writes to stderr in this format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    return handler


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    """What came as `extra`; objects of libraries are left out, for nobody knows what they would show."""
    for name, value in vars(record).items():
        if name not in _NO_FIELDS and isinstance(value, str | int | float | None):
            yield name, _encodable(value) if isinstance(value, str) else value


def _pairs(record: logging.LogRecord) -> Iterator[str]:
    """The fields that have a value; what a reader could take for two is quoted."""
    for name, value in _fields(record):
        text = one_line(str(value))
        if text:
            yield f"{name}={text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)}"


def _encodable(text: str) -> str:
    """The text with half characters, as in file names of other systems, written out."""
    return text.encode(errors="backslashreplace").decode()
