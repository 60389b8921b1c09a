# Each target installs the packages that it needs (apt) and works from a fresh clone.
#
#   make run     serves the hello-world example on http://127.0.0.1:8888/   (ARGS="--port 9000 --backend epoll")
#   make run-tls serves it on https://127.0.0.1:8443/ with a certificate made on the spot
#   make dev     the same, built and served again whenever a source changes (PRODUCT=Supermarket ARGS="--log-level debug")
#   make test    all tests                                                  (ARGS="--filter IOLoopTests")
#   make bench   load tests on both backends, compared with the floor       (ARGS="--pipeline 16 --rounds 5")
#   make counts  instructions, allocations and system calls a request       (ARGS="--check", ARGS="--record")
#   make memory  memory of idle connections, and while clients flood        (ARGS="--small")
#   make fuzz    libFuzzer on every target, 60 s each                       (SECONDS=300 TARGETS="request chunked")
#   make lint    formatting, strict C compilation and the rules of CONTRIBUTING.md
#   make format  formats the sources as lint requires
#   make deps    installs the packages of all targets
#   make clean   removes all build products

.PHONY: deps run run-tls dev test bench counts memory fuzz lint format clean

ARGS ?=
PRODUCT ?= HelloWorld
PORT ?= 8888
SECONDS ?= 60
TARGETS ?=

deps:
	@.ci/deps build bench http2 lint

# A later option does not override an earlier one in every parser, so each default is left out where ARGS names the option.
run:
	@.ci/deps build
	swift build -c release --static-swift-stdlib --product HelloWorld
	.build/release/HelloWorld $(if $(findstring --address,$(ARGS)),,--address 127.0.0.1) \
		$(if $(findstring --port,$(ARGS)),,--port 8888) $(ARGS)

# Browsers warn of the certificate, because no authority has signed it.
run-tls:
	@.ci/deps build
	@mkdir -p .build/tls
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -keyout .build/tls/key.pem -out .build/tls/cert.pem
	swift build -c release --static-swift-stdlib --product HelloWorld
	.build/release/HelloWorld $(if $(findstring --address,$(ARGS)),,--address 127.0.0.1) \
		$(if $(findstring --tls-port,$(ARGS)),,--tls-port 8443) \
		--tls-certificate .build/tls/cert.pem --tls-key .build/tls/key.pem $(ARGS)

# ARGS are the program's.
dev:
	@.ci/deps build
	swift build --product twister-dev
	.build/debug/twister-dev --product $(PRODUCT) --port $(PORT) -- $(ARGS)

# The test runner's summary has to be the last output.
test:
	@.ci/deps build
	@swift test --disable-xctest --no-parallel $(ARGS)

bench:
	@.ci/deps build bench
	bench/wrk.sh --backend both --floor $(ARGS)

counts:
	bench/counts.sh $(ARGS)

memory:
	@.ci/deps build bench
	swift build -c release --static-swift-stdlib --product bench-server
	bench/memory.py $(ARGS)
	bench/flood.py $(ARGS)

fuzz:
	@.ci/deps build
	SECONDS_PER_TARGET=$(SECONDS) Tests/Fuzz/run.sh $(TARGETS)

lint:
	@.ci/deps build lint
	@.ci/lint

format:
	@.ci/deps lint
	swift format --in-place --recursive Sources Tests bench Package.swift
	git ls-files 'CReactor/*.[ch]' 'Sources/*.[ch]' 'bench/*.[ch]' | xargs -r clang-format -i

clean:
	rm -rf .build .build-*
