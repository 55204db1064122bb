"""The data channels of a training job: ``features.csv`` and ``labels.csv``.

SageMaker lays each channel into a directory named by ``SM_CHANNEL_<NAME>``
(contract B3). A split is two files, row for row: ``features.csv`` with a column
``feature`` (one sentence) and ``labels.csv`` with a column ``label``.
"""
import csv
import os
import sys

# A sentence may be longer than the 131,072 characters that csv takes for a cell by default.
csv.field_size_limit(sys.maxsize)


class ChannelError(ValueError):
    """A channel does not hold what training needs; the message says what to do."""


def read_split(directory):
    """Reads one split.

    Returns:
        (sentences, labels): two lists of str of the same length.

    Raises:
        ChannelError: a file or column is missing, or the files' lengths differ.
    """
    sentences = _read_column(os.path.join(directory, 'features.csv'), 'feature')
    labels = _read_column(os.path.join(directory, 'labels.csv'), 'label')
    if len(sentences) != len(labels):
        raise ChannelError('{}: expected as many rows in features.csv as in labels.csv, found {} '
                           'and {}.'.format(directory, len(sentences), len(labels)))
    if not sentences:
        raise ChannelError('{}: expected at least one row, found none.'.format(directory))
    return sentences, labels


def _read_column(path, column):
    try:
        with open(path, encoding='utf-8', newline='') as csv_file:
            reader = csv.DictReader(csv_file)
            if column not in (reader.fieldnames or []):
                raise ChannelError('{}: expected a column {!r}, found {}.'.format(
                    path, column, reader.fieldnames))
            return [row[column] for row in reader]
    except OSError as error:
        raise ChannelError('{}: {}. The channel must hold features.csv and labels.csv.'.format(
            path, error.strerror))


def label_order(labels):
    """The distinct labels in order of first appearance: the model's class indices.

    >>> label_order(['京都', 'グルメ', '京都'])
    ['京都', 'グルメ']
    """
    return list(dict.fromkeys(labels))
