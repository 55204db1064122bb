"""What a model must be compared with: two linear models on character n-grams.

No number is good or bad by itself. These take a second to train on the same
split; a network that stays below them has not learnt much.
"""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits


def yardsticks() -> dict[str, Pipeline]:
    """Name to untrained model. Their settings are fixed: nothing was tuned on any test split."""
    return {
        "characters 1-3, logistic regression": make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True),
            LogisticRegression(C=10, max_iter=2000),
        ),
        "characters 1-4, linear SVM": make_pipeline(
            TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True),
            LinearSVC(C=1.0, random_state=0),
        ),
    }


def predictions(
    train_texts: Sequence[str], train_labels: Sequence[str], test_texts: Sequence[str]
) -> dict[str, list[str]]:
    """Trains each yardstick and predicts the test texts.

    On one core: on several, most of the time goes into sharing out what takes microseconds.
    """
    with threadpool_limits(1):
        return {
            name: [str(label) for label in model.fit(train_texts, train_labels).predict(test_texts)]
            for name, model in yardsticks().items()
        }
