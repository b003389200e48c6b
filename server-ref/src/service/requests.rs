//! REQUEST to RESPONSE.

use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{DetachedEntry, Request, Response, response};

use super::blobs::{Blobs, Transfer};
use super::directory::Visible;
use super::notifications::NotifyPolicy;
use super::presence::PresencePolicy;
use super::{Caller, Refusal};
use crate::calls::Calls;
use crate::hub::Hub;
use crate::limits::Limits;
use crate::store::{Store, StoreError};

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The RESPONSE.
    pub response: Response,
    /// Entries that did not fit, to be sent as ENTRY after it, in order.
    pub detached: Vec<DetachedEntry>,
    /// What the connection begins to transfer, under a number that it gives.
    pub transfer: Option<Box<Transfer>>,
}

/// A body, and what did not fit into it.
pub(super) struct Body {
    pub(super) body: response::Body,
    pub(super) detached: Vec<DetachedEntry>,
    pub(super) transfer: Option<Box<Transfer>>,
}

impl From<response::Body> for Body {
    fn from(body: response::Body) -> Self {
        Self {
            body,
            detached: Vec::new(),
            transfer: None,
        }
    }
}

/// Answers requests.
pub struct Requests {
    pub(super) store: Arc<dyn Store>,
    pub(super) hub: Arc<Hub>,
    pub(super) max_members: usize,
    pub(super) write_fanout_members: usize,
    pub(super) visible: Visible,
    pub(super) presence: PresencePolicy,
    pub(super) calls: Arc<Calls>,
    pub(super) blobs: Option<Arc<Blobs>>,
    pub(super) notify: NotifyPolicy,
    pub(super) limits: Option<Arc<Limits>>,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Requests {
    /// Answers from `store`, from `hub` about who is online, and from `calls`; groups have at most `max_members`
    /// members, and read fan-out beyond `write_fanout_members`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        calls: Arc<Calls>,
        max_members: usize,
        write_fanout_members: usize,
    ) -> Self {
        Self {
            store,
            hub,
            max_members,
            write_fanout_members,
            visible: Visible::default(),
            presence: PresencePolicy::default(),
            calls,
            blobs: None,
            notify: NotifyPolicy::default(),
            limits: None,
        }
    }

    /// Chooses who reads what of the directory.
    #[must_use]
    pub fn with_directory(mut self, visible: Visible) -> Self {
        self.visible = visible;
        self
    }

    /// Chooses who sees what of presence.
    #[must_use]
    pub const fn with_presence(mut self, policy: PresencePolicy) -> Self {
        self.presence = policy;
        self
    }

    /// Keeps blobs.
    #[must_use]
    pub fn with_blobs(mut self, blobs: Option<Arc<Blobs>>) -> Self {
        self.blobs = blobs;
        self
    }

    /// Chooses what notifications there are.
    #[must_use]
    pub fn with_notifications(mut self, policy: NotifyPolicy) -> Self {
        self.notify = policy;
        self
    }

    /// Limits what is created.
    #[must_use]
    pub fn with_limits(mut self, limits: Arc<Limits>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Answers `request`; `frame_octets` is the largest payload the client accepts.
    // impl[EIM-SYN-001]
    pub async fn answer(&self, caller: Caller, request: Request, frame_octets: u32) -> Answer {
        let (request_id, operation) = (request.request_id.clone(), request.operation);
        let outcome = self.dispatch(caller, request, frame_octets).await;
        let (error, body, detached, transfer) = match outcome {
            Ok(Body {
                body,
                detached,
                transfer,
            }) => (None, Some(body), detached, transfer),
            Err(refusal) => (Some(refusal.into()), None, Vec::new(), None),
        };
        Answer {
            response: Response {
                request_id,
                operation,
                error,
                body,
            },
            detached,
            transfer,
        }
    }

    /// Head of the caller's timeline.
    pub(super) async fn head(&self, caller: Caller) -> Result<(u64, u64), StoreError> {
        self.store
            .timeline_head(caller.origin.tenant, caller.origin.user)
            .await
    }
}

pub(super) fn conversation_id(octets: &[u8]) -> Result<ConversationId, Refusal> {
    ConversationId::from_slice(octets)
        .map_err(|error| Refusal::invalid(format!("conversation: {error}")))
}

pub(super) fn user_id(octets: &[u8]) -> Result<UserId, Refusal> {
    UserId::from_slice(octets).map_err(|error| Refusal::invalid(format!("user: {error}")))
}
