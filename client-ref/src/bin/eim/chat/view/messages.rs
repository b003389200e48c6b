//! The messages of the selected conversation.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::{cut, wrap};
use crate::chat::model::{Entry, Mark, Model, Receipt};

/// Draws them.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let title = match model.row() {
        Some(row) => cut(
            &model.headline(row),
            usize::from(area.width.saturating_sub(2)),
        ),
        None => "no conversation yet".to_owned(),
    };
    let mut block = Block::bordered().title(title);
    if let Some(typists) = model.typists() {
        block = block.title_bottom(typists);
    }
    let inner = block.inner(area);
    let width = usize::from(inner.width).max(1);
    let height = usize::from(inner.height);
    // From the newest upwards, only as far as the screen and the scrolling reach.
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut scroll = model.scroll;
    let mut sought = model.focus;
    for entry in model.entries().iter().rev() {
        if sought.is_none() && lines.len() >= height.saturating_add(scroll) {
            break;
        }
        lines.extend(entry_lines(model, entry, width).into_iter().rev());
        if sought == Some(entry.conv_seq) && entry.mark == Mark::Durable {
            sought = None;
            // The one that is picked out stands in the middle, or below it near the end.
            scroll = lines.len().saturating_sub(height / 2 + 1);
        }
    }
    let scroll = scroll.min(lines.len().saturating_sub(height));
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
    let mut style = match entry.mark {
        Mark::Durable => Style::new(),
        Mark::Pending => Style::new().fg(Color::DarkGray),
        Mark::Failed => Style::new().fg(Color::Red),
    };
    if entry.mark == Mark::Durable && model.focus == Some(entry.conv_seq) {
        style = style.add_modifier(Modifier::REVERSED);
    }
    let number = match entry.conv_seq {
        0 => String::new(),
        conv_seq => format!(" #{conv_seq}"),
    };
    let dim = Style::new().fg(Color::DarkGray);
    let quote = model.quote(entry);
    let quote = quote.map(|quote| Line::styled(cut(&format!("  {quote}"), width), dim));
    let text = format!("{}{number} {sender}: {}{mark}", entry.time, entry.text);
    let text = wrap(&text, width).into_iter();
    let text = text.map(|line| Line::styled(line, style));
    quote.into_iter().chain(text).collect()
}
