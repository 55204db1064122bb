"""Training scripts in processes forked from one that has imported TensorFlow.

    python trainer.py    a job a line, {script, argv, environment, log, errors}; says its status
"""
import atexit
import functools
import json
import os
import runpy
import subprocess
import sys


@functools.lru_cache(maxsize=1)
def _server():
    process = subprocess.Popen([sys.executable, '-W', 'ignore', __file__], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env=dict(
                                   os.environ, PYTHONHASHSEED='0', TF_CPP_MIN_LOG_LEVEL='1'))

    def end():
        process.stdin.close()
        process.wait()
        process.stdout.close()

    atexit.register(end)
    return process


def run(script, argv, environment, log, errors):
    """The exit status of `python script argv`; its streams go to the files `log` and `errors`."""
    server = _server()
    job = {'script': script, 'argv': argv, 'environment': environment, 'log': log, 'errors': errors}
    server.stdin.write(json.dumps(job).encode() + b'\n')
    server.stdin.flush()
    return int(server.stdout.readline())


def serve():
    for name in ('train_v1', 'train_v2', 'train_v3'):
        __import__(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(**json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(status >> 8 or status, flush=True)


def become(script, argv, environment, log, errors):
    for number, path in ((1, log), (2, errors)):
        with open(path, 'wb') as stream:
            os.dup2(stream.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script] + argv
    runpy.run_path(script, run_name='__main__')


if __name__ == '__main__':
    serve()
