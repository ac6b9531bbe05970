"""What MIG instances did between two looks, by NVML's performance monitoring (Hopper and later).

Under MIG the driver has no utilisation of the device, and before Hopper none of its instances
either. The driver counts; a value is what two of its samples differ by, over all the time between.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import pynvml

from kashi_agent.meters.nvml_calls import Handle, absent, asked
from kashi_agent.meters.values import NOT_READY, OUT_OF_RANGE, PERCENT_MAX, PPM_PER_PERCENT
from kashi_agent.sample import Absent

ANY_ENGINE_BUSY: Final = pynvml.NVML_GPM_METRIC_GRAPHICS_UTIL
"""Percent of the time in which any compute or graphics work ran: what utilisation is elsewhere."""


@dataclass(slots=True)
class InstanceActivity:
    """The last sample of every instance asked for, by the id of the instance."""

    _last: dict[str, Any] = field(default_factory=dict)
    _spare: list[Any] = field(default_factory=list)

    def ppm(self, whole: Handle, gpu_instance: int, uuid: str) -> int | Absent:
        """Utilisation since the last call for this instance; not ready at the first, nor at the one
        after a failure: what two looks were on average is not told as what the later one was.

        Rounded down to parts per million once: the driver gives it as a fraction. What is no
        percentage is out of range.
        """
        sample = self._spare.pop() if self._spare else asked(pynvml.nvmlGpmSampleAlloc)
        if isinstance(sample, Absent):
            return sample
        taken = asked(pynvml.nvmlGpmMigSampleGet, whole, gpu_instance, sample)
        if isinstance(taken, Absent):
            self._spare.append(sample)
            self._forget(uuid)
            return taken
        last, self._last[uuid] = self._last.get(uuid), sample
        if last is None:
            return NOT_READY
        self._spare.append(last)
        return _between(last, sample)

    def keep_only(self, uuids: set[str]) -> None:
        """Forget instances that are no more."""
        for uuid in self._last.keys() - uuids:
            self._forget(uuid)

    def _forget(self, uuid: str) -> None:
        if uuid in self._last:
            self._spare.append(self._last.pop(uuid))


def _between(last: object, sample: object) -> int | Absent:
    question = pynvml.c_nvmlGpmMetricsGet_t()
    question.version = pynvml.NVML_GPM_METRICS_GET_VERSION
    question.numMetrics = 1
    question.sample1, question.sample2 = last, sample
    question.metrics[0].metricId = ANY_ENGINE_BUSY
    answer = asked(pynvml.nvmlGpmMetricsGet, question)
    if isinstance(answer, Absent):
        return answer
    metric = answer.metrics[0]
    if metric.nvmlReturn != pynvml.NVML_SUCCESS:
        return absent(metric.nvmlReturn, "nvmlGpmMetricsGet")
    in_range = 0 <= metric.value <= PERCENT_MAX  # false for what is no number, too
    return int(metric.value * PPM_PER_PERCENT) if in_range else OUT_OF_RANGE
