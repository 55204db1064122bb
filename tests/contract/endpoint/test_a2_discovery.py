"""Which models of the archive are served (docs/contract.md#a2).

Which directories are models: tests/unit/hosting/test_hosting_bundles.py.
"""
import re

import pytest

PB = 'saved_model.pb'


def config(starter, files, contract='2019', **variables):
    """The model server's configuration for an archive with these files, and the log."""
    endpoint = starter.start(starter.model_dir(dict.fromkeys(files, '')), contract, fake=True,
                             wait=False, **variables)
    endpoint.wait_in_log('started tensorflow serving')
    endpoint.stop()
    log = endpoint.log()
    text = re.search(r'(?s)model config: \n(.*?)\n\n', log).group(1)
    return text, log


def test_a2_a_model_is_the_directory_above_a_numeric_one(starter):
    text, _ = config(starter, ['export/Servo/123/' + PB, 'code/b/1/' + PB, 'c/' + PB])
    assert sorted(re.findall(r'name: "(.*?)"', text)) == ['Servo', 'b']
    assert re.search(r'base_path: ".*/export/Servo"', text)


@pytest.mark.parametrize('contract', ['2019', 'head'])
@pytest.mark.parametrize('files', [[], ['a/x/' + PB], ['1/saved_model.pbtxt']])
def test_a2_no_bundle_is_a_start_error(starter, contract, files):
    endpoint = starter.start(starter.model_dir(dict.fromkeys(files, '')), contract, fake=True,
                             wait=False)
    assert endpoint.ended() == 1
    assert 'ValueError: no SavedModel bundles found!' in endpoint.log()


def test_a2_default_model_is_the_one_named(starter):
    endpoint = starter.start(
        starter.model_dir({f'{name}/1/{PB}': '' for name in 'abc'}), fake=True,
        SAGEMAKER_TFS_DEFAULT_MODEL_NAME='b')
    assert endpoint.invoke('[1]').json['path'] == '/v1/models/b:predict'
    endpoint.stop()


def test_a2_default_model_is_else_the_first_found(starter):
    endpoint = starter.start(
        starter.model_dir({f'{name}/1/{PB}': '' for name in 'abc'}), fake=True)
    first = re.search(r'using default model name: (\w)', endpoint.log()).group(1)
    assert endpoint.invoke('[1]').json['path'] == f'/v1/models/{first}:predict'
    endpoint.stop()


def test_a2_2019_states_no_version_policy(starter):
    text, log = config(starter, ['a/1/' + PB, 'a/002/' + PB])
    assert 'version' not in text
    assert '--max_num_load_retries' not in log


def test_a2_head_lists_every_version_and_does_not_retry(starter):
    text, log = config(starter, ['a/1/' + PB, 'a/002/' + PB, 'a/x/' + PB], 'head')
    assert re.search(r'model_version_policy: \{\s+specific: \{\s+versions: 1\s+versions: 2\s+\}',
                     text)
    assert '--max_num_load_retries=0' in log


def test_a2_several_models_are_served(plain):
    assert plain.invoke('{"instances": [2]}').json == {'predictions': [4.5]}
    assert plain.invoke('{"instances": [2]}', attributes='tfs-model-name=half_plus_two').json == {
        'predictions': [3.0]}


def test_a2_only_the_highest_version_is_served_2019(plain_2019):
    def status(version):
        return plain_2019.invoke('{"instances": [2]}',
                                 attributes=f'tfs-model-version={version}').status
    assert status(124) == 200
    assert status(123) == 404


def test_a2_every_version_is_served_in_head_and_the_highest_by_default(plain_head):
    def predictions(attributes):
        return plain_head.invoke('{"instances": [2]}', attributes=attributes).json['predictions']
    assert predictions('tfs-model-version=123') == [4.0]
    assert predictions('tfs-model-version=124') == predictions(None) == [4.5]


def test_a2_the_model_directory_may_be_read_only(starter, saved_models):
    made = saved_models('half_plus_two')
    model_dir = starter.model_dir(models={'half_plus_two': made / 'half_plus_two'},
                                  handler='probe.py')
    before = sorted(str(path) for path in model_dir.rglob('*'))
    for path in [model_dir, *model_dir.rglob('*')]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    endpoint = starter.start(model_dir, PYTHONDONTWRITEBYTECODE='1')
    assert endpoint.invoke('{"do": "predict", "request": {"instances": [2]}}').json == {
        'predictions': [3.0]}
    endpoint.stop()
    assert sorted(str(path) for path in model_dir.rglob('*')) == before
    for path in [model_dir, *model_dir.rglob('*')]:
        path.chmod(0o755)
