"""What a session takes of the machine: the threads that flags ask for, memory that is kept."""
import subprocess
import sys

import pytest

from hosting.model_server import flags, native, server


@pytest.mark.parametrize('argument', ['--tensorflow_intra_op_parallelism=3',
                                      '--tensorflow_session_parallelism=3'])
def test_a_session_has_the_threads_that_flags_ask_for(argument):
    options = server.ServableOptions(flags.parse(['--model_base_path=/m', argument]))
    native.protos_without_tensorflow()
    from tensorflow.core.protobuf import config_pb2
    config = config_pb2.ConfigProto.FromString(options.session_config())
    assert config.intra_op_parallelism_threads == 3


FAULTS = """
import ctypes, resource, sys
from hosting.model_server import resources
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
    done = subprocess.run([sys.executable, '-c', FAULTS, how], stdout=subprocess.PIPE, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != 'linux', reason='the C library is not glibc')
def test_what_a_run_frees_the_next_one_has_without_page_faults():
    assert page_faults('given back') > 1000
    assert page_faults('kept') < 100
