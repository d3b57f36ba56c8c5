# The two commands of a newcomer are `make demo` and `make test`; each sets up what it needs. The work is done by the scripts in tools/.
.DEFAULT_GOAL := help
.PHONY: help setup build demo serve test web parity bench load bench-server versions soak asan tsan lint format clean distclean

help:  ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:  ## Install what demo and test need (Debian packages as root; everything else into .deps/)
	@tools/setup demo test

build:  ## Build the release into build/release, set-up included
	@tools/build_preset release mediscan_cli

demo:  ## Set up, build, and analyse every picture of examples/images with the real LibTorch backend
	@tools/demo_run

serve:  ## Set up, build, and serve the page and the API on http://127.0.0.1:8000 (OPTIONS="--port 9000" and others: docs/server.md)
	@tools/serve $(OPTIONS)

test:  ## Set up, build, and run all quick tests
	@tools/run_tests test

web:  ## Test the server: its page in Chromium, its API against its OpenAPI document, 500 clients of which half are hostile
	@tools/run_tests web

parity:  ## Compare with Pillow, torchvision and torch (installs about 6 GB the first time)
	@tools/run_tests parity

bench:  ## Measure speed against torch, ONNX Runtime, OpenVINO, OpenCV and others (installs as parity does)
	@tools/bench

load:  ## Measure throughput and latency of the engine under load, against the original design (installs as parity does)
	@tools/bench_load

bench-server:  ## Measure the server against the original design as a server (installs as parity does)
	@tools/bench_server

soak:  ## Run mixed load for 30 minutes and show the slope of memory, files and threads (MINUTES=n for another time)
	@tools/soak $(MINUTES)

versions:  ## Run one build on LibTorch 2.11, 2.13 and 2.15 (installs about 3.6 GB the first time)
	@tools/libtorch_versions

asan:  ## Run the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/run_tests asan

tsan:  ## Run the tests of the rooms with threads under ThreadSanitizer
	@tools/run_tests tsan

lint:  ## Check the format and run clang-tidy
	@tools/lint

format:  ## Bring the C++ files into the format of .clang-format
	@tools/check_format --fix

clean:  ## Remove what was built
	rm -rf build

distclean: clean  ## Remove what was built and what set-up put into .deps/
	rm -rf .deps
