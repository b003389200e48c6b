//! What a key asks for beyond the model.

use eim_client::ProfileFields;
use eim_client::store::Target;
use eim_codec::id::{CallId, ConversationId, DeviceId, UserId};
use eim_codec::payload::{CallSignalKind, Role};

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Ends the program.
    Quit,
    /// Reads the selected conversation.
    Load,
    /// Sends a text.
    Send(Target, String),
    /// An operation on a message, as typed.
    Operate(Target, String),
    /// Sends a message of the selected conversation on to a user.
    Forward(u64, String),
    /// Uploads a file and sends it.
    SendFile(Target, String),
    /// Saves the file of a message of the selected conversation; where, if not here.
    Save(u64, Option<String>),
    /// Finds a user by name and opens the conversation with them.
    Find(String),
    /// Finds out what a pane shows.
    Ask(Question),
    /// Shows the profile of a user by name.
    Profile(String),
    /// Something between this user and another one.
    Contact(Who, ContactAct),
    /// Something about a group.
    Group(GroupAct),
    /// Logs a device out.
    Logout(DeviceId),
    /// Changes the own profile.
    SetProfile(ProfileFields),
    /// Marks a conversation as unread, to come back to it.
    MarkUnread(ConversationId),
    /// Calls the others of a conversation.
    Call(ConversationId),
    /// Says something to a call.
    Signal(CallId, CallSignalKind),
}

/// What a pane shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Members of a group.
    Members(ConversationId),
    /// Contacts, requests that wait, and blocked users.
    Contacts,
    /// Devices of this user.
    Devices,
    /// The profile of a user.
    Profile(UserId),
    /// Pinned messages.
    Pins(ConversationId),
    /// Who has read a message.
    Readers(ConversationId, u64),
    /// Texts in the local store that have these words.
    Search(String),
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// By id.
    Id(UserId),
    /// By name.
    Name(String),
}

/// What is done about a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContactAct {
    /// Asks, with these words.
    Request(String),
    /// Agrees, or does not.
    Answer(bool),
    /// Ends it, or takes the request back.
    Remove,
    /// Blocks, or ends that.
    Block(bool),
}

/// What is done about a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupAct {
    /// Creates one with these members.
    Create(String, Vec<String>),
    /// Adds members.
    Add(ConversationId, Vec<String>),
    /// Removes a member.
    Remove(ConversationId, UserId),
    /// Changes a role.
    Role(ConversationId, UserId, Role),
    /// Renames it.
    Rename(ConversationId, String),
    /// Leaves it.
    Leave(ConversationId),
    /// Admits or refuses a user who waits to join.
    Answer(ConversationId, UserId, bool),
    /// Keeps a member, or all plain members, from sending for so many milliseconds; 0 ends it.
    Mute(ConversationId, Option<UserId>, u64),
    /// Sets the announcement; an empty one takes it away.
    Announce(ConversationId, String),
    /// Makes an invitation.
    Invite(ConversationId),
    /// Uses an invitation.
    Join(String),
    /// Ends it for everybody.
    Dissolve(ConversationId),
}
