"""A code/ directory as the package lays it out, and a model server on the loopback interface."""
import collections
import csv
import importlib.util
import json
import os
import shutil
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

import generated
import pytest
import sentencepiece
import servers

from encoding import Encoder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SRC = os.path.join(ROOT, 'src')
LABELS = ['京都', 'グルメ', '携帯電話', 'スポーツ']

generated.use_profile()

Context = collections.namedtuple('Context', 'rest_uri request_content_type')


@pytest.fixture(scope='session')
def sentences():
    """The shipped sentences."""
    path = os.path.join(ROOT, 'data', 'sample', 'sentences.csv')
    with open(path, encoding='utf-8', newline='') as source:
        return [row['feature'] for row in csv.DictReader(source)]


@pytest.fixture(scope='session')
def code(sentences, tmp_path_factory):
    """code/ of a package, with a small tokenizer."""
    directory = tmp_path_factory.mktemp('code')
    for path in ('predict/code/inference.py', 'predict/code/model_client.py', 'encoding.py'):
        shutil.copy(os.path.join(SRC, path), str(directory))
    text = directory / 'text.txt'
    text.write_text('\n'.join(sentences) + '\n', encoding='utf-8')
    sentencepiece.SentencePieceTrainer.Train(
        '--input={} --model_prefix={} --vocab_size=4000 --character_coverage=1.0 '
        '--hard_vocab_limit=false --num_threads=1'.format(text, directory / 'tokenizer'))
    tokenizer = sentencepiece.SentencePieceProcessor()
    tokenizer.Load(str(directory / 'tokenizer.model'))
    pieces = [tokenizer.IdToPiece(number).lower() for number in range(tokenizer.GetPieceSize())]
    # Every third piece is unknown to the vectors.
    tokens = ['<pad>', '▁'] + [p for n, p in enumerate(dict.fromkeys(pieces)) if n % 3 and p != '▁']
    for name, value in (('vocabulary.json', tokens), ('labels.json', LABELS)):
        (directory / name).write_text(json.dumps(value, ensure_ascii=False), encoding='utf-8')
    return str(directory)


def load(code):
    """inference.py as the container loads it: by its path, under the name `inference`."""
    spec = importlib.util.spec_from_file_location('inference', os.path.join(code, 'inference.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='session')
def inference(code):
    return load(code)


@pytest.fixture(scope='session')
def encoder(code):
    """What the handler's sentences must go through."""
    return Encoder(os.path.join(code, 'tokenizer.model'), os.path.join(code, 'vocabulary.json'))


class ModelServer(ThreadingMixIn, HTTPServer):
    """TF Serving's predict API; what it answers is set by the test.

    Attributes:
        answer: takes the rows, gives (status, body as a JSON value, str or bytes).
        requests: (path, headers, parsed body) of each request.
        connections: how many were made.
        closes: whether it closes each connection after its answer, without saying so.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        HTTPServer.__init__(self, ('127.0.0.1', 0), ModelServerHandler)
        self.reset()

    def reset(self):
        self.answer = lambda rows: (200, {'outputs': [[0.25, 0.5, 0.125, 0.125]] * len(rows)})
        self.requests, self.connections, self.closes = [], 0, False

    @property
    def uri(self):
        return 'http://localhost:{}/v1/models/model:predict'.format(self.server_address[1])


class ModelServerHandler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def setup(self):
        BaseHTTPRequestHandler.setup(self)
        self.server.connections += 1

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])).decode('utf-8'))
        self.server.requests.append((self.path, dict(self.headers), body))
        status, answer = self.server.answer(body['inputs'])
        if not isinstance(answer, (str, bytes)):
            answer = json.dumps(answer)
        data = answer if isinstance(answer, bytes) else answer.encode('utf-8')
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = self.server.closes

    def log_message(self, *_):
        pass


@pytest.fixture(scope='session')
def _model_server():
    with servers.running(ModelServer()) as server:
        yield server


@pytest.fixture
def model_server(_model_server):
    _model_server.reset()
    return _model_server
