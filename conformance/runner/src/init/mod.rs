//! `init-testee`: a codec testee to begin with, in several languages.
//!
//! Each template answers the testee protocol in full, and implements little of the codec: enough
//! for some cases to pass at once. No template needs more than its language comes with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Data;

/// Cases that every template passes: two functions, and headers that are not whole.
pub const CLAIMS: [&str; 4] = [
    "drv-sequence-*",
    "drv-cost-*",
    "hdr-cut-*-0?",
    "hdr-cut-*-10",
];

/// Description of the testee protocol, which each new testee gets a copy of.
const PROTOCOL: &str = "conformance/testees/codec.md";

/// A testee to begin with.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// As it is given on the command line.
    pub key: &'static str,
    /// As people write it.
    pub language: &'static str,
    /// What has to be run once in the folder before the testee can start: words of a command.
    pub build: &'static [&'static str],
    /// What starts the testee in the folder: words of a command.
    pub run: &'static [&'static str],
    /// Name and text of each file. The first is the loop, the second the codec.
    files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal: $($name:literal),+) => {
        &[$(($name, include_str!(concat!("templates/", $folder, "/", $name)))),+]
    };
}

/// All templates.
pub const TEMPLATES: [Template; 5] = [
    Template {
        key: "python",
        language: "Python",
        build: &[],
        run: &["python3", "testee.py"],
        files: files!("python": "testee.py", "codec.py"),
    },
    Template {
        key: "node",
        language: "JavaScript",
        build: &[],
        run: &["node", "testee.mjs"],
        files: files!("node": "testee.mjs", "codec.mjs"),
    },
    Template {
        key: "go",
        language: "Go",
        build: &["go", "build", "-o", "testee", "."],
        run: &["./testee"],
        files: files!("go": "testee.go", "codec.go", "go.mod"),
    },
    Template {
        key: "java",
        language: "Java",
        build: &[
            "javac",
            "-d",
            "build",
            "Testee.java",
            "Codec.java",
            "Json.java",
        ],
        run: &["java", "-cp", "build", "Testee"],
        files: files!("java": "Testee.java", "Codec.java", "Json.java"),
    },
    Template {
        key: "c",
        language: "C",
        build: &[
            "cc", "-std=c99", "-O2", "-o", "testee", "testee.c", "codec.c", "json.c",
        ],
        run: &["./testee"],
        files: files!("c": "testee.c", "codec.c", "codec.h", "json.c", "json.h"),
    },
];

/// The template of a language.
#[must_use]
pub fn template(key: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.key == key)
}

impl Template {
    /// Writes the files into a folder, which is made if there is none. Nothing is replaced.
    ///
    /// # Errors
    /// A file that exists already, or cannot be written.
    pub fn write(&self, folder: &Path, data: &Data) -> Result<Vec<PathBuf>, String> {
        let mut files = vec![("README.md", self.readme())];
        files.extend(
            self.files
                .iter()
                .map(|(name, text)| (*name, (*text).to_owned())),
        );
        files.push(("codec.md", data.read(PROTOCOL)?.into_owned()));
        let path = |name: &str| folder.join(name);
        if let Some((name, _)) = files.iter().find(|(name, _)| path(name).exists()) {
            let there = path(name);
            return Err(format!(
                "{} is there already and is not replaced; give another folder: init-testee --lang {} FOLDER",
                there.display(),
                self.key
            ));
        }
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut written = Vec::new();
        for (name, text) in files {
            fs::write(path(name), text).map_err(|e| format!("{}: {e}", path(name).display()))?;
            written.push(path(name));
        }
        Ok(written)
    }

    /// The commands that build the testee and run the cases it passes, to be given in its folder.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let claims: Vec<String> = CLAIMS.iter().map(|glob| format!("'{glob}'")).collect();
        let (claims, run) = (claims.join(" "), self.run.join(" "));
        let test = format!("eim-conformance codec --only {claims} -- {run}");
        let build = (!self.build.is_empty()).then(|| self.build.join(" "));
        build.into_iter().chain([test]).collect()
    }

    fn readme(&self) -> String {
        let name = |place: usize| self.files.get(place).map_or("", |(name, _)| *name);
        include_str!("templates/README.md")
            .replace("{{language}}", self.language)
            .replace("{{loop}}", name(0))
            .replace("{{codec}}", name(1))
            .replace("{{commands}}", &self.commands().join("\n"))
            .replace("{{run}}", &self.run.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let python = template("python").unwrap();
        let written = python.write(folder.path(), &Data::Embedded).unwrap();
        assert_eq!(written.len(), 4);
        fs::write(folder.path().join("codec.py"), "mine").unwrap();
        fs::remove_file(folder.path().join("README.md")).unwrap();
        let error = python.write(folder.path(), &Data::Embedded).unwrap_err();
        assert!(error.contains("is not replaced"), "{error}");
        assert!(!folder.path().join("README.md").exists());
        let kept = fs::read_to_string(folder.path().join("codec.py")).unwrap();
        assert_eq!(kept, "mine");
    }

    #[test]
    fn every_place_of_the_readme_is_filled() {
        for template in TEMPLATES {
            let readme = template.readme();
            assert!(!readme.contains("{{"), "{readme}");
            assert!(readme.contains(&template.run.join(" ")));
        }
    }
}
