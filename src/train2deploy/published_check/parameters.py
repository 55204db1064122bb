"""Parameter counts that the articles print, from the sizes of the layers."""

from collections.abc import Iterator, Mapping

from train2deploy.published_check.lines import Line, compared
from train2deploy.report.catalogue import Model, Published

OUTPUTS = 4


def bilstm(inputs: int, hidden: int) -> int:
    """Two directions of four gates, each with weights for input, state and bias.

    >>> bilstm(300, 512)
    3330048
    """
    return 2 * lstm(inputs, hidden)


def lstm(inputs: int, hidden: int) -> int:
    return 4 * hidden * (inputs + hidden + 1)


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def additive_attention(inputs: int, units: int = 32) -> int:
    """SeqSelfAttention: two projections of the input, their bias, and the scoring vector.

    >>> additive_attention(300)
    19265
    """
    return 2 * inputs * units + units + units + 1


def bert(pieces: int, positions: int, width: int = 768, inner: int = 3072) -> dict[str, int]:
    """keras-bert with twelve layers, its pooler and a classifier, by part."""
    attention, feed_forward = 4 * dense(width, width), dense(width, inner) + dense(inner, width)
    norm, pooler, output = 2 * width, dense(width, width), dense(width, OUTPUTS)
    embeddings = (pieces + 2 + positions) * width + norm
    return {
        "token_embedding": pieces * width,
        "segment_embedding": 2 * width,
        "position_embedding": positions * width,
        "attention": attention,
        "feed_forward": feed_forward,
        "norm": norm,
        "pooler": pooler,
        "output": output,
        "total": embeddings + 12 * (attention + feed_forward + 2 * norm) + pooler + output,
    }


def _of_vectorizer(dimensions: int) -> dict[str, int]:
    return _summed(
        bilstm=bilstm(dimensions, 512), dense=dense(1024, 2048), output=dense(2048, OUTPUTS)
    )


def _summed(**parts: int) -> dict[str, int]:
    return {**parts, "total": sum(parts.values())}


COUNTED: Mapping[str, dict[str, int]] = {
    "comp-vectorizer-words": _of_vectorizer(300),
    "comp-vectorizer-pieces": _of_vectorizer(50),
    "comp-vectorizer-characters": _of_vectorizer(30),
    "attention-visualize": _summed(
        embedding=196_253 * 300,
        attention=additive_attention(300),
        bilstm=bilstm(300, 356),
        output=dense(712, OUTPUTS),
    ),
    "keras-bert": _summed(bilstm=bilstm(768, 356), output=dense(712, OUTPUTS)),
    "keras-bert-with-text-vectorian": bert(32_000, 128),
}
"""By model, from the layers that the articles name."""
README = {"embedding": 8555900, "lstm": 10624, "output": 99, "total": 8566623}
"""The summary in the README of text-vectorian: 171,118 × 50, LSTM 32, three classes."""


def lines(published: Published) -> Iterator[Line]:
    """Section 3: a line for each model whose counts are printed."""
    for model in published.models:
        if model.parameters:
            yield _line(model)
    found = _summed(embedding=171_118 * 50, lstm=lstm(50, 32), output=dense(32, 3))
    yield compared("parameters-readme", README, found)


def _line(model: Model) -> Line:
    counted = COUNTED[model.id]
    return Line("parameters", dict(model.parameters) == counted, f"{counted['total']:,}", model.id)
