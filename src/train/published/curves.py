"""From the curves of a training to figures: ours, and the one that the author would have published.

A curve has a value an epoch; epochs count from 1.
"""

RULES = ('best-on-test', 'stopped-on-test', 'last-epoch', 'not-stated')
"""What an article scores: the best epoch on the test sentences, where a training stopped by them
ends, or where one stopped by validation sentences ends. Where it does not say, the first."""
ON_TEST = ('best-on-test', 'stopped-on-test', 'not-stated')
TEST = 'test_acc'


def lower_is_better(name):
    """Whether a metric is an error.

    >>> lower_is_better('val_mean_absolute_error'), lower_is_better('val_acc')
    (True, False)
    """
    return name.endswith(('loss', 'error'))


def best(values, name):
    """The best epoch of a curve, the first of equals.

    >>> best([0.5, 0.7, 0.7], 'val_acc')
    2
    """
    return values.index((min if lower_is_better(name) else max)(values)) + 1


def stop(values, name, patience):
    """The epoch at which Keras' EarlyStopping ends a training; None while it goes on.

    >>> stop([0.5, 0.7, 0.6, 0.7, 0.8], 'val_acc', patience=2)
    4

    Args:
        patience: epochs that bring nothing better; None: it never stops early.
    """
    for epoch in range(1, len(values) + 1):
        if patience is not None and epoch - best(values[:epoch], name) >= patience:
            return epoch
    return None


def last(values, name, patience):
    """The epoch at which a training ends, early or not."""
    return stop(values, name, patience) or len(values)


def is_over(history, rule, monitor, patience):
    """Whether both figures can be told, so that nothing would be gained by another epoch."""
    watched = [TEST] if rule in ON_TEST else []
    if monitor.startswith('val_') or not watched:
        watched = watched + [monitor]
    return all(stop(history[name], name, patience) for name in watched)


def ours(history, monitor, patience):
    """The epoch that the validation sentences choose, whatever came after their own stop."""
    return best(history[monitor][:last(history[monitor], monitor, patience)], monitor)


def authors(history, rule, monitor, patience):
    """The author's figure.

    Args:
        history: dict of metric name to curve; ``test_acc`` is among them.
        rule: one of RULES.
        monitor: what stops a training of the rule ``last-epoch``.

    Returns:
        dict: ``rule``, ``epoch`` and ``accuracy`` (on the test sentences).
    """
    watched = TEST if rule in ON_TEST else monitor
    epoch = last(history[watched], watched, patience)
    if rule in ('best-on-test', 'not-stated'):
        epoch = best(history[TEST][:epoch], TEST)
    return {'rule': rule, 'epoch': epoch, 'accuracy': history[TEST][epoch - 1]}
