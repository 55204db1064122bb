"""A handler as the article writes it; the bench packs it as code/inference.py.

text-vectorian (and with it Keras and TensorFlow) in the handler, one sentence a request,
a new connection to the model server for each, the labels read from their file every time.
Beside the article's: the labels are JSON, the vectors lie in code/, and the packages come
from another environment (BENCH_SITE_PACKAGES) instead of requirements.txt.
"""

import json
import logging
import os
import sys

sys.path.append(os.environ["BENCH_SITE_PACKAGES"])

import numpy as np
import requests
from text_vectorian import SentencePieceVectorian

CODE = os.path.dirname(os.path.abspath(__file__))

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)
vectorian = SentencePieceVectorian(
    tokenizer_filename=os.path.join(CODE, "tokenizer.model"),
    vectorizer_filename=os.path.join(CODE, "vectors.model"),
)
input_len = 64


def handler(data, context):
    """Answers one request: {"q": "…"} → labels with probabilities, ranked."""
    processed_input = _process_input(data, context)
    response = requests.post(context.rest_uri, data=processed_input)  # noqa: S113
    return _process_output(response)


def _process_input(data, context):
    if context.request_content_type != "application/json":
        raise ValueError(f"unsupported content type {context.request_content_type}")
    query = json.loads(data.read().decode("utf-8"))["q"]
    features = np.zeros((1, input_len))
    inputs = vectorian.fit(query).indices
    for i, index in enumerate(inputs):
        if i >= input_len:
            break
        features[0, input_len - len(inputs) + i] = index
    return json.dumps({"inputs": features.tolist()})


def _process_output(response):
    if response.status_code != 200:
        raise ValueError(response.content.decode("utf-8"))
    predicts = json.loads(response.content.decode("utf-8"))["outputs"][0]
    with open(os.path.join(CODE, "labels.json"), encoding="utf-8") as labels_file:
        labels = json.load(labels_file)
    answer = [
        {"label": labels[index], "prob": predicts[index]} for index in np.argsort(predicts)[::-1]
    ]
    logger.warning(answer)
    return json.dumps(answer), "application/json"
