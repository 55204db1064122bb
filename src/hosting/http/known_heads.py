"""Heads of messages that were parsed before.

A client says the same with every request, but for the body: the bytes up to the blank
line are looked up whole, and what the parser made of them the first time is used again.
"""

MOST = 1024  # heads that are kept; when there are more, all are forgotten
LONGEST = 2048  # bytes of a head that is kept

_END = b"\r\n\r\n"


class KnownHeads:
    """What messages with these heads are like: a bounded memory."""

    def __init__(self):
        self._known = {}

    def find(self, data):
        """(what was learnt, body) of `data`, one whole message; None if its head is new."""
        end = data.find(_END, 0, LONGEST)
        if end < 0:
            return None
        found = self._known.get(data[:end])
        if found is None or len(data) != end + 4 + found[0]:
            return None
        return found[1], data[end + 4 :]

    def learn(self, data, body_size, what):
        """Keep `what` a parser found in `data`, all of which is one message.

        A head whose end is not where the blank line is (the parser also takes bare line
        feeds) is not kept, nor is one before a body that is sent in chunks.
        """
        end = data.find(_END, 0, LONGEST)
        if end >= 0 and len(data) == end + 4 + body_size:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[data[:end]] = (body_size, what)
