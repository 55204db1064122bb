"""GET /metrics in Prometheus' text format (docs/contract.md#a11)."""
import pytest
from exposition import Exposition

CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'


def scrape(endpoint):
    reply = endpoint.get('/metrics')
    assert (reply.status, reply.content_type) == (200, CONTENT_TYPE), reply
    return Exposition(reply.body.decode())


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'POST'])
def test_a11_2019_has_no_metrics(plain_2019, scripted_2019, method):
    for endpoint in (plain_2019, scripted_2019):
        reply = endpoint.request(method, '/metrics', body='{}' if method == 'POST' else None)
        assert (reply.status, reply.content_type) == (404, 'application/json')
        assert reply.body == (b'' if method == 'HEAD' else b'{"error": "Not Found"}')


@pytest.mark.parametrize('mode', ['plain', 'scripted'])
def test_a11_requests_are_counted_by_location_and_status(request, mode):
    endpoint = request.getfixturevalue(mode + '_head')
    wrong = 415 if mode == 'plain' else 500
    before = scrape(endpoint)
    sent = [endpoint.get('/ping'), endpoint.get('/ping'), endpoint.get('/nowhere'),
            endpoint.get('/tfs/v1/models/half_plus_two'), endpoint.get('/%00'),
            endpoint.get('/metrics'), endpoint.request('GET', '/invocations')]
    after = scrape(endpoint)

    def grown(name, **labels):
        return after.of(name, **labels) - before.of(name, **labels)

    assert [reply.status for reply in sent] == [200, 200, 404, 200, 400, 200, wrong]
    for route, status, count in [('/ping', 200, 2), ('other', 404, 1), ('/tfs', 200, 1),
                                 ('other', 400, 1), ('/invocations', wrong, 1),
                                 ('/metrics', 200, 2)]:
        assert grown('endpoint_requests_total', route=route, status=status) == count, route
    for route, count in [('/ping', 2), ('other', 2), ('/tfs', 1), ('/invocations', 1)]:
        assert grown('endpoint_request_seconds_count', route=route) == count
        assert grown('endpoint_request_seconds_sum', route=route) > 0
    assert grown('endpoint_response_bytes_total', route='/tfs') == len(sent[3].body)
    assert after.of('endpoint_requests_in_progress') == 0
    assert after.of('endpoint_connections') >= 1
    assert after.of('endpoint_model_server_up', model_server=0) == 1


def test_a11_the_model_server_says_what_it_has_run(plain_head):
    labels = {'model': 'half_plus_three', 'version': 124}
    before = scrape(plain_head)
    body = '{"instances": [1.0, 2.0, 5.0]}'
    assert plain_head.invoke(body).status == 200
    assert plain_head.invoke('{"instances": ["a"]}').status == 400  # it is never run
    after = scrape(plain_head)

    def grown(name, **more):
        return after.of(name, **labels, **more) - before.of(name, **labels, **more)

    assert grown('model_server_requests_total') == grown('model_server_run_seconds_count') == 1
    assert grown('model_server_rows_total') == 3
    assert after.of('model_server_version_available', **labels) == 1
    received = [one.of('endpoint_request_bytes_total', route='/invocations')
                for one in (before, after)]
    assert received[1] - received[0] == len(body) + len('{"instances": ["a"]}')


def test_a11_only_this_address_and_only_for_reading(plain_head):
    assert plain_head.get('/metrics?x=1').content_type == CONTENT_TYPE
    assert plain_head.get('/%6detrics').content_type == CONTENT_TYPE
    for path in ('/metrics/', '/metricsx', '/Metrics'):
        assert plain_head.get(path).status == 404
    assert plain_head.request('POST', '/metrics', '').status == 405
    reply = plain_head.request('HEAD', '/metrics')
    assert (reply.status, reply.content_type, reply.body) == (200, CONTENT_TYPE, b'')


def test_a11_it_can_be_turned_on_in_2019_and_off_later(starter):
    model_dir = starter.model_dir({'model/1/saved_model.pb': ''})
    on = starter.start(model_dir, fake=True, HOSTING_METRICS='1')
    found = scrape(on)
    # Some other model server answers, but not in this format: nothing of it is in the page.
    assert found.of('endpoint_model_server_up', model_server=0) == 1
    assert not any(name.startswith('model_server') for name in found.types)
    on.stop()
    off = starter.start(model_dir, 'head', fake=True, HOSTING_METRICS='0')
    assert off.get('/metrics').status == 404
    off.stop()


def test_a11_a_model_server_that_is_away_is_said_to_be(starter):
    model_dir = starter.model_dir({'model/1/saved_model.pb': ''})
    endpoint = starter.start(model_dir, fake=False, wait=False, HOSTING_METRICS='1')
    # Its model cannot be loaded, so it never listens.
    endpoint.eventually(lambda: endpoint.get('/metrics').status == 200)
    assert scrape(endpoint).of('endpoint_model_server_up', model_server=0) == 0
    endpoint.stop()
