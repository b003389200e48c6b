//! A change of a group happens once, completely, and because somebody asked.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::FrameType;
use eim_server::store::{Entry, Policy};
use prost::Message as _;

use super::{Found, Invariant};
use crate::model::contacts::News;
use crate::model::{Event, Model, ServerChange};
use crate::observation::Question;

/// Entries of a change come in one batch with the key of the request that made them; no user makes
/// more changes than were asked for, and none that nobody asked for.
#[derive(Debug, Default)]
pub struct ChangeIsOnce;

impl Invariant for ChangeIsOnce {
    fn name(&self) -> &'static str {
        "change-is-once"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-CTC-008",
            "EIM-CTC-009",
            "EIM-GRP-003",
            "EIM-GRP-005",
            "EIM-GRP-006",
            "EIM-GRP-007",
            "EIM-GRP-008",
            "EIM-GRP-015",
            "EIM-GPO-006",
            "EIM-GPO-007",
            "EIM-GPO-014",
            "EIM-GPO-024",
            "EIM-DIR-009",
            "EIM-DIR-020",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        for appended in &change.entries {
            let entry = &*appended.entry;
            if entry.client_msg_id.is_none() {
                covered(model, change, entry, found);
            }
        }
        for (user, id, outcome) in &change.requests {
            let (conversation, conv_seq) = outcome.place;
            // A change of a profile is nowhere, and has a version instead of a number.
            let profiles = change.profiles.iter();
            let mut profiles = profiles.filter(|_| conversation == ConversationId::from([0; 16]));
            let profile = profiles.any(|(of, _, version)| of == user && *version >= conv_seq);
            let written = profile
                || change.entries.iter().any(|appended| {
                    appended.entry.conversation == conversation
                        && appended.entry.conv_seq == conv_seq
                        && (author(&appended.entry) == Some(*user)
                            || appended.entry.frame_type == FrameType::MODE)
                });
            found.add_if(conv_seq > 0 && !written, || {
                format!("request {id:02x?} of {user} says {outcome:?}, which is not in its batch")
            });
            let done = model.server.requests.keys();
            let done = done.filter(|(actor, _)| actor == user).count();
            let asked = model.sight.changes_of(*user).count();
            found.add_if(done > asked, || {
                format!("{user} asked for {asked} changes, and {done} were remembered")
            });
        }
    }
}

/// Who made a change: the sender of its entry, or whom an entry of the server names.
fn author(entry: &Entry) -> Option<UserId> {
    match entry.frame_type {
        FrameType::CONTACT => News::of(entry).map(|news| news.by),
        _ => entry.sender,
    }
}

/// The group of a department changes by imports.
fn follows(model: &Model, entry: &Entry) -> bool {
    let conversation = model.server.conversations.get(&entry.conversation);
    conversation.is_some_and(|conversation| conversation.governed.department)
}

/// An entry without a key is a change, with its request in the same batch.
fn covered(model: &Model, change: &ServerChange, entry: &Entry, found: &mut Found) {
    let (conversation, conv_seq) = (entry.conversation, entry.conv_seq);
    let is_mode = |number: u64| {
        change.entries.iter().any(|appended| {
            let entry = &appended.entry;
            (entry.conversation, entry.conv_seq) == (conversation, number)
                && entry.frame_type == FrameType::MODE
        })
    };
    if follows(model, entry) {
        let imports = model.sight.importing.is_some();
        return found.add_if(!imports, || {
            format!("a department changed while nobody imports: {entry:?}")
        });
    }
    let Some(user) = author(entry) else {
        let named = change.requests.iter();
        let mut named = named.filter(|(.., outcome)| outcome.place == (conversation, conv_seq));
        found.add_if(!is_mode(conv_seq) || named.next().is_none(), || {
            format!("an entry of nobody: {entry:?}")
        });
        return;
    };
    // Creating a group may be two entries, and growing large is one more; the request names the
    // last.
    let made = change.requests.iter().any(|(actor, _, outcome)| {
        let (at, last) = outcome.place;
        let personal = entry.frame_type == FrameType::CONTACT
            && at == ConversationId::personal(user)
            && (at != conversation || conv_seq == last);
        let last = last - u64::from(is_mode(last));
        let same = at == conversation && (conv_seq == last || (conv_seq, last) == (1, 2));
        *actor == user && (personal || same)
    });
    found.add_if(!made, || {
        format!("{conversation}/{conv_seq} of {user} without a request in its batch")
    });
    let wanted = model
        .sight
        .changes_of(user)
        .any(|(question, _)| asks_for(question, conversation, entry, user));
    found.add_if(!wanted, || {
        format!("nobody asked for {conversation}/{conv_seq} of {user}: {entry:?}")
    });
}

fn asks_for(
    question: &Question,
    conversation: ConversationId,
    entry: &Entry,
    user: UserId,
) -> bool {
    if entry.frame_type == FrameType::SETTINGS {
        let body = SettingsBody::decode(&entry.body[..]).unwrap_or_default();
        return question.group() == Some(conversation) && sets(question, entry.time_ms, &body)
            || matches!(question, Question::CreateGroup { .. }) && entry.conv_seq == 1;
    }
    if entry.frame_type == FrameType::CONTACT {
        let news = News::of(entry);
        return matches!((question, news), (Question::Contact { user: asked, .. }, Some(news))
            if *asked == news.user || *asked != user && news.user == user);
    }
    let Ok(body) = MembershipBody::decode(&entry.body[..]) else {
        return false;
    };
    let named = |members: &[UserId]| {
        body.users
            .iter()
            .all(|id| members.iter().any(|member| member.as_ref() == &id[..]))
    };
    match (body.change(), question) {
        (MembershipChange::Added, Question::CreateGroup { members }) => {
            entry.conv_seq == 2 && named(members)
        }
        (MembershipChange::Added, Question::AddMembers { group, members })
        | (MembershipChange::Removed, Question::RemoveMembers { group, members }) => {
            *group == conversation && named(members)
        }
        (MembershipChange::Left, Question::Leave { group }) => {
            *group == conversation && named(&[user])
        }
        (MembershipChange::Role, Question::SetRole { group, member }) => {
            *group == conversation && named(&[*member])
        }
        (MembershipChange::Added, Question::Join { group, .. }) => {
            *group == conversation && named(&[user])
        }
        (
            MembershipChange::Added,
            Question::Decide {
                group,
                user,
                accept,
            },
        ) => *group == conversation && named(&[*user]) && *accept,
        (
            MembershipChange::Muted,
            Question::Mute {
                group,
                member: Some(member),
                for_ms,
            },
        ) => {
            let until_ms = until(entry.time_ms, *for_ms);
            *group == conversation && named(&[*member]) && body.until_ms == until_ms
        }
        _ => false,
    }
}

/// Until when somebody is muted.
// EIM-GPO-006, EIM-GPO-007
const fn until(time_ms: u64, for_ms: u64) -> u64 {
    match for_ms {
        0 => 0,
        for_ms => time_ms.saturating_add(for_ms),
    }
}

/// Whether settings say what a question about their group asks for.
fn sets(question: &Question, time_ms: u64, body: &SettingsBody) -> bool {
    match question {
        Question::Rename { .. } => true,
        Question::Dissolve { .. } => body.dissolved,
        Question::Mute {
            member: None,
            for_ms,
            ..
        } => body.muted_until_ms == until(time_ms, *for_ms),
        Question::Announce { text, .. } => {
            let made = body.announcement.as_ref();
            made.is_some_and(|made| made.text == *text)
        }
        Question::SetPolicy { policy, .. } => {
            let set = body.policy.unwrap_or_default();
            let default = Policy::default();
            let or = |role: Role, default| match role {
                Role::Unspecified => default,
                role => role,
            };
            or(set.post(), default.post) == policy.post
                && or(set.invite(), default.invite) == policy.invite
                && set.approval == policy.approval
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::Name;

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_change_without_its_request_is_found() {
        let bad = scene::good()
            .into_iter()
            .map(|feed| match feed {
                Feed::Server(mut batch) => {
                    batch.retain(|(name, _)| !matches!(name, Name::Request(..)));
                    Feed::Server(batch)
                }
                feed => feed,
            })
            .collect();
        scene::assert_judges::<ChangeIsOnce>(bad, "without a request");
    }

    #[test]
    fn a_change_that_nobody_asked_for_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(scene::group(0)));
        scene::assert_judges::<ChangeIsOnce>(bad, "nobody asked");
    }

    #[test]
    fn a_change_that_happens_twice_is_found() {
        let mut bad = scene::good();
        let mut again = scene::group(4);
        for (name, _) in &mut again {
            if let Name::Request(_, id) = name {
                *id = [78; 16];
            }
        }
        bad.push(Feed::Server(again));
        scene::assert_judges::<ChangeIsOnce>(bad, "asked for 1 changes");
    }
}
