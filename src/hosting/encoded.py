"""What a packed model's own encoder makes of sentences, outside the endpoint.

python -m hosting.encoded <model directory> < sentences.json

Standard output gets a JSON object: the model's inputs, a row for each sentence.
"""

import json
import sys

from hosting import packed


def main(model_dir):
    json.dump(packed.encoder(model_dir).encode(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
