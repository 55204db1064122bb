"""GET /ping (docs/contract.md#a4)."""


def test_a4_ping_of_a_healthy_endpoint_is_200_and_empty(endpoint):
    reply = endpoint.get('/ping')
    assert (reply.status, reply.body) == (200, b'')


def test_a4_plain_ping_asks_for_the_model_of_the_attributes(plain):
    name = 'X-Amzn-SageMaker-Custom-Attributes'
    assert plain.get('/ping', {name: 'tfs-model-name=half_plus_two'}).status == 200
    reply = plain.get('/ping', {name: 'tfs-model-name=unknown'})
    assert reply.status == 502 and reply.content_type.startswith('text/html')
    assert b'<title>502 Bad Gateway</title>' in reply.body
    assert plain.get('/ping', {name: 'tfs-model-version=77'}).status == 502


def test_a4_plain_ping_is_502_while_the_model_loads(plain_echo):
    reply = plain_echo.get('/ping', {
        'X-Amzn-SageMaker-Custom-Attributes': 'tfs-model-name=loading'})
    assert reply.status == 502 and reply.body.startswith(b'<html>\r\n<head><title>502')


def test_a4_plain_ping_needs_a_200_of_the_model_server(plain_echo):
    reply = plain_echo.get('/ping', {
        'X-Amzn-SageMaker-Custom-Attributes': 'tfs-model-name=status-500'})
    assert reply.status == 502


def test_a4_scripted_ping_does_not_consult_the_model_server(scripted_echo):
    for model in ('loading', 'missing', 'status-500'):
        assert scripted_echo.get('/ping', {
            'X-Amzn-SageMaker-Custom-Attributes': f'tfs-model-name={model}'}).status == 200


def test_a4_plain_ping_is_502_before_the_model_server_is_there(starter):
    endpoint = starter.start(
        starter.model_dir({'model/1/saved_model.pb': ''}), wait=False,
        TENSORFLOW_MODEL_SERVER=starter.program('sleep 1000'))
    endpoint.eventually(lambda: endpoint.get('/ping').status == 502, what='502')
    assert endpoint.invoke('[1]').status == 502
    endpoint.stop()


def test_a4_scripted_ping_is_200_but_invocations_500_while_the_model_loads_2019(starter):
    endpoint = starter.start(
        starter.model_dir({'model/1/saved_model.pb': ''}, handler='probe.py'), wait=False,
        TENSORFLOW_MODEL_SERVER=starter.program('sleep 1000'))
    endpoint.eventually(lambda: endpoint.get('/ping').status == 200, what='healthy')
    reply = endpoint.invoke('{"do": "predict", "request": {"instances": [1]}}')
    assert reply.status == 500
    assert reply.json['error'].startswith('HTTPConnectionPool')
    assert 'refused' in reply.json['error']
    endpoint.stop()


def test_a4_scripted_ping_is_not_answered_with_200_before_the_handler_is_loaded(starter, tmp_path):
    begun, wanted = tmp_path / 'begun', tmp_path / 'wanted'
    waiting = ('import os, time\n'
               f'open({str(begun)!r}, "w").close()\n'
               f'while not os.path.exists({str(wanted)!r}):\n    time.sleep(0.01)\n'
               'def handler(data, context):\n    return "", None\n')
    endpoint = starter.start(starter.model_dir({'model/1/saved_model.pb': ''}, handler=waiting),
                             fake=True, wait=False)

    def waits_for_the_handler():
        try:
            # 502 until gunicorn's socket is there; from then on a request waits in its queue.
            assert endpoint.get('/ping', timeout=0.5).status == 502
        except TimeoutError:
            return begun.exists()

    endpoint.eventually(waits_for_the_handler, what='a ping that waits')
    wanted.touch()
    endpoint.eventually(lambda: endpoint.get('/ping').status == 200, what='healthy')
    endpoint.stop()


def test_a4_tensorflow_1_11_is_pinged_by_a_predict_request(starter):
    endpoint = starter.start(starter.model_dir({'model/1/saved_model.pb': ''}), fake=True,
                             SAGEMAKER_TFS_VERSION='1.11')
    name = 'X-Amzn-SageMaker-Custom-Attributes'
    assert endpoint.get('/ping').status == 200
    assert endpoint.get('/ping', {name: 'tfs-model-name=status-400'}).status == 200
    assert endpoint.get('/ping', {name: 'tfs-model-name=status-503'}).status == 502
    endpoint.stop()
