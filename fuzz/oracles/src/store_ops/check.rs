//! What can be read is what the model says.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, SessionId, UserId};
use eim_server::store::{
    Accounts, ConversationView, DeviceRecord, Entry, HistoryPage, MemberView, Store, TenantId,
    TimelinePage,
};

use super::model::{Conversation, Device, Timeline};
use super::{TENANTS, USERS, World, user};
use crate::input::Input;

const ALL: usize = 100_000;
/// Octets of an entry beside body and fallback text, at most.
const ENVELOPE: usize = 200;

impl Device {
    /// Takes over a cursor that was moved, if it was written.
    pub(super) fn adopt(&mut self, found: &DeviceRecord) {
        let cursor = (found.cursor_epoch, found.cursor);
        let written = (self.record.cursor_epoch, self.record.cursor);
        if cursor != written && self.moved.contains(&cursor) {
            assert!(
                cursor.0 != written.0 || cursor.1 > written.1,
                "a cursor moved back: {cursor:?} after {written:?}"
            );
            (self.record.cursor_epoch, self.record.cursor) = cursor;
        }
    }

    /// All that was moved is written by now: the highest counts.
    fn written(&mut self) {
        for (epoch, user_seq) in std::mem::take(&mut self.moved) {
            if epoch != self.record.cursor_epoch || user_seq > self.record.cursor {
                (self.record.cursor_epoch, self.record.cursor) = (epoch, user_seq);
            }
        }
    }
}

impl World {
    pub(super) fn written_cursors(&mut self) {
        let tenants = self.model.tenants.values_mut();
        tenants
            .flat_map(|it| it.devices.values_mut())
            .for_each(Device::written);
    }

    /// After a crash a cursor may have been written or not; what is not by now never will be.
    pub(super) fn lost_cursors(&mut self) {
        let tenants = self.model.tenants.values_mut();
        for device in tenants.flat_map(|it| it.devices.values_mut()) {
            device.moved.push((0, u64::MAX));
        }
    }

    pub(super) async fn check_all(&mut self) {
        for tenant in TENANTS {
            for number in 0..USERS {
                self.check_user(tenant, user(number)).await;
            }
            let ids: Vec<_> = self
                .model
                .tenant(tenant)
                .conversations
                .keys()
                .copied()
                .collect();
            for id in ids {
                self.check_log(tenant, id).await;
            }
            self.check_sessions(tenant).await;
            let users = self.store.users(tenant, None, ALL).await.expect("it works");
            let mut expected: Vec<_> = self.model.tenant(tenant).users.values().cloned().collect();
            expected.sort_by(|a, b| a.name.cmp(&b.name));
            assert_eq!(users, (expected, false));
        }
        self.check_devices().await;
    }

    async fn check_user(&mut self, tenant: TenantId, user: UserId) {
        let expected = self.model.tenant(tenant).timelines.get(&user).cloned();
        let expected = expected.unwrap_or_default();
        let bounds = self
            .store
            .timeline_head(tenant, user)
            .await
            .expect("it works");
        assert_eq!(
            bounds,
            (expected.head(), expected.floor),
            "bounds of {user}"
        );
        self.check_timeline_page(tenant, user, (expected.floor, ALL, ALL << 10))
            .await;
        let views = self.store.conversations(tenant, user, None, ALL).await;
        let views = views.expect("it works");
        let views = (undelivered(views.0), views.1);
        assert_eq!(
            views,
            (self.model.tenant(tenant).views(user), false),
            "of {user}"
        );
        let unread = self.store.unread(tenant, user, None, ALL).await;
        let unread = unread.expect("it works").conversations;
        let unread = unread
            .iter()
            .map(|it| (it.conversation, it.unread, it.read));
        let expected = self.model.tenant(tenant).views(user);
        let some = expected.iter().map(|it| it.marks);
        let some = some.filter(|marks| marks.unread > 0 || marks.marked_unread);
        let some = some.map(|marks| (marks.conversation, marks.unread, marks.read));
        assert!(unread.eq(some), "unread of {user}");
        let record = self.store.user(tenant, user).await.expect("it works");
        assert_eq!(record.as_ref(), self.model.tenant(tenant).users.get(&user));
        if let Some(record) = record {
            let named = self.store.user_by_name(tenant, &record.name).await;
            assert_eq!(named.expect("it works"), Some(record));
        }
    }

    async fn check_log(&mut self, tenant: TenantId, id: ConversationId) {
        let log = self
            .store
            .history(tenant, id, 1, u64::MAX, false, ALL, ALL << 10, 0)
            .await;
        let HistoryPage {
            entries: log,
            states,
            ..
        } = log.expect("it works");
        let expected = self.model.tenant(tenant).conversations[&id].clone();
        for (entry, state) in log.iter().zip(&states) {
            expected.check_state(entry.conv_seq, state.as_ref());
        }
        self.check_operations(tenant, id, &expected).await;
        assert!(log.iter().map(|it| &**it).eq(&expected.log), "log of {id}");
        let numbers = log.iter().map(|it| it.conv_seq);
        assert!(numbers.eq(1..=log.len() as u64), "gapless");
        let page = self
            .store
            .members(tenant, id, None, ALL)
            .await
            .expect("it works");
        let members = members(&expected);
        assert_eq!((unversioned(page.members), page.more), (members, false));
        assert_eq!(page.as_of, expected.log.len() as u64);
    }

    /// Pins, and who reacts to the first messages.
    async fn check_operations(&self, tenant: TenantId, id: ConversationId, of: &Conversation) {
        let pins = self.store.pins(tenant, id, 0, ALL).await.expect("it works");
        let pins = pins.pins.iter().map(|pin| (pin.target, pin.pin_seq));
        assert_eq!(pins.collect::<Vec<_>>(), of.pins(), "pins of {id}");
        for target in 1..=8 {
            let page = self.store.reactions(tenant, id, target, None, ALL).await;
            let users = page.expect("it works").map(|page| page.users);
            let found = users.map(|users| {
                let given = users.into_iter().map(|it| {
                    let user = UserId::from_slice(&it.user).expect("an id");
                    (user, it.reactions.into_iter().collect())
                });
                given.collect::<BTreeMap<UserId, BTreeSet<String>>>()
            });
            assert_eq!(found, of.reactions(target), "reactions to {target} of {id}");
        }
    }

    /// A page of a timeline, from anywhere and of any size.
    pub(super) async fn check_timeline(&mut self, input: &mut Input<'_>) {
        let (tenant, who) = (input.pick(&TENANTS), user(input.octet() % USERS));
        let cursor = u64::from(input.octet() % 40);
        let entries = usize::from(input.octet() % 10);
        let octets = usize::from(input.octet()) * 16;
        self.check_timeline_page(tenant, who, (cursor, entries, octets))
            .await;
        let wrong = self.model.log_epoch + 1;
        let page = self
            .store
            .timeline(tenant, who, wrong, cursor, entries, octets)
            .await;
        assert!(matches!(page, Ok(TimelinePage::TooOld { .. })), "{page:?}");
    }

    async fn check_timeline_page(
        &mut self,
        tenant: TenantId,
        who: UserId,
        (cursor, entries, octets): (u64, usize, usize),
    ) {
        let epoch = self.model.log_epoch;
        let page = self
            .store
            .timeline(tenant, who, epoch, cursor, entries, octets)
            .await;
        let page = page.expect("it works");
        let model = self.model.tenant(tenant);
        let none = Timeline::default();
        let timeline = model.timelines.get(&who).unwrap_or(&none);
        let bounds = (timeline.floor, timeline.head());
        if cursor < bounds.0 || cursor > bounds.1 {
            let TimelinePage::TooOld { floor, head } = page else {
                panic!("{cursor} is outside of {bounds:?}: {page:?}")
            };
            assert_eq!((floor, head), bounds);
            return;
        }
        let TimelinePage::Entries { items, head, more } = page else {
            panic!("{cursor} is within {bounds:?}: {page:?}")
        };
        let numbers = items.iter().map(|it| it.user_seq);
        assert!(
            numbers.eq(cursor + 1..=cursor + items.len() as u64),
            "gapless"
        );
        assert_eq!(head, bounds.1);
        assert_eq!(more, cursor + (items.len() as u64) < head);
        let rest = &timeline.all[usize::try_from(cursor).expect("short")..];
        let expected: Vec<&Entry> = rest
            .iter()
            .map(|it| {
                let log = &model.conversations[&it.conversation].log;
                &log[usize::try_from(it.conv_seq - 1).expect("short")]
            })
            .collect();
        let found = items.iter().map(|it| &*it.entry);
        assert!(
            found.eq(expected.iter().copied().take(items.len())),
            "entries"
        );
        is_full(items.len(), &expected, entries, octets);
    }

    /// A page of a log, from anywhere and of any size.
    pub(super) async fn check_history(&mut self, input: &mut Input<'_>) {
        let tenant = input.pick(&TENANTS);
        let ids: Vec<_> = self
            .model
            .tenant(tenant)
            .conversations
            .keys()
            .copied()
            .collect();
        let Some(id) = ids.get(input.place(ids.len())).copied() else {
            return;
        };
        let first = u64::from(input.octet() % 12);
        let last = u64::from(input.octet() % 12);
        let (down, entries) = (input.flag(), usize::from(input.octet() % 8));
        let octets = usize::from(input.octet()) * 16;
        let page = self
            .store
            .history(tenant, id, first, last, down, entries, octets, 0)
            .await;
        let page = page.expect("it works").entries;
        let log = &self.model.tenant(tenant).conversations[&id].log;
        let range = |it: &&Entry| (first..=last).contains(&it.conv_seq);
        let mut expected: Vec<&Entry> = log.iter().filter(range).collect();
        if down {
            expected.reverse();
        }
        let found = page.iter().map(|it| &**it);
        assert!(
            found.eq(expected.iter().copied().take(page.len())),
            "history"
        );
        is_full(page.len(), &expected, entries, octets);
    }

    /// Pages of conversations, members and users, after anything.
    pub(super) async fn check_pages(&mut self, input: &mut Input<'_>) {
        let (tenant, who) = (input.pick(&TENANTS), user(input.octet() % USERS));
        let (after, limit) = (input.octet(), 1 + usize::from(input.octet() % 4));
        let model = self.model.tenant(tenant).clone();
        let views = model.views(who);
        let known = views.get(usize::from(after) % 5).map(|it| it.conversation);
        let from = match after {
            0 => None,
            1..=127 => known,
            _ => Some(ConversationId::from([after; 16])),
        };
        let mut rest = views;
        rest.retain(|it| from.is_none_or(|from| it.conversation > from));
        let more = rest.len() > limit;
        rest.truncate(limit);
        let page = self.store.conversations(tenant, who, from, limit).await;
        let (found, goes_on) = page.expect("it works");
        assert_eq!((undelivered(found), goes_on), (rest, more));
        for (id, conversation) in &model.conversations {
            let view = self
                .store
                .conversation(tenant, who, *id)
                .await
                .expect("it works");
            let view = undelivered(view).pop();
            let mark = model.mark_of(who, *id);
            assert_eq!(view, conversation.view(*id, who, mark));
            let from = (after % 3 > 0).then(|| user(after % USERS));
            let page = self
                .store
                .members(tenant, *id, from, limit)
                .await
                .expect("it works");
            let mut rest = members(conversation);
            rest.retain(|it| from.is_none_or(|from| it.user > from));
            let more = rest.len() > limit;
            rest.truncate(limit);
            assert_eq!((unversioned(page.members), page.more), (rest, more));
        }
        let name = format!("user{}", after % 9);
        let from = (after % 2 > 0).then_some(name.as_str());
        let mut rest: Vec<_> = model.users.into_values().collect();
        rest.sort_by(|a, b| a.name.cmp(&b.name));
        rest.retain(|it| from.is_none_or(|from| *it.name > *from));
        let more = rest.len() > limit;
        rest.truncate(limit);
        let page = self
            .store
            .users(tenant, from, limit)
            .await
            .expect("it works");
        assert_eq!(page, (rest, more));
    }

    pub(super) async fn check_devices(&mut self) {
        for tenant in TENANTS {
            let keys: Vec<_> = self.model.tenant(tenant).devices.keys().copied().collect();
            for (who, device) in keys {
                let found = self
                    .store
                    .device(tenant, who, device)
                    .await
                    .expect("it works");
                let found = found.expect("a device that was opened");
                let devices = &mut self.model.tenant(tenant).devices;
                let known = devices.get_mut(&(who, device)).expect("known");
                known.adopt(&found);
                assert_eq!(found, known.record);
                if known.moved.contains(&(0, u64::MAX)) {
                    known.moved.clear();
                }
            }
        }
    }

    async fn check_sessions(&mut self, tenant: TenantId) {
        for number in 0..5 {
            let session = SessionId::from([number; 16]);
            let found = self.store.session(tenant, session).await.expect("it works");
            let sessions = &mut self.model.tenant(tenant).sessions;
            if found.is_none() && sessions.get(&session).is_some_and(|it| it.1) {
                sessions.remove(&session);
            }
            assert_eq!(found.as_ref(), sessions.get(&session).map(|it| &it.0));
            let Some(found) = found else { continue };
            let all = self
                .store
                .sessions_of_device(tenant, found.user, found.device)
                .await;
            assert!(all.expect("it works").contains(&session));
        }
    }

    /// A sweep took away what is old, or, when it is not through, some of it; nothing else.
    pub(super) async fn swept(&mut self, tenant: TenantId, whole: bool) {
        let (now_ms, options) = (self.model.now_ms, self.model.options);
        let model = self.model.tenant(tenant);
        let old = |written_ms: u64| written_ms <= now_ms - options.idempotency_ms;
        model.messages.retain(|_, once| {
            once.maybe_gone |= old(once.written_ms);
            !(whole && once.maybe_gone)
        });
        model.requests.retain(|_, once| {
            once.maybe_gone |= old(once.written_ms);
            !(whole && once.maybe_gone)
        });
        model.sessions.retain(|_, (record, maybe_gone)| {
            *maybe_gone |= record.expires_ms <= now_ms;
            !(whole && *maybe_gone)
        });
        for number in 0..USERS {
            let bounds = self.store.timeline_head(tenant, user(number)).await;
            let (head, floor) = bounds.expect("it works");
            let Some(timeline) = self.model.tenant(tenant).timelines.get_mut(&user(number)) else {
                continue;
            };
            assert_eq!(head, timeline.head(), "a sweep moved a head");
            assert!(floor >= timeline.floor, "a floor went back");
            let is_old = |time_ms: u64| time_ms <= now_ms - options.timeline_ms;
            let (gone, left) = timeline
                .all
                .split_at(usize::try_from(floor).expect("short"));
            let gone = &gone[usize::try_from(timeline.floor).expect("short")..];
            assert!(
                gone.iter().all(|it| is_old(it.time_ms)),
                "a young reference went"
            );
            if let (true, Some(next)) = (whole, left.first()) {
                let together = left.iter().filter(|it| it.commit == next.commit);
                let young = together.filter(|it| !is_old(it.time_ms)).count();
                assert!(young > 0, "an old reference stayed");
            }
            timeline.floor = floor;
        }
    }
}

fn members(conversation: &Conversation) -> Vec<MemberView> {
    let muted = &conversation.governed.muted;
    let view = |(user, (role, joined_at)): (&UserId, &(_, u64))| MemberView {
        user: *user,
        role: *role,
        joined_at: *joined_at,
        muted_until_ms: muted.get(user).copied().unwrap_or(0),
        changed_at: 0,
    };
    conversation.members.iter().map(view).collect()
}

/// When somebody changed last is not in this model.
fn unversioned(mut members: Vec<MemberView>) -> Vec<MemberView> {
    members.iter_mut().for_each(|member| member.changed_at = 0);
    members
}

/// A page has at least one entry, no more than asked for, and ends early only for its octets.
fn is_full(found: usize, expected: &[&Entry], entries: usize, octets: usize) {
    assert_eq!(found == 0, expected.is_empty(), "an empty page");
    assert!(
        found <= entries.max(1),
        "{found} entries where {entries} were asked for"
    );
    if found < expected.len() && found < entries.max(1) {
        let size = |it: &&Entry| it.body.len() + it.fallback_text.len() + ENVELOPE;
        let through: usize = expected[..=found].iter().map(size).sum();
        assert!(
            through > octets,
            "{found} entries, {through} of {octets} octets"
        );
    }
}

/// What is delivered depends on when cursors were written, which the model does not know.
fn undelivered(views: impl IntoIterator<Item = ConversationView>) -> Vec<ConversationView> {
    let mut views: Vec<_> = views.into_iter().collect();
    for view in &mut views {
        view.marks.delivered = 0;
    }
    views
}
