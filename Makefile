# The workshop's door: each target installs what it needs (apt) and does its job from a fresh clone.
#
#   make run     serves the hello-world example on http://127.0.0.1:8888/   (ARGS="--port 9000 --backend epoll")
#   make test    all tests                                                  (ARGS="--filter IOLoopTests")
#   make bench   load tests on both backends, compared with the floors      (ARGS="--pipeline 16 --rounds 5")
#   make fuzz    libFuzzer on every target, 60 s each                       (SECONDS=300 TARGETS="request chunked")
#   make lint    formatting, strict C compilation and the house rules
#   make format  rewrites the sources the way that lint wants them
#   make deps    installs everything that the other targets would
#   make clean   removes what was built

.PHONY: deps run test bench fuzz lint format clean

ARGS ?=
SECONDS ?= 60
TARGETS ?=

deps:
	@.ci/deps build bench lint

# Later options do not override earlier ones in every parser, so the defaults stand back where ARGS names them.
run:
	@.ci/deps build
	swift build -c release --static-swift-stdlib --product HelloWorld
	.build/release/HelloWorld $(if $(findstring --address,$(ARGS)),,--address 127.0.0.1) \
		$(if $(findstring --port,$(ARGS)),,--port 8888) $(ARGS)

# The runner's summary is the last thing printed: nothing may follow it.
test:
	@.ci/deps build
	@swift test --disable-xctest --no-parallel $(ARGS)

bench:
	@.ci/deps build bench
	bench/wrk.sh --backend both --floor $(ARGS)

fuzz:
	@.ci/deps build
	SECONDS_PER_TARGET=$(SECONDS) Tests/Fuzz/run.sh $(TARGETS)

lint:
	@.ci/deps build lint
	@.ci/lint

format:
	@.ci/deps lint
	swift format --in-place --recursive Sources Tests bench Package.swift
	git ls-files 'CReactor/*.[ch]' 'bench/*.[ch]' | xargs -r clang-format -i

clean:
	rm -rf .build .build-*
