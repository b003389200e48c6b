//! What a platform shows to people.

use super::compose::Notification;

/// Shown where nothing else may be.
const NEWS: &str = "New message";

/// Title and text.
pub(super) fn shown(notification: &Notification) -> (String, String) {
    let text = notification.preview.clone();
    match &notification.about {
        None => (NEWS.to_owned(), text.unwrap_or_default()),
        Some(about) => {
            let title = about.conversation_name.clone();
            let text = text.unwrap_or_else(|| NEWS.to_owned());
            if about.sender_name == about.conversation_name {
                (title, text)
            } else {
                (title, format!("{}: {text}", about.sender_name))
            }
        }
    }
}
