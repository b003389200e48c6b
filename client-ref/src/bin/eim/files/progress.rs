//! A progress bar in octets, if standard error is a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// How far a file is.
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    pub(super) fn new(shown: bool, name: &str, size: u64) -> Self {
        if !shown || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(size);
        let template = "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(Some(bar))
    }

    pub(super) fn at(&self, octets: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(octets);
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish();
        }
    }
}
