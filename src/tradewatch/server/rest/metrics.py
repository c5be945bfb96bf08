"""`/metrics`: plain integers that the parts keep anyway, read when somebody asks."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from tradewatch.fanout.flush_watch import Distribution
from tradewatch.server.rest.documented import KEYLESS


class Reading(NamedTuple):
    """One metric and how it is read.

    Attributes:
        name: without the product's prefix; a counter's without `_total`.
        meaning: a line for a person, with the unit.
        read: the value now; a mapping where there is one for each value of `label`, or a distribution.
        label: the label's name, for mappings.
        counter: whether it only grows.
    """

    name: str
    meaning: str
    read: Callable[[], float | Mapping[str, float] | Distribution]
    label: str = ""
    counter: bool = True


class _Readings(Collector):
    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = list(readings)

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            value = reading.read()
            if isinstance(value, Distribution):
                yield _histogram(reading, value)
                continue
            family = CounterMetricFamily if reading.counter else GaugeMetricFamily
            labels = [reading.label] if reading.label else []
            metric = family(f"tradewatch_{reading.name}", reading.meaning, labels=labels)
            if isinstance(value, Mapping):
                for label, number in sorted(value.items()):
                    metric.add_metric([label], number)
            else:
                metric.add_metric([], value)
            yield metric


def _histogram(reading: Reading, value: Distribution) -> Metric:
    """A distribution as Prometheus has it: in seconds, each bucket with all below it."""
    bounds = [*(str(bound / 1e6) for bound in value.bounds_us), "+Inf"]
    buckets = list(zip(bounds, accumulate(value.counts), strict=True))
    return HistogramMetricFamily(
        f"tradewatch_{reading.name}", reading.meaning, buckets=buckets, sum_value=value.sum_us / 1e6
    )


def metrics_routes(readings: Iterable[Reading]) -> APIRouter:
    """The route that Prometheus scrapes; no key, and no key's name in it."""
    registry = CollectorRegistry()
    registry.register(_Readings(readings))
    routes = APIRouter(tags=["health"])

    @routes.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_class=Response,
        responses={
            200: {
                "description": "The metrics.",
                "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
            }
        },
        openapi_extra=KEYLESS,
    )
    async def metrics() -> Response:
        """All counters in the Prometheus text format."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


_EXAMPLE = """\
# HELP tradewatch_connections WebSocket connections that are open now
# TYPE tradewatch_connections gauge
tradewatch_connections 12.0
"""
