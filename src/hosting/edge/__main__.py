"""`python -m hosting.edge …`: the public port; started by the supervisor in nginx's place."""

import argparse
import asyncio
import signal
import sys

from hosting.edge.logs import AccessLog, ErrorLog
from hosting.edge.metrics import Metrics
from hosting.edge.pages import page
from hosting.edge.plain import PlainMode
from hosting.edge.routes import Router
from hosting.edge.upstream import Upstream
from hosting.http.client import Client
from hosting.http.server import start_server
from hosting.settings import CONTRACTS

DRAIN_SECONDS = 60  # how long SIGQUIT lets requests in work be finished


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="python -m hosting.edge", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rest-ports", required=True, help="the model servers', comma-separated")
    parser.add_argument("--gunicorn", metavar="SOCKET", required=True)
    parser.add_argument(
        "--fresh-connections",
        action="store_true",
        help="a new connection to gunicorn for each request",
    )
    parser.add_argument("--mode", choices=["plain", "python"], required=True)
    parser.add_argument("--default-model", default="None")
    parser.add_argument("--contract", choices=CONTRACTS, default="2019")
    parser.add_argument("--tfs-version", default="1.13")
    parser.add_argument("--read-timeout", type=float, default=60.0)
    parser.add_argument("--log-level", default="error")
    parser.add_argument(
        "--metrics", metavar="REST-PORTS", help="answer /metrics, with what these model servers say"
    )
    return parser.parse_args(arguments)


def _ports(text):
    return [int(port) for port in text.split(",") if port]


async def serve(options, error_log):
    """Start the public port; returns the server."""
    loop = asyncio.get_event_loop()
    ports = _ports(options.rest_ports)
    model_server = Upstream(
        [f"http://127.0.0.1:{port}" for port in ports],
        [Client(host="127.0.0.1", port=port) for port in ports],
        options.read_timeout,
        error_log,
    )
    gunicorn = Upstream(
        [f"http://unix:{options.gunicorn}"],
        [Client(path=options.gunicorn, keep_alive=not options.fresh_connections)],
        options.read_timeout,
        error_log,
    )
    plain = None
    if options.mode == "plain":
        asked = options.default_model, options.contract, options.tfs_version
        plain = PlainMode(model_server, *asked, error_log)
    metrics = None if options.metrics is None else Metrics(_ports(options.metrics))
    handler = Router(
        model_server, gunicorn, plain, models=options.contract != "2019", metrics=metrics
    )
    on_response = AccessLog(loop.call_soon)
    if metrics is not None:
        handler, on_response = metrics.timed(handler), metrics.counted(on_response)
    server = await start_server(
        handler,
        host=options.host,
        port=options.port,
        name="nginx",
        error_response=page,
        on_response=on_response,
        cancel_on_disconnect=True,
    )
    if metrics is not None:
        metrics.connections = server.connections

    def stop_now(*_):
        server.close()
        loop.stop()

    def finish():
        server.close()
        draining = loop.create_task(server.drained(DRAIN_SECONDS))
        draining.add_done_callback(stop_now)

    loop.add_signal_handler(signal.SIGQUIT, finish)
    loop.add_signal_handler(signal.SIGTERM, stop_now)
    loop.add_signal_handler(signal.SIGINT, stop_now)
    return server


def main(arguments=None):
    options = parse_arguments(arguments)
    try:
        error_log = ErrorLog(options.log_level)
    except ValueError as error:
        sys.exit(f"nginx: [emerg] {error}")
    try:
        from uvloop import new_event_loop
    except ImportError:  # slower, not different
        from asyncio import new_event_loop
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(serve(options, error_log))
    except OSError as error:
        sys.exit(f"nginx: [emerg] bind() to {options.host}:{options.port} failed ({error})")
    loop.run_forever()


if __name__ == "__main__":
    main()
