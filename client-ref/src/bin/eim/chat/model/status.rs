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
        let me = self.user(self.me);
        match &self.notice {
            Some(notice) => format!("{me} · {state} · {notice}"),
            None => format!("{me} · {state}"),
        }
    }
}
