"""Requests over httpx, with and without an event loop: made again where they were refused for now only."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from random import random as system_random
from typing import TYPE_CHECKING, Any

from tradewatch.client.rest.asked import Request
from tradewatch.client.rest.extras import needed
from tradewatch.client.rest.retry import Retry
from tradewatch.client.rest.site import JSON, MAX_JSON_BYTES, MAX_REFUSAL_BYTES, Site
from tradewatch.errors import ProtocolViolationError, RefusedError

if TYPE_CHECKING:
    import httpx

_TOO_LONG = f"the server's answer is longer than {MAX_JSON_BYTES:,} bytes"


class _Requests:
    """What both ways share.

    Attributes:
        retries: requests that were made again so far.
    """

    def __init__(self, site: Site, retry: Retry, random: Callable[[], float]) -> None:
        self.site = site
        self.retries = 0
        self._retry = retry
        self._random = random
        self._httpx: Any = needed("httpx", extra="rest")

    def _wait_s(self, refusal: RefusedError, attempt: int) -> float:
        """The wait before it is tried again, which counts.

        Raises:
            RefusedError: it is not tried again.
        """
        wait_s = self._retry.wait_s(refusal, attempt, self._random)
        if wait_s is None:
            raise refusal
        self.retries += 1
        return wait_s


class Http(_Requests):
    """Requests that are waited for.

    Args:
        site: the server.
        retry: when a request is made again.
        sleep: waits so many seconds.
        random: numbers from 0 to 1.

    Raises:
        UsageError: httpx is not installed.
    """

    def __init__(
        self,
        site: Site,
        retry: Retry,
        *,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = system_random,
    ) -> None:
        super().__init__(site, retry, random)
        self._sleep = sleep
        self._client: httpx.Client = self._httpx.Client(**site.client_options())

    def json(self, request: Request) -> bytes:
        """The body of a JSON answer."""
        body = bytearray()
        with self.answer(request, JSON) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_JSON_BYTES:
                    raise ProtocolViolationError(_TOO_LONG)
        return bytes(body)

    @contextlib.contextmanager
    def answer(self, request: Request, accept: str) -> "Iterator[httpx.Response]":
        """A good answer, its body still to be read.

        Raises:
            RefusedError: the server refuses; the class says what kind of refusal it is.
            UnreachableError: there is no answer, or not the whole of it.
            ProtocolViolationError: it is of another kind.
        """
        begun = False
        attempt = 0
        try:
            while True:
                with self._client.stream(**self.site.get(request, accept, self._httpx)) as response:
                    begun = True
                    if response.status_code == 200:
                        self.site.check(response.headers, accept)
                        yield response
                        return
                    body = b""
                    for chunk in response.iter_bytes():
                        body += chunk
                        if len(body) > MAX_REFUSAL_BYTES:
                            break
                begun = False
                refusal = self.site.refusal(response.status_code, response.headers, body)
                self._sleep(self._wait_s(refusal, attempt))
                attempt += 1
        except self._httpx.HTTPError as error:
            raise self.site.lost(error, begun=begun) from None

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


class AsyncHttp(_Requests):
    """The same on an event loop.

    Args:
        site: the server.
        retry: when a request is made again.
        sleep: waits so many seconds.
        random: numbers from 0 to 1.

    Raises:
        UsageError: httpx is not installed.
    """

    def __init__(
        self,
        site: Site,
        retry: Retry,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = system_random,
    ) -> None:
        super().__init__(site, retry, random)
        self._sleep = sleep
        self._client: httpx.AsyncClient = self._httpx.AsyncClient(**site.client_options())

    async def json(self, request: Request) -> bytes:
        """The body of a JSON answer."""
        body = bytearray()
        async with self.answer(request, JSON) as answer:
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_JSON_BYTES:
                    raise ProtocolViolationError(_TOO_LONG)
        return bytes(body)

    @contextlib.asynccontextmanager
    async def answer(self, request: Request, accept: str) -> "AsyncIterator[httpx.Response]":
        """A good answer, its body still to be read; raises what `Http.answer` does."""
        begun = False
        attempt = 0
        try:
            while True:
                async with self._client.stream(**self.site.get(request, accept, self._httpx)) as response:
                    begun = True
                    if response.status_code == 200:
                        self.site.check(response.headers, accept)
                        yield response
                        return
                    body = b""
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > MAX_REFUSAL_BYTES:
                            break
                begun = False
                refusal = self.site.refusal(response.status_code, response.headers, body)
                await self._sleep(self._wait_s(refusal, attempt))
                attempt += 1
        except self._httpx.HTTPError as error:
            raise self.site.lost(error, begun=begun) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
