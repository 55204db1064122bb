"""One version of a model: a SavedModel, loaded, with the queue of its requests."""

import itertools
import logging

from hosting.model_server import warmup
from hosting.model_server.errors import ServingError, invalid_argument
from hosting.model_server.graph import independence, native
from hosting.model_server.graph.signatures import Signature

log = logging.getLogger(__name__)


class Servable:
    """A loaded SavedModel and everything needed to answer requests with it."""

    def __init__(self, name, version, path, options):
        self.name = name
        self.version = version
        native.protos_without_tensorflow()
        self._session = native.Session(path, options.session_config(path), options.tags)
        from tensorflow.core.protobuf import meta_graph_pb2

        meta_graph = meta_graph_pb2.MetaGraphDef.FromString(self._session.take_meta_graph())
        try:
            _refuse_python_functions(meta_graph.graph_def)
        except ServingError:
            self._session.close()
            raise
        # Only the signatures are needed; the graph itself is in the session.
        self.signature_def = {}
        for signature_name, proto in meta_graph.signature_def.items():
            copy = self.signature_def[signature_name] = meta_graph_pb2.SignatureDef()
            copy.CopyFrom(proto)
        self.signatures = {
            signature_name: Signature(signature_name, proto, self._session)
            for signature_name, proto in self.signature_def.items()
        }
        if options.merge:
            self._find_mixing(meta_graph.graph_def)
        self.is_predictable = not _has_loops(meta_graph.graph_def)
        self.scheduler = options.new_scheduler(self)
        if options.enable_model_warmup:
            warmup.warm_up(self, path)

    def _find_mixing(self, graph_def):
        """Mark the signatures whose requests had better not share a run."""
        graph = None
        for signature in self.signatures.values():
            if signature.is_batched:
                graph = graph or independence.Graph(graph_def)
                signature.mixing = graph.mixing_operation(
                    [info.tensor_name for info in signature.inputs.values()],
                    [info.tensor_name for info in signature.outputs.values()],
                )
                if signature.mixing:
                    what = "Requests to signature %s of %s do not share session runs: %s"
                    log.info(what, signature.name, self.name, signature.mixing)

    def close(self):
        self.scheduler.close()
        self._session.close()


_LOOPS = frozenset(["LoopCond", "While", "StatelessWhile"])

# tensorflow_model_server knows these operations but cannot run them: it has no Python.
_PYTHON_FUNCTIONS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def _refuse_python_functions(graph_def):
    """Fail in TensorFlow's words on a graph with tf.py_func, for which TF Serving has no kernel."""
    from tensorflow.core.framework.types_pb2 import DataType

    for node in graph_def.node:
        if node.op in _PYTHON_FUNCTIONS:
            attrs = node.attr
            tin, tout = (
                ", ".join(map(DataType.Name, attrs[name].list.type)) for name in ("Tin", "Tout")
            )
            token = attrs["token"].s.decode("utf-8", "replace")
            raise invalid_argument(
                f"No OpKernel was registered to support Op '{node.op}' used by {{{{node {node.name}"
                f'}}}}with these attrs: [Tin=[{tin}], Tout=[{tout}], token="{token}"]\n'
                "Registered devices: [CPU]\nRegistered kernels:\n  <no registered kernels>\n\n"
                f"\t [[{{{{node {node.name}}}}}]]"
            )


def _has_loops(graph_def):
    """Whether the time that a run takes may depend on the values that are fed."""
    nodes = itertools.chain(
        graph_def.node, *[function.node_def for function in graph_def.library.function]
    )
    return any(node.op in _LOOPS for node in nodes)
