# Two commands for a fresh machine (Debian 12, root, Go, gcc, npm, python3): `make demo` and `make test`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# OpenJPEG decodes JPEG 2000 and HTJ2K. NOJP2=1 builds without it, for machines that lack libopenjp2-7-dev.
TAGS := $(if $(NOJP2),-tags nojp2)
# What is not the release itself says from which commit it is built: 0.3.0-dev+1a2b3c4, with .dirty if files were changed.
COMMIT := $(shell git describe --always --dirty=.dirty --exclude '*' 2>/dev/null || echo unknown)
RELEASE := $(shell git describe --exact-match --tags --dirty 2>/dev/null)
VERSION := $(shell cat VERSION)
ifneq ($(RELEASE),v$(VERSION))
VERSION := $(VERSION)+$(COMMIT)
endif
# The version is set by hand below; a checkout of another owner would make go's own stamping fail. Without paths in them, what one
# checkout compiled is good for another.
export GOFLAGS := -buildvcs=false -trimpath
STUDY ?=
# Each test that is left out for want of the larger data writes its name here; `make test` counts them.
export JCSNODE_LEFT_OUT := $(or $(JCSNODE_LEFT_OUT),$(shell mktemp -u -t jcsnode-left-out.XXXXXX))
export CGO_ENABLED := 1

.PHONY: build provision openvino cuda demo test lint unit training-test evaluate e2e viewer-test packages-test peers bench protocol soak
.PHONY: release packages man clean help page-pictures packages-accelerators

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

build: libraries ## bin/jcsnode
	@mkdir -p bin
	go build $(TAGS) -ldflags '-X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o bin/jcsnode ./cmd/jcsnode

.PHONY: libraries
libraries:
	@$(if $(NOJP2),true,.ci/install openjpeg)

provision: ## ONNX Runtime, pinned and checksummed, into the cache
	@models/provision.sh

openvino: ## the OpenVINO provider for the CPU (84 MB); `make provision` fetches it where there is VNNI
	@models/provision.sh openvino

cuda: ## the CUDA provider and its libraries (several GB)
	@models/provision.sh cuda

demo: build provision ## phantom study (or STUDY=folder) through node and PACS, with previews; DEMO_PAGE=1: then the page stays
	@bin/jcsnode demo --out demo $(if $(STUDY),--study '$(STUDY)') $(if $(filter 1,$(DEMO_PAGE)),--page)

.PHONY: demo-cluster
demo-cluster: build provision ## the same study through two nodes that share a PostgreSQL server and an object store, made for the occasion
	@.ci/install database
	@.ci/install store
	@.ci/demo-cluster demo-cluster $(if $(STUDY),'$(STUDY)')

test: lint unit both viewer-test packages-test ## everything
	@[[ -e $$JCSNODE_LEFT_OUT ]] || exit 0; n=$$(sort -u "$$JCSNODE_LEFT_OUT" | wc -l); rm -f "$$JCSNODE_LEFT_OUT"; \
	echo "Left out: $$n tests, for want of the larger test data; testdata/README.md says what they are and how to get them."

lint: libraries ## gofmt, go vet, staticcheck, width and imports; ruff, mypy
	@unformatted=$$(gofmt -l .); [[ -z $$unformatted ]] || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	go vet $(TAGS) ./...
	go vet $(TAGS) -tags viewer ./cmd/jcsnode
	go vet -tags packages ./packaging
	go -C packaging/tools vet ./...
	go tool staticcheck $(TAGS) ./...
	go test $(TAGS) -run 'Test(Columns|Arrows|Documents|Notice)' ./cmd/jcsnode
	@# The DICOM libraries are of use elsewhere: they build without cgo and on other systems.
	@for target in linux/arm64 darwin/arm64 windows/amd64; do \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build ./dimse/... ./dataset/... ./commitment/... || exit 1; done
	@models/training/setup.sh
	. "$${XDG_CACHE_HOME:-$$HOME/.cache}/jcsnode/venv/bin/activate" && cd models/training && ruff check . && mypy

# Rooms in which several things happen at once: their tests run with the race detector, and so need not run without it, too.
RACED := dimse ledger scp dicomout/deliver notify
empty :=
# Packages that rooms leaves out; an extended regular expression without a dollar.
LEAVE ?= /cmd/

unit: race ## every Go package but the program
	@$(MAKE) --no-print-directory rooms LEAVE='/cmd/|^jcsnode/($(subst $(empty) ,|,$(RACED)))'

.PHONY: rooms race both
rooms: libraries provision openvino peers
	go test $(TAGS) $(TESTFLAGS) $$(go list ./... | grep -vE '$(LEAVE)')

race: libraries provision openvino peers
	go test $(TAGS) -race $(foreach r,$(RACED),./$(r)/...)

# The program's tests wait more than they work, those of the networks work alone.
both: build provision peers ## e2e, and training-test beside it
	@.ci/beside '$(MAKE) --no-print-directory training-test' $(MAKE) --no-print-directory e2e

training-test: peers ## the Python of the networks
	@models/training/setup.sh
	. "$${XDG_CACHE_HOME:-$$HOME/.cache}/jcsnode/venv/bin/activate" && cd models/training && python -m pytest -q

evaluate: ## docs/model-card.md and docs/lungs.md: tables and plots again, from the shipped networks and ../shared/data
	@models/training/setup.sh
	. "$${XDG_CACHE_HOME:-$$HOME/.cache}/jcsnode/venv/bin/activate" && cd models/training && OMP_NUM_THREADS=1 python -m jcs.evaluate
	go run $(TAGS) ./bench/lungs

e2e: build provision peers ## the real program against DCMTK and Orthanc
	go test $(TAGS) -count=1 -timeout 40m -v -run 'Test' ./cmd/...

viewer-test: build provision peers ## the objects in the OHIF viewer
	go test $(TAGS) -count=1 -timeout 20m -v -tags viewer -run TestViewer ./cmd/...

packages-test: build provision openvino ## deb, rpm and image: installed, run, upgraded and removed in a Debian of its own
	@.ci/install packages
	packaging/build $(VERSION) $(COMMIT)
	packaging/accelerators $(VERSION)
	go test -count=1 -timeout 20m -v -tags packages ./packaging

page-pictures: build provision peers ## docs/pictures/page-*.png: the node's page with a real study, by the shipped networks
	@models/training/setup.sh
	rm -rf dist/shots && mkdir -p dist/shots
	JCSNODE_SHOTS="$(CURDIR)/dist/shots" go test $(TAGS) -count=1 -timeout 20m -run TestShots \
	  -ldflags '-X jcsnode/cmd/jcsnode.version=$(shell cat VERSION)' ./cmd/jcsnode
	"$${XDG_CACHE_HOME:-$$HOME/.cache}/jcsnode/venv/bin/python" docs/pictures/shrink.py dist/shots docs/pictures

# The object store of the tests, built beside what follows; Debian's peers; pydicom, highdicom and pynetdicom in an environment of their
# own; what drives a browser and judges its pages.
PEERS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jcsnode/peers
peers:
	@.ci/install store & store=$$!; trap 'kill $$store 2>/dev/null || true' EXIT; .ci/install peers; \
	cmp -s .ci/peers.txt $(PEERS)/installed.txt || { \
	  python3 -m venv $(PEERS) && $(PEERS)/bin/pip install -q -r .ci/peers.txt && cp .ci/peers.txt $(PEERS)/installed.txt; }; \
	wait $$store
	@grep -qs '"version": "4.10.2"' $(PEERS)/node_modules/axe-core/package.json || ! command -v npm >/dev/null || \
	  npm install --loglevel=error --no-audit --no-fund --no-save --prefix $(PEERS) playwright-core@1.57.0 axe-core@4.10.2

bench: build provision peers ## reception against DCMTK and Orthanc, networks and the whole case against VGG-16: ratios of one run, an hour
	go run $(TAGS) ./bench/reception
	go run $(TAGS) ./bench/nets
	go run $(TAGS) ./bench/case -node this=bin/jcsnode

protocol: build provision peers ## the cases of docs/robustness.md at jcsnode, DCMTK, Orthanc, pynetdicom and, where installed, dicom-rs
	go run $(TAGS) ./bench/protocol

# Each fault of a cluster comes 200 times, with a minute for each outage of PostgreSQL, the store and a node that stands still, which is
# more than an hour for sixteen clusters beside each other; FAULTS=10 has them come less often. LONG=15m PACE=20s makes its hour of random
# kills shorter and lighter.
soak: build provision peers ## 10,000 associations that end in every way, minutes of fuzzing, Prometheus, hours of faults in a cluster
	JCSNODE_SOAK=1 go test $(TAGS) -count=1 -timeout 1h -v -run LeavesNothingBehind ./scp
	JCSNODE_SOAK=1 go test -count=1 -timeout 1h -v -run 'Holds|Process' ./cluster/...
	JCSNODE_SOAK=1 JCSNODE_FAULTS=$(or $(FAULTS),200) go test $(TAGS) -count=1 -timeout 4h -v -run TestCluster_Faults ./cmd/jcsnode
	JCSNODE_SOAK=1 go test $(TAGS) -count=1 -timeout 2h -v -run TestCluster_Long ./cmd/jcsnode
	.ci/fuzz
	JCSNODE_SOAK=1 go test $(TAGS) -count=1 -timeout 20m -v -run TestScraped ./cmd/jcsnode

man: build ## dist/man/man1: the manual pages
	bin/jcsnode man --out dist/man/man1

packages: provision release ## dist/: deb, rpm, a container image, the tar of `make release`, SHA256SUMS
	packaging/build $(VERSION) $(COMMIT)
	@cd dist && sha256sum $$(ls | grep -vE '\.sha256$$|^SHA256SUMS$$') | tee SHA256SUMS

packages-accelerators: packages openvino ## also deb and rpm of OpenVINO, jcsnode-openvino (38 MB)
	packaging/accelerators $(VERSION)
	@cd dist && sha256sum $$(ls | grep -vE '\.sha256$$|^SHA256SUMS$$') | tee SHA256SUMS

# The program, what it loads and what must lie beside it.
release: build ## dist/jcsnode-VERSION-linux-ARCH.tar.gz with its SHA-256
	@name=jcsnode-$(VERSION)-linux-$$(go env GOARCH); rm -rf dist; mkdir -p dist/$$name/models dist/$$name/packaging; \
	cp -r bin/jcsnode LICENSE NOTICE README.md CHANGELOG.md SECURITY.md config.toml docs dist/$$name/; \
	cp models/*.onnx models/manifest.toml models/LICENSE models/provision.sh dist/$$name/models/; \
	cp -r packaging/jcsnode.service packaging/prometheus packaging/grafana dist/$$name/packaging/; \
	tar -C dist --owner=0 --group=0 --mode=u=rwX,go=rX --sort=name --mtime=@$$(git log -1 --format=%ct) -czf dist/$$name.tar.gz $$name; \
	for weights in "$${XDG_CACHE_HOME:-$$HOME/.cache}"/jcsnode/training/release/*.pt; do \
		[ ! -f "$$weights" ] || ! grep -q "$$(sha256sum "$$weights" | cut -c1-64)" models/manifest.toml || cp "$$weights" dist/; done; \
	rm -rf dist/$$name; cd dist && sha256sum $$name.tar.gz | tee $$name.tar.gz.sha256

clean:
	rm -rf bin demo demo-cluster dist
