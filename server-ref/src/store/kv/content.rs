//! Hashes of what was asked, so that one key stands for one content. They are keyed by a secret of
//! the store: after an erasure nobody can guess the content from what is left.

use eim_codec::id::{ConversationId, DeviceId, RequestId, UserId};
use sha2::{Digest, Sha256};

use super::record::act::ContentHash;
use crate::store::{Append, Change, ContactAct, GroupAct, Origin};

/// Hash of a message: type, conversation, body and fallback text.
// impl[EIM-MSG-039]
pub(super) fn of_message(
    secret: &[u8; 32],
    conversation: ConversationId,
    append: &Append,
) -> ContentHash {
    let digest = Sha256::new()
        .chain_update(secret)
        .chain_update([1, append.frame_type.0])
        .chain_update(conversation.as_bytes())
        .chain_update((append.fallback_text.len() as u64).to_be_bytes())
        .chain_update(&append.fallback_text)
        .chain_update(&append.body);
    // A message without blobs has the hash that it always had.
    let digest = append.blobs.iter().fold(digest, Digest::chain_update);
    truncate(digest)
}

/// Hash of a request to log a device out.
// impl[EIM-DEV-006]
pub(super) fn of_log_out(secret: &[u8; 32], device: DeviceId) -> ContentHash {
    let digest = Sha256::new().chain_update(secret).chain_update([3]);
    truncate(digest.chain_update(device.as_bytes()))
}

/// Hash of a change: operation and all that it names.
// impl[EIM-GRP-008] impl[EIM-CTC-010]
pub(super) fn of_change(secret: &[u8; 32], change: &Change) -> ContentHash {
    let digest = Sha256::new().chain_update(secret).chain_update([2]);
    let digest = match change {
        Change::CreateGroup { name, members, .. } => {
            users(digest.chain_update([1]), members).chain_update(name)
        }
        Change::AddMembers {
            conversation,
            users: added,
            ..
        } => users(digest.chain_update([2]).chain_update(conversation), added),
        Change::RemoveMembers {
            conversation,
            users: removed,
            change,
            ..
        } => {
            let digest = digest.chain_update([3]).chain_update(conversation);
            users(digest.chain_update((*change as i32).to_be_bytes()), removed)
        }
        Change::SetRole {
            conversation,
            user,
            role,
            ..
        } => digest
            .chain_update([4])
            .chain_update(conversation)
            .chain_update(user)
            .chain_update((*role as i32).to_be_bytes()),
        Change::Rename {
            conversation, name, ..
        } => digest
            .chain_update([5])
            .chain_update(conversation)
            .chain_update(name),
        Change::Group {
            conversation, act, ..
        } => group(digest.chain_update([6]).chain_update(conversation), act),
        Change::Contact { user, act, .. } => {
            let digest = digest.chain_update([80]).chain_update(user);
            match act {
                ContactAct::Request { message } => digest.chain_update([1]).chain_update(message),
                ContactAct::Answer { accept } => digest.chain_update([2, u8::from(*accept)]),
                ContactAct::Remove => digest.chain_update([3]),
                ContactAct::Block { blocked } => digest.chain_update([4, u8::from(*blocked)]),
            }
        }
        Change::Profile { profile, .. } => {
            let avatar = profile.avatar.as_deref();
            let texts = [&profile.display_name, &profile.phone, &profile.mail];
            let texts = texts.map(|text| text.as_ref().map(String::as_bytes));
            texts
                .into_iter()
                .chain([avatar])
                .fold(digest.chain_update([91]), |digest, field| match field {
                    None => digest.chain_update([0]),
                    Some(field) => digest
                        .chain_update([1])
                        .chain_update((field.len() as u64).to_be_bytes())
                        .chain_update(field),
                })
        }
    };
    truncate(digest)
}

fn group(digest: Sha256, act: &GroupAct) -> Sha256 {
    match act {
        GroupAct::Dissolve => digest.chain_update([1]),
        GroupAct::Mute { user, for_ms } => {
            let digest = digest.chain_update([2, u8::from(user.is_some())]);
            let digest = digest.chain_update(for_ms.to_be_bytes());
            user.iter().fold(digest, Sha256::chain_update)
        }
        GroupAct::Announce { text } => digest.chain_update([3]).chain_update(text),
        GroupAct::SetPolicy { policy } => digest
            .chain_update([4, u8::from(policy.approval)])
            .chain_update((policy.post as i32).to_be_bytes())
            .chain_update((policy.invite as i32).to_be_bytes()),
        // The secret follows from the request.
        GroupAct::Invite {
            lifetime_ms, uses, ..
        } => digest
            .chain_update([5])
            .chain_update(lifetime_ms.to_be_bytes())
            .chain_update(uses.to_be_bytes()),
        GroupAct::Revoke => digest.chain_update([6]),
        GroupAct::Join { secret } => digest.chain_update([7]).chain_update(secret),
        GroupAct::Answer { user, accept } => digest
            .chain_update([8, u8::from(*accept)])
            .chain_update(user),
    }
}

/// Who asks for a change, and its idempotency key.
pub(super) const fn asked_by(change: &Change) -> (Origin, RequestId) {
    match change {
        Change::CreateGroup {
            origin, request, ..
        }
        | Change::AddMembers {
            origin, request, ..
        }
        | Change::RemoveMembers {
            origin, request, ..
        }
        | Change::SetRole {
            origin, request, ..
        }
        | Change::Rename {
            origin, request, ..
        }
        | Change::Group {
            origin, request, ..
        }
        | Change::Contact {
            origin, request, ..
        }
        | Change::Profile {
            origin, request, ..
        } => (*origin, *request),
    }
}

fn users(digest: Sha256, users: &[UserId]) -> Sha256 {
    let digest = digest.chain_update((users.len() as u64).to_be_bytes());
    users
        .iter()
        .fold(digest, |digest, user| digest.chain_update(user))
}

fn truncate(digest: Sha256) -> ContentHash {
    let mut hash = ContentHash::default();
    hash.iter_mut()
        .zip(digest.finalize())
        .for_each(|(to, from)| *to = from);
    hash
}
