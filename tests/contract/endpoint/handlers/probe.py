"""An inference.py that tells what it was given, and misbehaves on demand.

The body is a JSON object: {"do": …}; anything else is only reported.
"""
import json
import os
import sys
import threading
import time

LOADED_AS = __name__
LOADED = time.time()


def handler(data, context):
    body = data.read()
    try:
        order = json.loads(body.decode('utf-8'))
        action = order.get('do')
    except (ValueError, AttributeError, RecursionError):
        order, action = {}, None
    if action:
        return globals()['do_' + action](order, context)
    return report(data, context, body)


def report(data, context, body):
    return json.dumps({
        'body': body.decode('latin-1'),
        'second_read': data.read().decode('latin-1'),
        'data_type': type(data).__name__,
        'data_attributes': [name for name in ('read', 'readline', 'readlines', '__iter__', 'seek',
                                              'decode', '__getitem__') if hasattr(data, name)],
        'context': {name: value if isinstance(value, (str, int, type(None)))
                    else type(value).__name__
                    for name, value in zip(context._fields, context)},
        'fields': list(context._fields),
        'name': LOADED_AS,
        'registered': 'inference' in sys.modules,
        'loaded': LOADED,
        'pid': os.getpid(),
        'cwd': os.getcwd(),
        'path': sys.path,
        'environment': dict(os.environ),
    }), 'application/json'


def do_answer(order, context):
    """Return exactly what is asked for: body, content type, as a tuple or a list."""
    pair = [order.get('body'), order.get('content_type')]
    if order.get('bytes'):
        pair[0] = pair[0].encode('utf-8')
    return pair if order.get('list') else tuple(pair)


def do_return(order, context):
    return order['value']


def do_raise(order, context):
    raise ValueError(order.get('message', 'as asked'))


def do_print(order, context):
    print(order['text'])
    print(order['text'], file=sys.stderr)
    return 'printed', 'text/plain'


def do_exit(order, context):
    sys.exit(1)


def do_kill(order, context):
    os._exit(9)


def do_sleep(order, context):
    time.sleep(order['seconds'])
    return json.dumps({'pid': os.getpid()}), 'application/json'


_barriers = {}


def do_meet(order, context):
    """Answered when as many requests as this are under way at once."""
    count = order['count']
    _barriers.setdefault(count, threading.Barrier(count)).wait(50)
    return json.dumps({'pid': os.getpid()}), 'application/json'


def do_wait(order, context):
    """Answered when a file is there; the worker serves others meanwhile."""
    while not os.path.exists(order['until']):
        time.sleep(0.01)
    return json.dumps({'pid': os.getpid()}), 'application/json'


def do_hold(order, context):
    """Make a file, and keep the whole worker busy until another one is there."""
    open(order['begun'], 'w').close()
    while not os.path.exists(order['until']):
        pass
    return json.dumps({'pid': os.getpid()}), 'application/json'


def do_spin(order, context):
    end = time.time() + order['seconds']
    while time.time() < end:
        pass
    return json.dumps({'pid': os.getpid()}), 'application/json'


def do_predict(order, context):
    import requests
    reply = requests.post(context.rest_uri, data=json.dumps(order['request']))
    return reply.content, 'application/json'


def do_import(order, context):
    return __import__(order['module']).__file__, 'text/plain'


def do_threads(order, context):
    """Whether threading is gevent's: the worker is monkey-patched."""
    return str(threading.current_thread().ident is not None
               and 'gevent' in type(threading.Lock()).__module__
               or 'gevent' in repr(time.sleep)), 'text/plain'
