"""tensorflow_model_server's command line (1.13), in the form its flag parser takes.

``--name=value`` only; a boolean also as ``--name``. What is no flag is reported
with the usage text.
"""

import collections
import os

_Flag = collections.namedtuple('_Flag', 'name kind default help')
_INT64_FLAGS = ('load_retry_interval_micros', 'tensorflow_session_parallelism',
                'tensorflow_intra_op_parallelism', 'tensorflow_inter_op_parallelism')

_FLAGS = [
    _Flag('port', int, 8500, 'Port to listen on for gRPC API'),
    _Flag('grpc_socket_path', str, '', 'If non-empty, listen to a UNIX socket for gRPC API on the '
          'given path. Can be either relative or absolute path.'),
    _Flag('rest_api_port', int, 0, 'Port to listen on for HTTP/REST API. If set to zero HTTP/REST '
          'API will not be exported. This port must be different than the one specified in '
          '--port.'),
    _Flag('rest_api_num_threads', int, 4 * (os.cpu_count() or 1), 'Number of threads for HTTP/REST '
          'API processing. If not set, will be auto set based on number of CPUs.'),
    _Flag('rest_api_timeout_in_ms', int, 30000, 'Timeout for HTTP/REST API calls.'),
    _Flag('enable_batching', bool, False, 'enable batching'),
    _Flag('batching_parameters_file', str, '', 'If non-empty, read an ascii BatchingParameters '
          'protobuf from the supplied file name and use the contained values instead of the '
          'defaults.'),
    _Flag('model_config_file', str, '', 'If non-empty, read an ascii ModelServerConfig protobuf '
          'from the supplied file name, and serve the models in that file. This config file can be '
          'used to specify multiple models to serve and other advanced parameters including '
          'non-default version policy. (If used, --model_name, --model_base_path are ignored.)'),
    _Flag('model_name', str, 'default', 'name of model (ignored if --model_config_file flag is '
          'set)'),
    _Flag('model_base_path', str, '', 'path to export (ignored if --model_config_file flag is set, '
          'otherwise required)'),
    _Flag('max_num_load_retries', int, 5, 'maximum number of times it retries loading a model '
          'after the first failure, before giving up. If set to 0, a load is attempted only once. '
          'Default: 5'),
    _Flag('load_retry_interval_micros', int, 60 * 1000 * 1000, 'The interval, in microseconds, '
          'between each servable load retry. If set negative, it doesn\'t wait. Default: 1 minute'),
    _Flag('file_system_poll_wait_seconds', int, 1, 'interval in seconds between each poll of the '
          'file system for new model version'),
    _Flag('flush_filesystem_caches', bool, True, 'If true (the default), filesystem caches will be '
          'flushed after the initial load of all servables, and after each subsequent individual '
          'servable reload (if the number of load threads is 1). This reduces memory consumption '
          'of the model server, at the potential cost of cache misses if model files are accessed '
          'after servables are loaded.'),
    _Flag('tensorflow_session_parallelism', int, 0, 'Number of threads to use for running a '
          'Tensorflow session. Auto-configured by default. Note that this option is ignored if '
          '--platform_config_file is non-empty.'),
    _Flag('tensorflow_intra_op_parallelism', int, 0, 'Number of threads to use to parallelize the '
          'executionof an individual op. Auto-configured by default. Note that this option is '
          'ignored if --platform_config_file is non-empty.'),
    _Flag('tensorflow_inter_op_parallelism', int, 0, 'Controls the number of operators that can be '
          'executed simultaneously. Auto-configured by default. Note that this option is ignored '
          'if --platform_config_file is non-empty.'),
    _Flag('ssl_config_file', str, '', 'If non-empty, read an ascii SSLConfig protobuf from the '
          'supplied file name and set up a secure gRPC channel'),
    _Flag('platform_config_file', str, '', 'If non-empty, read an ascii PlatformConfigMap protobuf '
          'from the supplied file name, and use that platform config instead of the Tensorflow '
          'platform. (If used, --enable_batching is ignored.)'),
    _Flag('per_process_gpu_memory_fraction', float, 0.0, 'Fraction that each process occupies of '
          'the GPU memory space the value is between 0.0 and 1.0 (with 0.0 as the default) If 1.0, '
          'the server will allocate all the memory when the server starts, If 0.0, Tensorflow will '
          'automatically select a value.'),
    _Flag('saved_model_tags', str, 'serve', 'Comma-separated set of tags corresponding to the meta '
          'graph def to load from SavedModel.'),
    _Flag('grpc_channel_arguments', str, '', 'A comma separated list of arguments to be passed to '
          'the grpc server. (e.g. grpc.max_connection_age_ms=2000)'),
    _Flag('enable_model_warmup', bool, True, 'Enables model warmup, which triggers lazy '
          'initializations (such as TF optimizations) at load time, to reduce first request '
          'latency.'),
    _Flag('version', bool, False, 'Display version'),
    _Flag('monitoring_config_file', str, '', 'If non-empty, read an ascii MonitoringConfig '
          'protobuf from the supplied file name'),
]

_BY_NAME = {flag.name: flag for flag in _FLAGS}


class FlagError(Exception):
    """A command line that cannot be used; the text is what to print."""


class VersionAsked(Exception):
    """``--version``: nothing is to be served."""


class Flags:
    """The values of the command line, each as an attribute."""

    def __init__(self, values):
        self.__dict__.update(values)


def _type_name(flag):
    if flag.name in _INT64_FLAGS:
        return 'int64'
    return {int: 'int32', str: 'string', bool: 'bool', float: 'float'}[flag.kind]


def usage(program):
    """The usage text."""
    lines = ['usage: %s' % program, 'Flags:']
    for flag in _FLAGS:
        default = {bool: lambda value: str(value).lower(), str: lambda value: '"%s"' % value,
                   float: lambda value: '%f' % value, int: str}[flag.kind](flag.default)
        lines.append('\t%-33s\t%s\t%s' % ('--%s=%s' % (flag.name, default), _type_name(flag),
                                          flag.help))
    return '\n'.join(lines) + '\n'


def _value(flag, text):
    """The flag's value, or ValueError."""
    if flag.kind is bool:
        if text not in ('true', 'false'):
            raise ValueError(text)
        return text == 'true'
    value = flag.kind(text)
    if flag.kind is int:
        limit = 1 << (63 if flag.name in _INT64_FLAGS else 31)
        if not -limit <= value < limit:
            raise ValueError(text)
    return value


def parse(arguments, program='tensorflow_model_server'):
    """The flags of a command line; FlagError when it is wrong."""
    values = {flag.name: flag.default for flag in _FLAGS}
    unknown = []
    for argument in arguments:
        name, equals, text = argument.partition('=')
        flag = _BY_NAME.get(name[2:]) if name.startswith('--') else None
        if flag is None or not equals and flag.kind is not bool:
            unknown.append(argument)
            continue
        try:
            values[flag.name] = _value(flag, text) if equals else True
        except ValueError:
            raise FlagError("Couldn't interpret value %s for flag %s.\n%s"
                            % (text, flag.name, usage(program))) from None
    if values['version']:
        raise VersionAsked()
    if unknown:
        raise FlagError('unknown argument: %s\n%s' % (unknown[0], usage(program)))
    if not values['model_base_path'] and not values['model_config_file']:
        raise FlagError(usage(program))
    return Flags(values)
