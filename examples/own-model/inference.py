"""Numbers in, numbers out, as plain text (docs/contract.md#a7)."""
import json


def input_handler(data, context):
    """What the model server is sent: {"instances": [1.0, 2.0]} for "1 2"."""
    if context.request_content_type != 'text/plain':
        raise ValueError(f'expected text/plain, found {context.request_content_type}')
    return json.dumps({'instances': [float(part) for part in data.read().decode().split()]})


def output_handler(response, context):
    """What the client gets. The container checks no status, so this must."""
    if response.status_code != 200:
        raise ValueError(response.content.decode())
    return ' '.join(f'{number:.1f}' for number in response.json()['predictions']), 'text/plain'
