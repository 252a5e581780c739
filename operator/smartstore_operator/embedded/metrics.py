"""Reading Prometheus metrics of our processes."""

import re
import urllib.request
from collections.abc import Iterable

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Value by metric name and labels."""

_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SECONDS = 2.0


def scrape(url: str) -> Samples:
    """All samples of a metrics page; empty when the process does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  our own http addresses
            return parse(answer.read().decode())
    except (OSError, ValueError):
        return {}


def parse(text: str) -> Samples:
    """The samples in Prometheus' text format; comments and timestamps are ignored."""
    samples: Samples = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match:
            name, labels, value = match.groups()
            samples[name, frozenset(_LABEL.findall(labels or ""))] = float(value)
    return samples


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """The sample with exactly these labels, or None."""
    return samples.get((name, frozenset(labels.items())))


def total(samples: Samples, name: str) -> float | None:
    """The sum over all labels of a metric, or None if there is no sample of it."""
    found = [number for (metric, _), number in samples.items() if metric == name]
    return sum(found) if found else None


def labels_of(samples: Samples, name: str) -> Iterable[dict[str, str]]:
    """The label sets that a metric has."""
    return [dict(labels) for metric, labels in samples if metric == name]
