"""The model server process: its options, its ports, its life."""

import asyncio
import logging
import os
import signal
import socket
import threading

from hosting.model_server import model_config
from hosting.model_server.errors import ServingError
from hosting.model_server.manager import Manager
from hosting.model_server.scheduler import NaturalScheduler

log = logging.getLogger(__name__)


class ServableOptions:
    """How SavedModels are loaded and run."""

    def __init__(self, flags):
        self.tags = [tag.encode() for tag in flags.saved_model_tags.split(',')]
        self.session_config = _session_config(flags)
        self.max_num_load_retries = flags.max_num_load_retries
        self.load_retry_interval = flags.load_retry_interval_micros / 1e6

    def new_scheduler(self, servable):
        """The queue of one servable's requests."""
        return NaturalScheduler(servable.name)


def _session_config(flags):
    """A ConfigProto with the thread numbers asked for."""
    from hosting.model_server import native
    native.protos_without_tensorflow()
    from tensorflow.core.protobuf import config_pb2
    both = flags.tensorflow_session_parallelism
    return config_pb2.ConfigProto(
        intra_op_parallelism_threads=flags.tensorflow_intra_op_parallelism or both,
        inter_op_parallelism_threads=flags.tensorflow_inter_op_parallelism or both,
    ).SerializeToString()


def _bind(port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', port))
    return listener


def run(flags):
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    import uvloop
    from hosting.http.server import start_server
    from hosting.model_server.rest import RestApi

    settings = [model_config.ModelSettings(flags.model_name, flags.model_base_path)]
    if flags.model_config_file:
        settings = model_config.read_model_config(flags.model_config_file)
    listener = _bind(flags.rest_api_port) if flags.rest_api_port else None
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    manager = Manager(ServableOptions(flags))
    for number in (signal.SIGTERM, signal.SIGINT):
        # Nothing is to be saved: leave at once, without TensorFlow's own clean-up.
        loop.add_signal_handler(number, os._exit, 0)

    def load():
        manager.configure(settings)
        loop.call_soon_threadsafe(loaded.set_result, None)
        manager.watch(max(flags.file_system_poll_wait_seconds, 1))

    loaded = loop.create_future()
    threading.Thread(target=load, name='load', daemon=True).start()
    loop.run_until_complete(loaded)
    if listener:
        api = RestApi(manager, flags.rest_api_timeout_in_ms)
        server = loop.run_until_complete(start_server(api, sock=listener))
        log.info('Exporting HTTP/REST API at:localhost:%d ...', server.port)
    try:
        loop.run_forever()
    except ServingError as error:
        log.error('%s', error)
        return 1
    return 0
