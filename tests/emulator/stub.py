"""The emulator with endpoints and jobs that are small programs: `python stub.py` as `python -m
emulator`.

A model's archive holds a file `answer`, which its endpoint says before what it was asked. A job
waits for ever where a hyperparameter is named so, else it writes what it was given as its model.
BARE is what the contract of /opt/ml asks for, and nothing of TensorFlow's containers.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NEVER = b"never"  # what an endpoint says that never becomes healthy


class Runtime:
    name = "host"

    def of(self, name):
        return self

    def instance(self, job):
        from train2deploy.runtimes import Instance

        return Instance(base=str(job), host="localhost", interface="lo")

    def toolkit(self, job, variables):
        return _launch("train", SAGEMAKER_BASE_DIR=str(job), **variables)

    def command(self, job, command, arguments, variables):
        launch = _launch(**variables)
        return type(launch)([*command, *arguments], launch.environment)

    def endpoint(self, model_dir, port, dev):
        return _launch("hosting", str(model_dir), str(port))

    def finish(self, launch):
        return ""


def _launch(*arguments, **variables):
    from train2deploy.runtimes import Launch

    return Launch([sys.executable, __file__, *arguments], {**os.environ, **variables})


def train():
    base = Path(os.environ["SAGEMAKER_BASE_DIR"])
    given = (base / "input" / "config" / "hyperparameters.json").read_text()
    print("training")
    sys.stdout.flush()
    if "wait" in json.loads(given):
        signal.pause()
    print("loss: 0.25")
    (base / "model" / "answer").write_text(given)
    if "BARE" not in os.environ:
        (base / "output" / "success").touch()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if "BARE" in os.environ and self.path != "/ping":
            self.send_error(404)
        else:
            self._answer(b'"AVAILABLE"')

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer((Path(sys.argv[2]) / "answer").read_bytes() + body)

    def _answer(self, body, status=200, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def emulate(runtime):
    """The emulator's own command, with this runtime whatever it is told."""
    from emulator import __main__ as command

    command.choice.named = lambda name: runtime
    sys.exit(command.main())


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train()
    elif sys.argv[1] == "hosting":
        if (Path(sys.argv[2]) / "answer").read_bytes() == NEVER:
            signal.pause()
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
    else:
        emulate(Runtime())
