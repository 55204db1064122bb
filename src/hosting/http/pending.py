"""A value to come that is handed on in the same turn of the event loop in which it comes."""

import asyncio


class Pending:
    """A result that is not there yet.

    asyncio's Future calls back in the loop's next turn, and a Task around it in the one
    after: three looks at the sockets for every hop of a request. `then` is called at once.
    Coroutines can await it as they do a Future.

    Args:
        abandon: called when nobody waits for the result any more (`cancel`).
    """

    __slots__ = ("abandon", "_then", "_outcome")

    def __init__(self, abandon=None):
        self.abandon = abandon
        self._then = None
        self._outcome = None

    def done(self):
        return self._outcome is not None

    def settle(self, value=None, error=None):
        """Hand on the result, or the exception; what comes after that or a cancel is dropped."""
        if self._outcome is None:
            self._outcome = (value, error)
            if self._then is not None:
                self._then(value, error)

    def then(self, callback):
        """`callback(value, error)` is called once, now if the result is there already."""
        self._then = callback
        if self._outcome is not None:
            callback(*self._outcome)

    def cancel(self):
        """Nobody waits any more: nothing is handed on."""
        if self._outcome is None:
            self._then = None
            self._outcome = (None, asyncio.CancelledError())
            if self.abandon is not None:
                self.abandon()

    def __await__(self):
        future = asyncio.get_event_loop().create_future()

        def hand_on(value, error):
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        def settled(future):
            if future.cancelled():
                self.cancel()

        self.then(hand_on)
        future.add_done_callback(settled)
        return (yield from future)
