//! The screen: conversations on the left, messages on the right, input and status below; a pane
//! beside the messages, or over them where there is no room.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use ratatui::widgets::{Block, List, ListItem, ListState, Paragraph};

use super::model::{Model, Row};

mod help;
mod messages;
mod pane;

/// Columns of the list.
const LIST: u16 = 24;
/// Columns of a pane beside the messages.
const PANE: u16 = 52;
/// Columns of the screen from which on there is room beside.
const WIDE: u16 = 120;

const KEYS: &str =
    "F1 help 2 people 3 find 4 contacts 5 devices 6 me 7 pins 8 readers  Ctrl-C quit";

/// Draws everything. Works from very small terminals on.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let [main, input, status, keys] = Layout::vertical([
        Constraint::Min(1),
        Constraint::Length(3),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [list, right] =
        Layout::horizontal([Constraint::Length(LIST), Constraint::Min(20)]).areas(main);
    draw_list(frame, model, list);
    match model.pane() {
        Some(open) if frame.area().width >= WIDE => {
            let [middle, right] =
                Layout::horizontal([Constraint::Min(20), Constraint::Length(PANE)]).areas(right);
            messages::draw(frame, model, middle);
            pane::draw(frame, model, open, right);
        }
        Some(open) => pane::draw(frame, model, open, right),
        None => messages::draw(frame, model, right),
    }
    draw_input(frame, model, input);
    let bar = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(model.status()).style(bar), status);
    let hint = model
        .pane()
        .map_or_else(|| KEYS.to_owned(), |it| pane::keys(&it.question).to_owned());
    let dim = Style::new().fg(Color::DarkGray);
    let (hint, style) = match model.call_line() {
        Some(line) if model.rings() => (line, Style::new().add_modifier(Modifier::BOLD)),
        Some(line) => (line, Style::new()),
        None => (hint, dim),
    };
    frame.render_widget(Paragraph::new(hint).style(style), keys);
    if model.help {
        help::draw(frame, model.pane().map(|pane| &pane.question));
    }
}

fn draw_list(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let width = usize::from(area.width.saturating_sub(2));
    let items = model.rows().iter().map(|row| {
        let title = format!("{}{}", model.dot(row), model.title(row));
        let count = unread(row) + model.missed_mark(row.conversation);
        let title = cut(&title, width.saturating_sub(count.chars().count()));
        let mut style = Style::new();
        if row.unread > 0 {
            style = style.add_modifier(Modifier::BOLD);
        }
        if row.former {
            style = style.fg(Color::DarkGray);
        }
        ListItem::new(title + &count).style(style)
    });
    let list = List::new(items)
        .block(Block::bordered().title("Conversations"))
        .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = ListState::default();
    if !model.rows().is_empty() {
        state.select(Some(model.selected_index()));
    }
    frame.render_stateful_widget(list, area, &mut state);
}

/// What is unread, and who waits to be let in.
fn unread(row: &Row) -> String {
    let waiting = match row.waiting {
        0 => String::new(),
        waiting => format!(" +{waiting}"),
    };
    match (row.unread, row.mentions) {
        (0, _) => waiting,
        (unread, 0) => format!("{waiting} ({unread})"),
        (unread, mentions) => format!("{waiting} ({unread} @{mentions})"),
    }
}

/// Columns of a text.
fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text of one line in at most so many columns.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut line = String::new();
    let mut used = 1;
    for letter in text.chars() {
        let mut octets = [0; 4];
        used += columns(letter.encode_utf8(&mut octets));
        if used > width {
            break;
        }
        line.push(letter);
    }
    if width > 0 {
        line.push('…');
    }
    line
}

/// Breaks text into lines of a width in columns, at line ends and wherever it has to.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.split('\n') {
        let (mut line, mut used) = (String::new(), 0);
        for letter in part.chars() {
            let mut octets = [0; 4];
            let columns = columns(letter.encode_utf8(&mut octets));
            if used + columns > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(letter);
            used += columns;
        }
        lines.push(line);
    }
    lines
}

fn draw_input(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let block = Block::bordered();
    let inner = block.inner(area);
    let before: String = model.input.chars().take(model.cursor).collect();
    let column = columns(&before);
    // The part with the cursor is the visible one.
    let width = usize::from(inner.width).max(1);
    let hidden = (column + 1).saturating_sub(width);
    let offset = u16::try_from(hidden).unwrap_or(u16::MAX);
    let input = Paragraph::new(model.input.as_str())
        .block(block)
        .scroll((0, offset));
    frame.render_widget(input, area);
    if model.pane().is_none() {
        let column = u16::try_from(column - hidden).unwrap_or(u16::MAX);
        frame.set_cursor_position(Position::new(inner.x.saturating_add(column), inner.y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_by_columns_not_by_characters() {
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("漢字かな", 5), ["漢字", "かな"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn cuts_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("漢字かな", 5), "漢字…");
        assert_eq!(cut("abc", 0), "");
    }
}
