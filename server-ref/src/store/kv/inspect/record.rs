//! What records say.

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::payload::{ContactState, ConversationKind, FanOut, Role};

use super::Name;
use crate::store::kv::record::blob::BlobRow;
use crate::store::kv::record::modified::{ModifiedRow, PinsRow, UserReactionsRow};
use crate::store::kv::record::state::{
    self, AnnouncementRow, ContactRow, ConversationRow, CursorRow, DeviceRow, FloorRow,
    InvitationRow, MarkRow, MemberRow, MembershipRow, MetaRow, ProfileRow, UserRow, WaitingRow,
};
use crate::store::kv::record::{act, entry, timeline};
use crate::store::{Entry, GroupState, StoreError};

/// A record, without what only the store itself needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A log entry.
    Entry(Box<Entry>),
    /// References of a timeline: number, conversation, conv_seq.
    Chunk(Vec<(u64, ConversationId, u64)>),
    /// The first outcome of a message or request.
    Outcome {
        /// Where it went.
        conversation: ConversationId,
        /// The entry it became; 0 when a request changed nothing.
        conv_seq: u64,
        /// Commit time in Unix milliseconds.
        time_ms: u64,
        /// Number in the timeline of the user; 0 when a request changed nothing.
        user_seq: u64,
    },
    /// A conversation.
    Conversation {
        /// Direct or group.
        kind: ConversationKind,
        /// Name of a group.
        name: String,
        /// Number of members.
        members: u32,
        /// How its entries reach members.
        fan_out: FanOut,
        /// What is decided about a group; `muted_until_ms` is nobody's.
        group: GroupState,
    },
    /// A member.
    Member {
        /// Its role.
        role: Role,
        /// conv_seq of the entry that added it.
        joined_at: u64,
        /// conv_seq of the entry that changed it last.
        changed_at: u64,
        /// Until when it may not send; 0 for not.
        muted_until_ms: u64,
    },
    /// What a member or former member may read.
    Membership {
        /// Its role; `Unspecified` for a former one.
        role: Role,
        /// First conv_seq.
        visible_from: u64,
        /// Last conv_seq; 0 while a member.
        visible_through: u64,
    },
    /// A blob.
    Blob {
        /// Who has uploaded it, or does.
        owner: UserId,
        /// SHA-256 of its octets.
        sha256: [u8; 32],
        /// Octets.
        size: u64,
        /// All octets are there.
        complete: bool,
        /// Messages that refer to it.
        references: u32,
        /// Under which its octets are kept.
        content: BlobId,
    },
    /// A user.
    User {
        /// May not log in.
        disabled: bool,
    },
    /// A device.
    Device {
        /// Generation of its newest connection.
        generation: u64,
        /// It is logged out.
        logged_out: bool,
        /// When it logged in last, with more than a token.
        logged_in_ms: u64,
    },
    /// A cursor.
    Cursor {
        /// Its epoch.
        log_epoch: u64,
        /// The device has stored its timeline through this number.
        user_seq: u64,
    },
    /// Marks.
    Mark {
        /// Their epoch.
        log_epoch: u64,
        /// Everything through this number is read.
        read: u64,
        /// Countable entries through it.
        countable: u64,
        /// Everything through this number is on a device.
        delivered: u64,
        /// The user wants to come back.
        marked_unread: bool,
    },
    /// Entries through this one that name the user.
    Mention(u64),
    /// The highest number removed from a timeline.
    Floor(u64),
    /// What operations have made of a message.
    Modified {
        /// conv_seq of its EDITs, in order.
        edits: Vec<u64>,
        /// conv_seq of its RECALL; 0 for none.
        recall_seq: u64,
        /// Reactions with the numbers of their users.
        reactions: Vec<(String, u32)>,
        /// conv_seq of the PIN in force; 0 for none.
        pin_seq: u64,
    },
    /// Reactions of a user to a message.
    UserReactions(Vec<String>),
    /// Pinned messages of a conversation: the message and its PIN.
    Pins(Vec<(u64, u64)>),
    /// A user on a list of contacts.
    Contact {
        /// What the user is to the owner.
        state: ContactState,
        /// The owner has blocked the user.
        blocked: bool,
        /// Number of the entry of the personal log after which this is so.
        version: u64,
    },
    /// An announcement.
    Announcement {
        /// What it says.
        text: String,
        /// The entry that made it.
        conv_seq: u64,
    },
    /// An invitation.
    Invitation {
        /// Who made it.
        user: UserId,
        /// When it ends.
        expires_ms: u64,
        /// How many may still use it; `None` for any number.
        uses: Option<u32>,
    },
    /// A user who waits to join.
    Waiting {
        /// Who made the invitation.
        invited_by: UserId,
    },
    /// What is known of a user beside the account.
    Profile {
        /// Phone number.
        phone: String,
        /// Mail address.
        mail: String,
        /// Raised by each change.
        version: u64,
    },
    /// Whose profile has a version.
    ProfileVersion(UserId),
    /// The epoch of all logs and timelines.
    Meta {
        /// It.
        log_epoch: u64,
    },
    /// Records that say nothing by themselves.
    Opaque,
}

/// The record behind a name.
///
/// # Errors
/// [`StoreError::Corrupt`] when it does not decode.
pub fn record(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Entry(conversation, conv_seq) => {
            Record::Entry(Box::new(entry::decode(conversation, conv_seq, value)?))
        }
        Name::Chunk(_, last) => Record::Chunk(
            timeline::decode(last, value)?
                .into_iter()
                .map(|(number, at)| (number, at.conversation, at.conv_seq))
                .collect(),
        ),
        Name::Message(..) | Name::Request(..) => {
            let outcome = act::decode(value)?;
            Record::Outcome {
                conversation: outcome.conversation,
                conv_seq: outcome.conv_seq,
                time_ms: outcome.time_ms,
                user_seq: outcome.user_seq,
            }
        }
        Name::Conversation(_) => {
            let row: ConversationRow = state::decode("conversation", value)?;
            Record::Conversation {
                fan_out: row.fan_out(),
                group: group_state(&row),
                kind: ConversationKind::try_from(row.kind).unwrap_or(ConversationKind::Unspecified),
                name: row.name,
                members: row.members,
            }
        }
        Name::Member(..) => {
            let row: MemberRow = state::decode("member", value)?;
            Record::Member {
                role: role(row.role),
                joined_at: row.joined_at,
                changed_at: row.changed_at,
                muted_until_ms: row.muted_until_ms,
            }
        }
        Name::Membership(..) => {
            let row: MembershipRow = state::decode("membership", value)?;
            Record::Membership {
                role: role(row.role),
                visible_from: row.visible_from,
                visible_through: row.visible_through,
            }
        }
        Name::Floor(_) => Record::Floor(state::decode::<FloorRow>("floor", value)?.floor),
        Name::Meta => Record::Meta {
            log_epoch: state::decode::<MetaRow>("meta", value)?.log_epoch,
        },
        Name::Modified(..) | Name::UserReactions(..) | Name::Pins(_) => {
            return record_of_operations(name, value);
        }
        Name::Announcement(_) | Name::Invitation(..) | Name::Waiting(..) => {
            return record_of_group(name, value);
        }
        Name::Blob(_) => return record_of_blob(value),
        name => return record_of_user(name, value),
    })
}

fn record_of_blob(value: &[u8]) -> Result<Record, StoreError> {
    let row: BlobRow = state::decode("blob", value)?;
    Ok(Record::Blob {
        owner: state::id("blob", &row.owner)?,
        sha256: state::array("blob", &row.sha256)?,
        size: row.size,
        complete: row.complete,
        references: row.references,
        content: state::id("blob", &row.content)?,
    })
}

/// What operations leave.
fn record_of_operations(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Modified(..) => {
            let row: ModifiedRow = state::decode("modified", value)?;
            let counted = row.reactions.into_iter();
            Record::Modified {
                edits: row.edits,
                recall_seq: row.recall_seq,
                reactions: counted.map(|row| (row.reaction, row.count)).collect(),
                pin_seq: row.pin_seq,
            }
        }
        Name::UserReactions(..) => {
            let row: UserReactionsRow = state::decode("user reactions", value)?;
            Record::UserReactions(row.reactions)
        }
        Name::Pins(_) => {
            let row: PinsRow = state::decode("pins", value)?;
            let pins = row.pins.into_iter();
            Record::Pins(pins.map(|pin| (pin.target, pin.pin_seq)).collect())
        }
        _ => Record::Opaque,
    })
}

fn group_state(row: &ConversationRow) -> GroupState {
    GroupState {
        dissolved: row.dissolved,
        policy: row.policy(),
        muted_until_ms: 0,
        all_muted_until_ms: row.muted_until_ms,
        announced: row.announced,
        waiting: row.waiting,
        follows_department: row.department,
    }
}

/// What is decided about a group, beside its own record.
fn record_of_group(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Announcement(_) => {
            let row: AnnouncementRow = state::decode("announcement", value)?;
            Record::Announcement {
                text: row.text,
                conv_seq: row.conv_seq,
            }
        }
        Name::Invitation(..) => {
            let row: InvitationRow = state::decode("invitation", value)?;
            Record::Invitation {
                user: state::id("invitation", &row.user)?,
                expires_ms: row.expires_ms,
                uses: row.uses,
            }
        }
        Name::Waiting(..) => {
            let row: WaitingRow = state::decode("waiting", value)?;
            Record::Waiting {
                invited_by: state::id("waiting", &row.invited_by)?,
            }
        }
        _ => Record::Opaque,
    })
}

/// What is kept of a user.
fn record_of_user(name: Name, value: &[u8]) -> Result<Record, StoreError> {
    Ok(match name {
        Name::Profile(_) => {
            let row: ProfileRow = state::decode("profile", value)?;
            Record::Profile {
                phone: row.phone,
                mail: row.mail,
                version: row.version,
            }
        }
        Name::ProfileVersion(_) => Record::ProfileVersion(state::id("profile version", value)?),
        Name::User(_) => Record::User {
            disabled: state::decode::<UserRow>("user", value)?.disabled,
        },
        Name::Device(..) => {
            let row: DeviceRow = state::decode("device", value)?;
            Record::Device {
                generation: row.generation,
                logged_out: row.logged_out != 0,
                logged_in_ms: row.logged_in_ms,
            }
        }
        Name::Cursor(..) => {
            let row: CursorRow = state::decode("cursor", value)?;
            Record::Cursor {
                log_epoch: row.log_epoch,
                user_seq: row.user_seq,
            }
        }
        Name::Mark(..) => {
            let row: MarkRow = state::decode("mark", value)?;
            Record::Mark {
                log_epoch: row.log_epoch,
                read: row.read,
                countable: row.countable,
                delivered: row.delivered,
                marked_unread: row.marked_unread,
            }
        }
        Name::Mention(..) => Record::Mention(crate::store::kv::mentions::count(value)?),
        Name::Contact(..) => {
            let row: ContactRow = state::decode("contact", value)?;
            Record::Contact {
                state: row.state(),
                blocked: row.blocked,
                version: row.version,
            }
        }
        _ => Record::Opaque,
    })
}

fn role(number: i32) -> Role {
    Role::try_from(number).unwrap_or(Role::Unspecified)
}
