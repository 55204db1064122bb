"""What a session takes of the machine where no flag says: one thread an operation, kept memory."""

import subprocess
import sys

import pytest

from hosting.model_server import flags, server
from hosting.model_server.graph import native, resources


@pytest.fixture
def graph(tmp_path):
    """Writes a saved_model.pb with these bytes in it; returns its directory."""

    def write(content):
        (tmp_path / "saved_model.pb").write_bytes(content)
        return str(tmp_path)

    return write


def test_the_config_is_what_it_says():
    native.protos_without_tensorflow()
    from tensorflow.core.protobuf import config_pb2

    expected = config_pb2.ConfigProto(intra_op_parallelism_threads=1)
    assert expected.SerializeToString() == resources.ONE_THREAD_AN_OPERATION


def products(*weights):
    """A serialized graph of matrix products, each of what the one before gives with weights."""
    native.protos_without_tensorflow()
    from tensorflow.core.framework import graph_pb2

    graph_def = graph_pb2.GraphDef()
    for number, name in enumerate(weights):
        graph_def.node.add(
            name="product_%d" % number, op="MatMul", input=["product_%d" % (number - 1), name]
        )
    return graph_def.SerializeToString()


LOOP = b"..LoopCond..MatMul.."
UNROLLED = ["input_kernel"] + ["recurrent_kernel"] * 8
DENSE = ["kernel_%d" % layer for layer in range(100)]


@pytest.mark.parametrize("content, cores, expected", [
    (b"..MatMul..LoopCond..", 2, resources.ONE_THREAD_AN_OPERATION),
    (LOOP, 1, resources.ONE_THREAD_AN_OPERATION),
    (LOOP, 4, b""),
    (b"..MatMul..Conv2D..", 2, b""),
    (b"..LoopCond..Add..", 2, b""),
    (UNROLLED, 2, resources.ONE_THREAD_AN_OPERATION),
    (UNROLLED, 4, b""),
    (DENSE, 2, b""),
])  # fmt: skip
def test_on_few_cores_a_recurrent_network_has_one_thread_an_operation(
    graph, content, cores, expected
):
    content = content if isinstance(content, bytes) else products(*content)
    assert resources.default_config(graph(content), cores) == expected


def weighted(*shapes, resource=False, further=()):
    """A serialized graph of matrix products, each with a variable of its own of such a shape.

    Args:
        resource: the variables are resources, as Keras' are.
        further: operations of further nodes.
    """
    native.protos_without_tensorflow()
    from tensorflow.core.framework import graph_pb2

    graph_def = graph_pb2.GraphDef()
    # A lookup table is no product's, so its size does not count.
    tables = {"table": (50000, 300)}
    for name, shape in dict(tables, **{"w%d" % n: shape for n, shape in enumerate(shapes)}).items():
        node = graph_def.node.add(name=name, op="VarHandleOp" if resource else "VariableV2")
        for key in ("container", "dtype", "shared_name", "zone"):
            node.attr[key].s = name.encode() * 3
        for size in shape:
            node.attr["shape"].shape.dim.add(size=size)
        read = "product_%s/ReadVariableOp" % name if resource else name + "/read"
        graph_def.node.add(name=read, op="ReadVariableOp" if resource else "Identity", input=[name])
        if name in tables:
            graph_def.node.add(name="lookup", op="GatherV2", input=[read, "indices"])
        else:
            graph_def.node.add(name="product_" + name, op="MatMul", input=["lookup", read])
    for operation in further:
        graph_def.node.add(name="further_" + operation, op=operation)
    return graph_def.SerializeToString()


@pytest.mark.parametrize("resource", [False, True])
@pytest.mark.parametrize("shapes, cores, further, expected", [
    ([(160, 3767), (33, 256)], 2, (), resources.ONE_THREAD_AN_OPERATION),
    ([(1024, 1024)], 2, (), resources.ONE_THREAD_AN_OPERATION),
    ([(1024, 1025)], 2, (), b""),
    ([(33, 256), (768, 3072)], 2, (), b""),
    ([(33, -1)], 2, (), b""),
    ([(33, 256)], 4, (), b""),
    ([(33, 256)], 2, ("BatchMatMul",), b""),
    ([(33, 256)], 2, ("Conv2D",), b""),
    ([], 2, (), b""),
])  # fmt: skip
def test_on_few_cores_a_network_of_small_products_has_one_thread_an_operation(
    graph, shapes, cores, further, resource, expected
):
    content = weighted(*shapes, resource=resource, further=further)
    assert resources.default_config(graph(content), cores) == expected


@pytest.mark.parametrize("content", [b"..\x12\x06MatMul\x1a", b"\x12\x06MatMul\x1a\x7f.."])
def test_a_graph_that_ends_in_a_product_is_left_to_the_loader(graph, content):
    assert resources.default_config(graph(content), 2) == b""


@pytest.mark.parametrize("merge, expected", [("1", resources.ONE_THREAD_AN_OPERATION), ("0", b"")])
def test_without_merging_a_session_is_as_tensorflow_serving_makes_it(
    graph, monkeypatch, merge, expected
):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("HOSTING_MERGE", merge)
    options = server.ServableOptions(flags.parse(["--model_base_path=/m"]))
    assert options.session_config(graph(LOOP)) == expected


@pytest.mark.parametrize("content", [None, b""])
def test_where_there_is_no_graph_loading_it_will_tell(graph, tmp_path, content):
    path = str(tmp_path) if content is None else graph(content)
    assert resources.default_config(path, 2) == b""


@pytest.mark.parametrize("argument", ["--tensorflow_intra_op_parallelism=3",
                                      "--tensorflow_session_parallelism=3"])  # fmt: skip
def test_a_flag_has_the_last_word(graph, argument):
    options = server.ServableOptions(flags.parse(["--model_base_path=/m", argument]))
    native.protos_without_tensorflow()
    from tensorflow.core.protobuf import config_pb2

    config = config_pb2.ConfigProto.FromString(options.session_config(graph(LOOP)))
    assert config.intra_op_parallelism_threads == 3


FAULTS = """
import ctypes, resource, sys
from hosting.model_server.graph import resources
if sys.argv[1] == 'kept':
    resources.keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def run():
    blocks = [libc.malloc(4 << 20) for _ in range(10)]
    for block in blocks:
        libc.memset(block, 1, 4 << 20)
    for block in blocks:
        libc.free(block)
run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is not glibc")
def test_what_a_run_frees_the_next_one_has_without_page_faults():
    assert page_faults("given back") > 1000
    assert page_faults("kept") < 100
