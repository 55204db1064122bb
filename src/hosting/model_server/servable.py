"""One version of a model: a SavedModel, loaded, with the queue of its requests."""

import logging

from hosting.model_server import native
from hosting.model_server.signatures import Signature

log = logging.getLogger(__name__)


class Servable:
    """A loaded SavedModel and everything needed to answer requests with it."""

    def __init__(self, name, version, path, options):
        native.protos_without_tensorflow()
        from tensorflow.core.protobuf import meta_graph_pb2

        self.name = name
        self.version = version
        self.path = path
        self._session = native.Session(path, options.session_config, options.tags)
        meta_graph = meta_graph_pb2.MetaGraphDef.FromString(self._session.meta_graph)
        # Only the signatures are needed; the graph itself is in the session.
        self.signature_def = dict(meta_graph.signature_def)
        self.signatures = {name: Signature(name, proto, self._session)
                           for name, proto in self.signature_def.items()}
        self.scheduler = options.new_scheduler(self)

    def close(self):
        """Finish what is queued and end the session."""
        self.scheduler.close()
        self._session.close()
