"""Clocks that move only when a test says so: no verdict depends on how fast the machine is."""

import asyncio
import time

PATIENCE = 60.0  # real seconds for what must come: on a slow machine it comes later


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until a test lets it go on.

    Attributes:
        accepted, opened: what was read from connections that came, and from those that were made.
    """

    def __init__(self):
        super().__init__()
        self.now = 1000.0
        self.accepted, self.opened = [], []

    def time(self):
        return self.now

    async def advance(self, seconds):
        """Let so much time go by, and all be done that is due then."""
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0, loop=self)

    async def until(self, condition):
        """Wait for `condition()`, which the other end of a connection will bring about."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it did not come about"
            await asyncio.sleep(0, loop=self)

    async def soon(self, awaitable):
        """What it gives, if it comes at all."""
        future = asyncio.ensure_future(awaitable, loop=self)
        await self.until(future.done)
        return future.result()

    def _make_socket_transport(self, sock, protocol, *arguments, **options):
        heard = self.accepted if options.get("server") else self.opened
        return super()._make_socket_transport(sock, _Heard(protocol, heard), *arguments, **options)


class _Heard:
    """A protocol, and a note of what it has read."""

    def __init__(self, protocol, heard):
        self._protocol = protocol
        self._heard = heard

    def data_received(self, data):
        self._protocol.data_received(data)
        self._heard.append(data)

    def __getattr__(self, name):
        return getattr(self._protocol, name)


class ManualClock:
    """Stands for the module `time` in another module."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now
