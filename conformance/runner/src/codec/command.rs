//! The command line of a testee, without a shell.

use std::fmt;

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// What is started.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl CommandLine {
    /// Splits a line as a shell would: words at white space, `'…'` as it is, `"…"` with `\"` and
    /// `\\`. Outside quotes a backslash keeps the next character from ending a word or opening a
    /// quote; on Windows it is a backslash. Nothing is expanded.
    ///
    /// # Errors
    /// No word at all, or a quote that does not end.
    pub fn parse(line: &str) -> Result<Self, String> {
        Self::of_words(words(line, cfg!(windows))?)
    }

    /// The words of a command line that was split already.
    ///
    /// # Errors
    /// There is no word.
    pub fn of_words(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let program = words.next().ok_or("no command for the testee")?;
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }
}

/// As one line that [`CommandLine::parse`] splits again.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains('\'') {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        format!("'{word}'")
    }
}

fn words(line: &str, windows: bool) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err(format!("a ' does not end in: {line}")),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') => match rest.next_if(|c| *c == '"' || (*c == '\\' && !windows))
                        {
                            Some(c) => word.push(c),
                            None => word.push('\\'),
                        },
                        Some(c) => word.push(c),
                        None => return Err(format!("a \" does not end in: {line}")),
                    }
                }
            }
            '\\' if !windows => {
                let kept = rest.next_if(|c| c.is_whitespace() || "'\"\\".contains(*c));
                word.get_or_insert_default().push(kept.unwrap_or('\\'));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (line, expected) in [
            ("python3 -m testee", vec!["python3", "-m", "testee"]),
            ("  a   b ", vec!["a", "b"]),
            ("a 'b c' \"d e\"", vec!["a", "b c", "d e"]),
            ("a '' b", vec!["a", "", "b"]),
            (r#"a "say \"hi\" \\ \n""#, vec!["a", r#"say "hi" \ \n"#]),
            (r"a\ b c", vec!["a b", "c"]),
            ("--x='1 2'3", vec!["--x=1 23"]),
        ] {
            assert_eq!(words(line, false).unwrap(), expected, "{line}");
        }
        assert!(words("a 'b", false).is_err());
        assert!(words("a \"b", false).is_err());
    }

    #[test]
    fn backslashes_of_windows_stay() {
        let line = r#"C:\tools\node.exe "C:\my files\t.mjs" codec"#;
        let expected = [r"C:\tools\node.exe", r"C:\my files\t.mjs", "codec"];
        assert_eq!(words(line, true).unwrap(), expected);
    }

    #[test]
    fn a_shown_command_line_can_be_parsed_again() {
        for words in [&["a", "b c", ""][..], &["it's", "\"q\" \\"]] {
            let line = CommandLine::of_words(words.iter().map(|w| (*w).to_owned())).unwrap();
            if !cfg!(windows) {
                assert_eq!(CommandLine::parse(&line.to_string()).unwrap(), line);
            }
        }
        assert!(CommandLine::parse("  ").is_err());
    }
}
