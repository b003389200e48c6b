#!/bin/bash -eu
exec "$SRC/eim/fuzz/build.sh"
