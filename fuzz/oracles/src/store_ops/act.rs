//! What an operation does.

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, RequestId, SessionId, UserId};
use eim_codec::payload::{MembershipChange, Role, TextBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{
    Accounts, Append, Change, DeviceRecord, FlagChange, GroupAct, LogOut, LoggedOut, LogoutReason,
    MarkChange, Origin, Policy, SessionRecord, Store, Target, TenantId,
};
use prost::Message as _;

use super::model::{Device, Timeline};
use super::operations;
use super::outside::Crash;
use super::{TENANTS, USERS, World, Write, account, device, user};
use crate::input::{Input, trace};

const HOUR_MS: u64 = 3_600_000;

impl World {
    pub(super) async fn act(&mut self, input: &mut Input<'_>) {
        let operation = input.octet() % 24;
        trace!("operation {operation}");
        match operation {
            0..=3 => {
                let write = self.read_append(input);
                self.write(vec![write]).await;
            }
            4..=6 => {
                let write = self.read_change(input);
                self.write(vec![write]).await;
            }
            7 | 8 => {
                let writes = self.read_writes(input);
                self.write(writes).await;
            }
            9 => {
                let (bits, writes) = (input.octet(), self.read_writes(input));
                let crash = if bits & 1 == 0 {
                    Crash::Lost
                } else {
                    Crash::Kept
                };
                self.crash(writes, bits >> 1 & 3, crash).await;
            }
            10 => self.act_time(input),
            11 => self.act_sweep(input).await,
            12 => self.act_open_device(input).await,
            13 => self.act_cursor(input).await,
            14 => self.act_session(input).await,
            15 => self.act_users(input).await,
            16 => self.reopen().await,
            17 => {
                if input.octet().is_multiple_of(4) {
                    self.raise_epoch().await;
                }
            }
            18 => self.settle().await,
            19 => self.check_timeline(input).await,
            20 => self.check_history(input).await,
            21 => self.check_pages(input).await,
            22 => self.check_devices().await,
            _ if input.flag() => self.act_mark(input).await,
            _ => self.check_all().await,
        }
    }

    /// A user reads some conversations, or flags them.
    async fn act_mark(&mut self, input: &mut Input<'_>) {
        let origin = self.read_origin(input);
        let known = self.model.log_epoch;
        let log_epoch = known + u64::from(input.octet() % 16 == 15);
        let one = |_| MarkChange {
            conversation: self.read_conversation(&origin, input),
            read: u64::from(input.octet() % 24),
            flag: input.pick(&[FlagChange::Leave, FlagChange::Set, FlagChange::Clear]),
        };
        let changes: Vec<_> = (0..2).map(one).collect();
        trace!("  {origin:?} {log_epoch} {changes:?}");
        let found = self.store.mark(origin, log_epoch, changes.clone()).await;
        let found = found.expect("it works").map_err(|refused| refused.code);
        let found = found.map(|mut views| {
            views.iter_mut().for_each(|view| view.delivered = 0);
            views
        });
        let expected = self.model.mark(&origin, log_epoch, &changes);
        assert_eq!(found, expected, "{changes:?}");
    }

    fn read_writes(&self, input: &mut Input<'_>) -> Vec<Write> {
        let count = 1 + input.octet() % 5;
        let write = |_| {
            if input.flag() {
                self.read_append(input)
            } else {
                self.read_change(input)
            }
        };
        (0..count).map(write).collect()
    }

    fn read_tenant(input: &mut Input<'_>) -> TenantId {
        input.pick(&[TENANTS[0], TENANTS[0], TENANTS[0], TENANTS[1]])
    }

    fn read_origin(&self, input: &mut Input<'_>) -> Origin {
        let (tenant, who) = (Self::read_tenant(input), user(input.octet() % 4));
        let bits = input.octet();
        let device = device(bits & 1);
        let known = self.model.tenants[&tenant].devices.get(&(who, device));
        let newest = known.map_or(0, |it| it.record.generation);
        let generation = match bits >> 1 & 3 {
            0 | 1 => None,
            2 => Some(newest),
            _ => Some(newest.saturating_sub(1)),
        };
        Origin {
            tenant,
            user: who,
            device,
            generation,
        }
    }

    fn read_conversation(&self, origin: &Origin, input: &mut Input<'_>) -> ConversationId {
        let tenant = &self.model.tenants[&origin.tenant];
        match input.octet() {
            number @ 0..=199 if !tenant.groups.is_empty() => {
                tenant.groups[usize::from(number) % tenant.groups.len()]
            }
            number @ 0..=250 => ConversationId::direct(origin.user, user(number % USERS)),
            _ => ConversationId::from([0xEE; 16]),
        }
    }

    fn read_append(&self, input: &mut Input<'_>) -> Write {
        let origin = self.read_origin(input);
        let bits = input.octet();
        let count = if bits & 7 == 7 { 1 + (bits >> 3) } else { 1 };
        let one = |number: u8| {
            let to = input.octet();
            let target = if to & 1 == 0 {
                Target::Direct(user((to >> 1) % USERS))
            } else {
                Target::Conversation(self.read_conversation(&origin, input))
            };
            let (key, what, age) = (input.octet(), input.octet(), input.octet());
            let first_sent_at_ms = match age % 8 {
                5 => self.model.now_ms,
                6 => self.model.now_ms.saturating_sub(7 * 24 * HOUR_MS),
                7 => self.model.now_ms.saturating_sub(7 * 24 * HOUR_MS + 1),
                _ => 0,
            };
            let plain = [FrameType::TEXT, FrameType::CUSTOM, FrameType(0x44)];
            let (frame_type, body) = match plain.get(usize::from(what & 3)) {
                Some(&FrameType::TEXT) if what >> 3 >= 28 => {
                    (FrameType::TEXT, mentions(age, what >> 2 & 1 == 1))
                }
                Some(plain) => {
                    let body = vec![what >> 2 & 1; usize::from(what >> 3) * 9];
                    (*plain, Bytes::from(body))
                }
                None => operations::draw(what >> 2, age << 3 | what >> 5),
            };
            Append {
                target,
                frame_type,
                client_msg_id: ClientMsgId::from([key.wrapping_add(number) % 24; 16]),
                first_sent_at_ms,
                after_failed: age & 0x20 != 0,
                body,
                fallback_text: "f".repeat(usize::from(age >> 6)),
                blobs: Vec::new(),
            }
        };
        Write::Append(origin, (0..count).map(one).collect())
    }

    fn read_users(input: &mut Input<'_>) -> Vec<UserId> {
        let bits = input.octet();
        let mut users: Vec<_> = (0..USERS)
            .filter(|it| bits >> it & 1 == 1)
            .map(user)
            .collect();
        if bits & 0x80 != 0 {
            users.reverse();
            users.extend_from_within(..);
        }
        users
    }

    fn read_change(&self, input: &mut Input<'_>) -> Write {
        let origin = self.read_origin(input);
        let request = RequestId::from([input.octet() % 32; 16]);
        let kind = input.octet();
        let conversation = self.read_conversation(&origin, input);
        let name = |length: u8| "n".repeat(usize::from(length % 4));
        if (234..252).contains(&kind) {
            return Write::Change(Change::Group {
                origin,
                request,
                conversation,
                act: read_act(input),
            });
        }
        Write::Change(match kind % 9 {
            0 | 1 => Change::CreateGroup {
                origin,
                request,
                name: name(input.octet()),
                members: Self::read_users(input),
            },
            2 | 3 => Change::AddMembers {
                origin,
                request,
                conversation,
                users: Self::read_users(input),
            },
            4 | 5 => Change::RemoveMembers {
                origin,
                request,
                conversation,
                users: Self::read_users(input),
                change: if kind >= 128 {
                    MembershipChange::Left
                } else {
                    MembershipChange::Removed
                },
            },
            6 | 7 => Change::SetRole {
                origin,
                request,
                conversation,
                user: user(input.octet() % USERS),
                role: input.pick(&[Role::Owner, Role::Admin, Role::Member, Role::Unspecified]),
            },
            _ => Change::Rename {
                origin,
                request,
                conversation,
                name: name(input.octet()),
            },
        })
    }

    fn act_time(&mut self, input: &mut Input<'_>) {
        let bits = input.octet();
        let step = [
            1,
            1_000,
            HOUR_MS,
            24 * HOUR_MS,
            48 * HOUR_MS,
            84 * HOUR_MS,
            168 * HOUR_MS,
        ][usize::from(bits % 7)];
        let now_ms = self.model.now_ms;
        if bits >= 0xE0 {
            self.set_time(now_ms - step.min(HOUR_MS));
        } else {
            self.set_time(now_ms + step);
        }
    }

    async fn act_sweep(&mut self, input: &mut Input<'_>) {
        let (tenant, bits) = (Self::read_tenant(input), input.octet());
        let limit = [1_000, 1, 3, 7][usize::from(bits & 3)];
        let whole = bits & 4 == 0;
        let mut walks = 0;
        for _ in 0..20_000 {
            let now_ms = self.model.now_ms;
            let swept = self.store.sweep(tenant, now_ms, limit).await;
            let swept = swept.expect("the store works");
            // The first walk may have gone on where an older one had stopped.
            walks += usize::from(!swept.more);
            if !whole || walks == 2 {
                break;
            }
        }
        assert!(!whole || walks == 2, "a sweep never ends");
        self.swept(tenant, walks == 2).await;
    }

    async fn act_open_device(&mut self, input: &mut Input<'_>) {
        let (tenant, who, which) = (Self::read_tenant(input), input.octet() % 4, input.octet());
        let (who, device) = (user(who), device(which & 1));
        let (class, name) = (
            i32::from(which >> 6),
            "d".repeat(usize::from(which >> 4 & 3)),
        );
        if which & 0x0C == 0x0C {
            return self.act_log_out(tenant, who, device).await;
        }
        let found = self
            .store
            .open_device(tenant, who, device, class, name.clone())
            .await;
        let found = found.expect("the store works");
        let now_ms = self.model.now_ms;
        let devices = &mut self.model.tenant(tenant).devices;
        let known = devices.entry((who, device)).or_insert_with(|| Device {
            record: DeviceRecord {
                device,
                class,
                name: String::new(),
                generation: 0,
                cursor_epoch: 0,
                cursor: 0,
                seen_ms: 0,
                logged_in_ms: 0,
                login: 0,
                logged_out: None,
                token: None,
            },
            moved: Vec::new(),
        });
        known.record.generation += 1;
        (known.record.class, known.record.name, known.record.seen_ms) = (class, name, now_ms);
        (known.record.logged_in_ms, known.record.logged_out) = (now_ms, None);
        known.adopt(&found);
        assert_eq!(found, known.record);
    }

    async fn act_log_out(&mut self, tenant: TenantId, who: UserId, device: DeviceId) {
        let reason = LogoutReason::Operator;
        let log_out = LogOut {
            device,
            reason,
            asked: None,
        };
        let done = self.store.log_out(tenant, who, log_out).await;
        let done = done.expect("the store works").map_err(|it| it.code);
        let known = self.model.tenant(tenant).devices.get_mut(&(who, device));
        let Some(known) = known.filter(|known| known.record.logged_out.is_none()) else {
            assert_eq!(done, Err(ErrorCode::NOT_FOUND));
            return;
        };
        assert_eq!(done, Ok(()));
        known.record.login += 1;
        known.record.logged_out = Some(reason);
        let user = who;
        let told = LoggedOut {
            tenant,
            user,
            device,
            reason,
        };
        assert!(self.listener.logged_out().contains(&told), "{told:?}");
    }

    async fn act_cursor(&mut self, input: &mut Input<'_>) {
        let (tenant, who, bits) = (Self::read_tenant(input), input.octet() % 4, input.octet());
        let (who, device, back) = (user(who), device(bits & 1), input.octet());
        let log_epoch = self.model.log_epoch;
        let timelines = &self.model.tenant(tenant).timelines;
        let head = timelines.get(&who).map_or(0, Timeline::head);
        let epoch = if bits & 0x30 == 0x30 {
            log_epoch + 1
        } else {
            log_epoch
        };
        if back < 0xF0 && epoch == log_epoch {
            let user_seq = head.saturating_sub(u64::from(back % 8));
            self.store.move_cursor(tenant, who, device, epoch, user_seq);
            let devices = &mut self.model.tenant(tenant).devices;
            match devices.get_mut(&(who, device)) {
                Some(known) => known.moved.push((epoch, user_seq)),
                // Nobody's cursor: gone before such a device appears.
                None => self.settle().await,
            }
            return;
        }
        // Sessions let no such cursor through; one that came all the same changes nothing.
        self.settle().await;
        let user_seq = head + u64::from(epoch == log_epoch) + u64::from(back & 3);
        self.store.move_cursor(tenant, who, device, epoch, user_seq);
        self.settle().await;
        self.check_devices().await;
    }

    async fn act_session(&mut self, input: &mut Input<'_>) {
        let tenant = Self::read_tenant(input);
        let (number, who, bits) = (input.octet() % 4, input.octet() % 4, input.octet());
        let session = SessionId::from([number; 16]);
        let record = SessionRecord {
            session,
            user: user(who),
            device: device(bits & 1),
            token_hash: [bits; 32],
            previous_hash: (bits & 2 == 0).then_some([!bits; 32]),
            expires_ms: self.model.now_ms + u64::from(bits >> 4) * HOUR_MS,
            predecessor: (bits & 4 == 0).then(|| SessionId::from([number + 1; 16])),
            token_generation: u64::from(bits & 8),
            login: u64::from(bits & 1),
        };
        let put = self.store.put_session(tenant, record.clone()).await;
        put.expect("the store works");
        self.model
            .tenant(tenant)
            .sessions
            .insert(session, (record, false));
    }

    async fn act_users(&mut self, input: &mut Input<'_>) {
        let (tenant, bits) = (Self::read_tenant(input), input.octet());
        if bits & 1 == 0 {
            let mut new = account(bits >> 1 & 7);
            if bits & 0x80 != 0 {
                new.name = account(bits >> 4 & 7).name;
            }
            let users = if bits & 0x40 == 0 {
                vec![new]
            } else {
                vec![new.clone(), new]
            };
            return self.create_users(tenant, users).await;
        }
        let (who, disabled) = (user(bits >> 1 & 7), bits & 0x80 != 0);
        let found = self.store.set_disabled(tenant, who, disabled).await;
        let known = self.model.tenant(tenant).users.get_mut(&who);
        assert_eq!(found.expect("the store works"), known.is_some());
        if let Some(known) = known {
            known.disabled = disabled;
            known.token_generation += u64::from(disabled);
        }
    }
}

/// A text that names users by bits, and perhaps everybody.
fn mentions(bits: u8, all: bool) -> Bytes {
    let named = (0..USERS).filter(|number| bits >> number & 1 == 1);
    let body = TextBody {
        mentions: named.map(|number| user(number).to_bytes()).collect(),
        mention_all: all,
        ..TextBody::new("m")
    };
    body.encode_to_vec().into()
}

/// What is decided about a group.
fn read_act(input: &mut Input<'_>) -> GroupAct {
    let bits = input.octet();
    let for_ms = [0, 1, HOUR_MS, 24 * HOUR_MS, u64::MAX][usize::from(bits >> 3) % 5];
    let role = |bits: u8| match bits % 3 {
        0 => Role::Member,
        1 => Role::Admin,
        _ => Role::Owner,
    };
    match bits % 8 {
        0 if bits >= 128 => GroupAct::Dissolve,
        0..=2 => GroupAct::Mute {
            user: Some(user(input.octet() % USERS)),
            for_ms,
        },
        3 | 4 => GroupAct::Mute { user: None, for_ms },
        5 => GroupAct::Announce {
            text: "a".repeat(usize::from(bits >> 3)),
        },
        _ => GroupAct::SetPolicy {
            policy: Policy {
                post: role(bits >> 3),
                invite: role(bits >> 5),
                approval: bits >> 7 == 1,
            },
        },
    }
}
