"""What a packed model reads of a sentence, said by the package's own encoder.

    python -m hosting.package_tokens <code directory of a package>

Each line of input is a JSON list of sentences; each line of output holds, for each of them, its
tokens in their order: ``[token, index, whether it has a vector, whether the model sees it]``.
"""

import sys

from hosting import packed


def described(encoding, encoder, text):
    """The tokens of a text; of a long one, the model does not see the first.

    Args:
        encoding: the package's module.
        encoder: its Encoder.
    """
    pieces, indices = encoder.pieces(text), encoder.indices(text)
    unknown, cut = encoder._unknown, len(pieces) - encoder.length
    return [
        [piece, index, index != unknown or piece == encoding.UNKNOWN_TOKEN, place >= cut]
        for place, (piece, index) in enumerate(zip(pieces, indices))
    ]


def main(code):
    encoding = packed.encoding(code)
    encoder = encoding.ModelInputs(code).encoder
    packed.answer_commands(lambda texts: [described(encoding, encoder, text) for text in texts])


if __name__ == "__main__":
    main(sys.argv[1])
