//! Asking the person at the terminal.

use std::io::{self, IsTerminal, Write};

use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, read};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use crate::exit::Failure;

/// Restores the terminal, whatever happens.
struct RawMode;

impl RawMode {
    fn enable() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // There is nothing left to try.
        let _ = disable_raw_mode();
    }
}

/// Asks for a password without showing it.
pub(crate) fn password(user: &str) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "a password is needed: EIM_PASSWORD or --password-file",
        ));
    }
    eprint!("password of {user}: ");
    io::stderr().flush()?;
    let raw = RawMode::enable()?;
    let mut password = String::new();
    loop {
        let Event::Key(key) = read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => break,
            KeyCode::Backspace => {
                password.pop();
            }
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                drop(raw);
                eprintln!();
                return Err(Failure::usage("no password"));
            }
            KeyCode::Char(letter) => password.push(letter),
            _ => {}
        }
    }
    drop(raw);
    eprintln!();
    Ok(password)
}

/// Asks a question that only `yes` answers.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("{question} Type yes to go on: ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
