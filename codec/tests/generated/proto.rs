//! Protobuf to Rust, without `protoc`.

use std::path::Path;

/// The Rust source of package `eim.v1`, from all files under `root`/eim/v1.
pub(crate) fn generate(root: &Path) -> String {
    let mut files: Vec<_> = std::fs::read_dir(root.join("eim/v1"))
        .expect("the proto folder can be read")
        .map(|entry| entry.expect("the proto folder can be read").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "proto")
        })
        .collect();
    files.sort();
    let descriptors = protox::compile(&files, [root]).expect("the proto files compile");
    let out = std::env::temp_dir().join(format!("eim-codec-generated-{}", std::process::id()));
    std::fs::create_dir_all(&out).expect("a temporary folder can be made");
    prost_build::Config::new()
        .bytes(["."])
        .out_dir(&out)
        .compile_fds(descriptors)
        .expect("the messages can be generated");
    let source = std::fs::read_to_string(out.join("eim.v1.rs")).expect("package eim.v1 exists");
    std::fs::remove_dir_all(&out).expect("the temporary folder can be removed");
    source
}
