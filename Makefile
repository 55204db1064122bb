# train2deploy: train a Keras text classifier and deploy it to SageMaker, rehearsed here.
# `make` says where you are; `make help` lists the targets, `make variables` what they take.
# Variables, their checks and defaults, what a target needs first and the command behind it are in
# src/train2deploy/make: here are the targets, the environments and the tests.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := .start
# Python of the host tool (3.10 or newer), and one that can still build the sdists of 2019 for their
# metadata; those of the containers (PYTHON36, PYTHON312) are found by themselves
PYTHON ?= python3
PYTHON_FOR_SDISTS ?= 3.8
# Where none is given it is the environment's, which starts at once: pyenv's python3 asks a shell.
HOST := .venvs/host/bin/python
TOOL_PYTHON := $(if $(and $(filter file,$(origin PYTHON)),$(realpath $(HOST))),$(HOST),$(PYTHON))

# ---- what is given on the command line -------------------------------------------------
# It is text: nothing in it is a variable or a function of make. An empty variable is one that was
# not given. The tool finds each as GIVEN_<name>, apart from what the user's shell has.
unexport $(filter GIVEN_%,$(.VARIABLES))
ON_THE_COMMAND_LINE := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
$(foreach name,$(ON_THE_COMMAND_LINE),$(if $(value $(name)),\
	$(eval export GIVEN_$(name) := $$(value $(name)))$(eval override export $(name) := $$(value $(name))),\
	$(eval override undefine $(name))))
QUOTED = '$(subst ','\'',$(1))'

# What a user's shell says to Python is for other programs; of what it says to pip, how to reach an
# index stays (as in pip.conf, where a line `user = true` is overruled).
OF_PYTHON := $(filter-out PYTHON PYTHON36 PYTHON312 PYTHON_FOR_SDISTS,$(filter PYTHON%,$(.VARIABLES)))
PIP_KEPT := PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS \
	PIP_TRUSTED_HOST PIP_CERT PIP_CLIENT_CERT PIP_PROXY PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES \
	PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_KEYRING_PROVIDER PIP_NO_INPUT PIP_USE_FEATURE PIP_USE_DEPRECATED
unexport $(OF_PYTHON) $(filter-out $(PIP_KEPT) PIP_KEPT PIP_INSTALL,$(filter PIP_%,$(.VARIABLES)))
export PIP_USER := 0

# It is checked before anything runs; the answer holds for what make calls itself, too.
ifeq ($(MAKELEVEL)$(if $(MAKECMDGOALS)$(ON_THE_COMMAND_LINE),,help),0)
CHECKED := $(shell env $(OF_PYTHON:%=-u %) PYTHONPATH=src $(TOOL_PYTHON) -m train2deploy.make.check --goals "$(MAKECMDGOALS)" \
	-- $(foreach name,$(filter-out Q,$(ON_THE_COMMAND_LINE)),$(call QUOTED,$(name)=$(value $(name)))) 2>&1)
ifneq ($(CHECKED),ok)
$(error $(CHECKED))
endif
endif

# Goals run one after the other, in their order, whatever -j says; environments and suites of tests
# side by side.
ifneq ($(filter-out .stamps/% test-% lint,$(MAKECMDGOALS)),)
.NOTPARALLEL:
else
MAKEFLAGS += --keep-going
endif
SIDE_BY_SIDE = --silent $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs $(1))

# ---- the targets that the tool is called for -------------------------------------------
TOOL = MAKE_GOALS="$(MAKECMDGOALS)" MAKE="$(MAKE)" PYTHONPATH=src $(TOOL_PYTHON) -m train2deploy.make
FIND_PYTHON = PYTHONPATH=src $(PYTHON) -m train2deploy.pythons
FIND_PYTHON36 = $(FIND_PYTHON) 3.6 "$(PYTHON36)"
PIP_INSTALL := pip install --quiet --disable-pip-version-check --require-hashes
TARGETS := variables setup doctor status clean data vectors local-train package \
	local-serve playground local-stop invoke verify evaluate dry-run bench soak \
	reproduce runs compare reproduce-check report reference published-check checklist \
	emulator emulator-stop cloud-plan cloud-train cloud-deploy cloud-invoke cloud-batch cloud-tune \
	tune cloud-scale cloud-load cloud-compare cloud-promote cloud-captured cloud-expire cloud-policy \
	cloud-status cloud-metrics cloud-delete notebook notebooks images parity upgrade-check
.PHONY: $(TARGETS)
$(TARGETS):
	+@$(TOOL) $@

##@ Set up
.PHONY: .start help lock
.start:
	@PYTHONPATH=src $(TOOL_PYTHON) -m train2deploy.bare start && echo && awk -f make-help.awk $(MAKEFILE_LIST)
help: ## list the targets (this text)
	@awk -f make-help.awk $(MAKEFILE_LIST)
variables: ## list what can be given, with values and defaults
setup: ## make the environments: host tool, training (TF 1.12), serving (TF 1.13), the handler's
doctor: ## what this machine has and lacks, and what to do
status: ## what is here, what it was made of, what is stale, and the next command of each
lock: .stamps/dev ## resolve requirements/*.in again
	@requirements/lock.sh $(HOST) $(PYTHON_FOR_SDISTS)
	@PYTHONPATH=src $(PYTHON) -m train2deploy.bare next $@
clean: ## remove build/ (not the environments, not data/raw)

##@ From text to a model
data: ## DATASET=sample|knbc|<dir>: build/data, shuffled and split
vectors: ## VECTORS=chive|wikipedia|characters|…: build/vectors, tokenizer and word vectors
local-train: ## VERSION=v1 SEED= CHANNELS= EPOCHS= …: train here under the AWS toolkit
package: ## MODEL= CODE= INCLUDE=: build/model.tar.gz, what is served, uploaded and deployed

##@ From a model to an answer
local-serve: ## PORT= MODEL_DIR= DETACH=1 MERGE=0 BATCHING=1: the endpoint, here
playground: ## PORT_UI=8088 ENDPOINT=local|emulator|cloud A=<package> B=<package>: a page to type into
local-stop: ## end the endpoint that DETACH=1 started
invoke: ## Q='…' or REQUEST=<file> TYPE=text/csv, JSON=1: one request to the endpoint at PORT
verify: ## endpoint against the SavedModel in a session
evaluate: ## scores on the test split, compared with two baselines; CAPTURED=<file>: of captured requests
dry-run: ## the main job: all of the above, from a fresh clone to a classified sentence

##@ How fast, and how robust
bench: ## AGAINST=<package> QUICK=1 PEERS=1 TUNE=1: latency, throughput, memory and start, compared with a raw session
soak: ## SECONDS=600: load while processes are killed; every answer must be right

##@ Reproduce
reproduce: ## SEEDS=5 or SPLITS=5, DATASET= VERSION= JOBS=: one recorded run each; resumes where it stopped
runs: ## DATASET= VERSION= WHERE='accuracy>0.8' SORT=accuracy JSON=1: the recorded runs
compare: ## A=<run> B=<run>: side by side, with McNemar's test (a run: its id or how it begins, or best:v1)
reproduce-check: ## VERSION= EPOCHS=2: clone HEAD twice, build both from scratch, compare every artifact
report: ## DATASET= LANG_REPORT=en|ja: build/reports/<dataset>/report.html, published and reproduced figures
reference: ## DATASET=sample|knbc KEEP=1: results/<dataset>, the committed report; README's table is knbc's
published-check: ## KNBC= LANG_REPORT=en|ja: what the articles state of corpus, tokens and figures, recomputed: a tick each
checklist: ## results/CHECKLIST.md: what holds of the reproducibility check-lists, tested

##@ Cloud
emulator: ## DETACH=1 FAULTS=…: an AWS account here, for CLOUD=emulator
emulator-stop: ## end what emulator DETACH=1 started, and all that runs in it
cloud-plan: ## what cloud-train and cloud-deploy would create, and its cost
cloud-train: ## YES=1 MAX_USD=: local-train's job, on SageMaker
cloud-deploy: ## ROLLOUT=canary:10 BAKE= CAPTURE=20 EXPIRES=2h: build/model.tar.gz, these bytes, behind an endpoint; B=<package> WEIGHT=0.1 SHADOW=1: a second beside it
cloud-compare: ## INPUT=: labelled sentences to both variants: accuracy, McNemar's test, latency, cost
cloud-promote: ## VARIANT=: the better variant gets all requests, the other is removed
cloud-captured: ## what CAPTURE= kept, as a table to put labels into
cloud-expire: ## end the endpoints whose EXPIRES= is over
cloud-invoke: ## Q='…' or REQUEST=<file> TYPE=text/csv, JSON=1: one request to the endpoint
cloud-batch: ## INPUT=<file> TYPE=: a batch transform job, answers joined to inputs
cloud-tune: ## the search of tune.toml, as a tuning job
tune: ## the search of tune.toml, here
cloud-scale: ## MIN= MAX= TARGET= SCHEDULE= OFF=1: instances follow the load; MIN=MAX: as many, always; RPM=: a plan
cloud-load: ## CLIENTS=4,12,4 SECONDS= PAUSE=: load on the endpoint; what it answered, as figures and a plot
cloud-policy: ## the IAM policies that this needs
cloud-status: ## FOLLOW=1: what the project has in the account, with age and cost
cloud-metrics: ## MINUTES=60: invocations, errors, latency, CPU by the minute, as a table and a plot
cloud-delete: ## DATA=1: remove everything that costs, and prove it
notebook: ## LANG_REPORT=en|ja: the article as a notebook that runs, in Jupyter
notebooks: ## both languages again from notebooks/article.py, with the outputs of a run

##@ Quality
.PHONY: test test-unit test-contract test-integration test-emulator test-e2e test-docker test-today coverage lint .python36
PYTEST := -m pytest --quiet --durations 5 -p no:cacheprovider
PY36_PATH := src:src/train:src/train/published:src/predict/code:.venvs/test-py36

# Each has roots and ports of its own. It begins once its environments are there, and WITH others those
# that it uses where it finds them. The longest first.
TEST_SUITES := test-emulator test-integration test-contract test-e2e test-unit lint
test: .python36 ## everything that needs no Docker, linters included
	@$(MAKE) $(call SIDE_BY_SIDE,4) --output-sync=target $(WITH) $(TEST_SUITES)

test-unit: $(addprefix .test-unit-,host train predict hosting handler) ## unit tests, each side in its own Python
.test-unit-%: .stamps/dev .stamps/train .stamps/handler .stamps/test-py36 .stamps/predict-lib
	@PYTHONPATH=$(if $(filter host,$*),src,$(PY36_PATH)$(if $(filter predict,$*),:.venvs/predict-lib)) \
		.venvs/$(if $(filter predict hosting,$*),serve,$*)/bin/python $(PYTEST) tests/unit/$*
coverage: PYTEST := -m coverage run $(PYTEST)
coverage: test-unit ## lines of src that the unit tests of both Pythons run; fails below the floor
	@$(HOST) -m coverage combine --quiet && $(HOST) -m coverage report --skip-covered --sort=miss

test-contract: .stamps/dev .stamps/serve .stamps/handler ## the hosting contract, from outside (BASE_URL=…: against another server)
test-integration: .stamps/dev .stamps/train .stamps/serve .stamps/handler .stamps/cloud ## small jobs and endpoints by their make targets
test-e2e: .stamps/dev .stamps/train .stamps/serve .stamps/handler .stamps/notebook ## the main job, make dry-run; the notebooks
test-today: $(addprefix .stamps/,dev cloud sdk3 train-today serve-today handler-today $(if $(WITH),serve handler)) ## STACK=today and its containers (CPython 3.12)
test-contract test-integration test-e2e test-today:
	@PYTHONPATH=src $(HOST) $(PYTEST) tests/$(@:test-%=%)

test-emulator: .test-emulator-p-z .test-emulator-a-o ## the cloud half against the emulator
.test-emulator-%: $(addprefix .stamps/,train handler dev cloud sdk $(if $(findstring today,$(WITH)),sdk3))
	@PYTHONPATH=src .venvs/cloud/bin/python $(PYTEST) tests/emulator/test_[$*]*.py

PY36_FILES := src/train src/predict src/hosting src/bench src/encoding.py tests/unit/train tests/unit/predict tests/unit/hosting tests/unit/handler tests/saved_models
lint: .stamps/dev .stamps/test-py36 ## ruff and mypy; pyflakes in Python 3.6
	@$(HOST) -m ruff check src tests notebooks/article.py
	@$(HOST) -m ruff format --check src tests/unit/hosting tests/unit/handler
	@MYPYPATH=src $(HOST) -m mypy src/train2deploy src/emulator src/hosting src/bench notebooks/article.py
	@PYTHONPATH=$(PY36_PATH) .venvs/serve/bin/python -m pyflakes $(PY36_FILES)

##@ Containers
images: ## build the Docker images that are missing or have changed (MODEL_SERVER=own|official)
parity: ## A=host B=docker: same seed, same weights, same answers? B=cloud; MODEL=: that one's answers; A=2019 B=today: the SavedModel's and the weights'
upgrade-check: ## PACKAGE= or MODEL_DIR=, REQUESTS=<file.jsonl> CONTRACTS=2019,head,today ALLOW=digits,…: a package on newer containers
test-docker: .stamps/dev .stamps/train .stamps/serve .stamps/handler .stamps/cloud .stamps/sdk ## images, jobs and endpoints in containers (starts an engine)
	@PYTHONPATH=src tests/docker/run.sh $(HOST) $(PYTEST) tests/docker

# ---- environments: what they were made of last stands in .stamps -----------------------
SETS_UP_host := host tool
SETS_UP_test-py36 := tests and linters (Python 3.6)
SETS_UP_predict-lib := packages of inference.py
SETS_UP_words := words (janome, Sudachi)
# Python 3.6 makes environments below a path of any script only where the locale is UTF-8.
.stamps/%: export LC_ALL := C.UTF-8

# A machine without CPython 3.6 is told so once, and before anything is installed.
.python36:
	@$(if $(wildcard .stamps/train),,$(FIND_PYTHON36) >/dev/null)

# Today's containers have a Python of their own (TODAYS). A lock names everything, but for the
# TensorFlow that the messages of TensorFlow Serving ask for and the handler's environment lacks.
# Where Python may write it, bytecode is the first import's: of most packages there is none.
TODAYS := .stamps/train-today .stamps/serve-today .stamps/handler-today
.stamps/host .stamps/cloud .stamps/sdk .stamps/sdk3 $(TODAYS): .stamps/%: requirements/%.lock
	@mkdir -p .stamps && rm -rf .venvs/$* $(if $(filter host,$*),.stamps/dev)
	@echo "setup: $(or $(SETS_UP_$*),$* environment$(if $(filter %-today,$*), (Python 3.12)))"
	@PYTHONPATH=src $(PYTHON) -c 'import train2deploy'
	@python=$$($(if $(filter %-today,$*),$(FIND_PYTHON) 3.12 "$(PYTHON312)",echo "$(PYTHON)")) && \
		"$$python" -m venv .venvs/$*
	@.venvs/$*/bin/python -m $(PIP_INSTALL) $(if $(filter host cloud,$*),--no-compile) --no-deps --requirement $<
	@touch $@

# Jupyter; of what the cloud environment has nothing is installed again.
.stamps/notebook: requirements/notebook.lock .stamps/cloud
	@echo "setup: notebooks (Jupyter)"
	@rm -rf .venvs/notebook
	@.venvs/cloud/bin/python -m venv .venvs/notebook
	@cd .venvs/notebook/lib/python3*/site-packages && \
		printf '../../../../%s\n' ../src cloud/lib/"$${PWD##*/lib/}" > train2deploy.pth
	@.venvs/notebook/bin/python -m $(PIP_INSTALL) --no-compile --requirement $<
	@touch $@

.stamps/dev: requirements/dev.lock .stamps/host
	@echo "setup: tests and linters"
	@$(HOST) -m $(PIP_INSTALL) --no-compile --requirement $<
	@touch $@

# Not for pip's resolver, which never ends on these packages: the lock names everything. The peers
# are what `make bench PEERS=1` compares with; nothing else needs these, CI neither. An endpoint's
# processes write no bytecode: with ours there they start in nine tenths of the time.
PEERS_LOCKED := $(patsubst requirements/peers/%.lock,.stamps/peer-%,$(wildcard requirements/peers/*.lock))
.stamps/peers: $(PEERS_LOCKED)
.stamps/train .stamps/serve .stamps/handler: .stamps/%: requirements/%.lock
$(PEERS_LOCKED): .stamps/peer-%: requirements/peers/%.lock
.stamps/train .stamps/serve .stamps/handler $(PEERS_LOCKED): .stamps/%: requirements/pip.lock
	@mkdir -p .stamps && rm -rf .venvs/$*
	@echo "setup: $* environment (Python 3.6)"
	@python36=$$($(FIND_PYTHON36)) && "$$python36" -m venv .venvs/$*
	@.venvs/$*/bin/python -m $(PIP_INSTALL) --requirement requirements/pip.lock
	@.venvs/$*/bin/python -m $(PIP_INSTALL) --no-deps --requirement $(filter-out %/pip.lock %-head.lock,$(filter %.lock,$^))
	@$(if $(filter handler,$*),$(ADD_HEAD))$(if $(filter serve,$*),.venvs/serve/bin/python -m compileall -q src/hosting)
	@touch $@

# What inference.py sees: the container's packages and no others. Those of the last container
# (HOSTING_CONTRACT=head) lie in a folder of their own; of TensorFlow it has the messages alone.
.stamps/handler: requirements/handler-head.lock | .stamps/serve
SERVE_PACKAGES := .venvs/serve/lib/python3.6/site-packages
define ADD_HEAD
.venvs/handler/bin/python -m $(PIP_INSTALL) --no-deps --target .venvs/handler/head --requirement requirements/handler-head.lock; \
(cd $(SERVE_PACKAGES) && find tensorflow/core -name '*_pb2.py' -print0) | tar -C $(SERVE_PACKAGES) --null -T - -c | tar -C .venvs/handler/head -x
endef

# Laid over the others by PYTHONPATH, so that these stay what the containers hold; what code/lib is
# in the archive, for tests that run inference.py outside of one; and, over the host tool, what cuts
# sentences into words (`make setup` leaves it out).
.stamps/test-py36: requirements/test-py36.lock .stamps/serve
.stamps/predict-lib: src/predict/code/requirements.txt .stamps/serve
.stamps/words: requirements/words.lock .stamps/host
.stamps/test-py36 .stamps/predict-lib .stamps/words: .stamps/%:
	@echo "setup: $(SETS_UP_$*)"
	@rm -rf .venvs/$*
	@.venvs/$(if $(filter words,$*),host,serve)/bin/python -m $(PIP_INSTALL) --no-deps --target .venvs/$* --requirement $<
	@touch $@

IMAGE_LOCKS := $(patsubst %,requirements/%.lock,train serve handler handler-head pip)
.stamps/images-own .stamps/images-official: $(IMAGE_LOCKS) $(wildcard docker/*/* $(addprefix src/hosting/,*.py */*.py */*/*.py)) | .stamps/host
	+@$(TOOL) images
