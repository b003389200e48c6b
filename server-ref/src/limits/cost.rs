//! What a request costs: about how many lookups it makes, or one write for the disk.

use eim_codec::registry::Operation;

/// Units of a request. Those about presence have a limit of their own and cost nothing here.
#[must_use]
pub const fn cost(operation: Operation) -> u64 {
    match operation {
        Operation::PRESENCE_SUBSCRIBE
        | Operation::PRESENCE_UNSUBSCRIBE
        | Operation::PRESENCE_QUERY
        | Operation::PRESENCE_SET
        | Operation::TYPING => 0,
        // Pages: hundreds of records.
        Operation::SYNC
        | Operation::HISTORY
        | Operation::HEADS
        | Operation::SNAPSHOT
        | Operation::UNREAD
        | Operation::READERS
        | Operation::GROUP_MEMBERS
        | Operation::GROUP_MEMBERS_SINCE
        | Operation::DEPARTMENT_MEMBERS
        | Operation::BLOBS => 4,
        // Writes that grow with the number of members.
        Operation::GROUP_CREATE | Operation::GROUP_ADD => 16,
        _ => 1,
    }
}
