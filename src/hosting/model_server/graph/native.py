"""TensorFlow's C API through ctypes: load a SavedModel, run its session.

The TensorFlow package is not imported. Its library alone starts in a tenth of
a second instead of more than one, holds less memory, and ``TF_SessionRun``
releases the GIL. The C++ loader behind ``TF_LoadSessionFromSavedModel`` is the
one tensorflow_model_server uses, assets and init op included.
"""

import ctypes
import functools
import glob
import importlib.machinery
import importlib.util
import logging
import os
import sys
import threading
import types
from typing import Any

import numpy as np

from hosting.model_server.errors import ServingError, unimplemented
from hosting.model_server.graph import dtypes, strings
from hosting.model_server.graph.shapes import shaped

log = logging.getLogger(__name__)

_POINTER = ctypes.c_void_p


class _Output(ctypes.Structure):
    """``TF_Output``: an operation and the number of its output."""

    _fields_ = [("oper", _POINTER), ("index", ctypes.c_int)]


class _Buffer(ctypes.Structure):
    """``TF_Buffer``: bytes that TensorFlow owns."""

    _fields_ = [("data", _POINTER), ("length", ctypes.c_size_t), ("deallocator", _POINTER)]


# fmt: off
_SIGNATURES = {
    **{"TF_New" + kind: (_POINTER, []) for kind in ("Status", "SessionOptions", "Graph")},
    **{"TF_Delete" + kind: (None, [_POINTER])
       for kind in ("Status", "SessionOptions", "Graph", "Tensor")},
    "TF_Version": (ctypes.c_char_p, []),
    "TF_GetCode": (ctypes.c_int, [_POINTER]),
    "TF_Message": (ctypes.c_char_p, [_POINTER]),
    "TF_NewBuffer": (ctypes.POINTER(_Buffer), []),
    "TF_NewBufferFromString": (ctypes.POINTER(_Buffer), [ctypes.c_char_p, ctypes.c_size_t]),
    "TF_DeleteBuffer": (None, [ctypes.POINTER(_Buffer)]),
    "TF_SetConfig": (None, [_POINTER, ctypes.c_char_p, ctypes.c_size_t, _POINTER]),
    "TF_GraphOperationByName": (_POINTER, [_POINTER, ctypes.c_char_p]),
    "TF_OperationNumOutputs": (ctypes.c_int, [_POINTER]),
    "TF_OperationOutputType": (ctypes.c_int, [_Output]),
    "TF_LoadSessionFromSavedModel": (_POINTER, [
        _POINTER, ctypes.POINTER(_Buffer), ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_char_p), ctypes.c_int,
        _POINTER, ctypes.POINTER(_Buffer), _POINTER]),
    "TF_SessionRun": (None, [
        _POINTER, ctypes.POINTER(_Buffer),
        ctypes.POINTER(_Output), ctypes.POINTER(_POINTER), ctypes.c_int,
        ctypes.POINTER(_Output), ctypes.POINTER(_POINTER), ctypes.c_int,
        ctypes.POINTER(_POINTER), ctypes.c_int, _POINTER, _POINTER]),
    "TF_CloseSession": (None, [_POINTER, _POINTER]),
    "TF_DeleteSession": (None, [_POINTER, _POINTER]),
    "TF_AllocateTensor": (_POINTER, [
        ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, ctypes.c_size_t]),
    "TF_TensorType": (ctypes.c_int, [_POINTER]),
    "TF_NumDims": (ctypes.c_int, [_POINTER]),
    "TF_Dim": (ctypes.c_int64, [_POINTER, ctypes.c_int]),
    "TF_TensorByteSize": (ctypes.c_size_t, [_POINTER]),
    "TF_TensorData": (_POINTER, [_POINTER]),
    "TF_LoadLibrary": (_POINTER, [ctypes.c_char_p, _POINTER]),
}
# fmt: on

# Calls of nanoseconds: taking and giving back the GIL would cost more.
_SHORT = (
    "TF_GetCode",
    "TF_TensorType",
    "TF_NumDims",
    "TF_Dim",
    "TF_TensorByteSize",
    "TF_TensorData",
)

# RunOptions{inter_op_thread_pool: -1}, field 3.
_IN_THIS_THREAD = b"\x18" + b"\xff" * 9 + b"\x01"

_library = None
_lock = threading.Lock()


@functools.lru_cache(maxsize=None)
def tensorflow_folder():
    """The folder of the installed TensorFlow, found without importing it."""
    spec = importlib.util.find_spec("tensorflow")
    if spec is None:
        raise ImportError(
            f"TensorFlow is expected in this Python and was not found: {sys.executable}. Run "
            "the model server with the serving environment."
        )
    if spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations))
    return os.path.dirname(spec.origin)


def protos_without_tensorflow():
    """Make ``tensorflow.core…_pb2`` importable without running TensorFlow's own ``__init__``.

    The generated protocol classes need nothing but protobuf, yet importing one
    would import all of TensorFlow first. A bare package of the same name, with
    the same path, lets Python find them alone.
    """
    with _lock:
        if "tensorflow" in sys.modules:
            return
        folder = tensorflow_folder()
        package = types.ModuleType("tensorflow")
        package.__path__ = [folder]
        package.__file__ = os.path.join(folder, "__init__.py")
        package.__spec__ = importlib.machinery.ModuleSpec("tensorflow", None, is_package=True)
        sys.modules["tensorflow"] = package


def _library_path():
    folder = tensorflow_folder()
    of_2 = glob.glob(os.path.join(glob.escape(folder), "libtensorflow_cc.*"))
    return of_2[0] if of_2 else os.path.join(folder, "python", "_pywrap_tensorflow_internal.so")


def library():
    """TensorFlow's library with the prototypes of the functions used here."""
    global _library
    if _library is not None:
        return _library
    with _lock:
        if _library is not None:
            return _library
        path = _library_path()
        loaded: Any = ctypes.CDLL(path)
        short = ctypes.PyDLL(path)
        later = hasattr(loaded, "TF_StringCopy")
        needed = dict(_SIGNATURES, **strings.SIGNATURES) if later else _SIGNATURES
        for name, (result, arguments) in needed.items():
            is_short = name in _SHORT or name.startswith("TF_String")
            function = getattr(short if is_short else loaded, name)
            function.restype = result
            function.argtypes = arguments
            setattr(loaded, name, function)
        loaded.strings = strings.Apart(loaded, dtypes.STRING) if later else None
        _library = loaded
    return _library


class _Status:
    """A ``TF_Status`` for one call: raises what TensorFlow reported."""

    def __enter__(self):
        self.pointer = library().TF_NewStatus()
        return self

    def check(self):
        """Raise a ServingError when the last call with this status failed."""
        lib = library()
        code = lib.TF_GetCode(self.pointer)
        if code:
            raise ServingError(code, lib.TF_Message(self.pointer).decode("utf-8", "replace"))

    def __exit__(self, *exception):
        library().TF_DeleteStatus(self.pointer)


def _to_tensor(array, dtype):
    """A new ``TF_Tensor`` with a copy of the array."""
    lib = library()
    shape = array.shape
    flat = array.ravel()
    dimensions = (ctypes.c_int64 * len(shape))(*shape), len(shape)
    if dtype == dtypes.STRING:
        if lib.strings:
            return lib.strings.tensor(flat, *dimensions)
        data = strings.encoded(flat)
        size, address = len(data), data
    else:
        size, address = flat.nbytes, flat.__array_interface__["data"][0]
    tensor = lib.TF_AllocateTensor(dtype, *dimensions, size)
    if size:
        ctypes.memmove(lib.TF_TensorData(tensor), address, size)
    return tensor


def _from_tensor(tensor):
    lib = library()
    dtype = lib.TF_TensorType(tensor)
    shape = tuple([lib.TF_Dim(tensor, i) for i in range(lib.TF_NumDims(tensor))])
    size = lib.TF_TensorByteSize(tensor)
    if dtype == dtypes.STRING and lib.strings:
        count = int(np.prod(shape, dtype=np.int64))
        return shaped(lib.strings.values(lib.TF_TensorData(tensor), count), shape)
    data = ctypes.string_at(lib.TF_TensorData(tensor), size) if size else b""
    if dtype == dtypes.STRING:
        return shaped(strings.decoded(data, int(np.prod(shape, dtype=np.int64))), shape)
    numpy_dtype = dtypes.NUMPY.get(dtype)
    if numpy_dtype is None:
        raise unimplemented(f"Tensors of type {dtypes.name(dtype)} cannot leave the session")
    # An array without values is not one that frombuffer makes.
    return shaped(np.frombuffer(data, numpy_dtype) if size else np.empty(0, numpy_dtype), shape)


@functools.lru_cache(maxsize=None)
def load_contrib_ops():
    """Load the operations of tf.contrib, which tensorflow_model_server contains as well.

    TensorFlow's package loads each of its libraries when its part of contrib is
    imported; here they are loaded when a model turns out to need one.
    """
    lib = library()
    for path in sorted(
        glob.glob(os.path.join(tensorflow_folder(), "contrib", "*", "python", "ops", "_*.so"))
    ):
        with _Status() as status:
            lib.TF_LoadLibrary(path.encode(), status.pointer)
            try:
                status.check()
            except ServingError as error:
                log.warning("%s cannot be loaded: %s", path, error)


class Callable:
    """Fixed feeds and fetches of one session, as ``session.make_callable``."""

    __slots__ = ("_session", "_feeds", "_feed_types", "_fetches", "_n_fetches", "types")

    def __init__(self, session, feeds, feed_types, fetches):
        lib = library()
        self._session = session
        # What the results are of (a variable itself, float_ref, gives float).
        self.types = [lib.TF_OperationOutputType(fetch) % 100 for fetch in fetches]
        self._feeds = (_Output * len(feeds))(*feeds)
        self._feed_types = feed_types
        self._fetches = (_Output * len(fetches))(*fetches)
        self._n_fetches = len(fetches)

    def __call__(self, arrays, timeout_ms=0, types=None, in_this_thread=False):
        """Run with one array for each feed; returns one array for each fetch.

        `types`: the arrays' types, if they are not the signature's; `in_this_thread`: the
        operations are not handed to the session's threads, which takes as long as a few of them.
        """
        lib = library()
        types = types or self._feed_types
        run_options = (
            _run_options(timeout_ms, in_this_thread) if timeout_ms or in_this_thread else None
        )
        count = len(arrays)
        tensors = (_POINTER * count)()
        results = (_POINTER * self._n_fetches)()
        try:
            for index, array in enumerate(arrays):
                tensors[index] = _to_tensor(array, types[index])
            with _Status() as status:
                lib.TF_SessionRun(
                    self._session.pointer,
                    run_options,
                    self._feeds,
                    tensors,
                    count,
                    self._fetches,
                    results,
                    self._n_fetches,
                    None,
                    0,
                    None,
                    status.pointer,
                )
                status.check()
            return [_from_tensor(result) for result in results]
        finally:
            for tensor in (*tensors, *results):
                if tensor:
                    lib.TF_DeleteTensor(tensor)


@functools.lru_cache(maxsize=None)
def _run_options(timeout_ms, in_this_thread):
    """``RunOptions{timeout_in_ms, inter_op_thread_pool}`` as a ``TF_Buffer``.

    The buffers are kept: most requests share one time-out. Others are rounded
    up, so that there are few of them.
    """
    options = b"\x10" + strings.varint(timeout_ms)  # field 2
    if in_this_thread:
        options += _IN_THIS_THREAD
    return library().TF_NewBufferFromString(options, len(options))


class Session:
    """A SavedModel loaded for serving: its session, graph and MetaGraphDef."""

    def __init__(self, export_dir, config=b"", tags=(b"serve",)):
        try:
            self._load(export_dir, config, tags)
        except ServingError as error:
            if "Op type not registered" not in error.message:
                raise
            load_contrib_ops()
            self._load(export_dir, config, tags)

    def _load(self, export_dir, config, tags):
        lib = library()
        self.pointer = None
        self._graph = lib.TF_NewGraph()
        meta_graph = lib.TF_NewBuffer()
        options = lib.TF_NewSessionOptions()
        try:
            with _Status() as status:
                if config:
                    lib.TF_SetConfig(options, config, len(config), status.pointer)
                    status.check()
                self.pointer = lib.TF_LoadSessionFromSavedModel(
                    options,
                    None,
                    export_dir.encode(),
                    (ctypes.c_char_p * len(tags))(*tags),
                    len(tags),
                    self._graph,
                    meta_graph,
                    status.pointer,
                )
                status.check()
            contents = meta_graph.contents
            self._meta_graph = ctypes.string_at(contents.data, contents.length)
        except ServingError:
            lib.TF_DeleteGraph(self._graph)
            raise
        finally:
            lib.TF_DeleteBuffer(meta_graph)
            lib.TF_DeleteSessionOptions(options)

    def take_meta_graph(self):
        """The serialized MetaGraphDef, which holds the graph too: it is given away once."""
        meta_graph, self._meta_graph = self._meta_graph, None
        return meta_graph

    def output(self, tensor_name):
        """The ``TF_Output`` of a tensor's name (``op:0``), or None."""
        name, _, index = tensor_name.partition(":")
        index = int(index or 0)
        lib = library()
        operation = lib.TF_GraphOperationByName(self._graph, name.encode())
        if not operation or index >= lib.TF_OperationNumOutputs(operation):
            return None
        return _Output(operation, index)

    def callable(self, feeds, feed_types, fetches):
        return Callable(self, feeds, feed_types, fetches)

    def close(self):
        if self.pointer:
            lib = library()
            with _Status() as status:
                lib.TF_CloseSession(self.pointer, status.pointer)
                lib.TF_DeleteSession(self.pointer, status.pointer)
            lib.TF_DeleteGraph(self._graph)
            self.pointer = None
