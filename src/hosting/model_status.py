"""Whether a model server has every version of a model available (docs/contract.md#a1)."""
import json


def available(port, model_name, timeout=5.0):
    """True if each version the model server knows is AVAILABLE."""
    # Imported here: it brings ssl along, 5 MB that most supervisors do without.
    import http.client

    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        connection.request('GET', '/v1/models/' + model_name)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            return False
        versions = json.loads(body.decode('utf-8')).get('model_version_status', [])
        return bool(versions) and all(v.get('state') == 'AVAILABLE' for v in versions)
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
