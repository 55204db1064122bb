"""CSV in, CSV out (docs/contract.md#a7): a line "2,3" is answered by "6.0"."""
import json


def input_handler(data, context):
    """What the model server is sent: a row of numbers for each line."""
    if context.request_content_type.split(';')[0] != 'text/csv':
        raise ValueError(f'expected text/csv, found {context.request_content_type}')
    lines = data.read().decode('utf-8').split()
    rows = [[float(cell) for cell in line.split(',')] for line in lines]
    return json.dumps({'inputs': rows})


def output_handler(response, context):
    """What the client gets. The container checks no status, so this must."""
    if response.status_code != 200:
        raise ValueError(response.content.decode('utf-8'))
    return '\n'.join(str(area) for area in response.json()['outputs']) + '\n', 'text/csv'
