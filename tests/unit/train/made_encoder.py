"""A sentence encoder of few pieces and random weights, laid out as the channel has it."""
import os
import shutil

import numpy as np

from sentence_encoder import BRANCHES


def arrays(pieces, seed=0):
    """What encoder.npz holds, for so many pieces; magnitudes are about those of the real one."""
    random = np.random.RandomState(seed)

    def normal(*shape):
        return (random.randn(*shape) / np.sqrt(shape[0])).astype(np.float32)

    found = {'table': random.randint(0, 64, (pieces, 512)).astype(np.uint8),
             'scale': np.full(pieces, 0.2, np.float32), 'lo': np.full(pieces, -6.0, np.float32),
             'ln_g': 1 + normal(1280), 'ln_b': normal(1280), 'cnn_W': normal(1280, 512),
             'cnn_b': normal(512), 'd0': normal(512, 320), 'd1': normal(320, 320),
             'p1': normal(512, 320), 'd2': normal(320, 512), 'p3': normal(320, 512),
             'd3': normal(512, 512), 'eps': np.array(1e-12)}
    for size, _ in BRANCHES:
        found.update({'proj{}'.format(size): normal(512, 256),
                      'proj_b{}'.format(size): normal(256),
                      'ln_g{}'.format(size): 1 + normal(256), 'ln_b{}'.format(size): normal(256)})
        for layer in (1, 2):
            found['w{}_{}'.format(layer, size)] = normal(size * 256, 256)
            found['b{}_{}'.format(layer, size)] = normal(256)
    return found


def write(directory, tokenizer):
    """Makes a `vectors` channel hold an encoder whose pieces are those of a SentencePiece model."""
    import sentencepiece

    shutil.copyfile(tokenizer, os.path.join(directory, 'encoder.model'))
    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(tokenizer)
    np.savez(os.path.join(directory, 'encoder.npz'), **arrays(processor.GetPieceSize()))
