module holdfast/test/histories/porcupine

go 1.19

// Not on the machine: `make porcupine PORCUPINE_DIR=…` puts a checkout in its place.
require github.com/anishathalye/porcupine v0.0.0
