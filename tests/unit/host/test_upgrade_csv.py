"""What upgrade-check says of CSV is what the two containers' conversions do with it."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hosting.edge import conversion, today
from train2deploy.upgrade import csv_lint


def read(request):
    """What a model server would read; None where it would refuse it."""
    try:
        return repr(json.loads(request))
    except ValueError:
        return None


@settings(max_examples=400, deadline=None)
@given(st.text('ab1.0-+eE,"\\\n\r \t\u3000', max_size=12))
@example("NaN,1\n")
@example("true")
@example('"a\\u0041",b')
@example("a\n1\n")
def test_a_body_changes_where_the_two_requests_differ(text):
    body = text.encode()
    older, newer = read(conversion.from_csv(body)), read(today.from_csv(body))
    assert bool(csv_lint.change(text)) == (older != newer), (older, newer)
