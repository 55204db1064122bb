"""channels: what training reads, and what it says when that is not there."""
import pytest

import channels
from channels import ChannelError

FEATURES = 'feature\n電波が悪い\n"抹茶, パフェ"\n'
LABELS = 'label\n携帯電話\nグルメ\n'


def lay(tmp_path, features=FEATURES, labels=LABELS):
    for name, text in (('features.csv', features), ('labels.csv', labels)):
        if text is not None:
            (tmp_path / name).write_bytes(text.encode('utf-8'))
    return str(tmp_path)


def message(directory):
    with pytest.raises(ChannelError) as caught:
        channels.read_split(directory)
    return str(caught.value)


def test_rows_are_paired(tmp_path):
    texts, labels = channels.read_split(lay(tmp_path))
    assert texts == ['電波が悪い', '抹茶, パフェ']
    assert labels == ['携帯電話', 'グルメ']


def test_texts_may_hold_line_breaks_quotes_and_nothing(tmp_path):
    directory = lay(tmp_path, 'feature\n"a\nb\r\nc\rd"\n"say ""x"""\n""\n', 'label\n1\n2\n3\n')
    assert channels.read_split(directory)[0] == ['a\nb\r\nc\rd', 'say "x"', '']


def test_other_columns_are_left_alone(tmp_path):
    directory = lay(tmp_path, 'id,feature\n1,a\n2,b\n', 'label,by\nx,me\ny,me\n')
    assert channels.read_split(directory) == (['a', 'b'], ['x', 'y'])


@pytest.mark.parametrize('name', ['features', 'labels'])
def test_a_missing_file_is_named(tmp_path, name):
    text = message(lay(tmp_path, **{name: None}))
    assert name + '.csv: No such file or directory' in text
    assert 'The channel must hold features.csv and labels.csv' in text


def test_a_missing_column_is_named(tmp_path):
    text = message(lay(tmp_path, features='text\na\nb\n'))
    assert "features.csv: expected a column 'feature', found ['text']" in text


def test_an_empty_file_has_no_column(tmp_path):
    assert "labels.csv: expected a column 'label', found None" in message(lay(tmp_path, labels=''))


def test_files_of_other_lengths_are_refused(tmp_path):
    assert 'found 2 and 1' in message(lay(tmp_path, labels='label\n携帯電話\n'))


def test_a_channel_without_rows_is_refused(tmp_path):
    assert 'expected at least one row' in message(lay(tmp_path, 'feature\n', 'label\n'))


def test_class_indices_are_in_order_of_first_appearance():
    assert channels.label_order(['b', 'a', 'b', 'c', 'a']) == ['b', 'a', 'c']
    assert channels.label_order([]) == []


def test_a_cell_may_be_longer_than_131072_characters(tmp_path):
    long = 'あ' * 200000
    (tmp_path / 'features.csv').write_text('feature\n"{}"\n'.format(long), encoding='utf-8')
    (tmp_path / 'labels.csv').write_text('label\nx\n', encoding='utf-8')
    assert channels.read_split(str(tmp_path)) == ([long], ['x'])
