"""Makes the small SavedModels that the tests serve; run by the serving Python.

    python tests/saved_models/make.py FOLDER [MODEL …]

Without names it makes all of them. Each function below makes one model: its name is the
function's, its text says what the model is for.
"""
import os
import sys
import tempfile

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import tensorflow as tf

if tf.__version__ >= '2':
    import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)

CLASSIFY = tf.saved_model.signature_constants.CLASSIFY_METHOD_NAME
REGRESS = tf.saved_model.signature_constants.REGRESS_METHOD_NAME
PREDICT = tf.saved_model.signature_constants.PREDICT_METHOD_NAME

# Every type that a placeholder can have and TF 1.13 can copy.
DTYPES = ('float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
          'uint32', 'uint64', 'bool', 'string', 'complex64', 'complex128', 'bfloat16')


def save(folder, name, version, build, warmup=()):
    """Save what `build(session)` returns, a dictionary of signatures, as one version."""
    path = os.path.join(folder, name, str(version))
    with tf.Graph().as_default(), tf.Session() as session:
        signatures = build(session)
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        builder = tf.saved_model.builder.SavedModelBuilder(path)
        builder.add_meta_graph_and_variables(
            session, [tf.saved_model.tag_constants.SERVING], signature_def_map=signatures,
            assets_collection=tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            main_op=tf.tables_initializer())
        builder.save()
    if warmup:
        extra = os.path.join(path, 'assets.extra')
        os.makedirs(extra)
        with tf.python_io.TFRecordWriter(
                os.path.join(extra, 'tf_serving_warmup_requests')) as writer:
            for record in warmup:
                writer.write(record)


def signature(inputs, outputs, method=PREDICT):
    """A SignatureDef of tensors by name."""
    info = tf.saved_model.utils.build_tensor_info
    return tf.saved_model.signature_def_utils.build_signature_def(
        {name: info(tensor) for name, tensor in inputs.items()},
        {name: info(tensor) for name, tensor in outputs.items()}, method)


def half_plus(number):
    """y = x/2 + number; x is a batch of scalars."""
    def build(session):
        x = tf.placeholder(tf.float32, [None], name='x')
        half = tf.Variable(0.5, name='half')
        y = tf.add(half * x, float(number), name='y')
        return {'serving_default': signature({'x': x}, {'y': y})}
    return build


def half_plus_two(folder):
    """One version, its folder's name with leading zeros."""
    save(folder, 'half_plus_two', '00000123', half_plus(2))


def half_plus_three(folder):
    """Two versions: 123 adds 3, 124 adds 3.5."""
    save(folder, 'half_plus_three', '00000123', half_plus(3))
    save(folder, 'half_plus_three', '00000124', half_plus(3.5))


def signatures(folder):
    """Several signatures: two named inputs and outputs, several ranks, odd methods."""
    def build(session):
        a = tf.placeholder(tf.float32, [None, 2], name='a')
        b = tf.placeholder(tf.int32, [None], name='b')
        anything = tf.placeholder(tf.float32, None, name='anything')
        scalar = tf.placeholder(tf.float32, [], name='scalar')
        total = tf.reduce_sum(a, axis=1) + tf.to_float(b)
        return {
            'serving_default': signature({'a': a, 'b': b}, {'total': total, 'twice': 2 * b}),
            'one_output': signature({'a': a, 'b': b}, {'total': total}),
            'pairs': signature({'a': a}, {'negative': -a}),
            'any_rank': signature({'anything': anything}, {'same': tf.identity(anything)}),
            'scalar': signature({'scalar': scalar}, {'square': scalar * scalar}),
            'two_sizes': signature({'a': a}, {'rows': tf.identity(a), 'flat': tf.reshape(a, [-1])}),
            'nothing_in': signature({}, {'constant': tf.constant([7.0])}),
            'odd_method': signature({'a': a}, {'same': a + 0}, 'somebody/elses/method'),
        }
    save(folder, 'signatures', 1, build)


def all_dtypes(folder):
    """One signature for each type: `x` of any shape comes out as `y`, batches as `rows`."""
    def build(session):
        result = {}
        for name in DTYPES:
            dtype = tf.as_dtype(name)
            x = tf.placeholder(dtype, None, name=name + '_x')
            rows = tf.placeholder(dtype, [None, None], name=name + '_rows')
            result[name] = signature({'x': x}, {'y': tf.identity(x)})
            result[name + '_rows'] = signature({'x': rows}, {'y': tf.identity(rows)})
        return result
    save(folder, 'all_dtypes', 1, build)


def strings(folder):
    """Strings in and out, under a name that says bytes and one that does not."""
    def build(session):
        text = tf.placeholder(tf.string, [None], name='text')
        return {
            'serving_default': signature({'text': text}, {'text': tf.identity(text),
                                                          'text_bytes': tf.identity(text)}),
            'length': signature({'text': text}, {'length': tf.strings.length(text)}),
        }
    save(folder, 'strings', 1, build)


def examples(folder):
    """classify and regress: from feature x (a float) the labels neg/pos, scores, and 2x + c."""
    def build(session):
        serialized = tf.placeholder(tf.string, [None], name='serialized')
        parsed = tf.parse_example(serialized, {
            'x': tf.FixedLenFeature([1], tf.float32),
            'c': tf.FixedLenFeature([1], tf.float32, default_value=[0.0])})
        x = parsed['x']
        positive = tf.sigmoid(x)
        scores = tf.concat([1 - positive, positive], axis=1, name='scores')
        labels = tf.tile(tf.constant([['neg', 'pos']]), [tf.shape(x)[0], 1])
        value = 2 * x + parsed['c']
        inputs = {'inputs': serialized}
        declared_float = signature(inputs, {'outputs': value}, REGRESS)
        declared_float.inputs['inputs'].dtype = tf.float32.as_datatype_enum
        labels_declared_float = signature(inputs, {'classes': labels, 'scores': scores}, CLASSIFY)
        labels_declared_float.inputs['inputs'].dtype = tf.float32.as_datatype_enum
        return {
            'regress_declared_float': declared_float,
            'classify_declared_float': labels_declared_float,
            'serving_default': signature(inputs, {'classes': labels, 'scores': scores}, CLASSIFY),
            'scores_only': signature(inputs, {'scores': scores}, CLASSIFY),
            'classes_only': signature(inputs, {'classes': labels}, CLASSIFY),
            'flat_scores': signature(inputs, {'scores': tf.reshape(scores, [-1])}, CLASSIFY),
            'other_names': signature(inputs, {'one': scores, 'two': labels}, CLASSIFY),
            'other_input': signature({'serialized': serialized}, {'scores': scores}, CLASSIFY),
            'regress': signature(inputs, {'outputs': value}, REGRESS),
            'regress_flat': signature(inputs, {'outputs': tf.squeeze(value, 1)}, REGRESS),
            'regress_wide': signature(inputs, {'outputs': scores}, REGRESS),
            'regress_double': signature(inputs, {'outputs': tf.to_double(value)}, REGRESS),
            'predict': signature(inputs, {'value': value}),
        }
    save(folder, 'examples', 1, build)


def failing(folder):
    """y = √x, an error for any negative x: for requests that fail in a batch."""
    def build(session):
        x = tf.placeholder(tf.float32, [None, 1], name='x')
        y = tf.check_numerics(tf.sqrt(x), 'not a number')
        return {'serving_default': signature({'x': x}, {'y': y})}
    save(folder, 'failing', 1, build)


def _busy(x, turns):
    """x again, after a loop of `turns` small multiplications (about 10 µs each)."""
    def step(i, m):
        return i + 1, tf.matmul(m, m)
    # A placeholder with a default: constants alone would be folded away at the first run.
    start = tf.placeholder_with_default(tf.eye(2), [2, 2])
    _, m = tf.while_loop(lambda i, m: i < turns, step, [tf.constant(0), start],
                         parallel_iterations=1)
    return x + 0.0 * m[0, 0]


def slow(folder):
    """y = x², after some tens of milliseconds: for requests that must wait."""
    def build(session):
        x = tf.placeholder(tf.float32, [None], name='x')
        return {'serving_default': signature({'x': x}, {'y': _busy(x * x, 4000)})}
    save(folder, 'slow', 1, build)


def gated(folder):
    """y = x, when the file that the first row names is there; until then <that name>.begun tells
    that the run has begun: for requests that must be under way."""
    def build(session):
        x = tf.placeholder(tf.string, [None], name='x')

        def is_missing(i):
            nothing = tf.substr(tf.as_string(i), 0, 0)  # looked for again in each turn
            return tf.equal(tf.size(tf.matching_files(x[0] + nothing)), 0)

        with tf.control_dependencies([tf.write_file(x[0] + '.begun', '')]):
            first = tf.constant(0) + 0
        turns = tf.while_loop(is_missing, lambda i: i + 1, [first], parallel_iterations=1)
        with tf.control_dependencies([turns]):
            return {'serving_default': signature({'x': x}, {'y': tf.identity(x)})}
    save(folder, 'gated', 1, build)


def mixing(folder):
    """Models whose rows depend on each other, plainly and in disguise, and one with a memory."""
    def build(session):
        x = tf.placeholder(tf.float32, [None, 2], name='x')
        counter = tf.Variable(0.0, name='counter', use_resource=True)
        busy = _busy(x, 1000)
        with tf.control_dependencies([counter.assign_add(1.0)]):
            count = counter.read_value() + 0.0 * busy
        return {
            'centred': signature({'x': x}, {'y': busy - tf.reduce_mean(busy, axis=0)}),
            'gram': signature({'x': x}, {
                'y': tf.reduce_sum(tf.matmul(busy, busy, transpose_b=True), axis=1)}),
            'counted': signature({'x': x}, {'y': count}),
        }
    save(folder, 'mixing', 1, build)


def wide(folder):
    """A small dense network: requests of its own and of several rows, to be told apart."""
    def build(session):
        x = tf.placeholder(tf.float32, [None, 8], name='x')
        busy = _busy(x, 100)
        return {'serving_default': signature(
            {'x': x}, {'sum': tf.reduce_sum(busy, axis=1), 'twice': 2 * busy})}
    save(folder, 'wide', 1, build)


def assets(folder):
    """A table that an asset fills at loading: word → number."""
    with tempfile.TemporaryDirectory() as scratch:
        vocabulary = os.path.join(scratch, 'words.txt')
        with open(vocabulary, 'w', encoding='utf-8') as file:
            file.write('zero\none\n二\n')

        def build(session):
            word = tf.placeholder(tf.string, [None], name='word')
            table = tf.contrib.lookup.index_table_from_file(vocabulary, default_value=-1)
            return {'serving_default': signature({'word': word}, {'number': table.lookup(word)})}
        save(folder, 'assets', 1, build)


def contrib(folder):
    """An operation of tf.contrib: a picture moved by one pixel to the right."""
    def build(session):
        picture = tf.placeholder(tf.float32, [None, 1, 3, 1], name='picture')
        moved = tf.contrib.image.translate(picture, [1, 0])
        return {'serving_default': signature({'picture': picture}, {'moved': moved})}
    save(folder, 'contrib', 1, build)


def python_function(folder):
    """An operation that only the process which built the graph can run."""
    def build(session):
        x = tf.placeholder(tf.float32, [None], name='x')
        return {'serving_default': signature({'x': x},
                                             {'y': tf.py_func(lambda v: v, [x], tf.float32)})}
    save(folder, 'python_function', 1, build)


def broken(folder):
    """A version whose saved_model.pb is no SavedModel."""
    path = os.path.join(folder, 'broken', '1')
    os.makedirs(path)
    with open(os.path.join(path, 'saved_model.pb'), 'wb') as file:
        file.write(b'\xff\xff\xff this is no SavedModel')


def _record(name, value):
    """A PredictionLog with one PredictRequest for half_plus."""
    from tensorflow_serving.apis import prediction_log_pb2
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = name
    request.inputs['x'].CopyFrom(tf.make_tensor_proto([value], dtype=tf.float32))
    return log.SerializeToString()


def warm(folder):
    """half_plus_two with warm-up requests."""
    save(folder, 'warm', 1, half_plus(2), warmup=[_record('warm', 1.0), _record('warm', 2.0)])


def warm_wrong(folder):
    """half_plus_two with a warm-up record that cannot be run."""
    from tensorflow_serving.apis import prediction_log_pb2
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.model_spec.name = 'warm_wrong'
    save(folder, 'warm_wrong', 1, half_plus(2), warmup=[log.SerializeToString()])


MODELS = (half_plus_two, half_plus_three, signatures, all_dtypes, strings, examples, failing, slow,
          gated, mixing, wide, assets, contrib, python_function, broken, warm, warm_wrong)


def main(folder, *names):
    """Make the named models, or all."""
    by_name = {make.__name__: make for make in MODELS}
    for name in names or by_name:
        by_name[name](folder)


if __name__ == '__main__':
    main(*sys.argv[1:])
