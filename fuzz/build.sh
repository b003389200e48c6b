#!/bin/bash -eu
# Builds all targets as OSS-Fuzz and ClusterFuzzLite want them: binary, seeds, dictionary and options, side by side in $OUT.
# Both have a compiler that instruments, and cargo-fuzz.
cd "$(dirname "$0")/.."

# With the features of the engine only; the generator needs none of them.
env -u RUSTFLAGS -u CFLAGS -u CXXFLAGS cargo run --locked -p eim-fuzz-generate -- seeds "$WORK/seeds"

# Invariants and arithmetic are checked; what the optimiser takes away is not.
cargo fuzz build -O --debug-assertions --features store
targets=${CARGO_TARGET_DIR:-fuzz/target}/x86_64-unknown-linux-gnu/release
for glue in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$glue" .rs)
    cp "$targets/$target" "$OUT/"
    cp fuzz/dict/eim.dict "$OUT/$target.dict"
    cp fuzz/options/default.options "$OUT/$target.options"
    if [ -e "fuzz/options/$target.options" ]; then
        cp "fuzz/options/$target.options" "$OUT/$target.options"
    fi
    if [ -d "$WORK/seeds/$target" ]; then
        (cd "$WORK/seeds/$target" && find . -type f -print | sort | zip -q -@ "$OUT/${target}_seed_corpus.zip")
    fi
done
