//! REQUEST to RESPONSE.

use std::sync::Arc;

use eim_codec::id::{ConversationId, RequestId, UserId};
use eim_codec::payload::{DetachedEntry, Request, Response, request, response};
use eim_codec::registry::{ErrorCode, Operation};

use super::directory::Visible;
use super::{Caller, Refusal, error_info, retry_after_ms};
use crate::hub::Hub;
use crate::store::{Store, StoreError};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The RESPONSE.
    pub response: Response,
    /// Entries that did not fit, to be sent as ENTRY after it, in order.
    pub detached: Vec<DetachedEntry>,
}

/// A body, and what did not fit into it.
pub(super) struct Body {
    pub(super) body: response::Body,
    pub(super) detached: Vec<DetachedEntry>,
}

impl From<response::Body> for Body {
    fn from(body: response::Body) -> Self {
        Self {
            body,
            detached: Vec::new(),
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
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Requests {
    /// Answers from `store`, and from `hub` about who is online; groups have at most `max_members`
    /// members, and read fan-out beyond `write_fanout_members`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        hub: Arc<Hub>,
        max_members: usize,
        write_fanout_members: usize,
    ) -> Self {
        Self {
            store,
            hub,
            max_members,
            write_fanout_members,
            visible: Visible::default(),
        }
    }

    /// Chooses who reads what of the directory.
    #[must_use]
    pub fn with_directory(mut self, visible: Visible) -> Self {
        self.visible = visible;
        self
    }

    /// Answers `request`; `frame_octets` is the largest payload the client accepts.
    // impl[EIM-SYN-001]
    pub async fn answer(&self, caller: Caller, request: Request, frame_octets: u32) -> Answer {
        let (request_id, operation) = (request.request_id.clone(), request.operation);
        let outcome = self.dispatch(caller, request, frame_octets).await;
        let (error, body, detached) = match outcome {
            Ok(Body { body, detached }) => (None, Some(body), detached),
            Err(Refusal { code, detail }) => {
                let error = error_info(code, detail, retry_after_ms(code));
                (Some(error), None, Vec::new())
            }
        };
        Answer {
            response: Response {
                request_id,
                operation,
                error,
                body,
            },
            detached,
        }
    }

    // impl[EIM-SYN-004, EIM-SYN-005]
    async fn dispatch(
        &self,
        caller: Caller,
        request: Request,
        frame_octets: u32,
    ) -> Result<Body, Refusal> {
        let id = RequestId::from_slice(&request.request_id)
            .map_err(|error| Refusal::invalid(format!("request_id: {error}")))?;
        let operation = Operation(request.operation);
        if !is_supported(operation) {
            let detail = format!("operation {operation} is not supported");
            return Err(Refusal::new(ErrorCode::UNKNOWN_OPERATION, detail));
        }
        let max = match request.max_octets {
            0 => frame_octets.min(eim_codec::registry::limits::REQUEST_MAX_OCTETS.default),
            asked => asked.min(frame_octets),
        };
        let page = super::page::Page::new(max);
        use request::Body as Ask;
        match (operation, request.body) {
            (Operation::HEADS, Some(Ask::Heads(ask))) => self.heads(caller, &ask, page).await,
            (Operation::SYNC, Some(Ask::Sync(ask))) => self.sync(caller, id, ask, page).await,
            (Operation::HISTORY, Some(Ask::History(ask))) => {
                self.history(caller, id, &ask, page).await
            }
            (Operation::CONVERSATION, Some(Ask::Conversation(ask))) => {
                self.conversation(caller, &ask).await
            }
            (Operation::USERS, Some(Ask::Users(ask))) => self.users(caller, &ask, page).await,
            (Operation::GROUP_CREATE, Some(Ask::GroupCreate(ask))) => {
                self.group_create(caller, id, ask).await
            }
            (Operation::GROUP_ADD, Some(Ask::GroupAdd(ask))) => {
                self.group_add(caller, id, &ask).await
            }
            (Operation::GROUP_REMOVE, Some(Ask::GroupRemove(ask))) => {
                self.group_remove(caller, id, &ask).await
            }
            (Operation::GROUP_LEAVE, Some(Ask::GroupLeave(ask))) => {
                self.group_leave(caller, id, &ask).await
            }
            (Operation::GROUP_SET_ROLE, Some(Ask::GroupSetRole(ask))) => {
                self.group_set_role(caller, id, &ask).await
            }
            (Operation::GROUP_MEMBERS, Some(Ask::GroupMembers(ask))) => {
                self.group_members(caller, &ask, page).await
            }
            (Operation::GROUP_RENAME, Some(Ask::GroupRename(ask))) => {
                self.group_rename(caller, id, ask).await
            }
            (Operation::PINS, Some(Ask::Pins(ask))) => self.pins(caller, &ask, page).await,
            (Operation::REACTIONS, Some(Ask::Reactions(ask))) => {
                self.reactions(caller, &ask, page).await
            }
            (Operation::MARK, Some(Ask::Mark(ask))) => self.mark(caller, &ask).await,
            (Operation::MARKS, Some(Ask::Marks(ask))) => self.marks(caller, &ask, page).await,
            (Operation::READERS, Some(Ask::Readers(ask))) => self.readers(caller, &ask, page).await,
            (Operation::UNREAD, Some(Ask::Unread(ask))) => self.unread(caller, &ask, page).await,
            (Operation::DEVICES, Some(ask @ Ask::Devices(_)))
            | (Operation::DEVICE_LOGOUT, Some(ask @ Ask::DeviceLogout(_)))
            | (Operation::SNAPSHOT, Some(ask @ Ask::Snapshot(_))) => {
                self.of_devices(caller, id, ask, page).await
            }
            (Operation::CONTACT_REQUEST, Some(ask @ Ask::ContactRequest(_)))
            | (Operation::CONTACT_ANSWER, Some(ask @ Ask::ContactAnswer(_)))
            | (Operation::CONTACT_REMOVE, Some(ask @ Ask::ContactRemove(_)))
            | (Operation::CONTACT_BLOCK, Some(ask @ Ask::ContactBlock(_))) => {
                self.contact_change(caller, id, ask).await
            }
            (Operation::CONTACTS, Some(Ask::Contacts(ask))) => {
                self.contacts(caller, ask, page).await
            }
            (Operation::DEPARTMENTS, Some(Ask::Departments(ask))) => {
                self.departments(caller, &ask, page).await
            }
            (Operation::DEPARTMENT_MEMBERS, Some(Ask::DepartmentMembers(ask))) => {
                self.department_members(caller, &ask, page).await
            }
            (Operation::PROFILES, Some(Ask::Profiles(ask))) => {
                self.profiles(caller, ask, page).await
            }
            (Operation::PROFILE_SET, Some(Ask::ProfileSet(ask))) => {
                self.profile_set(caller, id, ask).await
            }
            _ => Err(Refusal::invalid("the body is not that of the operation")),
        }
    }

    /// Head of the caller's timeline.
    pub(super) async fn head(&self, caller: Caller) -> Result<(u64, u64), StoreError> {
        self.store
            .timeline_head(caller.origin.tenant, caller.origin.user)
            .await
    }
}

const fn is_supported(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::HEADS
            | Operation::SYNC
            | Operation::HISTORY
            | Operation::CONVERSATION
            | Operation::USERS
            | Operation::GROUP_CREATE
            | Operation::GROUP_ADD
            | Operation::GROUP_REMOVE
            | Operation::GROUP_LEAVE
            | Operation::GROUP_SET_ROLE
            | Operation::GROUP_MEMBERS
            | Operation::GROUP_RENAME
            | Operation::PINS
            | Operation::REACTIONS
            | Operation::MARK
            | Operation::MARKS
            | Operation::READERS
            | Operation::UNREAD
            | Operation::DEVICES
            | Operation::DEVICE_LOGOUT
            | Operation::SNAPSHOT
            | Operation::CONTACT_REQUEST
            | Operation::CONTACT_ANSWER
            | Operation::CONTACT_REMOVE
            | Operation::CONTACT_BLOCK
            | Operation::CONTACTS
            | Operation::DEPARTMENTS
            | Operation::DEPARTMENT_MEMBERS
            | Operation::PROFILES
            | Operation::PROFILE_SET
    )
}

pub(super) fn conversation_id(octets: &[u8]) -> Result<ConversationId, Refusal> {
    ConversationId::from_slice(octets)
        .map_err(|error| Refusal::invalid(format!("conversation: {error}")))
}

pub(super) fn user_id(octets: &[u8]) -> Result<UserId, Refusal> {
    UserId::from_slice(octets).map_err(|error| Refusal::invalid(format!("user: {error}")))
}
