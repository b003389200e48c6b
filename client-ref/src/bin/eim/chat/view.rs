//! The screen: conversations on the left, messages on the right, input and status below.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, List, ListItem, ListState, Paragraph};

use super::model::{Entry, Mark, Model, Receipt};

const KEYS: &str = "Enter send  ↑↓ conversation  PgUp/PgDn scroll  F1 help  Ctrl-C quit";

const HELP: [&str; 12] = [
    "Enter           send",
    "/to USER        open the conversation with a user",
    "/edit #N TEXT   /recall #N     change, take back",
    "/reply #N TEXT  /pin #N        answer, pin",
    "/react #N EMOJI /unreact /unpin",
    "↑ ↓ Tab         previous, next conversation",
    "PgUp PgDn       scroll",
    "Ctrl-U          clear the input",
    "F1 Esc          show, hide this help",
    "Ctrl-C          quit",
    "",
    "… on its way    ! refused    ✓ delivered    ✓✓ read",
];

/// Draws everything. Works from very small terminals on.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let [main, input, status, keys] = Layout::vertical([
        Constraint::Min(1),
        Constraint::Length(3),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [list, messages] =
        Layout::horizontal([Constraint::Length(24), Constraint::Min(20)]).areas(main);
    draw_list(frame, model, list);
    draw_messages(frame, model, messages);
    draw_input(frame, model, input);
    let bar = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(model.status()).style(bar), status);
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().fg(Color::DarkGray)),
        keys,
    );
    if model.help {
        draw_help(frame);
    }
}

fn draw_list(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let items = model.rows().iter().map(|row| {
        let title = model.title(row);
        if row.unread > 0 {
            let bold = Style::new().add_modifier(Modifier::BOLD);
            ListItem::new(format!("{title} ({})", row.unread)).style(bold)
        } else {
            ListItem::new(title)
        }
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

fn draw_messages(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let title = model
        .rows()
        .get(model.selected_index())
        .map_or_else(|| "no conversation yet".to_owned(), |row| model.title(row));
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    let width = usize::from(inner.width).max(1);
    let height = usize::from(inner.height);
    // From the newest upwards, only as far as the screen and the scrolling reach.
    let wanted = height.saturating_add(model.scroll);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for entry in model.entries().iter().rev() {
        if lines.len() >= wanted {
            break;
        }
        lines.extend(entry_lines(model, entry, width).into_iter().rev());
    }
    let scroll = model.scroll.min(lines.len().saturating_sub(height));
    let mut visible: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(height).collect();
    visible.reverse();
    frame.render_widget(Paragraph::new(visible).block(block), area);
}

fn entry_lines(model: &Model, entry: &Entry, width: usize) -> Vec<Line<'static>> {
    let sender = entry
        .sender
        .map_or_else(|| "server".to_owned(), |sender| model.user(sender));
    let mark = match entry.mark {
        Mark::Durable => match model.receipt(entry) {
            Receipt::None => "",
            Receipt::Delivered => " ✓",
            Receipt::Read => " ✓✓",
        },
        Mark::Pending => " …",
        Mark::Failed => " !",
    };
    let style = match entry.mark {
        Mark::Durable => Style::new(),
        Mark::Pending => Style::new().fg(Color::DarkGray),
        Mark::Failed => Style::new().fg(Color::Red),
    };
    let number = match entry.conv_seq {
        0 => String::new(),
        conv_seq => format!(" #{conv_seq}"),
    };
    wrap(
        &format!("{}{number} {sender}: {}{mark}", entry.time, entry.text),
        width,
    )
    .into_iter()
    .map(|line| Line::styled(line, style))
    .collect()
}

/// Breaks text into lines of a width in columns, at line ends and wherever it has to.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.split('\n') {
        let (mut line, mut used) = (String::new(), 0);
        for letter in part.chars() {
            let mut octets = [0; 4];
            let columns = Span::raw(&*letter.encode_utf8(&mut octets)).width();
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
    let column = Span::raw(before.as_str()).width();
    // The part with the cursor is the visible one.
    let width = usize::from(inner.width).max(1);
    let hidden = (column + 1).saturating_sub(width);
    let offset = u16::try_from(hidden).unwrap_or(u16::MAX);
    let input = Paragraph::new(model.input.as_str())
        .block(block)
        .scroll((0, offset));
    frame.render_widget(input, area);
    let column = u16::try_from(column - hidden).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(inner.x.saturating_add(column), inner.y));
}

fn draw_help(frame: &mut Frame<'_>) {
    let area = frame.area();
    let (width, height) = (56.min(area.width), 14.min(area.height));
    let area = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    let help = Paragraph::new(HELP.map(Line::from).to_vec()).block(Block::bordered().title("Help"));
    frame.render_widget(Clear, area);
    frame.render_widget(help, area);
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
}
