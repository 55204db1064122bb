# The Docker runtime: when it is used, what it needs, the images, its tests.

# Without RUNTIME=, what suits the machine, with the reason.
ifeq ($(strip $(RUNTIME)),)
SUITABLE := $(shell PYTHON36="$(PYTHON36)" $(ASK_PYTHON) -m train2deploy.runtimes.default 2>/dev/null)
override RUNTIME := $(or $(firstword $(SUITABLE)),host)
SAY_RUNTIME = @echo "runtime: $(SUITABLE)"
else
SAY_RUNTIME = @:
endif
export RUNTIME
# Before anything is made for it.
ifneq ($(words $(RUNTIME))$(filter-out host docker sdk,$(RUNTIME)),1)
$(error RUNTIME=$(RUNTIME): expected host or docker (to train: or sdk))
endif

# The environments of the TensorFlow 1.x side, and how the host tool is told.
TRAIN_ENV := .stamps/train
SERVE_ENV := .stamps/serve .stamps/handler
RUNTIME_OPTIONS := --runtime $(RUNTIME)
IMAGES := .stamps/images-$(MODEL_SERVER)
ifneq ($(filter docker sdk,$(RUNTIME)),)
RUNTIME_OPTIONS += --image $(IMAGE) --model-server $(MODEL_SERVER) $(if $(MEMORY),--memory "$(MEMORY)")
ifeq ($(IMAGE),aws)
TRAIN_ENV += .stamps/cloud
SERVE_ENV += .stamps/cloud
else
TRAIN_ENV := $(IMAGES)
SERVE_ENV := $(IMAGES)
endif
endif
ifeq ($(RUNTIME),sdk)
TRAIN_ENV += .stamps/cloud
# What serves is refused here, before anything is trained for it.
ifneq ($(filter local-serve verify evaluate dry-run emulator,$(MAKECMDGOALS)),)
$(error RUNTIME=sdk: the SDK's local mode is for `make local-train` alone. Use RUNTIME=docker, which serves in the same images)
endif
endif
# Whatever the runtime: make takes host where no images are yet.
BUILD_IMAGES = PYTHON36="$(PYTHON36)" $(RUN) --model-server $(MODEL_SERVER) images $(if $(OFFICIAL_SERVING_IMAGE),--official "$(OFFICIAL_SERVING_IMAGE)")

##@ Containers
.PHONY: images parity test-docker
images: .stamps/host ## build the Docker images that are missing or have changed (MODEL_SERVER=own|official)
	@$(BUILD_IMAGES)
	@touch $(IMAGES)

IMAGE_SOURCES := $(shell find -L docker src/hosting -type f ! -name '*.pyc' ! -name '*.md' ! -name '*.mk')
IMAGE_LOCKS := $(patsubst %,requirements/%.lock,train serve handler handler-head pip)
$(IMAGES): $(IMAGE_LOCKS) $(IMAGE_SOURCES) | .stamps/host
	@$(BUILD_IMAGES)
	@touch $@

# With cloud: build/model.tar.gz served here and the endpoint there, the same requests to both.
WITH_CLOUD = $(filter cloud,$(A) $(B))
NEEDS_host := .stamps/train .stamps/serve .stamps/handler
NEEDS_docker := $(IMAGES)
NEEDS_cloud := .stamps/cloud
# Before anything is built for it.
ifneq ($(filter parity,$(MAKECMDGOALS)),)
$(foreach side,A B,$(if $(filter-out host docker cloud,$($(side))),$(error $(side)=$($(side)): expected host, docker or cloud)))
$(if $(filter-out 0 1,$(words $(filter cloud,$(A)) $(filter cloud,$(B)))),$(error A=cloud B=cloud: expected host or docker for one of them))
endif
# A model or a request that is given is asked of the package, and nothing is trained.
AS_IT_IS = $(MODEL)$(CODE)$(REQUEST)
PARITY_INPUTS = $(if $(WITH_CLOUD)$(AS_IT_IS),$(PACKAGE),build/data/manifest.json build/vectors/manifest.json)
PARITY = parity "$(A)" "$(B)" $(ASKED)
parity: .stamps/host $(NEEDS_$(A)) $(NEEDS_$(B)) $(PARITY_INPUTS) ## A=host B=docker: same seed, same weights, same answers? B=cloud; MODEL=: that one's answers
	@$(if $(WITH_CLOUD),$(CLOUD_RUN) $(PARITY),$(RUN) $(PARITY) $(if $(AS_IT_IS),--package,$(TRAIN_OPTIONS)))

test-docker: .stamps/dev .stamps/train .stamps/serve .stamps/handler .stamps/cloud ## images, jobs and endpoints in containers (starts an engine)
	@$(TEST_ENV) PYTHONPATH=src tests/docker/run.sh $(HOST) $(PYTEST) tests/docker
