# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [raw]
# The one source of article.ja.ipynb and article.en.ipynb: `make notebooks` writes both, with the
# outputs of a run. A text says which language it is; the code is the same in both.

# %% [markdown] lang="ja"
# # SageMaker で Keras の独自モデルを学習してデプロイする：2019 年の記事を、いま動かす
#
# [2019 年 8 月の記事](https://www.inoue-kobo.com/aws/sagemaker-with-keras-traing2deploy/)
# の手順を、同じ順番で最初から最後まで実行できるノートブックです。
# 日本語の文を 4 つの話題（グルメ、携帯電話、京都、スポーツ）に分類する Keras モデルを SageMaker で学習し、
# トークン分割などの前処理ごとエンドポイントに載せます。
#
# - **AWS のアカウントは要りません。** 既定では、このマシンで動くエミュレータ（`make emulator`）が相手です。
#   学習には本物の TensorFlow 1.12 と AWS の学習ツールキット、推論には TensorFlow 1.13 を使います。
# - **AWS で動かすときに変えるのは、最初の変数 1 つだけです**（最後の節を参照）。
# - 記事のコードで問題になるところは、その場で「記事では／ここでは」の 2 行で示します。
#
# 説明もコードも記事からの転載ではなく、書き下ろしです。数値だけを、比較のために記事から引用しています。
#
# `make notebook` で開き、上から順に実行してください。2 コアのマシンで 2、3 分かかります。

# %% [markdown] lang="en"
# # Train your own Keras model and deploy it on SageMaker: the article of 2019, run today
#
# This notebook follows
# [an article of August 2019](https://www.inoue-kobo.com/aws/sagemaker-with-keras-traing2deploy/)
# section by section, and runs from the first cell to the last. A Keras model that sorts Japanese
# sentences into four topics (グルメ food, 携帯電話 mobile phones, 京都 Kyoto, スポーツ sports) is trained on
# SageMaker and put behind an endpoint, together with the preprocessing that it needs.
#
# - **No AWS account is needed.** By default, everything happens in an emulator on this machine
#   (`make emulator`). Jobs train in the real TensorFlow 1.12 under the real AWS training toolkit;
#   the endpoint runs TensorFlow 1.13.
# - **To run it on AWS, change one variable**, the first one (see the last section).
# - Where the article's code goes wrong, two lines say so: what it does, and what is done here.
#
# Text and code are our own. Only figures are quoted from the article, to compare ours with them.
#
# Open it with `make notebook` and run the cells in order. It takes two to three minutes on two cores.

# %%
ENDPOINT = "emulator"  # or "aws"

# %% [markdown] lang="ja"
# ## はじめに：Keras は 2 種類ある
#
# TensorFlow 1.x の時代、Keras には独立したパッケージ `keras` と、TensorFlow に含まれる `tf.keras` がありました。
# エンドポイントに必要なのは TensorFlow の SavedModel なので、モデルは最初から `tf.keras` だけで組み立てます。
# 2 つを混ぜると、変数を初期化したセッションと保存するセッションが別になり、保存に失敗します。
#
# Self-attention のレイヤーを提供する `keras-self-attention` は、
# 環境変数 `TF_KERAS=1` を import の前に設定すると `tf.keras` を使います。`src/train/train_v1.py` もそうしています。

# %% [markdown] lang="en"
# ## Before we start: Keras comes in two kinds
#
# In the days of TensorFlow 1.x there was the package `keras`, and there was `tf.keras`, which comes
# with TensorFlow. An endpoint needs a TensorFlow SavedModel, so the model is built with `tf.keras`
# alone. Mix the two, and the variables are initialised in one session while another one is saved.
#
# The self-attention layer comes from `keras-self-attention`, which uses `tf.keras` if the environment
# variable `TF_KERAS=1` is set before the import. `src/train/train_v1.py` does just that.

# %% [markdown] lang="ja"
# ## 全体の流れ
#
# 1. 事前準備：接続先と、S3 上の学習データ
# 2. 学習用スクリプトとモジュールの準備
# 3. トレーニングの実行
# 4. 学習したモデルのダウンロードと動作確認
# 5. 推論用スクリプトを含めたパッケージング
# 6. エンドポイントの作成と推論、バッチ変換
# 7. エンドポイントの削除
#
# ## 1. 事前準備
#
# ### 接続先
#
# `ENDPOINT` が `"emulator"` なら、エミュレータを起動して接続します。すでに動いていれば、それを使います。
# ロールとバケットは自動で選ばせず、明示的に渡します。AWS では `cloud.toml` に書いた値です。
#
# > **記事では** SageMaker SDK のバージョン 1 を使っていて、`train_instance_count` などの引数はもうありません。\
# > **ここでは** TensorFlow の Estimator がある最後の系列、バージョン 2 の書き方にしています。

# %% [markdown] lang="en"
# ## Overview
#
# 1. Preparation: where to connect, and the training data on S3
# 2. The training script and its modules
# 3. Training
# 4. Download of the trained model, and a check of it
# 5. Packaging it with the inference script
# 6. The endpoint: deploy, ask, and a batch transform job
# 7. Deleting the endpoint
#
# ## 1. Preparation
#
# ### Where to connect
#
# If `ENDPOINT` is `"emulator"`, the cell starts the emulator, or uses the one that is running.
# Role and bucket are given, never chosen for you. On AWS they are those of `cloud.toml`.
#
# > **The article** is for version 1 of the SDK; its `train_instance_count` and other arguments are gone.\
# > **Here** the code is for version 2, the last one that has an estimator for TensorFlow.

# %%
import shutil
import subprocess
import time

from train2deploy import jobs, paths
from train2deploy.cloud import local_mode, session

if ENDPOINT == "emulator":  # one that is running stays
    subprocess.run(["make", "emulator", "DETACH=1"], cwd=paths.ROOT, capture_output=True)
account = session.connect(session.settings(ENDPOINT, {}), ENDPOINT)
sdk = local_mode.session(account)

ROLE, BUCKET, REGION = account.role_arn, account.config.bucket, account.config.region
PREFIX = f"{account.config.prefix}/notebook"  # of every object on S3
NAME = f"{account.config.project}-article"  # of the endpoint
JOB = NAME + time.strftime("-%Y%m%d-%H%M%S")  # of jobs and model
TAGS = account.config.tag_list  # `make cloud-status` finds what has these
WAIT = {"Delay": 1 if ENDPOINT == "emulator" else 15, "MaxAttempts": 3600}
WORK = paths.BUILD / "notebook"
shutil.rmtree(WORK, ignore_errors=True)
print(f"region {REGION}, bucket {BUCKET}")

# %% [markdown] lang="ja"
# ### ラベルデータ
#
# 記事は京都大学と NTT の
# [KNB コーパス](http://nlp.ist.i.kyoto-u.ac.jp/kuntt/index.php)（4,186 文）を使っています。
# ここでは、同梱のサンプル（このプロジェクトのために書いた 2,009 文、CC0）を使います。
# 分割は `make data`、単語ベクトル（chiVe、300 次元）とトークナイザは `make vectors` が `build/` に作ったもので、
# これらを 3 つのチャネルとして S3 に置きます。
# `make data DATASET=knbc` のあとに実行すれば、記事と同じコーパスになります。
#
# > **記事では** 検証に使うのは最後の 1 割で、クラス順に並んだデータなら 1 クラスだけになります。\
# > **ここでは** シードを決めてシャッフルしてから分割しています。

# %% [markdown] lang="en"
# ### Labelled data
#
# The article uses the [KNB corpus](http://nlp.ist.i.kyoto-u.ac.jp/kuntt/index.php) of Kyoto University
# and NTT, 4,186 sentences. Here it is the included sample: 2,009 sentences written for this project
# (CC0). `make data` has split them, and `make vectors` has put a tokenizer and word vectors (chiVe,
# 300 dimensions) into `build/`. The three channels go to S3.
# Run `make data DATASET=knbc` first, and you have the article's corpus instead.
#
# > **The article** validates on the last tenth of the rows: one class alone, if they are sorted by class.\
# > **Here** the rows are shuffled with a seed before they are split.

# %%
import csv
from collections import Counter


def column(channel, name):
    """A column of a channel's features.csv or labels.csv."""
    path = jobs.channel_sources()[channel] / f"{name}s.csv"
    with path.open(encoding="utf-8", newline="") as rows:
        return [row[name] for row in csv.DictReader(rows)]


for channel in ("train", "test"):
    labels = column(channel, "label")
    print(channel, len(labels), dict(Counter(labels)))
labels = column("train", "label")
print("last tenth of train:", dict(Counter(labels[int(0.9 * len(labels)) :])))

inputs = {
    channel: sdk.upload_data(str(folder), BUCKET, f"{PREFIX}/data/{channel}")
    for channel, folder in jobs.channel_sources().items()
}
print(*inputs.values(), sep="\n")

# %% [markdown] lang="ja"
# ## 2. 学習用スクリプトとモジュールの準備
#
# TensorFlow 1.12 のコンテナは `requirements.txt` を読みません。
# 足りないモジュールは、スクリプトと同じディレクトリに並べて一緒に送ります。
# ここでは `make setup` が作った環境からコピーします。
#
# > **記事では** バージョンを指定せずに `pip install` するので、今日では Python 3.6 で動く組み合わせになりません。\
# > **ここでは** 2019 年 8 月時点のバージョンを、ハッシュ付きで固定しています（`requirements/train.lock`）。

# %% [markdown] lang="en"
# ## 2. The training script and its modules
#
# The TensorFlow 1.12 container does not read a `requirements.txt`. Modules that it lacks are laid next
# to the script and travel with it. They are copied from the environment that `make setup` made.
#
# > **The article** runs `pip install` without versions, which no longer works for Python 3.6.\
# > **Here** the versions are those of August 2019, pinned with hashes (`requirements/train.lock`).

# %%
from train2deploy import job_source

job_source.stage("v1", WORK / "train")
job_source.stage_modules_beside(WORK / "train")
for kind, pattern in (("scripts", "*.py"), ("modules", "*/__init__.py")):
    found = sorted((WORK / "train").glob(pattern))
    names = [path.name if kind == "scripts" else path.parent.name for path in found]
    print(f"{kind}:", ", ".join(names))

# %% [markdown] lang="ja"
# モデルは記事と同じ構成です：64 トークン → 固定した 300 次元の埋め込み → 乗算型 self-attention → BiLSTM 32 →
# 全結合 64 → ドロップアウト 0.1 → softmax。
#
# > **記事では** インデックス 0 が、パディングと実在のトークンを兼ねています。\
# > **ここでは** 0 はパディング専用です。

# %% [markdown] lang="en"
# The model is the article's: 64 tokens → frozen embedding of 300 dimensions → multiplicative
# self-attention → BiLSTM 32 → dense 64 → dropout 0.1 → softmax.
#
# > **The article** has index 0 stand both for padding and for a token.\
# > **Here** 0 is padding and nothing else.

# %%
script = (WORK / "train" / "train_v1.py").read_text(encoding="utf-8")
start = script.index("    indices = Input(")
print(script[start : script.index("\n\n", start)])

# %% [markdown] lang="ja"
# ## 3. トレーニングの実行
#
# ハイパーパラメータは記事のままです。`seed` と `single-thread` は、同じ結果を再現するために加えました。
# 記事のインスタンスは `ml.p2.xlarge` でしたが、このモデルは CPU の `ml.c5.xlarge` で十分です。
#
# > **記事では** メトリクスの正規表現 `acc: (\S+)` が `val_acc:` にも一致し、学習と検証の値が混ざります。\
# > **ここでは** 語の先頭を `\b` で指定しています。

# %% [markdown] lang="en"
# ## 3. Training
#
# The hyperparameters are the article's; `seed` and `single-thread` are added so that the result can be
# repeated. The article trained on `ml.p2.xlarge`. For this model a CPU, `ml.c5.xlarge`, is enough.
#
# > **The article** looks for `acc: (\S+)`, which is also in `val_acc:`, and so mixes training and validation.\
# > **Here** `\b` says where the name begins.

# %%
from sagemaker.tensorflow import TensorFlow

from train2deploy import log_metrics

estimator = TensorFlow(
    entry_point="train_v1.py",
    source_dir=str(WORK / "train"),
    role=ROLE,
    instance_count=1,
    instance_type="ml.c5.xlarge",
    framework_version="1.12.0",
    py_version="py3",
    hyperparameters={
        "batch-size": 256, "epochs": 10, "hidden": 32, "validation-split": 0.1,
        "model_version": "v1", "seed": 1, "single-thread": True,
    },
    environment={"PYTHONHASHSEED": "0"},
    model_dir=False,  # this job writes no checkpoints to S3
    metric_definitions=log_metrics.DEFINITIONS,
    code_location=f"s3://{BUCKET}/{PREFIX}/source",
    output_path=f"s3://{BUCKET}/{PREFIX}/outputs",
    max_run=3600,
    tags=TAGS,
    sagemaker_session=sdk,
)
estimator.fit(inputs, job_name=JOB, wait=False)
account.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
    TrainingJobName=JOB, WaiterConfig=WAIT)
job = account.sagemaker.describe_training_job(TrainingJobName=JOB)
print(job.get("FailureReason") or job["TrainingJobStatus"])
for metric in job["FinalMetricDataList"]:
    print(f"{metric['MetricName']:10} {metric['Value']:.4f}")

# %% [markdown] lang="ja"
# `verbose=2` の Keras は、エポックごとに 1 行をログに書きます。SageMaker はその行に正規表現を当てて、メトリクスを作ります。
# CloudWatch Logs から同じ行を読み、記事の式とここでの式を比べます。

# %% [markdown] lang="en"
# With `verbose=2` Keras logs one line per epoch, and SageMaker makes metrics of these lines by the
# regular expressions. Read from CloudWatch Logs, the same lines show what each expression finds.

# %%
import re

logs, group = account.client("logs"), "/aws/sagemaker/TrainingJobs"
streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{JOB}/")
epochs = [
    event["message"].partition("s - ")[2]  # how long it took is another matter
    for stream in streams["logStreams"]
    for event in logs.get_log_events(
        logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    if " - val_loss: " in event["message"]
]
REGEX = {each["Name"]: each["Regex"] for each in log_metrics.DEFINITIONS}
print(epochs[0])
print("the article's acc:", re.findall(r"acc: (\S+)", epochs[0]))
print("ours:             ", re.findall(REGEX["train:acc"], epochs[0]))

# %%
import io

import matplotlib.pyplot as plt
from IPython.display import Image


def values(expression):
    """All that an expression finds in the log, in order."""
    return [float(each) for line in epochs for each in re.findall(expression, line)]


train, valid, mixed = values(REGEX["train:acc"]), values(REGEX["valid:acc"]), values(r"acc: (\S+)")
number = range(1, len(epochs) + 1)
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.plot([1 + n / 2 for n in range(len(mixed))], mixed, ":", color="0.6", label=r"the article's acc: (\S+)")
axes.plot(number, train, "o-", color="#1f4e8c", label="train:acc")
axes.plot(number, valid, "s--", color="#b4541a", label="valid:acc")
axes.set(xlabel="epoch", ylabel="accuracy", xticks=number, ylim=(0.3, 1))
axes.grid(axis="y", alpha=0.3)
axes.legend(loc="lower right", frameon=False)
plt.close(figure)
png = io.BytesIO()
figure.savefig(png, format="png", dpi=90)
best = max(number, key=lambda epoch: valid[epoch - 1])
alt = (
    f"Accuracy by epoch. Training: {train[0]:.2f} to {train[-1]:.2f}. Validation: {valid[0]:.2f},"
    f" best {valid[best - 1]:.2f} in epoch {best}. The article's expression jumps between the two."
)
print(alt)
Image(png.getvalue(), alt=alt)

# %% [markdown] lang="ja"
# 検証データの正解率が最もよかったエポックの重みが保存されます。3 エポック続けて改善しなければ打ち切ります。
#
# > **記事では** top-5 正解率も記録しますが、クラスは 4 つなので常に 1 です。\
# > **ここでは** クラスが 5 つより多いときだけ記録します。

# %% [markdown] lang="en"
# The weights of the epoch with the best validation accuracy are kept. Training ends early after three
# epochs without a better one.
#
# > **The article** also records top-5 accuracy, which for four classes is always 1.\
# > **Here** it is recorded only if there are more than five classes.

# %% [markdown] lang="ja"
# ## 4. 学習したモデルのダウンロード
#
# `model.tar.gz` には SavedModel だけが入っています。推論に必要なラベル、語彙、トークナイザは `output.tar.gz` にあります。
# どちらもダウンロードし、`predict/` に展開します。
#
# > **記事では** ラベルが pickle で、アーカイブを書き換えられる人は、エンドポイントで任意のコードを実行できます。\
# > **ここでは** ラベルは JSON です（`labels.json`）。

# %% [markdown] lang="en"
# ## 4. Download of the trained model
#
# `model.tar.gz` holds the SavedModel alone. Labels, vocabulary and tokenizer, which the endpoint needs
# as well, are in `output.tar.gz`. Both are downloaded and unpacked to `predict/`.
#
# > **The article** pickles the labels: whoever can write the archive can run code in the endpoint.\
# > **Here** the labels are JSON (`labels.json`).

# %%
from urllib.parse import urlparse

from train2deploy import archives

bucket = account.boto.resource("s3", endpoint_url=account.emulator_url or None).Bucket(BUCKET)
outputs = urlparse(estimator.model_data).path.strip("/").rpartition("/")[0]
for name in ("model.tar.gz", "output.tar.gz"):
    bucket.download_file(f"{outputs}/{name}", str(WORK / name))

PREDICT = WORK / "predict"
print(*archives.unpack(WORK / "model.tar.gz", PREDICT), sep="\n")
print(*archives.unpack(WORK / "output.tar.gz", PREDICT / "code"), sep="\n")

# %% [markdown] lang="ja"
# > **記事では** `--test-dir` を受け取るだけで使わないため、見たことのない文での正解率がわかりません。\
# > **ここでは** 学習の最後に test チャネルで採点します（`metrics.json`）。

# %% [markdown] lang="en"
# > **The article** takes `--test-dir` and never reads it: no accuracy on unseen sentences is known.\
# > **Here** the job scores the test channel when it has trained (`metrics.json`).

# %%
import json

scores = json.loads((PREDICT / "code" / "metrics.json").read_text(encoding="utf-8"))
print(f"accuracy on {len(column('test', 'label'))} unseen sentences: {scores['test_accuracy']:.4f}")

# %% [markdown] lang="ja"
# ### ダウンロードしたモデルの動作確認
#
# エンドポイントを使わず、SavedModel を TensorFlow 1.13 のセッションで直接実行します。
# このノートブックの Python には TensorFlow 1.x がないので、推論側の環境（Python 3.6）で動かします。
# `make verify` と同じ仕組みです。文は記事と同じものです。

# %% [markdown] lang="en"
# ### A check of the downloaded model
#
# Without an endpoint, the SavedModel is run in a TensorFlow 1.13 session. This notebook's Python has no
# TensorFlow 1.x; the session is opened in the serving environment (Python 3.6), as `make verify` does
# it. The sentence is the article's: “This is gourmet food.”

# %%
from train2deploy import package_code, verify

SENTENCE = "これはグルメです。"
shutil.copytree(package_code.vendored(), PREDICT / "code" / "lib")  # SentencePiece for Python 3.6
direct = verify.run_session(PREDICT, [SENTENCE])
labels = json.loads((PREDICT / "code" / "labels.json").read_text(encoding="utf-8"))
for side, tensors in direct["signature"].items():
    for key, tensor in tensors.items():
        print(f"{side:8} {key!r}: {tensor}")
for label, probability in zip(labels, direct["probabilities"][0], strict=True):
    print(f"{probability:.6f} {label}")

# %% [markdown] lang="ja"
# ## 5. 推論用スクリプトを含めてパッケージング
#
# SageMaker TensorFlow Serving コンテナは、番号の付いた SavedModel と `code/inference.py` が並んだ `model.tar.gz` を受け取ります。
# 必要なパッケージは `code/lib` に入れておくので、起動時のインストールは不要です。
# `make package` と同じ処理で、このあと同じバイト列をアップロードし、デプロイします。
#
# > **記事では** `.ipynb_checkpoints` がアーカイブに混入し、pickle のラベルがリクエストのたびに読み込まれます。\
# > **ここでは** 余計なファイルは入らず、ラベルは起動時に 1 度だけ読み込みます。

# %% [markdown] lang="en"
# ## 5. Packaging with the inference script
#
# The SageMaker TensorFlow Serving container takes a `model.tar.gz` with a numbered SavedModel and, next
# to it, `code/inference.py`. Packages that it imports are in `code/lib`, so nothing is installed when
# the endpoint starts. This is what `make package` does; these very bytes are uploaded and deployed.
#
# > **The article** packs `.ipynb_checkpoints` along, and unpickles the labels at each request.\
# > **Here** such files stay out, and the labels are read once, at the start.

# %%
import contextlib
import tarfile

from train2deploy import package

ARCHIVE = WORK / "package" / "model.tar.gz"
with contextlib.redirect_stdout(None):  # it says the sha256
    package.package(WORK / "model.tar.gz", archive=ARCHIVE)
with tarfile.open(ARCHIVE) as tar:
    print(*(name for name in tar.getnames() if not name.startswith("code/lib/")), sep="\n")

# %% [markdown] lang="ja"
# ## 6. エンドポイントの作成
#
# アーカイブにはすでに `code/` があるので、`entry_point` は渡しません。渡すと、SDK がアーカイブを作り直してしまいます。

# %% [markdown] lang="en"
# ## 6. Creating the endpoint
#
# The archive has its `code/` already, so there is no `entry_point`: given one, the SDK would repack it.

# %%
from sagemaker.tensorflow import TensorFlowModel

from train2deploy.hashing import sha256_file

model = TensorFlowModel(
    model_data=sdk.upload_data(str(ARCHIVE), BUCKET, f"{PREFIX}/package"),
    role=ROLE, framework_version="1.13", name=JOB, sagemaker_session=sdk,
)
predictor = model.deploy(1, "ml.t2.large", endpoint_name=NAME, tags=TAGS, wait=False)
account.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME, WaiterConfig=WAIT)
print(account.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"])

bucket.download_file(f"{PREFIX}/package/model.tar.gz", str(WORK / "deployed.tar.gz"))
print("same bytes:", sha256_file(WORK / "deployed.tar.gz") == sha256_file(ARCHIVE))

# %% [markdown] lang="ja"
# ### エンドポイントに問い合わせる
#
# boto3 で「電波が悪い」を送り、記事に載っている結果と並べます。
# 学習データが違うので、確率は一致しません。同じなのは順位の先頭です。
# KNB コーパスでの比較は README の表にあります。

# %% [markdown] lang="en"
# ### Asking the endpoint
#
# boto3 sends 電波が悪い (“the signal is bad”), and the answer is put next to the one that the article
# prints. The training data differ, and so do the probabilities; the top label is the same. README's
# table compares on the KNB corpus.

# %%
from train2deploy.toml import tomllib

runtime = account.client("sagemaker-runtime")  # boto3's


def ask(sentence):
    """The endpoint's ranking of the labels."""
    answer = runtime.invoke_endpoint(
        EndpointName=NAME, ContentType="application/json", Body=json.dumps({"q": sentence}))
    return {each["label"]: each["prob"] for each in json.load(answer["Body"])}


path = paths.PUBLISHED.with_suffix("") / "sagemaker-with-keras-traing2deploy.toml"
(published,) = tomllib.loads(path.read_text(encoding="utf-8"))["model"]["train2deploy"]["answer"]
ours = ask(published["sentence"])
print(published["sentence"])
print("article      here")
for label, probability in published["probabilities"].items():
    print(f"{probability:.6f}  {ours[label]:.6f}  {label}")

# %% [markdown] lang="ja"
# エンドポイントの答えは、先ほどのセッションの結果と 6 桁目まで一致するはずです。
#
# > **記事では** 学習は末尾の 64 トークンなのに、推論は 65 トークンから順序が崩れ、129 からは例外です。\
# > **ここでは** 学習と推論が同じ `encoding.py` を使うので、長い文にも答えます。

# %% [markdown] lang="en"
# The endpoint should say what the session said, to the sixth digit.
#
# > **The article** trains on the last 64 tokens; its endpoint garbles texts of 65 to 128 and fails beyond.\
# > **Here** one `encoding.py` serves training and endpoint, and a long text has its answer.

# %%
served = ask(SENTENCE)
worst = max(
    abs(served[label] - probability)
    for label, probability in zip(labels, direct["probabilities"][0], strict=True))
print("endpoint and session agree:", worst <= verify.TOLERANCE)
LONG = "電波が悪い。" * 48
print(f"{len(LONG)} characters:", next(iter(ask(LONG))))

# %% [markdown] lang="ja"
# > **記事では** 未対応の Content-Type への応答が、説明ではなく `KeyError` です（`str.format` と JSON の波括弧）。\
# > **ここでは** 受け取ったものと、受け付けるものを答えます。

# %% [markdown] lang="en"
# > **The article** answers another content type with a `KeyError`: `str.format` trips over JSON's braces.\
# > **Here** the message says what came and what is expected.

# %%
from botocore.exceptions import ClientError

try:
    runtime.invoke_endpoint(EndpointName=NAME, ContentType="text/html", Body="<p>")
except ClientError as error:
    print(error.response["OriginalStatusCode"], error.response["OriginalMessage"])

# %% [markdown] lang="ja"
# ### バッチ変換
#
# 文がまとまっているなら、エンドポイントを立てておくより、バッチ変換ジョブのほうが安く済みます。
# 同じモデルに、テスト用の文を JSON Lines で渡します。正解率は、学習ジョブが出した値と一致するはずです。

# %% [markdown] lang="en"
# ### Batch transform
#
# For a pile of sentences, a batch transform job is cheaper than an endpoint. The same model gets the
# test sentences as JSON lines. The accuracy should be what the training job found.

# %%
LINES = WORK / "test.jsonl"
texts = column("test", "feature")
LINES.write_text(
    "".join(json.dumps({"q": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")

batch = model.transformer(
    1, "ml.m5.xlarge", strategy="MultiRecord", assemble_with="Line",
    accept="application/jsonlines", output_path=f"s3://{BUCKET}/{PREFIX}/answers", tags=TAGS,
)
batch.transform(
    sdk.upload_data(str(LINES), BUCKET, f"{PREFIX}/lines"), job_name=JOB,
    content_type="application/jsonlines", split_type="Line", wait=False,
)
account.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
    TransformJobName=JOB, WaiterConfig=WAIT)
bucket.download_file(f"{PREFIX}/answers/test.jsonl.out", str(WORK / "answers.jsonl"))
answers = [json.loads(line) for line in (WORK / "answers.jsonl").open(encoding="utf-8")]

for text, ranking in list(zip(texts, answers, strict=True))[:5]:
    print(f"{ranking[0]['prob']:.6f} {ranking[0]['label']}  {text}")
right = sum(
    ranking[0]["label"] == label
    for ranking, label in zip(answers, column("test", "label"), strict=True))
print(f"accuracy on {len(answers)} lines: {right / len(answers):.4f}")

# %% [markdown] lang="ja"
# ## 7. エンドポイントの削除
#
# エンドポイントは、使わなくても動いているかぎり料金がかかります。
#
# > **記事では** エンドポイントだけを削除するので、エンドポイント設定とモデルが残ります。\
# > **ここでは** 両方と S3 のオブジェクトも削除し、何も残っていないことを確かめます。

# %% [markdown] lang="en"
# ## 7. Deleting the endpoint
#
# An endpoint costs money as long as it is there, used or not.
#
# > **The article** deletes the endpoint alone; its configuration and the model stay.\
# > **Here** both go, and the objects on S3, and the cell shows that nothing is left.

# %%
predictor.delete_endpoint(delete_endpoint_config=True)
model.delete_model()
bucket.objects.filter(Prefix=f"{PREFIX}/").delete()
account.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=NAME, WaiterConfig=WAIT)
for kind in ("Endpoints", "EndpointConfigs", "Models"):
    operation = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
    left = getattr(account.sagemaker, f"list_{operation}")(NameContains=NAME)[kind]
    print(f"{kind} left: {len(left)}")
print("objects left:", len(list(bucket.objects.filter(Prefix=f"{PREFIX}/"))))

# %% [markdown] lang="ja"
# ## AWS で同じことをする
#
# 1. `cp cloud.example.toml cloud.toml` として、`role` と `bucket` を書きます。ロールと実行する人に必要な権限は、
#    `make cloud-policy ENDPOINT_NAME=train2deploy-article` で表示できます。
#    認証情報は boto3 のもの（`AWS_PROFILE` など）を使います。
# 2. 最初のセルを `ENDPOINT = "aws"` に変え、上から順に実行します。
#    動作確認のセルは AWS でも手元の TensorFlow を使い、ほかはすべて AWS で動きます。
#
# 料金は、`ml.c5.xlarge` の学習と `ml.m5.xlarge` のバッチ変換が数分ずつ、`ml.t2.large` のエンドポイントが削除するまでの分です。
# 途中でやめたときは `make cloud-status` で残っているものを確かめ、`make cloud-delete` で削除してください。
#
# エミュレータは `make emulator-stop` で終了します。

# %% [markdown] lang="en"
# ## The same on AWS
#
# 1. `cp cloud.example.toml cloud.toml`, and fill in `role` and `bucket`.
#    `make cloud-policy ENDPOINT_NAME=train2deploy-article` prints what the role and you must be
#    allowed to do. Credentials are boto3's (`AWS_PROFILE` and so on).
# 2. Change the first cell to `ENDPOINT = "aws"`, and run the cells in order. Only the check of the
#    downloaded model still runs here; everything else happens on AWS.
#
# You pay for minutes of training on `ml.c5.xlarge` and of the batch job on `ml.m5.xlarge`, and for the
# endpoint on `ml.t2.large` until it is deleted. If you stop halfway, `make cloud-status` shows what is
# there, and `make cloud-delete` removes it.
#
# `make emulator-stop` ends the emulator.
