from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewatch.errors import FeedSpecError
from tradewatch.feeds.spec import KINDS, NO_FEED, ReplaySpec, SimulatedSpec, parse_feed_spec
from tradewatch.model.asset_class import AssetClass


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("simulated", {}),
        ("simulated?", {}),
        (
            "simulated?symbols=1000&rate=50000&seed=7",
            {"symbols": 1000, "rate": Fraction(50_000), "seed": 7},
        ),
        ("simulated?rate=0.5", {"rate": Fraction(1, 2)}),
        ("simulated?class=crypto&prefix=sym", {"asset_class": AssetClass.CRYPTO, "prefix": "SYM"}),
        ("simulated?prefix=S%59M", {"prefix": "SYM"}),
    ],
)
def test_a_simulated_spec_sets_what_it_names_and_leaves_the_rest(
    text: str, fields: dict[str, object]
) -> None:
    assert parse_feed_spec(text) == SimulatedSpec(text=text, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("replay:day.csv.gz", {"paths": ("day.csv.gz",)}),
        ("replay:/a/b.csv,c d.parquet,e/*.csv", {"paths": ("/a/b.csv", "c d.parquet", "e/*.csv")}),
        ("replay:C:\\quotes\\day.csv", {"paths": ("C:\\quotes\\day.csv",)}),
        ("replay:what%3F%2C100%25.csv?loop=true", {"paths": ("what?,100%.csv",), "loop": True}),
        (
            "replay:x?class=currencies&speed=10&loop=false&time=now",
            {
                "paths": ("x",),
                "asset_class": AssetClass.CURRENCIES,
                "speed": Fraction(10),
                "shifted_to_now": True,
            },
        ),
        ("replay:x?speed=max&time=original", {"paths": ("x",), "speed": None}),
        ("replay:x?speed=2.5", {"paths": ("x",), "speed": Fraction(5, 2)}),
    ],
)
def test_a_replay_spec_sets_what_it_names_and_leaves_the_rest(text: str, fields: dict[str, object]) -> None:
    assert parse_feed_spec(text) == ReplaySpec(text=text, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no such feed; there are: none, replay, simulated"),
        ("kraken", "no such feed; there are: none, replay, simulated"),
        ("kraken:x?y=z", "no such feed; there are: none, replay, simulated"),
        ("Simulated", "no such feed"),
        ("simulated:5", "takes no path"),
        ("simulated?speed=1", "no such option: 'speed'; there are: symbols, rate, seed, class, prefix"),
        ("simulated?symbols=0", "symbols: not a whole number from 1 to 100,000: '0'"),
        ("simulated?symbols=100001", "symbols: not a whole number from 1 to 100,000: '100001'"),
        ("simulated?symbols=1_0", "symbols: not a whole number"),
        ("simulated?symbols=٣", "symbols: not a whole number"),
        ("simulated?symbols", "symbols: not a whole number"),
        ("simulated?symbols=1&symbols=2", "symbols stands there twice"),
        ("simulated?seed=-1", "seed: not a whole number"),
        ("simulated?rate=0", "rate: not between 0.001 and 10,000,000: '0'"),
        ("simulated?rate=-5", "rate: not between"),
        ("simulated?rate=nan", "rate: not a decimal number: 'nan'"),
        ("simulated?rate=1e9", "rate: not between"),
        (
            "simulated?class=bonds",
            "class: not one of currencies, crypto, stocks, indices, commodities: 'bonds'",
        ),
        ("simulated?prefix=", "prefix: empty"),
        ("simulated?prefix=a/b", "prefix: 'a/b' with 5 digits behind it is no symbol"),
        ("simulated?prefix=" + "A" * 28, "prefix: "),
        ("simulated?sessions=real", "sessions: 'real' is not there yet"),
        ("simulated?&", "no such option: ''"),
        ("replay", "a path is missing"),
        ("replay:", "a path is missing"),
        ("replay:a,,b", "a path is missing"),
        ("replay:a%00b", "path: a zero byte"),
        ("replay:a%ff", "path: not UTF-8"),
        ("replay:a?speed=0", "speed: not between 0.001 and 1,000,000: '0' (or: max)"),
        ("replay:a?speed=fast", "speed: not a decimal number: 'fast' (or: max)"),
        ("replay:a?loop=yes", "loop: not one of true, false: 'yes'"),
        ("replay:a?time=later", "time: not one of original, now: 'later'"),
        ("replay:a?rate=5", "no such option: 'rate'"),
        ("replay:a?class=%ff", "class: not UTF-8"),
    ],
)
def test_what_cannot_be_understood_is_named_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(FeedSpecError) as caught:
        parse_feed_spec(text)
    assert fault in str(caught.value)
    assert str(caught.value).startswith(f"feed {text[:200]!r}: ")


@pytest.mark.parametrize("made", [SimulatedSpec(text=""), ReplaySpec(text="", paths=("x",))])
def test_what_is_said_of_options_is_so(made: SimulatedSpec | ReplaySpec) -> None:
    """The defaults that people are told are those in force, and the example is one."""
    kind = KINDS[made.kind]
    for name, option in kind.options.items():
        assert option.meaning, name
        assert option.value.takes, name
        if option.default:
            assert option.value.read(option.default) == getattr(made, option.field), name
        elif name != "sessions":
            assert not getattr(made, option.field), name
    assert parse_feed_spec(kind.example).kind == made.kind
    assert kind.form.startswith(made.kind)


def test_every_kind_is_described() -> None:
    assert list(KINDS) == ["simulated", "replay", NO_FEED]
    assert all(kind.meaning.endswith(".") for kind in KINDS.values())


_WORDS = "simulated replay symbols rate speed class prefix time loop sessions seed max crypto 1e-999"
_SIGNS = "? & = : , % %00 %zz \ud800"
_PARTS = st.sampled_from([*_WORDS.split(), *_SIGNS.split(), "9" * 30])


@given(st.one_of(st.text(), st.lists(_PARTS | st.text(max_size=5)).map("".join)))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        spec = parse_feed_spec(text)
    except FeedSpecError:
        return
    assert spec.text == text
