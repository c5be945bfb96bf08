"""Codes on the wire: stable, unique, and each with its name."""

from enum import IntEnum, StrEnum


class CloseCode(IntEnum):
    """Why a WebSocket is closed.

    1000-2999 are RFC 6455's; 4000-4499 say: come back, with backoff and jitter; 4500-4999 say: do not come
    back until something changed.
    """

    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    DRAINING = 4000
    IDLE = 4001
    PONG_TIMEOUT = 4002
    TOO_SLOW = 4003
    TOO_MANY_MESSAGES = 4004
    PLAN_CHANGED = 4005
    KEY_REVOKED = 4500
    SESSION_REPLACED = 4502
    CLOSED_BY_OWNER = 4503

    @property
    def reason(self) -> str:
        """The name that stands in the close frame."""
        return self.name.lower()


class ErrorCode(StrEnum):
    """Codes of `error` events: something in a message was wrong, and the connection stays open."""

    INVALID_JSON = "invalid_json"
    INVALID_MSGPACK = "invalid_msgpack"
    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_ACTION = "unknown_action"
    UNKNOWN_SYMBOL = "unknown_symbol"
    AMBIGUOUS_SYMBOL = "ambiguous_symbol"
    TOO_MANY_SYMBOLS = "too_many_symbols"
    MESSAGE_TOO_LARGE = "message_too_large"
    TOO_MANY_MESSAGES = "too_many_messages"
    COVERED_BY_PATTERN = "covered_by_pattern"
    WILDCARD_NOT_INCLUDED = "wildcard_not_included"
    SYMBOL_NOT_INCLUDED = "symbol_not_included"


class PublishCode(StrEnum):
    """Codes of a published quote or batch that was not taken."""

    INVALID_PRICE = "invalid_price"
    INVALID_TIMESTAMP = "invalid_timestamp"
    INVALID_SYMBOL = "invalid_symbol"
    INVALID_ASSET_CLASS = "invalid_asset_class"
    INVALID_SIZE = "invalid_size"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_SYMBOL = "unknown_symbol"
    TOO_MANY_INSTRUMENTS = "too_many_instruments"
    SYMBOL_TAKEN = "symbol_taken"
    TOO_MANY_QUOTES = "too_many_quotes"
    TOO_MANY_PRODUCERS = "too_many_producers"
    BATCH_OUT_OF_ORDER = "batch_out_of_order"
    BATCH_CONFLICT = "batch_conflict"
    BATCH_TOO_OLD = "batch_too_old"
    LOG_UNAVAILABLE = "log_unavailable"


#: Numbers under which the tape remembers why a published quote was refused; never reorder, only append.
PUBLISH_CODE_NUMBERS: dict[PublishCode, int] = {code: number for number, code in enumerate(PublishCode, 1)}
PUBLISH_CODE_BY_NUMBER: dict[int, PublishCode] = {
    number: code for code, number in PUBLISH_CODE_NUMBERS.items()
}
