"""What today's multi-model application answers where model servers fail: FOLDER; prints JSON.

Run by the handler's environment, since what fails here is time and memory.
"""
import json
import logging
import os
import socket
import sys
import threading

FOLDER = sys.argv[1]
REPOSITORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path[:0] = [os.path.join(REPOSITORY, each)
                for each in ('src', 'tests/contract', 'tests/contract/endpoint')]

import fake_model_server  # noqa: E402
from falcon.testing import StartResponseMock, create_environ  # noqa: E402
from ports import free_port_range  # noqa: E402

low = free_port_range(7)
silent_program = os.path.join(FOLDER, 'silent')
with open(silent_program, 'w') as stream:
    stream.write('#!/bin/sh\nexec sleep 600\n')
os.chmod(silent_program, 0o755)
os.makedirs(os.path.join(FOLDER, 'model', '1'))
os.environ.update(
    HOSTING_CONTRACT='today', SAGEMAKER_MULTI_MODEL='true', SAGEMAKER_TFS_WAIT_TIME_SECONDS='0',
    SAGEMAKER_TFS_INSTANCE_COUNT='2', SAGEMAKER_SAFE_PORT_RANGE=f'{low}-{low + 6}',
    HOSTING_CODE_DIR=FOLDER, HOSTING_MODELS_DIR=FOLDER, HOSTING_RUNTIME_DIR=FOLDER,
    TENSORFLOW_MODEL_SERVER=silent_program)

from hosting.handler_service import todays_models  # noqa: E402
from hosting.handler_service.app import make_app  # noqa: E402

application = make_app()
said, log = {}, []
logging.basicConfig(level=logging.INFO, handlers=[logging.Handler()])
logging.root.handlers[0].emit = lambda record: log.append(record.getMessage())


def ask(name, method, path, body=''):
    start = StartResponseMock()
    text = b''.join(application(create_environ(path, method=method, body=body), start)).decode()
    said[name] = [int(start.status.split()[0]), start.headers_dict['content-type'], text]


def meminfo(name, **amounts):
    path = os.path.join(FOLDER, name)
    with open(path, 'w') as stream:
        stream.writelines(f'{key}: {value} kB\n' for key, value in amounts.items())
    return path


# `free -t` adds memory and swap: 700 and 701 of 1000 in use.
todays_models.MEMORY = meminfo('less', MemTotal=600, MemAvailable=0, SwapTotal=400, SwapFree=300)
of_a_model = json.dumps({'model_name': 'm', 'url': FOLDER + '/model'})
ask('70 % in use', 'POST', '/models', body=of_a_model)
said['started'] = sum('started tensorflow serving' in line for line in log)
todays_models.MEMORY = meminfo('more', MemTotal=600, MemAvailable=0, SwapTotal=400, SwapFree=299)
ask('more in use', 'POST', '/models', body=of_a_model)
todays_models.MEMORY = os.path.join(FOLDER, 'missing')
ask('not known', 'POST', '/models', body=of_a_model)
ask('nothing loaded', 'GET', '/models')

answering = fake_model_server.Server(('127.0.0.1', 0), fake_model_server.Handler)
threading.Thread(target=answering.serve_forever, daemon=True).start()
with socket.socket() as listener, socket.socket() as nobody:
    for each in (listener, nobody):
        each.bind(('127.0.0.1', 0))
    listener.listen()
    todays_models.STATUS_SECONDS = 0.2
    ports = {'silent': listener.getsockname()[1], 'gone': nobody.getsockname()[1],
             'status-404': answering.server_port}
    for name, port in ports.items():
        with todays_models.LoadedModels(FOLDER).changed() as models:
            models.clear()
            models[name] = [[port, 1, os.getpid()]]
        ask(name, 'GET', '/models/' + name)
        ask(name + ', in the list', 'GET', '/models')
print(json.dumps(said))
