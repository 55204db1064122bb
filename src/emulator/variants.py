"""Production variants: the instances that serve one model, and take its requests in turn."""

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from emulator.account import Record
from emulator.capture import INFERENCE_ID, Capture
from emulator.serving import Gone, Instance

AT_ONCE = 4
WAITING = 1000
"""Copies that may wait; a further one is dropped: the caller never waits for a shadow."""


class Variant:
    """A variant whose instances are all healthy.

    Args:
        start: makes one more healthy instance.
        count: how many there are to be.
        image: of the containers, as the model names it.
        config: the endpoint configuration that it is of.

    Raises:
        StartFailed: one did not start; none is left.

    Attributes:
        weight: the variant's share of the endpoint's requests.
        capture: keeps a share of its requests and answers in S3.
        shadow: gets copies of its requests.
    """

    def __init__(
        self,
        start: Callable[[], Instance],
        count: int,
        weight: float,
        image: str,
        instance_type: str,
        config: str,
    ) -> None:
        self._start = start
        self._image = image
        self.instance_type = instance_type
        self.weight = weight
        self.capture: Capture | None = None
        self.shadow: Shadow | None = None
        self.config = config
        self._lock = threading.Lock()
        self._turn = 0
        self._instances = start_all(start, count)

    @property
    def count(self) -> int:
        return len(self._instances)

    def resize(self, count: int) -> None:
        """Starts the instances that are missing, or ends those that are too many.

        Raises:
            StartFailed: the variant is as it was.
        """
        fresh = start_all(self._start, count - self.count)
        with self._lock:
            kept, spare = self._instances[:count], self._instances[count:]
            self._instances = kept + fresh
        end_all(spare)

    def invoke(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        """What the next instance answers; raises as Instance.invoke does."""
        if self.shadow:
            self.shadow.copy(body, headers, self.weight)
        answer = self._answer(
            body, {name: value for name, value in headers.items() if name != INFERENCE_ID}
        )
        if self.capture:
            self.capture.saw(body, headers, answer)
        return answer

    def invoke_counted(
        self, body: bytes, headers: dict[str, str], received: float, count: Callable[..., None]
    ) -> tuple[int, bytes, str]:
        """As invoke, and it goes into the metrics.

        Args:
            received: when the request came, by time.perf_counter().
            count: Metrics.invocation, of this variant.
        """
        asked, status = time.perf_counter(), 0
        try:
            answer = self.invoke(body, headers)
            status = answer[0]
            return answer
        except Gone:
            status = -1  # it was asked nothing
            raise
        finally:
            now = time.perf_counter()
            if status >= 0:
                count(self.config, self.count, status, now - asked, now - received)

    def _answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        while True:
            with self._lock:
                if not self._instances:
                    raise Gone
                self._turn += 1
                instance = self._instances[self._turn % len(self._instances)]
            with contextlib.suppress(Gone):
                return instance.invoke(body, headers)

    def stop(self, gently: bool = True) -> None:
        """Ends every instance; gently: when it has answered what it was asked."""
        with self._lock:
            instances, self._instances = self._instances, []
        end_all(instances, gently)
        if self.shadow:
            self.shadow.stop(gently)
        if self.capture:
            self.capture.close()

    def summary(self, name: str) -> Record:
        """As DescribeEndpoint has it."""
        return {
            "VariantName": name,
            "DeployedImages": [{"SpecifiedImage": self._image, "ResolvedImage": self._image}],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": self.count,
            "DesiredInstanceCount": self.count,
        }


class Shadow:
    """A shadow variant: it gets a copy of a share of another one's requests, and answers nobody.

    Args:
        count: puts an invocation into the metrics: instances, status, and its two durations.
    """

    def __init__(
        self, variant: Variant, name: str, count: Callable[[int, int, float, float], None]
    ) -> None:
        self.variant, self.name, self._count = variant, name, count
        self._pool = ThreadPoolExecutor(AT_ONCE, "shadow")
        self._room = threading.BoundedSemaphore(WAITING)

    def copy(self, body: bytes, headers: dict[str, str], weight: float) -> None:
        """Sends a copy, if it is of the share; returns at once.

        Args:
            weight: of the production variant; the shadow's share is its own weight by this.
        """
        share = self.variant.weight / weight if weight else 1.0
        if random.random() < share and self._room.acquire(blocking=False):
            with contextlib.suppress(RuntimeError):  # it is being stopped
                self._pool.submit(self._ask, body, headers)

    def stop(self, gently: bool) -> None:
        """Ends it; gently: when the copies that wait are answered."""
        self._pool.shutdown(wait=gently, cancel_futures=not gently)
        self.variant.stop(gently)

    def _ask(self, body: bytes, headers: dict[str, str]) -> None:
        asked, status = time.perf_counter(), 0
        try:
            with contextlib.suppress(Gone, OSError, http.client.HTTPException):
                status = self.variant.invoke(body, headers)[0]
            seconds = time.perf_counter() - asked
            self._count(self.variant.count, status, seconds, seconds)
        finally:
            self._room.release()


def start_all(start: Callable[[], Instance], count: int) -> list[Instance]:
    """That many instances, or none and what the first of them raised."""
    if count <= 0:
        return []
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(start) for _ in range(count)]
    failures = [future.exception() for future in futures]
    for failure in failures:
        if failure is not None:
            end_all([future.result() for future in futures if future.exception() is None])
            raise failure
    return [future.result() for future in futures]


def end_all(instances: Iterable[Instance], gently: bool = True) -> None:
    """All at once."""

    def end(instance: Instance) -> None:
        if gently:
            instance.drain()
        instance.stop()

    threads = [threading.Thread(target=end, args=(instance,)) for instance in instances]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
