"""The best job of the author's search over mymodel (aws/sagemaker-with-mymodel, 2019-01-20).

Read off the article's picture: about 355 hidden units, of which later articles make 356, and a
dropout of about 0.7. Everything else is mymodel's.
"""
import driver
import mymodel

DEFAULTS = {'epochs': 10, 'batch-size': 512, 'hidden': 356, 'dropout': 0.7, 'patience': 5}
READS, OPTIMIZER, SHUFFLE, MONITOR, RULE = (
    mymodel.READS, mymodel.OPTIMIZER, mymodel.SHUFFLE, mymodel.MONITOR, mymodel.RULE)
build_model = mymodel.build_model


driver.run(__name__)
