"""arguments: both spellings, what SageMaker sends, and nothing unknown."""
import argparse

import pytest

import arguments
from arguments import switch

HYPERPARAMETERS = [
    ('epochs', int, 10, 'passes'),
    ('batch-size', int, 100, 'sentences a step'),
    ('validation-split', float, 0.1, 'share'),
    ('single-thread', switch, False, 'slow'),
]
DIRECTORIES = ['--train-dir', 'a', '--test-dir', 'b', '--vectors-dir', 'c',
               '--sm-model-dir', 'd', '--output-dir', 'e']


def parse(*argv):
    return arguments.parse(list(argv) + DIRECTORIES, HYPERPARAMETERS, 'A model.')


def test_defaults_are_the_scripts():
    args = parse()
    assert (args.epochs, args.batch_size, args.validation_split) == (10, 100, 0.1)
    assert args.single_thread is False


@pytest.mark.parametrize('name', ['--batch-size', '--batch_size'])
@pytest.mark.parametrize('form', ['{} 7', '{}=7'])
def test_both_spellings_are_taken(name, form):
    assert parse(*form.format(name).split()).batch_size == 7


@pytest.mark.parametrize('argv', [
    ['--batchsize', '7'], ['--hidden', '32'], ['--epoch', '3'], ['--batch', '7'], ['stray'],
    ['--learning-rate', '0.1'],
])
def test_an_unknown_argument_is_an_error(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(*argv)
    assert caught.value.code == 2
    assert 'unrecognized arguments' in capsys.readouterr().err


@pytest.mark.parametrize('argv', [
    ['--epochs', 'many'], ['--epochs', '1.5'], ['--validation-split', 'x'], ['--epochs'],
    ['--single-thread', 'perhaps'],
])
def test_a_value_of_another_type_is_an_error(argv, capsys):
    with pytest.raises(SystemExit):
        parse(*argv)
    assert argv[0] in capsys.readouterr().err


@pytest.mark.parametrize('argv', [
    ['--model_dir', 's3://bucket/job/model'], ['--model-dir', '/opt/ml/model'],
    ['--model_dir', ''], ['--model-version', 'v1'],
])
def test_what_the_sdk_adds_is_taken_and_does_not_move_the_model(argv):
    assert parse(*argv).sm_model_dir == 'd'


def test_directories_default_to_sagemakers_variables(monkeypatch):
    for name, variable in arguments.DIRECTORIES:
        monkeypatch.setenv(variable, '/opt/ml/' + name)
    args = arguments.parse([], HYPERPARAMETERS, 'A model.')
    assert args.train_dir == '/opt/ml/train-dir'
    assert args.test_dir == '/opt/ml/test-dir'
    assert args.vectors_dir == '/opt/ml/vectors-dir'
    assert args.sm_model_dir == '/opt/ml/sm-model-dir'
    assert args.output_dir == '/opt/ml/output-dir'


@pytest.mark.parametrize('missing', [name for name, _ in arguments.DIRECTORIES])
def test_a_directory_that_nobody_names_is_an_error(monkeypatch, capsys, missing):
    for name, variable in arguments.DIRECTORIES:
        if name == missing:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, 'x')
    with pytest.raises(SystemExit):
        arguments.parse([], HYPERPARAMETERS, 'A model.')
    assert '--' + missing in capsys.readouterr().err


@pytest.mark.parametrize('text, value', [
    ('True', True), ('true', True), ('1', True), ('yes', True), ('ON', True),
    ('False', False), ('false', False), ('0', False), ('no', False), ('Off', False), ('', False),
])
def test_a_switch_reads_what_the_toolkit_and_a_shell_user_write(text, value):
    assert switch(text) is value


@pytest.mark.parametrize('text', ['2', 'perhaps', 'none', ' '])
def test_a_switch_refuses_the_rest(text):
    with pytest.raises(argparse.ArgumentTypeError):
        switch(text)


def test_the_toolkits_own_way_of_writing_arguments_is_understood():
    """Sorted by name, values as Python's str() gives them (docs/contract.md#b2)."""
    from sagemaker_containers import _mapping

    sent = _mapping.to_cmd_args({'batch_size': 256, 'single-thread': True, 'epochs': 3,
                                 'model_dir': None, 'validation-split': 0.25})
    args = parse(*sent)
    assert (args.batch_size, args.epochs, args.validation_split) == (256, 3, 0.25)
    assert args.single_thread is True
