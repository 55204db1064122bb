"""The emulator with small programs for TensorFlow's: `python small.py` as `python -m emulator`.

An endpoint ranks its package's labels by a hash of the sentence, and refuses what our handler does.
A job prints what the job here printed ($LOCAL_JOB) and leaves what that left; one of MANY epochs
waits for $RELEASED first. What is started while $REAL exists is the real thing.
"""

import hashlib
import json
import os
import sys
import tarfile
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import stub

MANY = 30
TYPES = ("application/json", "application/jsonlines")


class Runtime(stub.Runtime):
    def toolkit(self, job, variables):
        if is_real():
            return real().toolkit(job, variables)
        return launch("train", SAGEMAKER_BASE_DIR=str(job), **variables)

    def endpoint(self, model_dir, port, dev):
        if is_real():
            return real().endpoint(model_dir, port, dev)
        return launch("hosting", str(model_dir), str(port))


def is_real():
    return Path(os.environ["REAL"]).exists()


def real():
    from train2deploy.runtimes.host import HOST

    return HOST


def launch(*arguments, **variables):
    from train2deploy.runtimes import Launch

    return Launch([sys.executable, "-S", __file__, *arguments], {**os.environ, **variables})


def train():
    base, local = (Path(os.environ[name]) for name in ("SAGEMAKER_BASE_DIR", "LOCAL_JOB"))
    given = (base / "input" / "config" / "hyperparameters.json").read_text()
    epochs = int(json.loads(given)["epochs"])
    print(f"Epoch 1/{epochs}", flush=True)
    while epochs >= MANY and not Path(os.environ["RELEASED"]).exists():
        time.sleep(0.1)
    print((local / "train.log").read_text(encoding="utf-8"))
    print(f" - val_mean_squared_error: {share(given):.6f}")
    for name, folder in (("model", base / "model"), ("output", base / "output" / "data")):
        with tarfile.open(local / f"{name}.tar.gz") as archive:
            archive.extractall(folder)
    (base / "output" / "success").touch()


def share(text):
    """Between 0 and 1, by chance and always the same."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return (number + 1) / (2**32 + 1)


def ranking(sentence):
    shares = [share(f"{sentence} {number}") for number in range(len(LABELS))]
    by_share = sorted(zip(shares, LABELS), reverse=True)
    return [{"label": label, "prob": each / sum(shares)} for each, label in by_share]


def answer(content_type, text):
    if content_type not in TYPES:
        raise ValueError(f"expected Content-Type {TYPES[0]}, found {content_type!r}")
    if content_type == TYPES[0]:
        asked = json.loads(text)["q"]
        found = [ranking(one) for one in asked] if isinstance(asked, list) else ranking(asked)
        return json.dumps(found, ensure_ascii=False)
    return "".join(f"{json.dumps(ranking(json.loads(line)['q']), ensure_ascii=False)}\n"
                   for line in text.split("\n") if line)


class Handler(stub.Handler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content_type, status = self.headers["Content-Type"], 200
        try:
            text = answer(content_type, body.decode())
        except (ValueError, KeyError) as error:
            status, content_type, text = 500, TYPES[0], json.dumps({"error": str(error)})
        print(f'"POST {self.path}" {status}', flush=True)
        self._answer(text.encode(), status, content_type)


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train()
    elif sys.argv[1] == "hosting":
        LABELS = json.loads((Path(sys.argv[2]) / "code" / "labels.json").read_bytes())
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Handler).serve_forever()
    else:
        stub.emulate(Runtime())
