//! Changes among the members of a group that is older than the records of such changes: they are
//! read from its log and recorded, once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::FrameType;
use prost::Message as _;

use super::committer::Committer;
use super::keys;
use super::record::entry;
use super::record::state::{self, ConversationRow, MemberRow, MembershipRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Entry, StoreError, TenantId};

/// The last entry that changed each user.
pub(super) type Changes = BTreeMap<UserId, u64>;

/// What is to be recorded for a group; `None` when everything is.
// impl[EIM-GPO-033]
pub(super) fn missing(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
) -> Result<Option<Changes>, StoreError> {
    let Some(record) = reader.get(Space::State, &keys::conversation(tenant, id))? else {
        return Ok(None);
    };
    let row: ConversationRow = state::decode("conversation", &record)?;
    if row.indexed || row.kind != ConversationKind::Group as i32 {
        return Ok(None);
    }
    let (from, to) = (keys::log(tenant, id, 0), keys::log(tenant, id, u64::MAX));
    let mut told = Told::default();
    reader.scan(
        Space::Log,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            if entry::is_one_of(record, &[FrameType::SETTINGS, FrameType::MEMBERSHIP]) {
                told.note(&entry::decode(id, keys::number(key), record)?)?;
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(Some(told.changes))
}

/// What a log tells about members, so far.
#[derive(Debug, Default)]
struct Told {
    changes: Changes,
    owner: Option<UserId>,
}

impl Told {
    fn note(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let broken = |error| StoreError::Corrupt(format!("a change of a group: {error}"));
        if entry.frame_type == FrameType::SETTINGS {
            let body = SettingsBody::decode(entry.body.clone()).map_err(broken)?;
            if let (true, Some(creator)) = (body.created, entry.sender) {
                self.owner = Some(creator);
                self.changes.insert(creator, entry.conv_seq);
            }
            return Ok(());
        }
        let body = MembershipBody::decode(entry.body.clone()).map_err(broken)?;
        let users = body.users.iter();
        for user in users.filter_map(|octets| UserId::from_slice(octets).ok()) {
            self.changes.insert(user, entry.conv_seq);
            let change = (body.change, body.role);
            if change == (MembershipChange::Role as i32, Role::Owner as i32) {
                // The entry does not name who was the owner before.
                let before = self.owner.replace(user);
                self.changes
                    .extend(before.map(|before| (before, entry.conv_seq)));
            }
        }
        Ok(())
    }
}

impl Committer {
    /// Records what a log told; what was recorded since is newer.
    pub(super) fn index_members(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        changes: &Changes,
    ) -> Result<(), StoreError> {
        for (user, changed_at) in changes {
            let (user, changed_at) = (*user, *changed_at);
            let key = keys::membership(tenant, user, id);
            let Some(record) = self.pending.state(&*self.engine, &key)? else {
                continue;
            };
            let mut row: MembershipRow = state::decode("membership", &record)?;
            if row.changed_at >= changed_at {
                continue;
            }
            row.changed_at = changed_at;
            self.pending.put_state(&key, state::encode(&row));
            let key = keys::member(tenant, id, user);
            if let Some(record) = self.pending.state(&*self.engine, &key)? {
                let mut row: MemberRow = state::decode("member", &record)?;
                row.changed_at = changed_at;
                self.pending.put_state(&key, state::encode(&row));
            }
            let key = keys::member_change(tenant, id, changed_at, user);
            self.pending.put_state(&key, Vec::new());
            if let Some(conversation) = self.conversation(tenant, id)?
                && let Some(mut member) = conversation.member(user).copied()
            {
                member.changed_at = changed_at;
                conversation.put(member);
            }
        }
        if let Some(conversation) = self.conversation(tenant, id)? {
            conversation.indexed = true;
        }
        self.record_conversation(tenant, id)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eim_codec::id::RequestId;

    use super::*;
    use crate::store::engine::{Batch, Engine as _};
    use crate::store::kv::{Environment, KvStore, Options};
    use crate::store::memory::{self, MemoryEngine};
    use crate::store::{
        Accounts as _, Change, CommitSink, Committed, Groups as _, LoggedOut, Marked, Origin,
        ScramVerifier, Store as _, UserRecord,
    };

    const TENANT: TenantId = TenantId(1);

    #[derive(Debug)]
    struct Nobody;

    impl CommitSink for Nobody {
        fn committed(&self, _: &[Committed]) {}
        fn marked(&self, _: &[Marked]) {}
        fn logged_out(&self, _: &[LoggedOut]) {}
    }

    fn user(number: u8) -> UserId {
        [number; 16].into()
    }

    fn account(number: u8) -> UserRecord {
        UserRecord {
            user: user(number),
            name: format!("user{number}"),
            display_name: String::new(),
            disabled: false,
            verifier: ScramVerifier {
                iterations: 4096,
                salt: vec![number],
                stored_key: vec![1; 32],
                server_key: vec![2; 32],
            },
            created_ms: 0,
            token_generation: 0,
        }
    }

    fn asks(number: u8, request: u8) -> (Origin, RequestId) {
        let origin = Origin {
            tenant: TENANT,
            user: user(number),
            device: [number; 16].into(),
            generation: None,
        };
        (origin, [request; 16].into())
    }

    async fn open(engine: &MemoryEngine) -> KvStore {
        let (engine, sink) = (Arc::new(engine.clone()), Arc::new(Nobody));
        memory::open_engine(engine, Options::default(), Environment::system(), sink)
            .await
            .unwrap()
    }

    /// A group of 1, 2 and 3 that 1 created, gave to 2 and left; then 3 was removed and 4 added.
    async fn group(store: &KvStore) -> ConversationId {
        let users = (1..=4).map(account).collect();
        store.create_users(TENANT, users).await.unwrap();
        let (origin, request) = asks(1, 1);
        let create = Change::CreateGroup {
            origin,
            request,
            name: "team".to_owned(),
            members: vec![user(2), user(3)],
        };
        let conversation = store.change(create).await.unwrap().unwrap().conversation;
        let (origin, request) = asks(1, 2);
        let hand_over = Change::SetRole {
            origin,
            request,
            conversation,
            user: user(2),
            role: Role::Owner,
        };
        store.change(hand_over).await.unwrap().unwrap();
        let remove = |by, request, whom, change| {
            let (origin, request) = asks(by, request);
            store.change(Change::RemoveMembers {
                origin,
                request,
                conversation,
                users: vec![user(whom)],
                change,
            })
        };
        let removed = remove(2, 3, 3, MembershipChange::Removed).await;
        removed.unwrap().unwrap();
        let (origin, request) = asks(2, 4);
        let add = Change::AddMembers {
            origin,
            request,
            conversation,
            users: vec![user(4)],
        };
        store.change(add).await.unwrap().unwrap();
        conversation
    }

    /// Takes away what old stores did not record.
    async fn age(engine: &MemoryEngine, id: ConversationId) {
        let mut batch = Batch::default();
        let key = keys::conversation(TENANT, id);
        let record = engine.get(Space::State, &key).unwrap().unwrap();
        let mut row: ConversationRow = state::decode("conversation", &record).unwrap();
        assert!(std::mem::take(&mut row.indexed), "new groups are");
        batch.put(Space::State, &key, &state::encode(&row));
        for number in 1..=4 {
            let key = keys::membership(TENANT, user(number), id);
            let record = engine.get(Space::State, &key).unwrap().unwrap();
            let mut row: MembershipRow = state::decode("membership", &record).unwrap();
            let changed_at = std::mem::take(&mut row.changed_at);
            batch.put(Space::State, &key, &state::encode(&row));
            let key = keys::member_change(TENANT, id, changed_at, user(number));
            batch.delete(Space::State, &key);
            let key = keys::member(TENANT, id, user(number));
            if let Some(record) = engine.get(Space::State, &key).unwrap() {
                let mut row: MemberRow = state::decode("member", &record).unwrap();
                row.changed_at = 0;
                batch.put(Space::State, &key, &state::encode(&row));
            }
        }
        engine.commit(&batch).await.unwrap();
    }

    async fn since(store: &KvStore, id: ConversationId, since: u64) -> Vec<(UserId, Role, u64)> {
        let page = store.members_since(TENANT, id, since, None, 100).await;
        let members = page.unwrap().members;
        let change = |it: &crate::store::MemberView| (it.user, it.role, it.changed_at);
        members.iter().map(change).collect()
    }

    // test[EIM-GPO-033]
    #[tokio::test]
    async fn a_group_older_than_the_records_tells_what_its_log_tells() {
        let engine = MemoryEngine::default();
        let store = open(&engine).await;
        let id = group(&store).await;
        let recorded = since(&store, id, 0).await;
        let expected = [
            (user(1), Role::Admin, 3),
            (user(2), Role::Owner, 3),
            (user(3), Role::Unspecified, 4),
            (user(4), Role::Member, 5),
        ];
        assert_eq!(recorded, expected);
        store.close().await;
        age(&engine, id).await;
        let store = open(&engine).await;
        // A change before anybody asks is recorded as ever, and is newer than what the log tells.
        let (origin, request) = asks(2, 5);
        let role = Change::SetRole {
            origin,
            request,
            conversation: id,
            user: user(4),
            role: Role::Admin,
        };
        store.change(role).await.unwrap().unwrap();
        let expected = [
            (user(1), Role::Admin, 3),
            (user(2), Role::Owner, 3),
            (user(3), Role::Unspecified, 4),
            (user(4), Role::Admin, 6),
        ];
        assert_eq!(since(&store, id, 0).await, expected);
        assert_eq!(since(&store, id, 3).await, expected[2..]);
        store.close().await;
        let reader: &dyn Reader = &engine;
        assert_eq!(missing(reader, TENANT, id).unwrap(), None, "once");
        let store = open(&engine).await;
        assert_eq!(since(&store, id, 0).await, expected, "also on the disk");
    }
}
