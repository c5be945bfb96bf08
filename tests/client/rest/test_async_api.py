"""The API on an event loop: what `Api` has, to be awaited."""

import asyncio
from collections.abc import AsyncIterator
from inspect import getmembers, isfunction, signature

import pytest

from tests.client.rest.conftest import KEY
from tests.client.rest.fake_api import ARROW, TICK_SCHEMA, Answer, FakeApi, arrow, refusal, tick
from tradewatch.client import Api, AsyncApi, AsyncHistory, AuthenticationError, History, UnreachableError


@pytest.fixture
async def async_api(fake: FakeApi, waits: list[float]) -> AsyncIterator[AsyncApi]:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with AsyncApi(fake.url, api_key=KEY, sleep=sleep, random=lambda: 0.5, timeout_s=5) as api:
        yield api


async def test_it_answers_what_the_other_one_answers(api: Api, async_api: AsyncApi, fake: FakeApi) -> None:
    name = "currencies:EURUSD"
    assert await async_api.quotes("crypto", ["A", "B"]) == api.quotes("crypto", ["A", "B"])
    assert await async_api.symbols("crypto", search="C2") == api.symbols("crypto", search="C2")
    candles, own = api.candles(name, resolution=5, start=7, end=150_000), list[object]()
    async for candle in async_api.candles(name, resolution=5, start=7, end=150_000):
        own.append(candle)
    assert own == list(candles)
    ticks, its = api.ticks(name, start=0, end=1_000), async_api.ticks(name, start=0, end=1_000)
    assert [one async for one in its] == list(ticks)
    assert (await its.to_pandas()).equals(ticks.to_pandas())
    assert (await its.to_polars(prices="decimal")).equals(ticks.to_polars(prices="decimal"))
    assert repr(its) == repr(ticks)
    assert repr(async_api) == f"<AsyncApi {fake.url}>"


async def test_it_asks_again_and_says_why_not(async_api: AsyncApi, fake: FakeApi, waits: list[float]) -> None:
    fake.next_answers = [refusal(429, "too_many_requests", retry_after="3"), refusal(401, "key_revoked")]
    with pytest.raises(AuthenticationError, match="401 key_revoked"):
        await async_api.quotes("crypto", "A")
    assert (waits, async_api.retries) == ([3.25], 1)
    chunks = arrow([tick(second) for second in range(2_000)], TICK_SCHEMA)
    fake.next_answers = [Answer(kind=ARROW, body=chunks[:1], whole=False)]
    with pytest.raises(UnreachableError, match="did not come whole"):
        await async_api.ticks("currencies:EURUSD", start=0, end=9).to_polars()


async def test_many_at_a_time(async_api: AsyncApi) -> None:
    names = [f"crypto:C{number}" for number in range(20)]
    frames = await asyncio.gather(
        *(async_api.candles(name, start=0, end=6_000).to_polars() for name in names)
    )
    assert [len(frame) for frame in frames] == [100] * 20


@pytest.mark.parametrize(("one", "other"), [(Api, AsyncApi), (History, AsyncHistory)])
def test_both_have_the_same_methods_and_options(one: type, other: type) -> None:
    def shown(cls: type) -> dict[str, list[str]]:
        methods = getmembers(cls, isfunction)
        return {name: list(signature(method).parameters) for name, method in methods if name[0] != "_"}

    assert shown(one) == shown(other)
    assert list(signature(one).parameters) == list(signature(other).parameters)
