//! What applications ask the server, and what it says.

use eim_client::error::RequestError;
use eim_client::group_policy::Policy;
use eim_client::{Client, ContactList, GroupChange, ProfileFields};
use eim_codec::id::UserId;
use eim_codec::payload::Role;
use eim_codec::registry::ErrorCode;

use crate::observation::{Question, Reply};
use crate::plan::Doing;
use crate::server::name_of;

/// Asks, and gives what came of it.
pub(super) async fn answer(client: &Client, question: &Question, admin: bool, step: u32) -> Reply {
    let answered = match question {
        Question::CreateGroup { .. }
        | Question::AddMembers { .. }
        | Question::RemoveMembers { .. }
        | Question::Leave { .. }
        | Question::Rename { .. }
        | Question::SetRole { .. }
        | Question::Members { .. } => of_group(client, question, admin, step).await,
        Question::Contact { .. }
        | Question::Contacts { .. }
        | Question::Users { .. }
        | Question::Devices
        | Question::LogOut { .. } => of_people(client, question).await,
        Question::Conversation { .. } | Question::Heads | Question::History { .. } => {
            of_logs(client, question).await
        }
        Question::Flag { .. } | Question::Unread | Question::Readers { .. } => {
            of_marks(client, question).await
        }
        other => of_policy(client, other).await,
    };
    answered.unwrap_or_else(failed)
}

/// What an application makes of an error.
pub(super) fn failed(error: RequestError) -> Reply {
    match error {
        RequestError::Refused { code, .. } => Reply::Refused(code),
        RequestError::Nonsense(_) => Reply::Refused(ErrorCode::MALFORMED_PAYLOAD),
        _ => Reply::None,
    }
}

type Answered = Result<Reply, RequestError>;

async fn of_group(client: &Client, question: &Question, admin: bool, step: u32) -> Answered {
    let done = match question {
        Question::CreateGroup { members } => {
            let name = format!("group {step}");
            let record = client.group_create(&name, members);
            return Ok(Reply::Created(record.await?.conversation));
        }
        Question::Members { group } => {
            let members = client.group_members(*group).await?;
            let users = members.iter().map(|member| member.user);
            return Ok(Reply::Members(users.collect()));
        }
        Question::AddMembers { group, members } => client.group_add(*group, members).await,
        Question::RemoveMembers { group, members } => client.group_remove(*group, members).await,
        Question::Leave { group } => client.group_leave(*group).await,
        Question::Rename { group } => client.group_rename(*group, &format!("name {step}")).await,
        Question::SetRole { group, member } => {
            let role = if admin { Role::Admin } else { Role::Member };
            client.group_role(*group, *member, role).await
        }
        _ => return Ok(Reply::None),
    };
    done.map(changed)
}

async fn of_people(client: &Client, question: &Question) -> Answered {
    Ok(match question {
        Question::Contact { user, doing, .. } => contact(client, *user, *doing).await?,
        Question::Contacts { .. } => {
            let mut list = ContactList::default();
            client.contacts(&mut list).await?;
            Reply::Contacts(list.iter().cloned().collect())
        }
        Question::Users { users, by_name } => {
            let (ids, names) = if *by_name {
                let names = users.iter().filter_map(|user| name_of(*user)).collect();
                (Vec::new(), names)
            } else {
                (users.clone(), Vec::new())
            };
            let found = client.users(ids, names).await?;
            Reply::Users(found.iter().map(|user| user.user).collect())
        }
        Question::Devices => {
            let found = client.devices().await?;
            Reply::Devices(found.devices.iter().map(|device| device.device).collect())
        }
        Question::LogOut { device } => {
            client.device_logout(*device).await?;
            Reply::LoggedOut
        }
        _ => Reply::None,
    })
}

async fn of_logs(client: &Client, question: &Question) -> Answered {
    Ok(match question {
        Question::Conversation { target } => {
            let record = client.conversation(*target).await?;
            Reply::Heads(vec![(record.conversation, record.conv_seq)])
        }
        Question::Heads => {
            let records = client.heads().await?;
            let heads = records
                .iter()
                .map(|record| (record.conversation, record.conv_seq));
            Reply::Heads(heads.collect())
        }
        Question::History {
            conversation,
            first: 0,
            limit,
            ..
        } => Reply::Entries(client.newest(*conversation, *limit).await?),
        Question::History {
            conversation,
            first,
            last,
            limit,
        } => {
            let entries = client.history(*conversation, *first, *last, *limit);
            Reply::Entries(entries.await?)
        }
        _ => Reply::None,
    })
}

async fn of_marks(client: &Client, question: &Question) -> Answered {
    Ok(match question {
        Question::Flag { conversation, set } => {
            let mark = client.mark(*conversation, 0, Some(*set)).await?;
            Reply::Flagged(mark.marked_unread)
        }
        Question::Unread => Reply::Unread(client.unread().await?),
        Question::Readers {
            conversation,
            conv_seq,
            missing,
        } => {
            let readers = client.readers(*conversation, *conv_seq, *missing);
            Reply::Readers(readers.await?)
        }
        _ => Reply::None,
    })
}

async fn of_policy(client: &Client, question: &Question) -> Answered {
    let done = match question {
        Question::Dissolve { group } => client.group_dissolve(*group).await,
        Question::Mute {
            group,
            member,
            for_ms,
        } => client.group_mute(*group, *member, *for_ms).await,
        Question::Announce { group, text } => client.group_announce(*group, text).await,
        Question::SetPolicy { group, policy } => {
            let policy = Policy {
                post: policy.post,
                invite: policy.invite,
                approval: policy.approval,
            };
            client.group_set_policy(*group, policy).await
        }
        Question::Decide {
            group,
            user,
            accept,
        } => client.group_answer(*group, *user, *accept).await,
        other => return of_invitations(client, other).await,
    };
    done.map(changed)
}

async fn of_invitations(client: &Client, question: &Question) -> Answered {
    Ok(match question {
        Question::Invite {
            group,
            lifetime_ms,
            uses,
        } => {
            let made = client.group_invite(*group, *lifetime_ms, *uses).await?;
            Reply::Invited(made.token)
        }
        Question::Revoke { group } => {
            client.group_revoke(*group).await?;
            Reply::Done
        }
        Question::Join { token, .. } => {
            let joined = client.group_join(token.clone()).await?;
            Reply::Joined {
                conv_seq: joined.conv_seq,
                waiting: joined.waiting,
            }
        }
        Question::Waiting { group } => {
            let waiting = client.group_requests(*group).await?;
            let waiting = waiting.iter().map(|it| (it.user, it.invited_by));
            Reply::Waiting(waiting.collect())
        }
        Question::MembersSince { group, since } => {
            Reply::MembersSince(client.group_members_since(*group, *since).await?)
        }
        Question::Info { group } => Reply::Info(Box::new(client.group_info(*group).await?)),
        other => return of_presence(client, other).await,
    })
}

async fn of_presence(client: &Client, question: &Question) -> Answered {
    Ok(match question {
        Question::Watch { users, watch: true } => Reply::Presences(client.watch(users).await?),
        Question::Watch { users, .. } => {
            client.unwatch(users).await?;
            Reply::Done
        }
        Question::Look { users } => Reply::Presences(client.presence(users).await?),
        Question::Say { away, status } => {
            client.set_presence(*away, status).await?;
            Reply::Done
        }
        Question::Type {
            conversation,
            typing,
        } => {
            client.typing(*conversation, *typing).await?;
            Reply::Done
        }
        Question::SetProfile { phone } => {
            let fields = ProfileFields {
                phone: Some(phone.clone()),
                ..ProfileFields::default()
            };
            Reply::ProfileSet(client.profile_set(fields).await?)
        }
        _ => Reply::None,
    })
}

async fn contact(client: &Client, user: UserId, doing: Doing) -> Answered {
    let done = match doing {
        Doing::Request => client.contact_request(user, "please").await,
        Doing::Accept => client.contact_answer(user, true).await,
        Doing::Refuse => client.contact_answer(user, false).await,
        Doing::Remove => client.contact_remove(user).await,
        Doing::Block => client.contact_block(user, true).await,
        Doing::Unblock => client.contact_block(user, false).await,
    };
    done.map(|done| Reply::Changed {
        log_epoch: done.log_epoch,
        conv_seq: done.conv_seq,
    })
}

const fn changed(change: GroupChange) -> Reply {
    Reply::Changed {
        log_epoch: change.log_epoch,
        conv_seq: change.conv_seq,
    }
}
