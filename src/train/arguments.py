"""Command line of a training script: hyperparameters and what SageMaker sets.

Hyperparameters arrive as ``--<name> <value>`` with the name unchanged (contract
B2), so both spellings of the article, ``batch-size`` and ``batch_size``, are
taken. Directories default to the SM_* variables of contract B3. An unknown
argument is an error: a misspelt hyperparameter must not train the wrong model.
"""
import argparse
import os

DIRECTORIES = [
    ('train-dir', 'SM_CHANNEL_TRAIN'),
    ('test-dir', 'SM_CHANNEL_TEST'),
    ('vectors-dir', 'SM_CHANNEL_VECTORS'),
    ('sm-model-dir', 'SM_MODEL_DIR'),
    ('output-dir', 'SM_OUTPUT_DATA_DIR'),
]


def parse(argv, hyperparameters, description):
    """Parses a script's arguments.

    Args:
        argv: the arguments without the program's name.
        hyperparameters: list of (name, type, default, help); names with hyphens.
        description: first line of ``--help``.

    Returns:
        argparse.Namespace: hyperparameters by name (underscores), and
        train_dir, test_dir, vectors_dir, sm_model_dir, output_dir.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    for name, kind, default, text in hyperparameters:
        parser.add_argument(*_spellings(name), type=kind, default=default,
                            help='{} (default: %(default)s)'.format(text))
    # The SDK's estimator always sends --model_dir, an S3 place for checkpoints
    # that this job does not write (contract B4): taken and left alone.
    parser.add_argument(*_spellings('model-dir'), dest='checkpoint_dir', default='',
                        help='accepted for the SDK, not used')
    # SDK v1 passed the script's name of its version as a hyperparameter.
    parser.add_argument(*_spellings('model-version'), default='', help='a name for the logs')
    for option, variable in DIRECTORIES:
        default = os.environ.get(variable)
        parser.add_argument('--' + option, default=default, required=default is None,
                            help='default: ' + variable)
    return parser.parse_args(argv)


def switch(text):
    """A boolean hyperparameter: the SDK sends ``True``, a shell user ``1``.

    >>> switch('True'), switch('0')
    (True, False)
    """
    lowered = str(text).lower()
    if lowered in ('1', 'true', 'yes', 'on'):
        return True
    if lowered in ('0', 'false', 'no', 'off', ''):
        return False
    raise argparse.ArgumentTypeError('expected true or false, found {!r}'.format(text))


def at_least(minimum):
    """A hyperparameter that is a whole number from `minimum` on.

    >>> at_least(1)('32')
    32
    """
    def whole_number(text):
        if int(text) < minimum:
            raise argparse.ArgumentTypeError('expected {} or more, found {}'.format(minimum, text))
        return int(text)
    return whole_number


def share(text):
    """A hyperparameter that is a part of a whole: from 0 to less than 1."""
    if not 0 <= float(text) < 1:
        raise argparse.ArgumentTypeError('expected 0 to less than 1, found {}'.format(text))
    return float(text)


def positive(text):
    """A hyperparameter that is a number above 0."""
    if not float(text) > 0:
        raise argparse.ArgumentTypeError('expected a number above 0, found {}'.format(text))
    return float(text)


def _spellings(name):
    return sorted({'--' + name, '--' + name.replace('-', '_')})
