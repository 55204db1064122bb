"""The signatures of a loaded SavedModel, ready to be run."""

import collections

from hosting.model_server.errors import NOT_FOUND, ServingError

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
DEFAULT_SIGNATURE = "serving_default"

# DT_FLOAT_REF and so on: what a variable itself is of. A value never is.
_REFERENCE = 100


class TensorInfo:
    """One input or output of a signature."""

    __slots__ = ("name", "tensor_name", "dtype", "shape")

    def __init__(self, name, proto):
        self.name = name
        self.tensor_name = proto.name
        self.dtype = proto.dtype % _REFERENCE
        # None: unknown rank. A dimension of -1: unknown size.
        self.shape = (
            None
            if proto.tensor_shape.unknown_rank
            else tuple(dim.size for dim in proto.tensor_shape.dim)
        )

    def is_batched(self):
        """Whether the first dimension is the batch: there is one and its size is open."""
        return bool(self.shape) and self.shape[0] == -1


class Signature:
    """One SignatureDef, with callables of the session for it."""

    def __init__(self, name, proto, session):
        self.name = name
        self.proto = proto
        self.method_name = proto.method_name
        self._session = session
        self._callables = {}
        self.inputs = _infos(proto.inputs)
        self.outputs = _infos(proto.outputs)
        self.types = tuple(info.dtype for info in self.inputs.values())
        # Requests can share a run only when every tensor has a batch dimension.
        self.is_batched = bool(self.inputs) and all(
            info.is_batched() for info in list(self.inputs.values()) + list(self.outputs.values())
        )
        # An operation of the graph that works across rows, if one was found.
        self.mixing = None

    def runner(self, outputs):
        """A callable from arrays (in the order of `inputs`) to arrays for the `outputs` named."""
        found = self._callables.get(outputs)
        if found is None:
            feeds = [
                self._lookup(info, "FeedInputs: unable to find feed output %s")
                for info in self.inputs.values()
            ]
            fetches = [
                self._lookup(self.outputs[name], "FetchOutputs node %s: not found")
                for name in outputs
            ]
            found = self._callables[outputs] = self._session.callable(feeds, self.types, fetches)
        return found

    def _lookup(self, info, message):
        output = self._session.output(info.tensor_name)
        if output is None:
            raise ServingError(NOT_FOUND, message % info.tensor_name)
        return output


class MergedSignature(Signature):
    """Several signatures of one input, run together (MultiInference)."""

    def __init__(self, signatures):
        first = signatures[0]
        self.name = "+".join(signature.name for signature in signatures)
        self._session = first._session
        self._callables = {}
        self.inputs = first.inputs
        self.types = first.types
        self.outputs = collections.OrderedDict(
            ((signature.name, name), info)
            for signature in signatures
            for name, info in signature.outputs.items()
        )
        self.is_batched = all(signature.is_batched for signature in signatures)
        self.mixing = next((signature.mixing for signature in signatures if signature.mixing), None)


def _infos(protos):
    return collections.OrderedDict(
        (name, TensorInfo(name, protos[name])) for name in sorted(protos)
    )
