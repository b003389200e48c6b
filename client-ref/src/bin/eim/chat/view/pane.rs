//! The pane beside the messages.

use eim_codec::payload::ContactState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use super::{cut, wrap};
use crate::chat::model::{Item, Model, Pane, Question};
use crate::contacts::state_name;
use crate::conversations::role_name;
use crate::devices::class_name;
use crate::output::{printable, time_of_day};

/// Most lines below the items.
const BELOW: usize = 4;

/// Draws a pane.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, pane: &Pane, area: Rect) {
    let count = pane.items.as_ref().map_or(0, Vec::len);
    let block = Block::bordered().title(cut(
        &title(model, &pane.question, count),
        usize::from(area.width.saturating_sub(2)),
    ));
    let inner = block.inner(area);
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let below = match (&pane.confirm, &pane.note, &pane.items) {
        (Some((sure, _)), ..) => Some(format!("{}? y/n", printable(sure))),
        (None, Some(note), _) => {
            let lines: Vec<String> = note.split('\n').map(printable).collect();
            Some(lines.join("\n"))
        }
        (None, None, None) => Some("…".to_owned()),
        (None, None, Some(items)) if items.is_empty() => Some("nothing here".to_owned()),
        _ => None,
    };
    let below: Vec<String> = below
        .iter()
        .flat_map(|it| wrap(it, width))
        .take(BELOW)
        .collect();
    let room = height.saturating_sub(below.len()).max(1);
    let first = pane.at.saturating_sub(room / 2);
    let first = first.min(count.saturating_sub(room));
    let items = pane.items.iter().flatten().enumerate();
    let mut lines: Vec<Line<'_>> = items
        .skip(first)
        .take(room)
        .map(|(at, item)| {
            let mut style = Style::new();
            if at == pane.at && !matches!(item, Item::Field(..)) {
                style = style.add_modifier(Modifier::REVERSED);
            }
            Line::styled(cut(&line(model, item), width), style)
        })
        .collect();
    let style = match pane.confirm {
        Some(_) => Style::new().fg(Color::Yellow),
        None => Style::new().fg(Color::DarkGray),
    };
    lines.extend(below.into_iter().map(|line| Line::styled(line, style)));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn title(model: &Model, question: &Question, count: usize) -> String {
    match question {
        Question::Members(_) => format!("Members ({count})"),
        Question::Contacts => "Contacts".to_owned(),
        Question::Devices => "Devices".to_owned(),
        Question::Profile(user) => format!("Profile of {}", model.user(*user)),
        Question::Pins(_) => "Pinned".to_owned(),
        Question::Readers(_, number) => format!("Who has read #{number}"),
        Question::Search(words) => format!("Found: {}", printable(words)),
    }
}

/// The keys of a pane.
pub(super) const fn keys(question: &Question) -> &'static str {
    match question {
        Question::Members(_) => {
            "Enter write p profile a admin/admit r refuse m mute u unmute o owner x remove"
        }
        Question::Contacts => {
            "a accept  r refuse  x remove  b block on/off  p profile  Enter write  Esc close"
        }
        Question::Devices => "↑↓ choose  l log out  Esc close  F1 help",
        Question::Profile(_) => "Enter write  Esc close  F1 help",
        Question::Pins(_) | Question::Search(_) => "↑↓ choose  Enter go there  Esc close  F1 help",
        Question::Readers(..) => "↑↓ choose  p profile  Esc close  F1 help",
    }
}

fn line(model: &Model, item: &Item) -> String {
    let text = match item {
        Item::Member(member) => {
            format!("{:20} {}", model.user(member.user), role_name(member.role))
        }
        Item::Waiting(waiting) => {
            let by = model.user(waiting.invited_by);
            format!(
                "{:20} waits to join, invited by {by}",
                model.user(waiting.user)
            )
        }
        Item::Contact(contact) => {
            let state = match contact.state {
                ContactState::None => "",
                state => state_name(state),
            };
            let blocked = if contact.blocked { " blocked" } else { "" };
            let words = match contact.message.as_str() {
                "" => String::new(),
                words => format!("  {words}"),
            };
            format!("{:16} {state}{blocked}{words}", model.user(contact.user))
        }
        Item::Device(device, behind) => {
            let online = if device.online { "online" } else { "offline" };
            let own = if device.own { "  (this one)" } else { "" };
            let behind = match behind {
                0 => String::new(),
                behind => format!("  {behind} behind"),
            };
            let class = class_name(device.class);
            format!("{:16} {class:8} {online:7}{behind}{own}", device.name)
        }
        Item::Field(_, what, text) => format!("{what:13} {text}"),
        Item::Message {
            conv_seq,
            time_ms,
            sender,
            text,
            conversation,
        } => {
            let sender = sender.map_or_else(|| "server".to_owned(), |it| model.user(it));
            let mut rows = model.rows().iter();
            let row = rows.find(|row| row.conversation == *conversation);
            let place = row.filter(|_| model.selected() != Some(*conversation));
            let place = place.map_or_else(String::new, |row| format!("[{}] ", model.title(row)));
            let time = time_of_day(*time_ms);
            format!("{time} {place}#{conv_seq} {sender}: {text}")
        }
        Item::Reader(user, read) => format!("{:20} read through #{read}", model.user(*user)),
    };
    printable(&text).replace(['\n', '\t'], " ")
}
