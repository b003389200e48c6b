//! Opening a session: who is replaced, what goes on, which token comes next.

use std::sync::Arc;
use std::time::Duration;

use eim_codec::connection::server::{Accept, ServerSession};
use eim_codec::id::SessionId;
use eim_codec::payload::{AttachMode, Device, SessionOutcome};
use eim_codec::registry::ErrorCode;
use metrics::counter;

use super::detached::Detached;
use super::handshake::{Proven, ServerDriver};
use super::order::Held;
use super::shared::Shared;
use super::slots::Turn;
use crate::hub::{Mailbox, Owner, Receives};
use crate::metrics::names;
use crate::service::auth::{Given, Identity, Rejection};
use crate::store::{DeviceRecord, LoggedIn, Login, Origin, Proof, SessionRecord, TokenId};
use crate::transport::Peer;

/// What the handshake leaves to the open session.
pub(super) struct Opened {
    pub(super) origin: Origin,
    pub(super) mailbox: Arc<Mailbox>,
    /// `None` for a send-only session.
    pub(super) turn: Option<Turn>,
    /// The session, if a token for it was given.
    pub(super) resumable: Option<SessionId>,
    pub(super) held: Held,
    /// Pushes up to this number are not repeated.
    pub(super) pushed: u64,
    /// Head of the timeline.
    pub(super) head: u64,
}

/// Opens the session of a proven client: the only full connection of its device, or one that only
/// sends.
pub(super) async fn attach(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    peer: &Peer,
    proven: Proven,
) -> Result<Opened, Rejection> {
    if proven.attempt.auth.mode == i32::from(AttachMode::SendOnly) {
        return attach_send_only(shared, driver, proven).await;
    }
    let Proven {
        identity,
        attempt,
        device,
    } = proven;
    let owner = Owner {
        tenant: shared.tenant,
        user: identity.user.user,
        device,
    };
    let turn = claim(shared, &identity, owner).await?;
    let described = attempt.auth.device.unwrap_or_default();
    let record = register(shared, &identity, owner, described).await?;
    let asked = identity.resumed.as_ref().map(|(record, _)| record.session);
    let kept = shared
        .detached
        .take(owner)
        .and_then(|kept| wanted(shared, kept, asked));
    let tokens = Tokens::issue(shared, peer, &identity, &record, kept.is_some()).await?;
    let (session, mut opening) = Opening::begin(shared, owner, kept);
    turn.hold(opening.mailbox());
    // Whoever was logged out before the mailbox was there has heard of it by nobody else.
    check_logged_in(shared, owner, None).await?;
    let (head, _) = shared
        .store
        .timeline_head(shared.tenant, owner.user)
        .await?;
    let generation = record.generation;
    let accept = accept(
        shared,
        &identity,
        tokens.fresh,
        tokens.token,
        generation,
        head,
    );
    let outcome = driver.endpoint_mut().accept(accept, session);
    let resumed = outcome == SessionOutcome::Resumed;
    count(if resumed { "resumed" } else { "fresh" });
    if !resumed {
        tokens.begin_fresh(shared, &identity, &record).await?;
        opening.forget(head);
    }
    let resumable = tokens.token.map(|_| match asked {
        Some(session) if resumed => session,
        _ => tokens.fresh,
    });
    let Owner { tenant, user, .. } = owner;
    let origin = Origin {
        tenant,
        user,
        device,
        generation: Some(generation),
    };
    Ok(Opened {
        resumable,
        ..opening.finish(origin, turn, head)
    })
}

/// The right to be the full connection of the device. A token that is worth nothing does not end the
/// connection that there is.
async fn claim(shared: &Shared, identity: &Identity, owner: Owner) -> Result<Turn, Rejection> {
    if let Some((record, _)) = &identity.resumed {
        check_logged_in(shared, owner, Some(record)).await?;
    }
    let turn = shared.slots.claim(owner, shared.options.quiesce).await;
    turn.ok_or(Rejection::new(
        ErrorCode::SESSION_CONFLICT,
        "the older connection of this device has not settled yet",
    ))
}

/// The device becomes known, under its class and name, and its connections are counted. Others make
/// room for it if it is new.
// impl[EIM-AUT-049]
async fn register(
    shared: &Shared,
    identity: &Identity,
    owner: Owner,
    described: Device,
) -> Result<DeviceRecord, Rejection> {
    let Device { class, name, .. } = described;
    let proof = match (&identity.resumed, identity.token) {
        (Some((record, _)), _) => Proof::Token(record.login),
        (None, Some(token)) => Proof::Bot(token),
        (None, None) => Proof::Full,
    };
    let login = Login {
        device: owner.device,
        class,
        name,
        proof,
        limits: shared.options.devices,
    };
    let opened = shared.store.log_in(owner.tenant, owner.user, login).await?;
    let LoggedIn { record, made_room } = opened?;
    for device in made_room {
        tracing::info!(user = %owner.user, %device, newer = %owner.device, "a device made room");
    }
    Ok(record)
}

/// Refuses a device that is logged out, or a token of an earlier login. Gives the generation of its
/// newest connection.
// impl[EIM-DEV-007]
async fn check_logged_in(
    shared: &Shared,
    owner: Owner,
    token: Option<&SessionRecord>,
) -> Result<u64, Rejection> {
    let Owner {
        tenant,
        user,
        device,
    } = owner;
    let Some(device) = shared.store.device(tenant, user, device).await? else {
        return Ok(0);
    };
    if let Some(reason) = device.logged_out {
        return Err(Rejection::new(ErrorCode::LOGGED_OUT, reason.detail()));
    }
    if token.is_some_and(|token| token.login != device.login) {
        let detail = "the token is not valid";
        return Err(Rejection::new(ErrorCode::RESUME_REJECTED, detail));
    }
    Ok(device.generation)
}

/// As [`check_logged_in`], for a connection that only sends: with the token of a bot, its device has
/// to be logged in by the same one, so that it is gone with it.
// impl[EIM-BOT-011]
async fn check_sender(
    shared: &Shared,
    owner: Owner,
    resumed: Option<&SessionRecord>,
    token: Option<TokenId>,
) -> Result<u64, Rejection> {
    if token.is_some() {
        let device = shared.store.device(owner.tenant, owner.user, owner.device);
        if device.await?.and_then(|device| device.token) != token {
            let detail = "the device is not logged in with this token";
            return Err(Rejection::new(ErrorCode::LOGGED_OUT, detail));
        }
    }
    check_logged_in(shared, owner, resumed).await
}

fn count(outcome: &'static str) {
    counter!(names::SESSIONS, "outcome" => outcome).increment(1);
}

/// The kept session if it is the one that was asked for; any other of the device ends here.
fn wanted(shared: &Shared, kept: Detached, asked: Option<SessionId>) -> Option<Detached> {
    if asked == Some(kept.session.id()) {
        return Some(kept);
    }
    shared.hub.unregister(&kept.mailbox);
    None
}

/// What a session that opens brings along. Dropped before it is finished, it forgets the mailbox.
struct Opening<'a> {
    shared: &'a Shared,
    mailbox: Option<Arc<Mailbox>>,
    held: Held,
    pushed: u64,
}

impl<'a> Opening<'a> {
    /// Takes over what was kept, or begins with a mailbox of its own. That is registered before the
    /// head is read: what is committed in between is pushed or counted.
    // impl[EIM-SYN-011]
    fn begin(
        shared: &'a Shared,
        owner: Owner,
        kept: Option<Detached>,
    ) -> (Option<ServerSession>, Self) {
        match kept {
            Some(Detached {
                session,
                mailbox,
                held,
                pushed,
            }) => {
                mailbox.taken_over();
                (
                    Some(session),
                    Self {
                        shared,
                        mailbox: Some(mailbox),
                        held,
                        pushed,
                    },
                )
            }
            None => {
                let mailbox = Some(shared.hub.register(owner, Receives::Pushes));
                (
                    None,
                    Self {
                        shared,
                        mailbox,
                        held: Held::default(),
                        pushed: 0,
                    },
                )
            }
        }
    }

    fn mailbox(&self) -> &Arc<Mailbox> {
        #[expect(clippy::expect_used, reason = "taken by `finish` only, which consumes")]
        self.mailbox.as_ref().expect("a mailbox")
    }

    /// The session is fresh: the client knows everything through the head of AUTH_OK.
    fn forget(&mut self, head: u64) {
        self.held = Held::default();
        self.pushed = head;
    }

    fn finish(mut self, origin: Origin, turn: Turn, head: u64) -> Opened {
        let mailbox = Arc::clone(self.mailbox());
        self.mailbox = None;
        let (held, pushed) = (std::mem::take(&mut self.held), self.pushed);
        Opened {
            origin,
            mailbox,
            turn: Some(turn),
            resumable: None,
            held,
            pushed,
            head,
        }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        if let Some(mailbox) = &self.mailbox {
            self.shared.hub.unregister(mailbox);
        }
    }
}

/// The token of a session that opens, and the session's id if it is fresh.
struct Tokens {
    fresh: SessionId,
    /// None where it could not be used.
    token: Option<[u8; 32]>,
    /// A kept session may go on, so the token was stored for that one.
    continues: bool,
}

impl Tokens {
    // impl[EIM-AUT-031, EIM-AUT-040]
    async fn issue(
        shared: &Shared,
        peer: &Peer,
        identity: &Identity,
        device: &DeviceRecord,
        continues: bool,
    ) -> Result<Self, Rejection> {
        // impl[EIM-RSM-020]
        let fresh = SessionId::from(shared.random.octets::<16>());
        // impl[EIM-BOT-010]: a bot comes back with its own token.
        if !shared.connection.for_peer(peer).confidential || identity.token.is_some() {
            return Ok(Self {
                fresh,
                token: None,
                continues,
            });
        }
        let token = shared.auth.new_token();
        let given = match &identity.resumed {
            Some((record, presented)) if continues => Given {
                session: record.session,
                presented: Some(*presented),
                predecessor: None,
            },
            resumed => Given {
                session: fresh,
                presented: None,
                predecessor: resumed.as_ref().map(|(record, _)| record.session),
            },
        };
        if let Some((record, _)) = &identity.resumed
            && let Some(before) = record.predecessor
        {
            // The token of this session was used, so the one before it has to go.
            let user = identity.user.user;
            shared.auth.revoke(before, user, device.device).await?;
        }
        shared
            .auth
            .put_token(&identity.user, device, &token, given)
            .await?;
        Ok(Self {
            fresh,
            token: Some(token),
            continues,
        })
    }

    /// The session is fresh after all. AUTH_OK has not left yet: its token must work for the
    /// session it names and no other, and the one that was presented until this one is used.
    async fn begin_fresh(
        &self,
        shared: &Shared,
        identity: &Identity,
        device: &DeviceRecord,
    ) -> Result<(), Rejection> {
        let (true, Some(token), Some((before, _))) =
            (self.continues, &self.token, &identity.resumed)
        else {
            return Ok(());
        };
        let given = Given {
            session: self.fresh,
            presented: None,
            predecessor: Some(before.session),
        };
        shared
            .auth
            .put_token(&identity.user, device, token, given)
            .await?;
        let before = SessionRecord {
            predecessor: None,
            ..before.clone()
        };
        shared.auth.restore_token(before).await?;
        Ok(())
    }
}

// impl[EIM-CON-017, EIM-CON-018]
async fn attach_send_only(
    shared: &Arc<Shared>,
    driver: &mut ServerDriver,
    proven: Proven,
) -> Result<Opened, Rejection> {
    let Proven {
        identity, device, ..
    } = proven;
    let owner = Owner {
        tenant: shared.tenant,
        user: identity.user.user,
        device,
    };
    let (head, _) = shared
        .store
        .timeline_head(shared.tenant, owner.user)
        .await?;
    let mailbox = shared.hub.register(owner, Receives::Nothing);
    let token = identity.resumed.as_ref().map(|(record, _)| record);
    let generation = check_sender(shared, owner, token, identity.token)
        .await
        .inspect_err(|_| shared.hub.unregister(&mailbox))?;
    let session = SessionId::from(shared.random.octets::<16>());
    let accept = accept(shared, &identity, session, None, generation, head);
    driver.endpoint_mut().accept(accept, None);
    count("send-only");
    let origin = Origin {
        tenant: owner.tenant,
        user: owner.user,
        device,
        generation: None,
    };
    Ok(Opened {
        origin,
        mailbox,
        turn: None,
        resumable: None,
        held: Held::default(),
        pushed: head,
        head,
    })
}

fn accept(
    shared: &Shared,
    identity: &Identity,
    session_id: SessionId,
    token: Option<[u8; 32]>,
    connection_generation: u64,
    user_seq: u64,
) -> Accept {
    // impl[EIM-AUT-046]
    Accept {
        session_id,
        user_id: identity.user.user,
        user_name: identity.user.name.clone(),
        data: identity.data.clone(),
        resume_token: token,
        // impl[EIM-RSM-001]
        resume: token.map_or(Duration::ZERO, |_| shared.options.resume),
        log_epoch: shared.store.log_epoch(),
        user_seq,
        server_time_ms: shared.clock.now_ms(),
        connection_generation,
    }
}
