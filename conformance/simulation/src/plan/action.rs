//! What users, applications and operators do, as data.

use serde::{Deserialize, Serialize};

use super::{Department, DeviceNumber, Doing, Fault, GroupNumber, Rank, Signal, To, UserNumber};

/// What happens. What is not possible at that time (a group that does not exist, a device that is
/// down) does not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// A device sends texts.
    Send {
        /// The device.
        device: DeviceNumber,
        /// To whom.
        to: To,
        /// How many, one after another without waiting.
        count: u32,
        /// Octets of each; what is too long for a text is a message of an application.
        octets: u32,
        /// Some of the texts mention users, or everybody.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        calls: bool,
    },
    /// A second program on the device sends texts over a connection that only sends, and ends.
    SendOnly {
        /// The device.
        device: DeviceNumber,
        /// To whom.
        to: To,
        /// How many.
        count: u32,
    },
    /// A device creates a group.
    CreateGroup {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Members beside the user of the device.
        members: Vec<UserNumber>,
    },
    /// A device adds members.
    AddMembers {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who.
        members: Vec<UserNumber>,
    },
    /// A device removes a member.
    RemoveMember {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who.
        member: UserNumber,
    },
    /// A device leaves a group.
    Leave {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device renames a group.
    Rename {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device changes a role.
    SetRole {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Whose.
        member: UserNumber,
        /// Administrator, or member only.
        admin: bool,
    },
    /// A device reads the members of a group.
    Members {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device asks for a contact, answers, ends it, blocks.
    Contact {
        /// The device.
        device: DeviceNumber,
        /// The other user.
        user: UserNumber,
        /// What.
        doing: Doing,
    },
    /// A device reads its list of contacts.
    Contacts {
        /// The device.
        device: DeviceNumber,
    },
    /// A device looks at one conversation.
    Conversation {
        /// The device.
        device: DeviceNumber,
        /// Which.
        of: To,
    },
    /// A device looks users up.
    Users {
        /// The device.
        device: DeviceNumber,
        /// Whom.
        users: Vec<UserNumber>,
        /// By name, or by id.
        by_name: bool,
    },
    /// A device asks for all its conversations.
    Heads {
        /// The device.
        device: DeviceNumber,
    },
    /// A device asks for the devices of its user.
    Devices {
        /// The device.
        device: DeviceNumber,
    },
    /// A device logs another one out, or itself.
    LogOut {
        /// The device.
        device: DeviceNumber,
        /// Which one; that of another user is not found.
        other: DeviceNumber,
    },
    /// A device reads a log.
    History {
        /// The device.
        device: DeviceNumber,
        /// Whose log.
        of: To,
        /// First number; 0 for the newest entries.
        first: u64,
        /// Most entries.
        limit: u32,
    },
    /// A person reads a conversation, or flags it.
    Mark {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// How much of what the device holds, in thousandths.
        permille: u64,
    },
    /// A person wants to come back to a conversation, or does not any longer.
    Flag {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// Wants to.
        set: bool,
    },
    /// A device asks what is unread.
    Unread {
        /// The device.
        device: DeviceNumber,
    },
    /// A device asks who has read a conversation.
    Readers {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// Through this number.
        conv_seq: u64,
        /// Or rather who has not.
        missing: bool,
    },
    /// The application of a device stops reading its events, or goes on.
    Reading {
        /// The device.
        device: DeviceNumber,
        /// Goes on.
        reads: bool,
    },
    /// A device dissolves a group.
    Dissolve {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device mutes a member, or all plain members.
    Mute {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Whom; all without one.
        member: Option<UserNumber>,
        /// How long, in milliseconds; 0 ends it.
        for_ms: u64,
    },
    /// A device announces something.
    Announce {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Which text; 0 takes the announcement away.
        text: u8,
    },
    /// A device says who may do what.
    SetPolicy {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who may send.
        post: Rank,
        /// Who may invite.
        invite: Rank,
        /// Who comes by an invitation waits.
        approval: bool,
    },
    /// A device makes an invitation.
    Invite {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// How long it is good, in milliseconds; 0 for the most.
        lifetime_ms: u64,
        /// How many may use it; 0 for any number.
        uses: u32,
    },
    /// A device takes all invitations of a group back.
    Revoke {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device uses the newest invitation to a group.
    Join {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device reads who waits to join a group.
    Waiting {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device decides about a user who waits.
    Decide {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who.
        user: UserNumber,
        /// Becomes a member.
        accept: bool,
    },
    /// A device reads what has changed among the members of a group.
    MembersSince {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// After this entry.
        since: u64,
    },
    /// A device reads what is decided about a group.
    Info {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device wants to know when users come and go, or does not any longer.
    Watch {
        /// The device.
        device: DeviceNumber,
        /// Whom.
        users: Vec<UserNumber>,
        /// Wants to.
        watch: bool,
    },
    /// A device looks how users are.
    Look {
        /// The device.
        device: DeviceNumber,
        /// Whom.
        users: Vec<UserNumber>,
    },
    /// A user says something about being there.
    Say {
        /// The device.
        device: DeviceNumber,
        /// Is away.
        away: bool,
        /// Which words; 0 for none.
        status: u8,
    },
    /// A person types, or ceases to.
    Type {
        /// The device.
        device: DeviceNumber,
        /// Where.
        of: To,
        /// Types.
        typing: bool,
    },
    /// A device changes the profile of its user.
    SetProfile {
        /// The device.
        device: DeviceNumber,
        /// Which phone number.
        phone: u8,
    },
    /// A device reads the profiles that have changed.
    Profiles {
        /// The device.
        device: DeviceNumber,
    },
    /// A device uploads a file and sends a message that refers to it, after the end of its program
    /// too.
    Upload {
        /// The device.
        device: DeviceNumber,
        /// To whom.
        to: To,
        /// Which file: of equal numbers and sizes the octets are equal.
        file: u8,
        /// Its octets.
        octets: u32,
        /// The person gives it up after so many octets; 0 for never.
        #[serde(default, skip_serializing_if = "is_zero")]
        through: u32,
    },
    /// A device downloads a file of which somebody has told, whether it may or not.
    Fetch {
        /// The device.
        device: DeviceNumber,
        /// Which one, 0 for the last that was uploaded.
        nth: u8,
        /// Names the conversation to which it was sent.
        hint: bool,
    },
    /// A device calls the other members of a conversation.
    Call {
        /// The device.
        device: DeviceNumber,
        /// The conversation.
        of: To,
    },
    /// A device says something in a call of which somebody has heard, whether it may or not.
    Signal {
        /// The device.
        device: DeviceNumber,
        /// Which call, 0 for the newest.
        nth: u8,
        /// What it says.
        signal: Signal,
    },
    /// A device recalls the last file that its user has sent to a conversation.
    Unsend {
        /// The device.
        device: DeviceNumber,
        /// The conversation.
        of: To,
    },
    /// The operator imports departments.
    Import {
        /// All of them.
        departments: Vec<Department>,
    },
    /// An account is disabled or enabled.
    Account {
        /// The user.
        user: UserNumber,
        /// Enabled.
        enabled: bool,
    },
    /// The operator logs a device out.
    PutOut {
        /// The device.
        device: DeviceNumber,
    },
    /// The server sweeps what has expired.
    Sweep,
    /// Something goes wrong, or the world changes.
    Fault(Fault),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
const fn is_zero(octets: &u32) -> bool {
    *octets == 0
}

impl Action {
    /// The device that does it.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceNumber> {
        match self {
            Self::Send { device, .. }
            | Self::SendOnly { device, .. }
            | Self::CreateGroup { device, .. }
            | Self::AddMembers { device, .. }
            | Self::RemoveMember { device, .. }
            | Self::Leave { device, .. }
            | Self::Rename { device, .. }
            | Self::SetRole { device, .. }
            | Self::Members { device, .. }
            | Self::Contact { device, .. }
            | Self::Contacts { device }
            | Self::Conversation { device, .. }
            | Self::Users { device, .. }
            | Self::Heads { device }
            | Self::Devices { device }
            | Self::LogOut { device, .. }
            | Self::History { device, .. }
            | Self::Mark { device, .. }
            | Self::Flag { device, .. }
            | Self::Unread { device }
            | Self::Readers { device, .. }
            | Self::Reading { device, .. }
            | Self::Dissolve { device, .. }
            | Self::Mute { device, .. }
            | Self::Announce { device, .. }
            | Self::SetPolicy { device, .. }
            | Self::Invite { device, .. }
            | Self::Revoke { device, .. }
            | Self::Join { device, .. }
            | Self::Waiting { device, .. }
            | Self::Decide { device, .. }
            | Self::MembersSince { device, .. }
            | Self::Info { device, .. }
            | Self::Watch { device, .. }
            | Self::Look { device, .. }
            | Self::Say { device, .. }
            | Self::Type { device, .. }
            | Self::SetProfile { device, .. }
            | Self::Profiles { device }
            | Self::Upload { device, .. }
            | Self::Fetch { device, .. }
            | Self::Unsend { device, .. }
            | Self::Call { device, .. }
            | Self::Signal { device, .. }
            | Self::PutOut { device } => Some(*device),
            Self::Account { .. } | Self::Import { .. } | Self::Sweep | Self::Fault(_) => None,
        }
    }
}
