"""The SQL of an import: from the texts of a file to the rows of the store, exactly, column by column.

A row's place in the file is its `rowid` in the table of parsed rows: to count rows while they are read
would take one thread for what any number of them can do.
"""

from tradewatch.history.ticks import ABSENT
from tradewatch.model.asset_class import CLASS_NUMBERS, AssetClass
from tradewatch.model.instrument import SYMBOL_PATTERN
from tradewatch.model.price import MAX_DECIMALS
from tradewatch.model.record import MAX_EVENT_NS, Flags

_PLAIN = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_POWER = rf"{_PLAIN}[eE][+-]?[0-9]{{1,3}}"
_BELOW_ZERO_ALLOWED = [str(CLASS_NUMBERS[each]) for each in AssetClass if each.prices_may_fall_below_zero]
#: Powers of ten that leave a 64-bit mantissa room, by their exponent from 0 on.
_POWERS = "[" + ", ".join(f"{10**exponent}::hugeint" for exponent in range(19)) + "]"
_SIDES = ("bid", "ask", "bid_size", "ask_size")


def _trimmed(name: str) -> str:
    """A plain decimal without the zeros behind its last digit; null where the text is none."""
    text = f"{name}_text"
    trimmed = f"if(ends_with({text}, '0') and contains({text}, '.'), rtrim({text}, '0'), {text})"
    return (
        f"if({text} = '', null, if(regexp_full_match({text}, '{_PLAIN}'), {trimmed},"
        f" if(regexp_full_match({text}, '{_POWER}'), {_written_out(text)}, null))) as {name}_plain"
    )


def _written_out(text: str) -> str:
    """A number with a power of ten as a plain decimal; rare, and so in one go."""
    digits = f"regexp_extract({text}, '^[+-]?([^eE]*)', 1)"
    power = f"regexp_extract({text}, '[eE]([+-]?[0-9]+)$', 1)::integer"
    fraction = f"split_part({digits}, '.', 2)"
    scale = f"(length({fraction}) - {power})"
    whole = f"split_part({digits}, '.', 1) || {fraction} || repeat('0', greatest(0, -{scale}))"
    padded = f"lpad({whole}, greatest(length({whole}), {scale} + 1)::integer, '0')"
    sign = f"if(starts_with({text}, '-'), '-', '')"
    plain = f"left({padded}, -greatest({scale}, 0)) || '.' || right({padded}, {scale})"
    return f"{sign} || if({scale} <= 0, {whole}, rtrim({plain}, '0'))"


def _parsed(name: str) -> str:
    """Mantissa and scale of a plain decimal; null where there is none, or none that 64 bits hold."""
    plain = f"{name}_plain"
    scale = f"if(contains({plain}, '.'), length({plain}) - strpos({plain}, '.'), 0)"
    mantissa = f"try_cast(replace({plain}, '.', '') as bigint)"
    zero = f"if({plain} in ('.', '+.', '-.'), 0, null)"  # what is left of `.0`
    return (
        f"if({scale} <= {MAX_DECIMALS}, coalesce({mantissa}, {zero}), null) as {name},"
        f" coalesce({scale}, 0)::integer as {name}_scale"
    )


_NUMBERS = ", ".join(f"{name}, {name}_scale" for name in _SIDES)


def parsed(texts: str) -> str:
    """The query for the numbers of each row, in their order, and for what is wrong with it.

    Args:
        texts: the query for the columns `class`, `symbol` and the texts. They are not put down, which would
            take longer than to parse them.
    """
    return f"""
select class, symbol, event_ns, {_NUMBERS}, case
    when class is null then 'no such asset class'
    when not regexp_full_match(symbol, '{SYMBOL_PATTERN}') then 'not a symbol: ' || left(symbol, 40)
    when event_ns is null or event_ns < 0 or event_ns > {MAX_EVENT_NS}
        then 'ts_ms is no time between 1970 and 2200: ' || left(ts_text, 40)
    when bid_text = '' and ask_text = '' then 'neither bid nor ask'
    when bid_text <> '' and bid is null then 'bid is no exact number: ' || left(bid_text, 40)
    when ask_text <> '' and ask is null then 'ask is no exact number: ' || left(ask_text, 40)
    when (bid <= 0 or ask <= 0) and class not in ({", ".join(_BELOW_ZERO_ALLOWED)})
        then 'a price that is not above zero: ' || left(bid_text, 40) || ', ' || left(ask_text, 40)
    when bid_size_text <> '' and (bid_size is null or bid_size < 0) then 'bid_size is no size'
    when ask_size_text <> '' and (ask_size is null or ask_size < 0) then 'ask_size is no size'
    end as wrong
from (
    select class, symbol, ts_text, {", ".join(f"{name}_text" for name in _SIDES)},
        try_cast(if(regexp_full_match(ts_text, '[0-9]{{1,15}}'), ts_text::bigint::hugeint * 1000000,
            floor(try_cast(ts_text as decimal(30, 6)) * 1000000)::hugeint) as bigint) as event_ns,
        {", ".join(map(_parsed, _SIDES))}
    from (select *, {", ".join(map(_trimmed, _SIDES))} from ({texts}))
)
"""


def _settled(name: str, scale: str) -> str:
    """A mantissa at its instrument's scale where 64 bits hold it there, and the scale it has then."""
    finer = f"({scale} - {name}_scale)"
    moved = f"try_cast({name}::hugeint * {_POWERS}[{finer} + 1] as bigint)"
    absent = f"'{ABSENT}'::bigint"
    return (
        f"coalesce({moved}, {name}, {absent}) as {name},"
        f" if({moved} is null and {name} is not null, {name}_scale, {scale})::tinyint as {name}_scale"
    )


_FINEST = {"bid": "scale", "ask": "scale", "bid_size": "size_scale", "ask_size": "size_scale"}

#: Good rows as the store has them, sorted by day; parameters: the epoch's number, and now in microseconds.
ROWS = f"""
select number as instrument, event_ns // 1000000 as event_ms,
    (event_ns % 1000000)::integer as event_sub_ns,
    $now_us - event_ns // 1000000 * 1000 as lag_us, $epoch::integer as epoch,
    row_number() over (partition by number order by parsed.rowid) as seq,
    {", ".join(_settled(name, scale) for name, scale in _FINEST.items())},
    0::integer as source,
    case when bid is null or ask is null then {Flags.ONE_SIDED.value} else
        case sign(bid::hugeint * {_POWERS}[greatest(0, ask_scale - bid_scale) + 1]
                  - ask::hugeint * {_POWERS}[greatest(0, bid_scale - ask_scale) + 1])
        when 0 then {Flags.LOCKED.value} when 1 then {Flags.CROSSED.value} else 0 end
    end as flags,
    0::tinyint as kind, 0::tinyint as channel, 0::bigint as reference
from parsed join instruments using (class, symbol) where wrong is null
order by event_ms // 86400000, instrument, event_ms, event_sub_ns, seq
"""
