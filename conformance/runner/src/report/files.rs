//! The options that say which files a verb writes at its end.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{html, junit, markdown};
use crate::data::Data;
use crate::results::Results;

/// Files to write. Every one is made from the results alone.
#[derive(Clone, Debug, Default, Args)]
pub struct Files {
    /// Writes the results, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub results: Option<PathBuf>,
    /// Writes JUnit XML.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub junit: Option<PathBuf>,
    /// Writes one page of HTML: matrix, failures, octets.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub html: Option<PathBuf>,
    /// Writes a summary in Markdown.
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub markdown: Option<PathBuf>,
}

impl Files {
    /// The same files, whatever the current folder will be.
    ///
    /// # Errors
    /// The current folder cannot be read.
    pub fn absolute(&self) -> Result<Self, String> {
        let place = |file: &Option<PathBuf>| {
            let absolute = file.as_ref().map(std::path::absolute).transpose();
            absolute.map_err(|e| e.to_string())
        };
        Ok(Self {
            results: place(&self.results)?,
            junit: place(&self.junit)?,
            html: place(&self.html)?,
            markdown: place(&self.markdown)?,
        })
    }

    /// Writes what was asked for.
    ///
    /// # Errors
    /// Which file cannot be written, and why.
    pub fn write(&self, results: &Results, data: &Data) -> Result<(), String> {
        if let Some(file) = &self.results {
            let mut text = serde_json::to_string_pretty(results).map_err(|e| e.to_string())?;
            text.push('\n');
            save(file, &text)?;
        }
        if let Some(file) = &self.junit {
            save(file, &junit::junit(results)?)?;
        }
        if let Some(file) = &self.html {
            save(file, &html::html(results, data)?)?;
        }
        if let Some(file) = &self.markdown {
            save(file, &markdown::markdown(results))?;
        }
        Ok(())
    }
}

/// Reads a results file.
///
/// # Errors
/// The file cannot be read, or is no results file of this version.
pub fn load(file: &Path) -> Result<Results, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    serde_json::from_str(&text).map_err(|e| {
        format!("{name} is no results file of this suite, as --results writes it: {e}")
    })
}

fn save(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
