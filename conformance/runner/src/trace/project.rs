//! The files of a project.

use std::path::{Path, PathBuf};

/// A checkout of the project.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project at `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The project that contains `start`: the nearest folder upwards that has `spec/registry`.
    #[must_use]
    pub fn around(start: &Path) -> Option<Self> {
        start
            .ancestors()
            .find(|folder| folder.join("spec/registry").is_dir())
            .map(Self::at)
    }

    /// Path of a file, given relative to the project.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Text of a file.
    ///
    /// # Errors
    /// Which file, and why.
    pub fn read(&self, file: &str) -> Result<String, String> {
        std::fs::read_to_string(self.path(file)).map_err(|e| format!("{file}: {e}"))
    }

    /// Replaces a file.
    ///
    /// # Errors
    /// Which file, and why.
    pub fn write(&self, file: &str, text: &str) -> Result<(), String> {
        std::fs::write(self.path(file), text).map_err(|e| format!("{file}: {e}"))
    }

    /// The chapters: `spec/NN-*.md`, in order.
    ///
    /// # Errors
    /// Which folder cannot be read, and why.
    pub fn chapters(&self) -> Result<Vec<String>, String> {
        let mut files = self.files("spec", "md")?;
        files.retain(|file| is_chapter(file));
        Ok(files)
    }

    /// The documents of the specification that are no chapters.
    ///
    /// # Errors
    /// Which folder cannot be read, and why.
    pub fn companions(&self) -> Result<Vec<String>, String> {
        let mut files = self.files("spec", "md")?;
        files.retain(|file| !is_chapter(file));
        Ok(files)
    }

    /// All files with an extension below a folder, sorted; hidden folders and build output are
    /// left out. A folder that does not exist has none.
    ///
    /// # Errors
    /// Which folder cannot be read, and why.
    pub fn files(&self, folder: &str, extension: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            if !self.path(&folder).is_dir() {
                continue;
            }
            let entries =
                std::fs::read_dir(self.path(&folder)).map_err(|e| format!("{folder}: {e}"))?;
            for entry in entries {
                let entry = entry.map_err(|e| format!("{folder}: {e}"))?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let path = format!("{folder}/{name}");
                if name.starts_with('.') || name == "target" {
                    continue;
                }
                let kind = entry.file_type().map_err(|e| format!("{path}: {e}"))?;
                if kind.is_dir() {
                    folders.push(path);
                } else if Path::new(&name).extension().is_some_and(|e| e == extension) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Whether a file is `spec/NN-*.md`.
fn is_chapter(file: &str) -> bool {
    let name = file.strip_prefix("spec/").unwrap_or(file).as_bytes();
    matches!(name, [a, b, b'-', ..] if a.is_ascii_digit() && b.is_ascii_digit())
}
