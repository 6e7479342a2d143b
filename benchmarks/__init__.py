"""Programs that measure Cantilena and print tables; `make bench` runs them all."""
