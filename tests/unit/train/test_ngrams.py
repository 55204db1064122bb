"""Hashed n-grams of characters and of tokens: the second view of v2."""
import zlib

from hypothesis import given
from hypothesis import strategies as st

from encoding import Ngrams


def test_a_word_worked_out_by_hand():
    grams = ['^', '圏', '外', '$', '^圏', '圏外', '外$']
    expected = [1 + zlib.crc32(gram.encode('utf-8')) % 99 for gram in grams]
    different = list(dict.fromkeys(expected))
    assert Ngrams([1, 2], buckets=100, length=8).encode('圏外') == (
        different + [0] * (8 - len(different)))


def test_runs_of_tokens_follow_those_of_characters():
    characters = Ngrams([1], buckets=1000, length=5)
    both = Ngrams([1], buckets=1000, length=8, token_orders=[1, 2])
    runs = ['ABC\0'.lower(), '圏外\0', 'abc\0圏外\0']
    assert both.encode('A圏', ['ABC', '圏外']) == (
        characters.encode('A圏')[:4]
        + [1 + zlib.crc32(run.encode('utf-8')) % 999 for run in runs] + [0])


def test_a_token_is_no_run_of_the_same_characters():
    assert set(Ngrams([], 1 << 16, 4, token_orders=[1]).encode('圏外', ['圏外'])).isdisjoint(
        bucket for bucket in Ngrams([1, 2, 3], 1 << 16, 8).encode('圏外') if bucket)


def test_width_and_case_are_folded():
    ngrams = Ngrams([1, 2, 3], buckets=1 << 16, length=64)
    assert ngrams.encode('ｹｰﾀｲ ＡＢＣ') == ngrams.encode('ケータイ abc')


@given(st.text(), st.integers(1, 40))
def test_any_text_fills_the_length_with_buckets_and_then_padding(text, length):
    row = Ngrams([1, 2, 3], buckets=50, length=length).encode(text)
    assert len(row) == length
    used = [bucket for bucket in row if bucket]
    assert row == used + [0] * (length - len(used))
    assert len(set(used)) == len(used)
    assert all(0 < bucket < 50 for bucket in used)
