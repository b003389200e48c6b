//! The line at the bottom.

use eim_client::ConnectionState;

use super::Model;

impl Model {
    /// The status line.
    pub(crate) fn status(&self) -> String {
        let state = match &self.state {
            ConnectionState::Connecting => "connecting".to_owned(),
            ConnectionState::Open { .. } => "online".to_owned(),
            ConnectionState::Waiting { delay, reason } => {
                format!(
                    "offline ({reason}); next attempt in {:.0} s",
                    delay.as_secs_f32().ceil()
                )
            }
            ConnectionState::Offline => "offline".to_owned(),
            ConnectionState::Closed(end) => format!("over: {end}"),
            _ => String::new(),
        };
        let mut line = format!("{} · {state}", self.user(self.me));
        if let Some(notice) = &self.notice {
            return format!("{line} · {notice}");
        }
        let unread = self.rows.iter().filter(|row| row.unread > 0).count();
        if unread > 0 {
            line.push_str(&format!(" · {unread} unread"));
        }
        if let Some(missed) = self.missed_words() {
            line.push_str(&format!(" · {missed}"));
        }
        match self.requests() {
            0 => {}
            1 => line.push_str(" · 1 request (F4)"),
            requests => line.push_str(&format!(" · {requests} requests (F4)")),
        }
        line
    }
}
