//! Keys.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Action, Model, Question};
use crate::output::printable;

impl Model {
    pub(crate) fn paste(&mut self, text: &str) {
        for letter in text.chars() {
            self.insert(if letter.is_control() { ' ' } else { letter });
        }
    }

    fn insert(&mut self, letter: char) {
        let at = self.octet(self.cursor);
        self.input.insert(at, letter);
        self.cursor += 1;
    }

    /// Where a character of the input begins.
    fn octet(&self, character: usize) -> usize {
        self.input
            .char_indices()
            .nth(character)
            .map_or(self.input.len(), |(at, _)| at)
    }

    /// Replaces the input.
    fn write(&mut self, text: &str) -> Vec<Action> {
        self.input = printable(text).replace(['\n', '\t'], " ");
        self.cursor = self.input.chars().count();
        self.pane = None;
        Vec::new()
    }

    /// A key was pressed.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Vec<Action> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return self.control(key.code);
        }
        self.notice = None;
        self.missed_seen();
        if let KeyCode::F(number) = key.code {
            return self.function(number);
        }
        if self.help {
            // Any key ends the help, as a person expects who does not know the keys.
            self.help = false;
            return Vec::new();
        }
        if self.pane.is_some() {
            return self.pane_key(key.code);
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            match key.code {
                KeyCode::Up => self.pick(true),
                KeyCode::Down => self.pick(false),
                _ => {}
            }
            return Vec::new();
        }
        self.plain(key.code)
    }

    fn plain(&mut self, code: KeyCode) -> Vec<Action> {
        match code {
            KeyCode::Enter => return self.enter(),
            KeyCode::Down | KeyCode::Tab => return self.step(1),
            KeyCode::Up | KeyCode::BackTab => return self.step(-1),
            KeyCode::PageUp => self.turn(true),
            KeyCode::PageDown => self.turn(false),
            KeyCode::Esc if self.focus.is_some() => {
                self.focus = None;
                // What was picked out may be far from the newest.
                return vec![Action::Load];
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.input.chars().count()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.input.chars().count(),
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                let at = self.octet(self.cursor);
                self.input.remove(at);
            }
            KeyCode::Delete if self.cursor < self.input.chars().count() => {
                let at = self.octet(self.cursor);
                self.input.remove(at);
            }
            KeyCode::Char(letter) => self.insert(letter),
            _ => {}
        }
        Vec::new()
    }

    fn turn(&mut self, up: bool) {
        if self.focus.is_some() {
            (0..5).for_each(|_| self.pick(up));
        } else if up {
            self.scroll = self.scroll.saturating_add(10);
        } else {
            self.scroll = self.scroll.saturating_sub(10);
        }
    }

    fn function(&mut self, number: u8) -> Vec<Action> {
        match number {
            1 => self.help = !self.help,
            2 => return self.open_people(),
            3 => return self.write("/find "),
            4 => return self.open(Question::Contacts),
            5 => return self.open(Question::Devices),
            6 => return self.open(Question::Profile(self.me)),
            7 => return self.open_pins(),
            8 => return self.open_readers(),
            _ => {}
        }
        Vec::new()
    }

    fn control(&mut self, code: KeyCode) -> Vec<Action> {
        match code {
            KeyCode::Char('c' | 'q') => vec![Action::Quit],
            KeyCode::Char('n') => self.step(1),
            KeyCode::Char('p') => self.step(-1),
            KeyCode::Char('u') => self.write(""),
            KeyCode::Char('a') => self.answer(),
            KeyCode::Char('x') => self.hang_up(),
            KeyCode::Char('r') => self.begin("reply", false),
            KeyCode::Char('e') => self.begin("edit", true),
            KeyCode::Char('d') => self.begin("recall", false),
            KeyCode::Char('t') => self.begin("react", false),
            KeyCode::Char('b') => self.begin("pin", false),
            KeyCode::Char('f') => self.begin("forward", false),
            _ => Vec::new(),
        }
    }

    /// Begins an operation on the message that is picked out: its command stands in the input.
    fn begin(&mut self, verb: &str, with_text: bool) -> Vec<Action> {
        let Some(number) = self.focus else {
            self.notice("Alt-↑ picks a message out first".to_owned());
            return Vec::new();
        };
        let mut line = format!("/{verb} #{number} ");
        if with_text && let Some(entry) = self.entry(number) {
            line.push_str(&entry.plain);
        }
        match verb {
            "recall" | "pin" => self.write(line.trim_end()),
            _ => self.write(&line),
        }
    }

    pub(super) fn step(&mut self, by: isize) -> Vec<Action> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let count = self.rows.len();
        self.selected = self.selected.saturating_add_signed(by).min(count - 1);
        self.pane = None;
        self.leave_entries();
        vec![Action::Load]
    }
}
