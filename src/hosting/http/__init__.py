"""A small HTTP/1.1 server and client on asyncio, used by the edge and by the model server."""
