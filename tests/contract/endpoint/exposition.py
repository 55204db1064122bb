"""Reads Prometheus' text format 0.0.4 as its specification has it, and refuses all else."""
import math
import re

_NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
_COMMENT = re.compile(rf'# (HELP|TYPE) ({_NAME}) (.+)')
_SAMPLE = re.compile(rf'({_NAME})(?:{{({_LABEL}(?:,{_LABEL})*)}})? (\S+)')
_SUFFIXES = {'histogram': {'_bucket', '_sum', '_count'}, 'counter': {''}, 'gauge': {''}}


class Exposition(dict):
    """Values by (name, {label: value} as a frozenset of its items); `types` by family."""

    def __init__(self, text):
        super().__init__()
        self.types = {}
        assert text.endswith('\n') and '\r' not in text
        helped, current = set(), None
        for line in text[:-1].split('\n'):
            comment = _COMMENT.fullmatch(line)
            if comment:
                kind, name, rest = comment.groups()
                if kind == 'HELP':
                    assert name not in helped, line
                    helped.add(name)
                else:
                    assert name not in self.types and rest in _SUFFIXES, line
                    assert name in helped, f'no HELP before {line}'
                    self.types[name] = rest
                    current = name
                continue
            sample = _SAMPLE.fullmatch(line)
            assert sample, line
            name, labels, value = sample.groups()
            # All of a family stand together, behind its TYPE.
            assert name.startswith(current), line
            assert name[len(current):] in _SUFFIXES[self.types[current]], line
            labels = re.findall(r'([a-zA-Z_0-9]+)="((?:[^"\\]|\\.)*)"', labels or '')
            key = (name, frozenset(labels))
            assert len(dict(labels)) == len(labels) and key not in self, line
            self[key] = float(value)
        self._check_histograms()

    def of(self, name, **labels):
        """The value of one sample, 0 where there is none yet."""
        return self.get((name, frozenset((key, str(value)) for key, value in labels.items())), 0.0)

    def _check_histograms(self):
        """Buckets only grow, the last is +Inf and is the count; counters are not negative."""
        for family, kind in self.types.items():
            for (name, labels), value in self.items():
                if kind == 'counter' and name == family:
                    assert value >= 0 and family.endswith('_total')
                if kind == 'histogram' and name == family + '_count':
                    buckets = sorted(
                        (float(dict(other)['le']), count) for (one, other), count in self.items()
                        if one == family + '_bucket' and labels < other)
                    counts = [count for _, count in buckets]
                    assert counts == sorted(counts) and counts[-1] == value
                    assert buckets[-1][0] == math.inf
                    assert (family + '_sum', labels) in self
