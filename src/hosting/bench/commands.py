"""How the bench talks to its processes: a JSON object a line, an answer a line."""
import json
import os
import sys


def answer_commands(answer):
    """Answers each line of standard input with `answer(command)`, until the input ends.

    What else is printed (TensorFlow, gRPC) goes to standard error, so that standard
    output holds answers only.
    """
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    for line in sys.stdin:
        out.write(json.dumps(answer(json.loads(line))) + '\n')
        out.flush()
