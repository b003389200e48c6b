//! Which request is answered where.

use eim_codec::id::RequestId;
use eim_codec::payload::{Request, request::Body as Ask};
use eim_codec::registry::{ErrorCode, Operation, limits};

use super::page::Page;
use super::requests::{Body, Requests};
use super::{Caller, Refusal};

/// What a request is about; each area has one function below.
enum Area {
    Logs,
    Groups,
    GroupPolicy,
    Messages,
    Marks,
    Devices,
    Contacts,
    Directory,
    Presence,
    Calls,
    Blobs,
    Notifications,
}

/// The area of an operation; `None` for one that is not supported.
const fn area(operation: Operation) -> Option<Area> {
    Some(match operation {
        Operation::HEADS
        | Operation::SYNC
        | Operation::HISTORY
        | Operation::CONVERSATION
        | Operation::USERS => Area::Logs,
        Operation::GROUP_CREATE
        | Operation::GROUP_ADD
        | Operation::GROUP_REMOVE
        | Operation::GROUP_LEAVE
        | Operation::GROUP_SET_ROLE
        | Operation::GROUP_MEMBERS
        | Operation::GROUP_RENAME => Area::Groups,
        Operation::GROUP_DISSOLVE
        | Operation::GROUP_MUTE
        | Operation::GROUP_ANNOUNCE
        | Operation::GROUP_INVITE
        | Operation::GROUP_JOIN
        | Operation::GROUP_REQUESTS
        | Operation::GROUP_SET_POLICY
        | Operation::GROUP_MEMBERS_SINCE
        | Operation::GROUP_ANSWER => Area::GroupPolicy,
        Operation::PINS | Operation::REACTIONS => Area::Messages,
        Operation::MARK | Operation::MARKS | Operation::READERS | Operation::UNREAD => Area::Marks,
        Operation::DEVICES | Operation::DEVICE_LOGOUT | Operation::SNAPSHOT => Area::Devices,
        Operation::CONTACT_REQUEST
        | Operation::CONTACT_ANSWER
        | Operation::CONTACT_REMOVE
        | Operation::CONTACT_BLOCK
        | Operation::CONTACTS => Area::Contacts,
        Operation::DEPARTMENTS
        | Operation::DEPARTMENT_MEMBERS
        | Operation::PROFILES
        | Operation::PROFILE_SET => Area::Directory,
        Operation::PRESENCE_SUBSCRIBE
        | Operation::PRESENCE_UNSUBSCRIBE
        | Operation::PRESENCE_QUERY
        | Operation::PRESENCE_SET
        | Operation::TYPING => Area::Presence,
        Operation::CALL_START
        | Operation::CALL_SIGNAL
        | Operation::CALL_SIGNALS
        | Operation::CALLS => Area::Calls,
        Operation::BLOB_CREATE | Operation::BLOB_READ | Operation::BLOB_URL | Operation::BLOBS => {
            Area::Blobs
        }
        Operation::NOTIFY_REGISTER
        | Operation::NOTIFY_SETTINGS
        | Operation::NOTIFY_MUTE
        | Operation::NOTIFY_STATE => Area::Notifications,
        _ => return None,
    })
}

/// Whether an operation is about presence or typing: those are limited by rate.
#[must_use]
pub const fn is_about_presence(operation: Operation) -> bool {
    matches!(area(operation), Some(Area::Presence))
}

/// A request that can be read so far.
struct Question {
    caller: Caller,
    id: RequestId,
    operation: Operation,
    ask: Option<Ask>,
    page: Page,
}

impl Requests {
    // impl[EIM-SYN-004, EIM-SYN-005]
    pub(super) async fn dispatch(
        &self,
        caller: Caller,
        request: Request,
        frame_octets: u32,
    ) -> Result<Body, Refusal> {
        let id = RequestId::from_slice(&request.request_id)
            .map_err(|error| Refusal::invalid(format!("request_id: {error}")))?;
        let operation = Operation(request.operation);
        let Some(area) = area(operation) else {
            let detail = format!("operation {operation} is not supported");
            return Err(Refusal::new(ErrorCode::UNKNOWN_OPERATION, detail));
        };
        let max = match request.max_octets {
            0 => frame_octets.min(limits::REQUEST_MAX_OCTETS.default),
            asked => asked.min(frame_octets),
        };
        let question = Question {
            caller,
            id,
            operation,
            ask: request.body,
            page: Page::new(max),
        };
        match area {
            Area::Logs => self.of_logs(question).await,
            Area::Groups => self.of_groups(question).await,
            Area::GroupPolicy => self.of_group_policy(question).await,
            Area::Messages => self.of_messages(question).await,
            Area::Marks => self.of_marks(question).await,
            Area::Devices => self.of_devices(question).await,
            Area::Contacts => self.of_contacts(question).await,
            Area::Directory => self.of_directory(question).await,
            Area::Presence => self.of_presence(question).await,
            Area::Calls => self.of_calls(question).await,
            Area::Blobs => self.of_blobs(question).await,
            Area::Notifications => self.of_notifications(question).await,
        }
    }

    async fn of_logs(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
            (Operation::HEADS, Some(Ask::Heads(ask))) => self.heads(caller, &ask, page).await,
            (Operation::SYNC, Some(Ask::Sync(ask))) => self.sync(caller, id, ask, page).await,
            (Operation::HISTORY, Some(Ask::History(ask))) => {
                self.history(caller, id, &ask, page).await
            }
            (Operation::CONVERSATION, Some(Ask::Conversation(ask))) => {
                self.conversation(caller, &ask).await
            }
            (Operation::USERS, Some(Ask::Users(ask))) => self.users(caller, &ask, page).await,
            _ => Err(not_of_operation()),
        }
    }

    async fn of_groups(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
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
            _ => Err(not_of_operation()),
        }
    }

    async fn of_group_policy(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
            (Operation::GROUP_DISSOLVE, Some(ask @ Ask::GroupDissolve(_)))
            | (Operation::GROUP_MUTE, Some(ask @ Ask::GroupMute(_)))
            | (Operation::GROUP_ANNOUNCE, Some(ask @ Ask::GroupAnnounce(_)))
            | (Operation::GROUP_SET_POLICY, Some(ask @ Ask::GroupSetPolicy(_)))
            | (Operation::GROUP_ANSWER, Some(ask @ Ask::GroupAnswer(_))) => {
                self.group_act(caller, id, ask).await
            }
            (Operation::GROUP_INVITE, Some(Ask::GroupInvite(ask))) => {
                self.group_invite(caller, id, &ask).await
            }
            (Operation::GROUP_JOIN, Some(Ask::GroupJoin(ask))) => {
                self.group_join(caller, id, &ask).await
            }
            (Operation::GROUP_REQUESTS, Some(Ask::GroupRequests(ask))) => {
                self.group_requests(caller, &ask, page).await
            }
            (Operation::GROUP_MEMBERS_SINCE, Some(Ask::GroupMembersSince(ask))) => {
                self.group_members_since(caller, &ask, page).await
            }
            _ => Err(not_of_operation()),
        }
    }

    async fn of_messages(&self, question: Question) -> Result<Body, Refusal> {
        let Question { caller, page, .. } = question;
        match (question.operation, question.ask) {
            (Operation::PINS, Some(Ask::Pins(ask))) => self.pins(caller, &ask, page).await,
            (Operation::REACTIONS, Some(Ask::Reactions(ask))) => {
                self.reactions(caller, &ask, page).await
            }
            _ => Err(not_of_operation()),
        }
    }

    async fn of_marks(&self, question: Question) -> Result<Body, Refusal> {
        let Question { caller, page, .. } = question;
        match (question.operation, question.ask) {
            (Operation::MARK, Some(Ask::Mark(ask))) => self.mark(caller, &ask).await,
            (Operation::MARKS, Some(Ask::Marks(ask))) => self.marks(caller, &ask, page).await,
            (Operation::READERS, Some(Ask::Readers(ask))) => self.readers(caller, &ask, page).await,
            (Operation::UNREAD, Some(Ask::Unread(ask))) => self.unread(caller, &ask, page).await,
            _ => Err(not_of_operation()),
        }
    }

    async fn of_devices(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
            (Operation::DEVICES, Some(Ask::Devices(ask))) => self.devices(caller, &ask, page).await,
            (Operation::DEVICE_LOGOUT, Some(Ask::DeviceLogout(ask))) => {
                self.device_logout(caller, id, &ask).await
            }
            (Operation::SNAPSHOT, Some(Ask::Snapshot(ask))) => {
                self.snapshot(caller, &ask, page).await
            }
            _ => Err(not_of_operation()),
        }
    }

    async fn of_contacts(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
            (Operation::CONTACT_REQUEST, Some(ask @ Ask::ContactRequest(_)))
            | (Operation::CONTACT_ANSWER, Some(ask @ Ask::ContactAnswer(_)))
            | (Operation::CONTACT_REMOVE, Some(ask @ Ask::ContactRemove(_)))
            | (Operation::CONTACT_BLOCK, Some(ask @ Ask::ContactBlock(_))) => {
                self.contact_change(caller, id, ask).await
            }
            (Operation::CONTACTS, Some(Ask::Contacts(ask))) => {
                self.contacts(caller, ask, page).await
            }
            _ => Err(not_of_operation()),
        }
    }

    async fn of_directory(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
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
            _ => Err(not_of_operation()),
        }
    }

    async fn of_blobs(&self, question: Question) -> Result<Body, Refusal> {
        let Question { caller, page, .. } = question;
        match (question.operation, question.ask) {
            (Operation::BLOB_CREATE, Some(Ask::BlobCreate(ask))) => {
                self.blob_create(caller, ask).await
            }
            (Operation::BLOB_READ, Some(Ask::BlobRead(ask))) => self.blob_read(caller, &ask).await,
            (Operation::BLOB_URL, Some(Ask::BlobUrl(ask))) => self.blob_url(caller, &ask).await,
            (Operation::BLOBS, Some(Ask::Blobs(ask))) => self.blobs_of(caller, &ask, page).await,
            _ => Err(not_of_operation()),
        }
    }

    async fn of_presence(&self, question: Question) -> Result<Body, Refusal> {
        let Question { caller, page, .. } = question;
        match (question.operation, question.ask) {
            (Operation::PRESENCE_SUBSCRIBE, Some(Ask::PresenceSubscribe(ask))) => {
                self.presence_subscribe(caller, &ask, page).await
            }
            (Operation::PRESENCE_UNSUBSCRIBE, Some(Ask::PresenceUnsubscribe(ask))) => {
                self.presence_unsubscribe(caller, &ask)
            }
            (Operation::PRESENCE_QUERY, Some(Ask::PresenceQuery(ask))) => {
                self.presence_query(caller, &ask, page).await
            }
            (Operation::PRESENCE_SET, Some(Ask::PresenceSet(ask))) => {
                self.presence_set(caller, ask)
            }
            (Operation::TYPING, Some(Ask::Typing(ask))) => self.typing(caller, ask).await,
            _ => Err(not_of_operation()),
        }
    }

    async fn of_notifications(&self, question: Question) -> Result<Body, Refusal> {
        let Question { caller, page, .. } = question;
        match (question.operation, question.ask) {
            (Operation::NOTIFY_REGISTER, Some(Ask::NotifyRegister(ask))) => {
                self.notify_register(caller, ask).await
            }
            (Operation::NOTIFY_SETTINGS, Some(Ask::NotifySettings(ask))) => {
                self.notify_settings(caller, &ask).await
            }
            (Operation::NOTIFY_MUTE, Some(Ask::NotifyMute(ask))) => {
                self.notify_mute(caller, &ask).await
            }
            (Operation::NOTIFY_STATE, Some(Ask::NotifyState(ask))) => {
                self.notify_state(caller, &ask, page).await
            }
            _ => Err(not_of_operation()),
        }
    }
}

impl Requests {
    async fn of_calls(&self, question: Question) -> Result<Body, Refusal> {
        let Question {
            caller, id, page, ..
        } = question;
        match (question.operation, question.ask) {
            (Operation::CALL_START, Some(Ask::CallStart(ask))) => {
                self.call_start(caller, id, ask).await
            }
            (Operation::CALL_SIGNAL, Some(Ask::CallSignal(ask))) => {
                self.call_signal(caller, id, ask)
            }
            (Operation::CALL_SIGNALS, Some(Ask::CallSignals(ask))) => {
                self.call_signals(caller, &ask, page)
            }
            (Operation::CALLS, Some(Ask::Calls(_))) => self.calls(caller, page),
            _ => Err(not_of_operation()),
        }
    }
}

pub(super) fn not_of_operation() -> Refusal {
    Refusal::invalid("the body is not that of the operation")
}
