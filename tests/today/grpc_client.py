"""Asks a model server of 2.20 by gRPC: PORT; prints what it says as JSON."""
import json
import sys

from hosting.model_server.graph import native

native.protos_without_tensorflow()

import grpc  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    classification_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

channel = grpc.insecure_channel('localhost:' + sys.argv[1])
predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
asked = predict_pb2.PredictRequest()
asked.model_spec.name = 'functions'
asked.model_spec.signature_name = 'look_up'
asked.inputs['word'].dtype = 7
asked.inputs['word'].tensor_shape.dim.add().size = 2
asked.inputs['word'].string_val.extend([b'a', 40 * b'x'])
found = predictions.Predict(asked, 60)
status = get_model_status_pb2.GetModelStatusRequest()
status.model_spec.name = 'keras'
states = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, 60)
wrong = classification_pb2.ClassificationRequest()
wrong.model_spec.name = 'nothing'
try:
    predictions.Classify(wrong, 60)
    code = 'OK'
except grpc.RpcError as error:
    code = error.code().name
print(json.dumps({'number': list(found.outputs['number'].float_val),
                  'twice': [text.decode() for text in found.outputs['twice'].string_val],
                  'version': found.model_spec.version.value,
                  'state': states.model_version_status[0].state, 'code': code}))
