"""Production variants: the instances that serve one model, and take its requests in turn."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from emulator.account import Record
from emulator.serving import Gone, Instance


class Variant:
    """A variant whose instances are all healthy.

    Args:
        start: makes one more healthy instance.
        count: how many there are to be.
        image: of the containers, as the model names it.

    Raises:
        StartFailed: one did not start; none is left.

    Attributes:
        weight: the variant's share of the endpoint's requests.
    """

    def __init__(
        self,
        start: Callable[[], Instance],
        count: int,
        weight: float,
        image: str,
        instance_type: str,
    ) -> None:
        self._start = start
        self._image = image
        self.instance_type = instance_type
        self.weight = weight
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
