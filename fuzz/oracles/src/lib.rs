//! What must hold for any input, whichever engine made it: one module a target, which panics when
//! it does not hold. Stable Rust; the fuzz targets are one line each, and `fuzz/generate` replays
//! every seed and every regression through [`TARGETS`] in `cargo test`.

#![forbid(unsafe_code)]

mod drive;
mod reference;

pub mod frame_chunks;
pub mod frame_decode;

/// A target: a name, and what must hold for an input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the module, of the file in `fuzz_targets`, and of the folders of seeds and regressions.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All targets, in the order of their names.
pub const TARGETS: &[Target] = &[
    Target {
        name: "frame_chunks",
        run: frame_chunks::run,
    },
    Target {
        name: "frame_decode",
        run: frame_decode::run,
    },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
