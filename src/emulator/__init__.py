"""An AWS account on this machine, for rehearsals: SageMaker jobs that really run.

S3, IAM, STS, CloudWatch and Application Auto Scaling are moto's, in its server mode.
SageMaker is ours: training jobs run the AWS toolkit on src/train, endpoints are
src/hosting on the deployed archive. Both listen on one port of 127.0.0.1.
"""
