"""The steps that tools/setup, tools/demo and tools/run_tests are made of. Standard library only: they run before anything is installed."""
