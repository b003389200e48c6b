//! Help for the keys that work where one is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::chat::model::Question;

const MAIN: &[&str] = &[
    "Enter send        ↑ ↓ Tab conversation     PgUp PgDn scroll",
    "F2 members, or profile of the peer         F3 /find WORDS",
    "F4 contacts   F5 devices   F6 own profile  F7 pinned",
    "F8 who has read the message                Ctrl-U clear",
    "Alt-↑ Alt-↓ pick a message out, then: Ctrl-R reply",
    "  Ctrl-E edit   Ctrl-D recall   Ctrl-T react   Ctrl-B pin",
    "  Ctrl-F forward, or with its number:",
    "/reply #N TEXT  /edit #N TEXT  /recall #N  /react #N EMOJI",
    "/file PATH      sends a file; /save #N [PATH] saves one",
    "/call  Ctrl-A answers  Ctrl-X declines, hangs up; signalling",
    "                only, without sound        ☎ missed",
    "/unreact #N EMOJI  /pin #N  /unpin #N  /forward #N USER",
    "/readers #N     /unread marks as unread    @NAME @all mention",
    "/to USER        opens the conversation with a user",
    "/new NAME USER… creates a group;  in one: /add USER…",
    "                /rename NAME  /leave",
    "/ask USER WORDS asks to be contacts;  /block /unblock USER",
    "/profile USER   /me name|phone|mail TEXT",
    "● online  ◐ away           +2 wait to join: F2",
    "(3 @1) unread, mentions    … on its way    ! refused",
    "✓ delivered  ✓✓ read; in groups: somebody has read it",
    "Ctrl-C quit     Esc back                   any key: close help",
];

const MEMBERS: &[&str] = &[
    "↑ ↓ PgUp PgDn   choose",
    "Enter           opens the conversation with the member",
    "p               profile",
    "a               makes an admin, or a member again (owner)",
    "o               hands the group over (owner)",
    "x               removes (owner and admins)",
    "m u             mutes for an hour, lets send again",
    "a r             admits, refuses who waits to join",
    "Esc             back",
    "",
    "/add USER…      adds members     /announce TEXT",
    "/muteall MINUTES keeps members from sending; 0 ends it",
    "/invite         makes an invitation    /join INVITATION",
    "/dissolve NAME  ends the group for everybody",
];

const CONTACTS: &[&str] = &[
    "↑ ↓ PgUp PgDn   choose",
    "a               agrees with who asks",
    "r               refuses",
    "x               ends the contact, or takes the request back",
    "b               blocks, or ends that; nobody is told",
    "p               profile",
    "Enter           opens the conversation",
    "Esc             back",
    "",
    "/ask USER WORDS asks somebody to be a contact",
];

const DEVICES: &[&str] = &[
    "↑ ↓             choose",
    "l               logs the device out: its connection ends,",
    "                and it needs the password again",
    "Esc             back",
    "",
    "behind: entries that the device has not stored yet",
];

const PROFILE: &[&str] = &[
    "Enter           opens the conversation with the user",
    "Esc             back",
    "",
    "/me name TEXT   /me phone TEXT   /me mail TEXT",
    "                change the own profile",
];

const MESSAGES: &[&str] = &[
    "↑ ↓ PgUp PgDn   choose",
    "Enter           goes to the message; Esc there: to the newest",
    "p               profile of who wrote it",
    "Esc             back",
    "",
    "/find WORDS     looks for texts on this device that have all",
    "                the words; edited ones as they are now",
    "/pin /unpin #N  pins a message, takes the pin off",
];

const READERS: &[&str] = &[
    "↑ ↓ PgUp PgDn   choose",
    "p               profile",
    "Esc             back",
    "",
    "/readers #N     who has read message N",
];

/// Draws the help for a pane, or for the screen without one.
pub(super) fn draw(frame: &mut Frame<'_>, question: Option<&Question>) {
    let lines = match question {
        None => MAIN,
        Some(Question::Members(_)) => MEMBERS,
        Some(Question::Contacts) => CONTACTS,
        Some(Question::Devices) => DEVICES,
        Some(Question::Profile(_)) => PROFILE,
        Some(Question::Pins(_) | Question::Search(_)) => MESSAGES,
        Some(Question::Readers(..)) => READERS,
    };
    let area = frame.area();
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let (width, height) = (64.min(area.width), height.min(area.height));
    let area = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    let lines: Vec<Line<'_>> = lines.iter().map(|line| Line::from(*line)).collect();
    let help = Paragraph::new(lines).block(Block::bordered().title("Help"));
    frame.render_widget(Clear, area);
    frame.render_widget(help, area);
}
