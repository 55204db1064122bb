"""The model server process: its options, its ports, its life.

As tensorflow_model_server does, it listens only when every model has a version
that is loaded; until then connections are refused (docs/contract.md#a4).
"""

import asyncio
import logging
import signal
import socket
import sys
import threading

from hosting.model_server import LATER, model_config
from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.graph import native, resources
from hosting.model_server.manager import Manager
from hosting.settings import switch

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
FAILED = 255  # what main() returning -1 becomes


class ServableOptions:
    """How SavedModels are loaded and run."""

    def __init__(self, flags):
        self._flags = flags
        self.tags = [tag.encode() for tag in flags.saved_model_tags.split(",")]
        self.max_num_load_retries = flags.max_num_load_retries
        self.load_retry_interval = flags.load_retry_interval_micros / 1e6
        self.enable_model_warmup = flags.enable_model_warmup
        # TensorFlow Serving does not.
        self.merge = switch("HOSTING_MERGE", True) and not flags.enable_batching
        self._batch_threads = None
        if flags.enable_batching:
            from hosting.model_server.queues import parameters
            from hosting.model_server.queues.batching import BatchThreads

            self._batch_threads = BatchThreads(parameters.read(flags.batching_parameters_file))

    def session_config(self, path):
        """A serialized ConfigProto: what the flags ask for; else what suits a model."""
        both = self._flags.tensorflow_session_parallelism
        intra = self._flags.tensorflow_intra_op_parallelism or both
        inter = self._flags.tensorflow_inter_op_parallelism or both
        gpu_memory = self._flags.per_process_gpu_memory_fraction
        if not (intra or inter or gpu_memory):
            # Nothing asked for: the model can be read while the protos are still imported.
            return resources.default_config(path) if self.merge else b""
        native.protos_without_tensorflow()
        from tensorflow.core.protobuf import config_pb2

        config = config_pb2.ConfigProto(
            intra_op_parallelism_threads=intra, inter_op_parallelism_threads=inter
        )
        config.gpu_options.per_process_gpu_memory_fraction = gpu_memory
        return config.SerializeToString()

    def new_scheduler(self, servable):
        if self._batch_threads is not None:
            from hosting.model_server.queues.batching import BatchScheduler

            return BatchScheduler(self._batch_threads, servable.name)
        from hosting.model_server.queues.merging import MergingScheduler

        return MergingScheduler(
            servable.name, merge=self.merge, predictable=servable.is_predictable
        )


def _bind(port):
    """A socket that holds the port but does not listen yet."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((_HOST, port))
    return listener


def _settings(flags):
    if flags.batching_parameters_file and not flags.enable_batching:
        raise invalid_argument("You supplied --batching_parameters_file without --enable_batching")
    if flags.model_config_file:
        return model_config.read_model_config(flags.model_config_file)
    log.info(
        "Building single TensorFlow model file config:  model_name: %s model_base_path: %s",
        flags.model_name,
        flags.model_base_path,
    )
    return [model_config.ModelSettings(flags.model_name, flags.model_base_path)]


def _exports_rest(flags):
    if flags.rest_api_port and flags.rest_api_port == flags.port:
        log.error(
            "--rest_api_port cannot be same as --port. Please use a different port for "
            "HTTP/REST API. Skipped exporting HTTP/REST API."
        )
        return False
    return bool(flags.rest_api_port)


def _exit_on_signals():
    """Die of SIGTERM and SIGINT at once, as the real server does: there is nothing to save."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def run(flags):
    """Serve until a signal ends the process; returns the exit code when it cannot start."""
    _exit_on_signals()
    resources.keep_freed_memory()
    # protobuf's packages ask for it, and do as well without: 40 ms and 4 MB.
    sys.modules["pkg_resources"] = None
    try:
        settings = _settings(flags)
        rest = _bind(flags.rest_api_port) if _exports_rest(flags) else None
        manager = Manager(ServableOptions(flags))
        log.info("Adding/updating models.")
        manager.configure(settings)
        if flags.file_system_poll_wait_seconds > 0:
            threading.Thread(
                target=manager.watch,
                name="watch",
                daemon=True,
                args=(flags.file_system_poll_wait_seconds,),
            ).start()
        # The models are loading; meanwhile the rest is imported.
        from hosting.model_server.grpc import api as grpc_api

        rest_server = _RestServer(manager, rest, flags) if rest else None
        manager.wait_until_available([model.name for model in settings])
        grpc_server, port = grpc_api.start(manager, f"{_HOST}:{flags.port}")
    except (ServingError, OSError) as error:
        log.error("Failed to start server. Error: %s", error)
        return FAILED
    if not port:
        log.error("Failed to start server. Error: cannot listen on port %d", flags.port)
        return FAILED
    log.info("Running gRPC ModelServer at %s:%d ...", _HOST, port)
    if rest_server is None:
        threading.Event().wait()
    else:
        rest_server.serve()
    grpc_server.stop(None)
    return 0


class _RestServer:
    """The REST API on its event loop, which is this thread's."""

    def __init__(self, manager, listener, flags):
        import uvloop

        from hosting.http import server
        from hosting.model_server.rest.api import RestApi

        self._loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self._loop)
        api = RestApi(manager, flags.rest_api_timeout_in_ms, switch("HOSTING_METRICS", False))
        # Connections come from this machine only; a client may keep its own.
        limits = server.Limits(keep_alive=None)
        self._start = lambda: server.start_server(api, sock=listener, limits=limits)

    def serve(self):
        """Listen and answer for ever."""
        server = self._loop.run_until_complete(self._start())
        # Scripts wait for this line, which TF Serving's HTTP library writes without a time.
        print(
            "[evhttp_server.cc : %s: Entering the event loop ..."
            % ("245] NET_LOG" if LATER else "237] RAW"),
            file=sys.stderr,
            flush=True,
        )
        log.info("Exporting HTTP/REST API at:localhost:%d ...", server.port)
        self._loop.run_forever()
