# train2deploy: train a Keras text classifier and deploy it to SageMaker, rehearsed here.
# `make` lists the targets. Everything below `build/` can be made again.

# ---- what is given on the command line -------------------------------------------------
# An empty variable is one that was not given. What is given is checked before anything runs: each
# variable against what the targets know, each value against the line above it that begins with
# `#:`, hyperparameters against what the model's script declares (src/train2deploy/variables.py).
ON_THE_COMMAND_LINE := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,$(ON_THE_COMMAND_LINE),$(if $(value $(name)),,$(eval override undefine $(name))))
# Only what is given to make itself counts: a default is not a wish.
GIVEN = $(if $(filter command,$(origin $(1))),$(2))
QUOTED = '$(subst ','\'',$(1))'
# What a user's shell says to Python is for other programs. Make's own commands do not see it (below);
# $(shell …) would.
OF_PYTHON := $(filter-out PYTHON PYTHON36 PYTHON_FOR_SDISTS,$(filter PYTHON%,$(.VARIABLES)))
ASK_PYTHON = env $(OF_PYTHON:%=-u %) PYTHONPATH=src $(PYTHON)

# ---- of every target -------------------------------------------------------------------
# Python of the host tool (3.10 or newer) and of the TensorFlow 1.x side (found by itself)
PYTHON ?= python3
PYTHON36 ?=
# host, or docker: in containers. Default: docker where an engine has our images, or is the only way
# sdk: local-train by the SDK's own local mode
RUNTIME ?=
# 1: whole logs and tracebacks
#: 1
VERBOSE ?=

# ---- variables to override -------------------------------------------------------------
# sample, knbc, or a directory with features.csv and labels.csv
DATASET ?= sample
# channels of any content, for scripts that read them: CHANNELS='train=dir1 images=dir2', on top of
# train, test and vectors; with train= they are all there is, but where that holds features.csv and
# labels.csv: then it is the DATASET
CHANNELS :=
# knbc: random; article (whole ones are held out); fold (whole ones, a fifth: 1 to 5 is the seed);
# published (as many of each label as the author's test set has); keep or drop the title sentences;
# 1: no empty and URL-only sentences
#: random|article|published|fold
SPLIT ?= random
#: keep|drop
TITLES ?= keep
#: 1
CLEAN ?=
# knbc: an archive or folder of the corpus; default: what is in data/raw, else a download
#: path
KNBC ?=
# chive, wikipedia, wikija, corpus (learnt from CORPUS=<text file>, else from the training sentences),
# characters (chiVe's vectors of single ones) or random (numbers in place of chiVe's); default: chive,
# and wikipedia for the published models; corpus for text of which most tokens have no such vector
#: chive|wikipedia|wikija|corpus|characters|random|encoder
VECTORS ?=
#: path
CORPUS ?=
# pieces of the tokenizer at most
#: whole 1..
VOCABULARY ?= 12000
# author: the 100,000 pieces that the article's author published, the default of the published
# models; or a SentencePiece model
TOKENIZER ?=
# janome or sudachi: sentences are cut into words beforehand; only for the published models that
# read words, whose default it is
#: janome|sudachi
TOKENS ?=
# a model by its name: src/train/train_<name>.py (v1: the article's; v2: more accurate, smaller,
# faster), models/<name>/train.py, or a published one, which is trained and scored, not packed:
# src/train/published/<name>.py. Or a script's path; its folder goes along
VERSION ?= v1
SCRIPT :=
# shuffles and splits the data, and seeds the training
#: whole 0..4294967295
SEED ?= 1
# Hyperparameters have no line here: whatever the script declares can be given (EPOCHS=3), and is the
# script's own where it is not. HP='filters=64 name=x': as SageMaker passes them, to a script that
# declares nothing, too
HP :=
# 1: the same SEED gives the same bytes (one thread, slower)
#: 1
REPRO ?=
# another model than the latest job's: a model.tar.gz, a SavedModel, a folder of its versions; any
# target below that takes a package packs it first
MODEL :=
# a folder with your inference.py, instead of ours
#: path
CODE :=
# what of your script's output goes along, names such as 'labels.json vocab.txt'
INCLUDE :=
PACKAGE = $(if $(MODEL)$(CODE)$(INCLUDE),package,build/model.tar.gz)
# what the endpoint imports: lib (in the archive) or requirements (installed at start); default: lib
# for our code, yours as it is
#: lib|requirements
DEPS ?=
# of the endpoint here: 8080 where none is given, 0 for a free one
#: whole 0..65535
PORT ?=
# an unpacked model directory, what would be /opt/ml/model; default: build/model.tar.gz
#: path
MODEL_DIR ?=
# 1: local-serve goes to the background
#: 1
DETACH ?=
# 0: restart a broken inference.py for ever, as SageMaker does
#: 0|1
DEV ?= 1
# 0: each request has a run of its own, as on AWS; otherwise those that wait share one
#: 0|1
MERGE ?=
# 1: our model server takes out of loops what does not change in them; AWS does not
#: 0|1
OPTIMIZE ?=
# Of your own data, dry-run asks a test sentence of these unless Q is given.
Q_OF_DATA := $(if $(filter undefined,$(origin Q)),--of-data)
Q ?= 電波が悪い
# What a user asks is text: nothing in it is a variable or a function of make.
override Q := $(value Q)
export Q
# 1: invoke prints the request as sent (on standard error) and the raw answer
#: 1
JSON ?=
# invoke, cloud-invoke, verify, bench, parity, cloud-deploy: a file to send
#: path
REQUEST :=
# its content type (TYPE alone: Q is the body), and the one that is wanted back
#: type
TYPE :=
#: type
ACCEPT :=
ASKED = $(if $(REQUEST),--request "$(REQUEST)") $(if $(TYPE),--type "$(TYPE)") $(if $(ACCEPT),--accept "$(ACCEPT)")
# docker: own, or aws for SageMaker's images; the model server own or official; a limit such as 2g
#: own|aws
IMAGE ?= own
#: own|official
MODEL_SERVER ?= own
# MODEL_SERVER=official: where it is taken from; a mirror, or <image>@sha256:<digest>
OFFICIAL_SERVING_IMAGE ?=
MEMORY ?=
# the two runtimes that parity compares
A ?= host
B ?= docker
# 1: a bench of one minute instead of five
#: 1
QUICK ?=
# bench: how often everything is measured, and with how many clients, such as 1,8,32
#: whole 1..
ROUNDS ?=
#: whole 1.. …
CLIENTS ?=
# how long: one measurement of bench, the whole soak
#: number >0
SECONDS ?=
# bench: another package (model.tar.gz or model directory), measured in the same rounds
#: path
AGAINST ?=
# bench: 1: other servers in the same rounds; 1: search the settings of batching instead
#: 1
PEERS ?=
#: 1
TUNE ?=
# bench: words in the vectors of the article's handler; empty: as many as its own has
#: whole 1..
ARTICLE_WORDS ?=
# ok: a package that is not of the latest job, of build/data or of what is given is taken all the same
#: ok
STALE ?=

# ---- what is checked -------------------------------------------------------------------
# The answer holds for what make calls itself, too.
ifeq ($(MAKELEVEL)$(if $(MAKECMDGOALS)$(ON_THE_COMMAND_LINE),,help),0)
CHECKED := $(shell $(ASK_PYTHON) -m train2deploy.variables --goals "$(MAKECMDGOALS)" \
	$(foreach name,VERSION SCRIPT TOKENS,--default $(call QUOTED,$(name)=$($(name)))) -- \
	$(foreach name,$(filter-out Q,$(ON_THE_COMMAND_LINE)),$(call QUOTED,$(name)=$(value $(name)))) 2>&1)
ifneq ($(filter-out ok,$(firstword $(CHECKED))),)
$(error $(CHECKED))
endif
endif
export CHECKED
GIVEN_HYPERPARAMETERS = $(filter-out ok words,$(CHECKED))
WORDS_ENV = $(if $(filter words,$(CHECKED)),.stamps/words)

# ---- how things are called -------------------------------------------------------------
HOST := .venvs/host/bin/python
NAMED = $(or $(SCRIPT),$(VERSION))
RUN = PYTHONPATH=src $(HOST) -m train2deploy $(if $(VERBOSE),--verbose) $(RUNTIME_OPTIONS) $(WISH)
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes
FIND_PYTHON36 = PYTHONPATH=src $(PYTHON) -m train2deploy.python36 "$(PYTHON36)"

# Of what a user's shell says to pip, how to reach an index stays (as in pip.conf, where a line
# `user = true` is overruled).
PIP_KEPT := PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS \
	PIP_TRUSTED_HOST PIP_CERT PIP_CLIENT_CERT PIP_PROXY PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES \
	PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_KEYRING_PROVIDER PIP_NO_INPUT PIP_USE_FEATURE PIP_USE_DEPRECATED
unexport $(filter-out $(PIP_KEPT) PIP_KEPT PIP_INSTALL,$(filter PIP_%,$(.VARIABLES)))
unexport $(OF_PYTHON)
export PIP_USER := 0
# Python 3.6 makes environments below a path of any script only where the locale is UTF-8.
.stamps/%: export LC_ALL := C.UTF-8

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# Goals run one after the other, in their order, whatever -j says; environments and suites of tests
# side by side.
ifneq ($(filter-out .stamps/% test-% lint,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
SIDE_BY_SIDE = --silent $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs $(1))

# Every endpoint of this run gets these two.
SERVING := local-serve verify evaluate dry-run bench soak reproduce parity emulator
$(SERVING): export HOSTING_MERGE := $(or $(MERGE),$(HOSTING_MERGE))
$(SERVING): export HOSTING_OPTIMIZE := $(or $(OPTIMIZE),$(HOSTING_OPTIMIZE))
# Settings that make a variable gives only on make's command line, as `--set KEY=VALUE`.
SET = $(foreach name,$(1),$(if $(filter command,$(origin $(name))),$(or $(2),--set) "$(name)=$$$(name)"))
# What a package is held against before it is served, scored or deployed (staleness.py).
WISH = $(call SET,DATASET CHANNELS SPLIT SPLIT_SEED TOKENS VERSION SCRIPT SEED $(GIVEN_HYPERPARAMETERS),--given) $(if $(STALE),--stale "$(STALE)")
# What of cloud.toml local-serve takes, too.
SERVING_VARIABLES := BATCHING MAX_BATCH_SIZE BATCH_TIMEOUT_MICROS MAX_ENQUEUED_BATCHES \
	NUM_BATCH_THREADS OMP_NUM_THREADS

include docker/docker.mk

##@ Set up
.PHONY: help setup doctor status lock clean
help: ## list the targets (this text)
	@awk -f make-help.awk $(MAKEFILE_LIST)

setup: $(if $(filter .stamps/train,$(TRAIN_ENV)),.python36) ## make the environments: host tool, training (TF 1.12), serving (TF 1.13), the handler's
	$(SAY_RUNTIME)
	@$(MAKE) $(call SIDE_BY_SIDE,3) .stamps/host $(TRAIN_ENV) $(SERVE_ENV)

doctor: ## what this machine has and lacks, and what to do
	@PYTHONPATH=src PYTHON36="$(PYTHON36)" $(PYTHON) -m train2deploy.doctor

status: .stamps/host ## what is here, what it was made of, what is stale, and the next command of each
	@$(RUN) status

# A machine without CPython 3.6 is told so once, and before anything is installed.
.PHONY: .python36
.python36:
	@$(if $(wildcard .stamps/train),,$(FIND_PYTHON36) >/dev/null)

.stamps/host: requirements/host.lock
	@mkdir -p .stamps && rm -rf .venvs/host .stamps/dev
	@echo "setup: host tool"
	@PYTHONPATH=src $(PYTHON) -c 'import train2deploy'
	@$(PYTHON) -m venv .venvs/host
	@$(HOST) -m $(PIP_INSTALL) --requirement requirements/host.lock
	@touch $@

.stamps/dev: requirements/dev.lock .stamps/host
	@echo "setup: tests and linters"
	@$(HOST) -m $(PIP_INSTALL) --requirement requirements/dev.lock
	@touch $@

# For those who have sentences cut into words; laid over the host tool. `make setup` leaves it out.
.stamps/words: requirements/words.lock .stamps/host
	@echo "setup: words (janome, Sudachi)"
	@rm -rf .venvs/words
	@$(HOST) -m $(PIP_INSTALL) --no-deps --target .venvs/words --requirement requirements/words.lock
	@touch $@

# Not for pip's resolver, which never ends on these packages: the lock names everything.
.stamps/train .stamps/serve: .stamps/%: requirements/%.lock requirements/pip.lock
	@mkdir -p .stamps && rm -rf .venvs/$*
	@echo "setup: $* environment (Python 3.6)"
	@python36=$$($(FIND_PYTHON36)) && "$$python36" -m venv .venvs/$*
	@.venvs/$*/bin/python -m $(PIP_INSTALL) --requirement requirements/pip.lock
	@.venvs/$*/bin/python -m $(PIP_INSTALL) --no-deps --requirement requirements/$*.lock
	@touch $@

# What inference.py sees: the container's packages and no others. Those of the last container
# (HOSTING_CONTRACT=head) lie in a folder of their own; of TensorFlow it has the messages alone.
HANDLER_TENSORFLOW = cd .venvs/serve/lib/python3.6/site-packages && find tensorflow/core -name '*_pb2.py' -print0
.stamps/handler: requirements/handler.lock requirements/handler-head.lock requirements/pip.lock | .stamps/serve
	@rm -rf .venvs/handler
	@echo "setup: handler environment (Python 3.6)"
	@python36=$$($(FIND_PYTHON36)) && "$$python36" -m venv .venvs/handler
	@.venvs/handler/bin/python -m $(PIP_INSTALL) --requirement requirements/pip.lock
	@.venvs/handler/bin/python -m $(PIP_INSTALL) --no-deps --requirement requirements/handler.lock
	@.venvs/handler/bin/python -m $(PIP_INSTALL) --no-deps --target .venvs/handler/head --requirement requirements/handler-head.lock
	@($(HANDLER_TENSORFLOW)) | tar -C .venvs/serve/lib/python3.6/site-packages --null -T - -c | tar -C .venvs/handler/head -x
	@touch $@

# What `make bench PEERS=1` compares with; nothing else needs these, CI neither.
PEER_ENVS := $(patsubst requirements/peers/%.lock,.stamps/peer-%,$(wildcard requirements/peers/*.lock))
$(PEER_ENVS): .stamps/peer-%: requirements/peers/%.lock requirements/pip.lock
	@mkdir -p .stamps && rm -rf .venvs/peer-$*
	@echo "setup: $* (Python 3.6), to be compared with"
	@python36=$$($(FIND_PYTHON36)) && "$$python36" -m venv .venvs/peer-$*
	@.venvs/peer-$*/bin/python -m $(PIP_INSTALL) --requirement requirements/pip.lock
	@.venvs/peer-$*/bin/python -m $(PIP_INSTALL) --no-deps --requirement requirements/peers/$*.lock
	@touch $@

# Laid over the Python 3.6 environments by PYTHONPATH, so that these stay what the containers hold.
.stamps/test-py36: requirements/test-py36.lock .stamps/serve
	@echo "setup: tests and linters (Python 3.6)"
	@rm -rf .venvs/test-py36
	@.venvs/serve/bin/python -m $(PIP_INSTALL) --no-deps --target .venvs/test-py36 --requirement requirements/test-py36.lock
	@touch $@

# The Python 3.6 environments are resolved as of the article's day; the packages named
# one by one are younger where an older one cannot be built or has no wheel.
DATED := --python-version 3.6 --exclude-newer 2019-08-15 \
	--exclude-newer-package setuptools=2020-06-01 --exclude-newer-package wheel=2020-06-01 \
	--exclude-newer-package httptools=2021-06-01
# An interpreter that can still build the sdists of 2019 for their metadata.
PYTHON_FOR_SDISTS ?= 3.8
# The peers as of their releases.
PEER = $(COMPILE) --python-version 3.6.8 --python $(PYTHON_FOR_SDISTS) requirements/peers/$(1).in -o requirements/peers/$(1).lock
COMPILE = $(HOST) -m uv pip compile --quiet --upgrade --no-header --generate-hashes

lock: .stamps/dev ## resolve requirements/*.in again
	$(COMPILE) --universal --python-version 3.10 requirements/host.in -o requirements/host.lock
	$(COMPILE) --universal --python-version 3.10 requirements/dev.in -o requirements/dev.lock -c requirements/host.lock
	$(COMPILE) --universal --python-version 3.10 requirements/cloud.in -o requirements/cloud.lock
	$(COMPILE) --universal --python-version 3.10 requirements/words.in -o requirements/words.lock
	$(COMPILE) --no-deps requirements/chive.in -o requirements/chive.lock
	$(COMPILE) --no-deps requirements/wikipedia.in -o requirements/wikipedia.lock
	$(COMPILE) --no-deps requirements/encoder.in -o requirements/encoder.lock
	$(COMPILE) $(DATED) --python $(PYTHON_FOR_SDISTS) requirements/train.in -o requirements/train.lock
	$(COMPILE) $(DATED) --python $(PYTHON_FOR_SDISTS) requirements/serve.in -o requirements/serve.lock
	$(COMPILE) $(DATED) --python $(PYTHON_FOR_SDISTS) requirements/handler.in -o requirements/handler.lock
	$(COMPILE) $(DATED) --no-deps --python $(PYTHON_FOR_SDISTS) requirements/handler-head.in -o requirements/handler-head.lock
	$(call PEER,mlflow) --exclude-newer 2021-03-10
	$(call PEER,bentoml) --exclude-newer 2021-08-15 --exclude-newer-package bentoml=2022-08-01
	$(call PEER,simple-tensorflow-serving) --exclude-newer 2020-11-20
	$(call PEER,onnxruntime) --exclude-newer 2021-12-20
	$(COMPILE) --python-version 3.6 --python $(PYTHON_FOR_SDISTS) requirements/test-py36.in -o requirements/test-py36.lock
	$(COMPILE) --no-annotate --python-version 3.6 --python $(PYTHON_FOR_SDISTS) src/predict/code/requirements.in -o src/predict/code/requirements.txt

clean: ## remove build/ (not the environments, not data/raw)
	@rm -rf build

##@ From text to a model
.PHONY: data vectors local-train package
TOKENS_OPTION = $(if $(TOKENS),--tokens "$(TOKENS)")
CHANNELS_OPTION = $(if $(CHANNELS),--given-channels "$(CHANNELS)")
TRAIN_CHANNEL = $(patsubst train=%,%,$(filter train=%,$(CHANNELS)))
ROWS = $(wildcard $(foreach name,features.csv labels.csv,$(TRAIN_CHANNEL)/$(name) $(TRAIN_CHANNEL)/train/$(name)))
# What a job reads of ours.
READS = $(if $(TRAIN_CHANNEL),$(if $(ROWS),data vectors,.stamps/host),data vectors)
data: .stamps/host $(WORDS_ENV) ## DATASET=sample|knbc|<dir>: build/data, shuffled and split
	@$(RUN) data "$(DATASET)" $(CHANNELS_OPTION) --seed $(or $(SPLIT_SEED),$(SEED)) --split $(SPLIT) --titles $(TITLES) $(if $(CLEAN),--clean) \
		$(KNBC_OPTION) --model-version "$(NAMED)" $(TOKENS_OPTION)

KNBC_OPTION = $(if $(KNBC),--knbc "$(KNBC)")
TOKENIZER_OPTIONS = --vocabulary-size $(VOCABULARY) $(if $(CORPUS),--corpus "$(CORPUS)") \
	$(if $(TOKENIZER),--tokenizer "$(TOKENIZER)")
vectors: $(TRAIN_ENV) data ## VECTORS=chive|wikipedia|characters|…: build/vectors, tokenizer and word vectors
	@$(RUN) vectors "$(VECTORS)" --model-version "$(NAMED)" $(TOKENIZER_OPTIONS) $(KNBC_OPTION)

# For those who take what is there, whatever its seed: what is missing is made first.
build/data/manifest.json: MAKER = data
build/vectors/manifest.json: MAKER = vectors
build/jobs/latest/model.tar.gz: MAKER = local-train
build/model.tar.gz: MAKER = package
build/data/manifest.json build/vectors/manifest.json build/jobs/latest/model.tar.gz build/model.tar.gz:
	@echo "$@ is not there yet: make $(MAKER) comes first"
	@$(MAKE) --silent $(MAKER)

# A model and the hyperparameters that were given; their values are in the environment.
TRAINING = --model-version "$(NAMED)" --variables "$(strip $(GIVEN_HYPERPARAMETERS) $(if $(HP),HP))" --defaults "$(DATASET)"
TRAIN_OPTIONS = $(TRAINING) --seed $(SEED)

local-train: $(TRAIN_ENV) $(READS) ## VERSION=v1 SEED= CHANNELS= EPOCHS= …: train here under the AWS toolkit
	$(SAY_RUNTIME)
	@$(RUN) train $(TRAIN_OPTIONS) $(CHANNELS_OPTION) $(if $(REPRO),--repro)

package: $(if $(MODEL),,build/jobs/latest/model.tar.gz) .stamps/host ## MODEL= CODE= INCLUDE=: build/model.tar.gz, what is served, uploaded and deployed
	@$(RUN) package $(if $(MODEL),--model "$(MODEL)") $(if $(CODE),--code "$(CODE)") \
		$(if $(INCLUDE),--include "$(INCLUDE)") --dependencies "$(DEPS)"

##@ From a model to an answer
.PHONY: local-serve local-stop invoke verify evaluate dry-run
SERVED = $(if $(MODEL_DIR),,$(PACKAGE))
local-serve: $(SERVE_ENV) .stamps/host $(SERVED) ## PORT= MODEL_DIR= DETACH=1 MERGE=0 BATCHING=1: the endpoint, here
	$(SAY_RUNTIME)
	@exec env $(RUN) serve $(if $(PORT),--port $(PORT)) $(if $(MODEL_DIR),--model-dir "$(MODEL_DIR)") \
		$(if $(DETACH),--detach) $(if $(filter 0,$(DEV)),--no-dev) $(call SET,$(SERVING_VARIABLES))

local-stop: .stamps/host ## end the endpoint that DETACH=1 started
	@$(RUN) stop

invoke: .stamps/host ## Q='…' or REQUEST=<file> TYPE=text/csv, JSON=1: one request to the endpoint at PORT
	@$(RUN) invoke $(if $(JSON),--json) $(if $(PORT),--port $(PORT)) $(ASKED) -- "$$Q"

verify: $(SERVE_ENV) .stamps/host $(PACKAGE) ## endpoint against the SavedModel in a session
	$(SAY_RUNTIME)
	@$(RUN) verify $(ASKED)

evaluate: $(SERVE_ENV) .stamps/host $(PACKAGE) ## scores on the test split, compared with two baselines
	$(SAY_RUNTIME)
	@$(RUN) evaluate

dry-run: ## the main job: all of the above, from a fresh clone to a classified sentence
	$(SAY_RUNTIME)
	@$(MAKE) --silent setup local-train package
	@$(RUN) rehearse $(Q_OF_DATA) -- "$$Q"

##@ How fast, and how robust
.PHONY: bench soak
bench: .stamps/train .stamps/serve .stamps/handler .stamps/host $(PACKAGE) $(if $(PEERS),$(PEER_ENVS)) ## AGAINST=<package> QUICK=1 PEERS=1 TUNE=1: latency, throughput, memory and start, compared with a raw session
	@$(RUN) bench $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds "$(ROUNDS)") \
		$(if $(SECONDS),--seconds "$(SECONDS)") $(if $(CLIENTS),--clients "$(CLIENTS)") \
		$(if $(AGAINST),--against "$(AGAINST)") $(if $(ARTICLE_WORDS),--article-words "$(ARTICLE_WORDS)") \
		$(if $(PEERS),--peers) $(if $(TUNE),--tune) $(ASKED) $(call SET,$(SERVING_VARIABLES))

soak: .stamps/serve .stamps/handler .stamps/host $(PACKAGE) ## SECONDS=600: load while processes are killed; every answer must be right
	@$(RUN) soak $(if $(SECONDS),--seconds "$(SECONDS)")

##@ Reproduce
.PHONY: reproduce runs compare reproduce-check report reference checklist published-check
# seeds 1 to this, and the one seed that shuffles and splits the data for all of them (1); for the
# targets that make build/data, SEED does unless SPLIT_SEED is given
#: whole 1..
SEEDS ?= 5
#: whole 0..4294967295
SPLIT_SEED :=
# instead of SEEDS: splits 1 to this, each trained on with the seed of its own number
#: whole 1..
SPLITS :=
# trained at a time; empty: one a core, as far as memory goes
#: whole 1..
JOBS :=
# 0: no report when the runs are made
#: 0|1
REPORT := 1
# runs: WHERE='accuracy>0.8, version=v1' SORT=accuracy (-accuracy: the worst first)
WHERE :=
SORT :=
# en or ja
#: en|ja
LANG_REPORT ?= en

DATASET_OPTIONS = --dataset "$(DATASET)" --split $(SPLIT) --titles $(TITLES) $(if $(CLEAN),--clean) \
	$(KNBC_OPTION) $(call GIVEN,SPLIT_SEED,--split-seed $(SPLIT_SEED))
RUN_OPTIONS = $(if $(SPLITS),--splits "$(SPLITS)" $(call GIVEN,SEEDS,--seeds "$(SEEDS)"),--seeds "$(SEEDS)")
VECTOR_OPTIONS = --vectors "$(VECTORS)" $(TOKENIZER_OPTIONS) $(TOKENS_OPTION)
reproduce: $(TRAIN_ENV) $(SERVE_ENV) .stamps/host $(WORDS_ENV) ## SEEDS=5 or SPLITS=5, DATASET= VERSION= JOBS=: one recorded run each; resumes where it stopped
	$(SAY_RUNTIME)
	@$(RUN) reproduce $(RUN_OPTIONS) $(TRAINING) $(DATASET_OPTIONS) \
		$(VECTOR_OPTIONS) $(if $(JOBS),--jobs "$(JOBS)")
	@$(if $(filter 0,$(REPORT)),,$(MAKE) --silent report)

runs: .stamps/host ## DATASET= VERSION= WHERE='accuracy>0.8' SORT=accuracy JSON=1: the recorded runs
	@$(RUN) runs --where "$(WHERE)" --sort="$(SORT)" $(if $(JSON),--json) \
		$(call GIVEN,DATASET,--dataset "$(DATASET)") $(call GIVEN,VERSION,--model-version "$(VERSION)")

compare: .stamps/host ## A=<run> B=<run>: side by side, with McNemar's test (a run: its id or how it begins, or best:v1)
	@$(RUN) compare --language "$(LANG_REPORT)" $(call GIVEN,A,--a "$(A)") $(call GIVEN,B,--b "$(B)") \
		$(call GIVEN,DATASET,--dataset "$(DATASET)")

CHECK_EPOCHS = $(or $(call GIVEN,EPOCHS,$(EPOCHS)),2)
reproduce-check: .stamps/host ## VERSION= EPOCHS=2: clone HEAD twice, build both from scratch, compare every artifact
	@$(RUN) reproduce-check $(or $(call GIVEN,VERSION,$(VERSION)),v1 v2) \
		$(foreach given,EPOCHS=$(CHECK_EPOCHS) PYTHON=$(PYTHON) PYTHON36=$(PYTHON36),--variable "$(given)")

# report, reference: a directory of runs instead of build/runs
#: path
RUNS :=
report: .stamps/host ## DATASET= LANG_REPORT=en|ja: build/reports/<dataset>/report.html, published and reproduced figures
	@$(RUN) report --dataset "$(DATASET)" --language "$(LANG_REPORT)" $(if $(RUNS),--runs "$(RUNS)")

# 1: reference: from the runs that are in results/<dataset>, not from build/runs
#: 1
KEEP :=
reference: .stamps/host ## DATASET=sample|knbc KEEP=1: results/<dataset>, the committed report; README's table is knbc's
	@$(RUN) reference --dataset "$(DATASET)" --seeds "$(SEEDS)" $(if $(KEEP),--keep) $(if $(RUNS),--runs "$(RUNS)")
	@$(RUN) checklist

published-check: $(TRAIN_ENV) .stamps/host .stamps/words ## KNBC= LANG_REPORT=en|ja: what the articles state of corpus, tokens and figures, recomputed: a tick each
	$(SAY_RUNTIME)
	@$(RUN) published-check --language "$(LANG_REPORT)" $(if $(KNBC),--knbc "$(KNBC)") \
		$(if $(TOKENIZER),--tokenizer "$(TOKENIZER)")

checklist: .stamps/host ## results/CHECKLIST.md: what holds of the reproducibility check-lists, tested
	@$(RUN) checklist

##@ Cloud
.PHONY: emulator emulator-stop cloud-plan cloud-train cloud-deploy cloud-invoke cloud-batch
.PHONY: tune cloud-tune cloud-scale cloud-status cloud-delete cloud-policy
# aws, or emulator: the account that `make emulator` runs on this machine
#: aws|emulator
CLOUD ?= aws
# With := a variable of the user's shell (DATA, YES) does nothing; what is given to make does.
# 1: no question before what costs; MAX_USD: nothing is created that may cost more
#: 1
YES :=
#: number 0..
MAX_USD ?=
# 1: cloud-train starts a new job even where one of the same inputs has succeeded
#: 1
FRESH :=
# 1: cloud-delete removes what lies in S3, too
#: 1
DATA :=
# cloud-batch: a line each {"q": "…"} or plain text; or records of TYPE, such as the lines of a CSV
#: path
INPUT :=
# cloud-scale: instances at least and at most (1 and 2; on ml.t2.*, which AWS does not scale by
# load, as many as MAX), invocations a minute of each
#: whole 1..
MIN :=
#: whole 1..
MAX :=
#: number >0
TARGET := 600
#: 1
OFF :=
# 1: cloud-status follows the training jobs that run
#: 1
FOLLOW :=
# what goes wrong in the emulator's account (src/emulator/faults.py), its time limits
# (src/emulator/limits.py); 0: a free port
FAULTS :=
LIMITS :=
#: whole 0..65535
EMULATOR_PORT := 0

.stamps/cloud: requirements/cloud.lock
	@mkdir -p .stamps && rm -rf .venvs/cloud
	@echo "setup: cloud environment (SageMaker SDK, moto)"
	@PYTHONPATH=src $(PYTHON) -c 'import train2deploy'
	@$(PYTHON) -m venv .venvs/cloud
	@.venvs/cloud/bin/python -m $(PIP_INSTALL) --requirement requirements/cloud.lock
	@touch $@

# The keys of cloud.toml: `make cloud-train TRAIN_INSTANCE_TYPE=ml.c5.xlarge`. Only what is given
# to make itself counts: a REGION or PREFIX of the user's shell must not move anything.
CLOUD_VARIABLES := REGION ROLE BUCKET PREFIX PROJECT TRAIN_INSTANCE_TYPE TRAIN_INSTANCE_COUNT \
	TRAIN_VOLUME_GB TRAIN_MAX_MINUTES TRAIN_SPOT ENDPOINT_NAME ENDPOINT_INSTANCE_TYPE \
	ENDPOINT_INSTANCE_COUNT ENDPOINT_HOURS BATCH_INSTANCE_TYPE BATCH_INSTANCE_COUNT \
	BATCH_MAX_MINUTES KMS_KEY SUBNETS SECURITY_GROUPS TAGS PRICES $(SERVING_VARIABLES)
CLOUD_RUN = PYTHONPATH=src .venvs/cloud/bin/python -m train2deploy.cloud $(if $(VERBOSE),--verbose) \
	$(WISH) --cloud "$(CLOUD)" $(if $(YES),--yes) $(if $(MAX_USD),--max-usd "$(MAX_USD)") \
	$(call SET,$(CLOUD_VARIABLES))
CLOUD_TRAINING = $(TRAIN_OPTIONS) $(CHANNELS_OPTION) $(if $(REPRO),--repro) $(if $(FRESH),--fresh)

emulator: .stamps/cloud $(TRAIN_ENV) $(SERVE_ENV) ## DETACH=1 FAULTS=…: an AWS account here, for CLOUD=emulator
	@exec env PYTHONPATH=src .venvs/cloud/bin/python -m emulator --port "$(EMULATOR_PORT)" \
		$(if $(DETACH),--detach) --faults "$(FAULTS)" --limits "$(LIMITS)" --runtime "$(RUNTIME)"

emulator-stop: .stamps/cloud ## end what emulator DETACH=1 started, and all that runs in it
	@PYTHONPATH=src .venvs/cloud/bin/python -m emulator --stop

cloud-plan: .stamps/cloud .stamps/train $(READS) ## what cloud-train and cloud-deploy would create, and its cost
	@$(CLOUD_RUN) plan $(CLOUD_TRAINING)

cloud-train: .stamps/cloud .stamps/train $(READS) ## YES=1 MAX_USD=: local-train's job, on SageMaker
	@$(CLOUD_RUN) train $(CLOUD_TRAINING)

cloud-deploy: .stamps/cloud $(PACKAGE) ## build/model.tar.gz, these bytes, behind an endpoint
	@$(CLOUD_RUN) deploy $(ASKED)

cloud-invoke: .stamps/cloud ## Q='…' or REQUEST=<file> TYPE=text/csv, JSON=1: one request to the endpoint
	@$(CLOUD_RUN) invoke $(if $(JSON),--json) $(ASKED) -- "$$Q"

cloud-batch: .stamps/cloud $(PACKAGE) ## INPUT=<file> TYPE=: a batch transform job, answers joined to inputs
	@$(CLOUD_RUN) batch $(ASKED) "$(INPUT)"

cloud-tune: .stamps/cloud .stamps/train $(READS) ## the search of tune.toml, as a tuning job
	@$(CLOUD_RUN) tune $(CLOUD_TRAINING)

tune: .stamps/cloud .stamps/train $(READS) ## the search of tune.toml, here
	@$(CLOUD_RUN) search $(CLOUD_TRAINING)

cloud-scale: .stamps/cloud ## MIN= MAX= TARGET= OFF=1: instances follow the load; MIN=MAX: as many, always
	@$(CLOUD_RUN) scale $(if $(MIN),--min $(MIN)) $(if $(MAX),--max $(MAX)) --target $(TARGET) $(if $(OFF),--off)

cloud-policy: .stamps/cloud ## the IAM policies that this needs
	@$(CLOUD_RUN) policy

cloud-status: .stamps/cloud ## FOLLOW=1: what the project has in the account, with age and cost
	@$(CLOUD_RUN) status $(if $(FOLLOW),--follow)

cloud-delete: .stamps/cloud ## DATA=1: remove everything that costs, and prove it
	@$(CLOUD_RUN) delete $(if $(DATA),--data)

##@ Quality
.PHONY: test test-unit test-contract test-integration test-emulator test-e2e lint
PYTEST := -m pytest --quiet --durations 5 -p no:cacheprovider
PY36_PATH := src:src/train:src/train/published:src/predict/code:.venvs/test-py36
TEST_ENV := PYTHONDONTWRITEBYTECODE=1

# Each has roots and ports of its own and waits more than it computes; the longest begin first.
TEST_SUITES := test-emulator test-integration test-unit test-contract test-e2e lint
# further suites for `make test`, such as test-docker
WITH :=
test: .python36 ## everything that needs no Docker, linters included
	@$(MAKE) $(call SIDE_BY_SIDE,3) .stamps/host .stamps/train .stamps/serve .stamps/handler .stamps/cloud
	@$(MAKE) --silent .stamps/dev .stamps/test-py36 .stamps/predict-lib
	@$(MAKE) $(call SIDE_BY_SIDE,2) --keep-going --output-sync=target $(WITH) $(TEST_SUITES)

test-unit: .stamps/dev .stamps/test-py36 .stamps/predict-lib .stamps/handler ## unit tests, each side in its own Python
	@$(TEST_ENV) PYTHONPATH=src $(HOST) $(PYTEST) tests/unit/host
	@$(TEST_ENV) PYTHONPATH=$(PY36_PATH) .venvs/train/bin/python $(PYTEST) tests/unit/train
	@$(TEST_ENV) PYTHONPATH=$(PY36_PATH):.venvs/predict-lib .venvs/serve/bin/python $(PYTEST) tests/unit/predict
	@$(TEST_ENV) PYTHONPATH=$(PY36_PATH) .venvs/serve/bin/python $(PYTEST) tests/unit/hosting
	@$(TEST_ENV) PYTHONPATH=$(PY36_PATH) .venvs/handler/bin/python $(PYTEST) tests/unit/handler

test-contract: .stamps/dev .stamps/serve .stamps/handler ## the hosting contract, from outside (BASE_URL=…: against another server)
	@$(TEST_ENV) PYTHONPATH=src $(HOST) $(PYTEST) tests/contract

test-integration: .stamps/dev .stamps/train .stamps/serve .stamps/handler ## small jobs and endpoints by their make targets
	@$(TEST_ENV) PYTHONPATH=src $(HOST) $(PYTEST) tests/integration

test-emulator: .stamps/cloud .stamps/train .stamps/serve .stamps/handler ## the cloud half against the emulator
	@$(TEST_ENV) PYTHONPATH=src .venvs/cloud/bin/python $(PYTEST) tests/emulator

test-e2e: .stamps/dev .stamps/train .stamps/serve .stamps/handler ## the main job, make dry-run
	@$(TEST_ENV) PYTHONPATH=src $(HOST) $(PYTEST) tests/e2e

# What code/lib is in the archive, for tests that run inference.py outside of one.
.stamps/predict-lib: src/predict/code/requirements.txt .stamps/serve
	@rm -rf .venvs/predict-lib
	@.venvs/serve/bin/python -m $(PIP_INSTALL) --no-deps --target .venvs/predict-lib --requirement $<
	@touch $@

PY36_FILES := src/train src/predict src/hosting src/encoding.py tests/unit/train tests/unit/predict tests/unit/hosting tests/unit/handler tests/saved_models
lint: .stamps/dev .stamps/test-py36 ## ruff and mypy; pyflakes in Python 3.6
	@$(HOST) -m ruff check src tests
	@$(HOST) -m ruff format --check src/train2deploy src/emulator
	@MYPYPATH=src $(HOST) -m mypy src/train2deploy src/emulator
	@PYTHONPATH=$(PY36_PATH) .venvs/serve/bin/python -m pyflakes $(PY36_FILES)
