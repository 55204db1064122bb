"""Other servers of models, started on the same SavedModel; each in an environment of its own.

    python -m bench.peers <peer> <version directory> <scratch directory> <port>

Each is set up as its documentation says for production, with a worker for each core. They
are sent the model's own input, token indices, and answer with its output: the text is
encoded by nobody, which is less than /invocations does.
"""

import configparser
import os
import shutil
import signal
import sys

from hosting.processes import die_with_parent

WORKERS = os.cpu_count() or 1


def mlflow(path, scratch, port):
    """A pyfunc model behind `mlflow models serve`."""
    import mlflow.pyfunc

    from bench.peer_mlflow import Predictor

    model = os.path.join(scratch, "model")
    mlflow.pyfunc.save_model(
        model,
        python_model=Predictor(),
        artifacts={"saved_model": path},
        conda_env={"name": "unused"},
    )
    # Its URL of the model is no path, and its command runs the program `gunicorn`.
    command = ["mlflow", "models", "serve", "--no-conda", "-m", model]
    return [*command, "-h", "127.0.0.1", "-p", str(port), "-w", str(WORKERS)]


def bentoml(path, scratch, port):
    """A service with a batch API behind `bentoml serve-gunicorn`, which batches requests."""
    from bench.peer_bentoml import Classifier

    bundle = os.path.join(scratch, "bundle")
    os.makedirs(bundle)
    os.environ["BENCH_SAVED_MODEL"] = path
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ["BENTOML_HOME"] = os.path.join(scratch, "home")
    Classifier().save_to_dir(bundle)
    command = ["bentoml", "serve-gunicorn", bundle, "--port", str(port)]
    return [*command, "--workers", str(WORKERS), "--microbatch-workers", "1"]


def simple_tensorflow_serving(path, scratch, port):
    """What its command starts: uwsgi with the options of that command, files in `scratch`."""
    base = os.path.join(scratch, "model")
    os.makedirs(base)
    os.symlink(path, os.path.join(base, os.path.basename(path)))
    settings = configparser.ConfigParser()
    settings["uwsgi"] = {
        "module": "bench.peer_uwsgi",
        "pyargv": "--model_base_path=" + base,
        "http": f"127.0.0.1:{port}",
        "socket": os.path.join(scratch, "uwsgi.sock"),
        "workers": str(WORKERS),
        **dict.fromkeys(("http-keepalive", "http-auto-chunked", "threads"), "1"),
        **dict.fromkeys(("master", "close-on-exec", "enable-threads"), "true"),
        **dict.fromkeys(("die-on-term", "disable-logging"), "true"),
    }
    file = os.path.join(scratch, "uwsgi.ini")
    with open(file, "w") as target:
        settings.write(target)
    return ["uwsgi", "--ini", file]


PEERS = {
    "mlflow": mlflow,
    "bentoml": bentoml,
    "simple-tensorflow-serving": simple_tensorflow_serving,
}


def main(peer, path, scratch, port):
    die_with_parent(signal.SIGTERM, os.getppid())
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    programs = os.path.dirname(sys.executable)
    os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", os.defpath)
    os.chdir(scratch)
    command = PEERS[peer](os.path.abspath(path), scratch, int(port))
    os.execv(os.path.join(programs, command[0]), command)


if __name__ == "__main__":
    main(*sys.argv[1:])
