"""What a server under test answered."""
import json

# Seconds for what must come: on a slow machine it comes later, and waiting costs nothing else.
PATIENCE = 120.0


class Reply:
    """A response: `status`, `headers` (any case), `body`."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode('utf-8')

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def content_type(self):
        return self.headers.get('Content-Type')

    def __repr__(self):
        return f'Reply({self.status}, {self.content_type}, {self.body[:300]!r})'
