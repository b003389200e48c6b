//! From what is owed to what is told: is there still a reason, is it time, and how much may be said.

use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{ConversationKind, NotifyContent, TextBody};
use eim_codec::registry::FrameType;
use hmac::{Hmac, Mac as _};
use prost::Message as _;
use sha2::Sha256;

use crate::hub::Hub;
use crate::store::{
    CommitSink as _, ConversationView, Entry, HistoryPage, NotifyTarget, Owed, Service, Store,
    StoreError, TenantId,
};

/// Most characters of a preview.
const PREVIEW: usize = 120;
/// How long a device that is connected has to store the entry before it is looked at again; longer
/// when the entry is older.
const CONNECTED_MS: u64 = 5000;
/// Octets of a body that are read for a preview; a longer one is read all the same, alone.
const OCTETS: usize = 64 << 10;

/// A notification as a gateway passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The same for each attempt to deliver the same entry to the same device.
    pub id: String,
    /// Whose.
    pub user: UserId,
    /// For which device.
    pub device: DeviceId,
    /// Where it goes.
    pub target: NotifyTarget,
    /// Names the conversation for this device, and means nothing elsewhere.
    pub collapse: String,
    /// Commit of the entry, Unix milliseconds.
    pub time_ms: u64,
    /// It is worth nothing afterwards, Unix milliseconds.
    pub expires_ms: u64,
    /// Unread messages of the conversation.
    pub unread: u64,
    /// Messages that it stands for.
    pub count: u32,
    /// One of them mentions the user, or everybody.
    pub mention: bool,
    /// Who, and where; `None` where that is not told.
    pub about: Option<About>,
    /// How it begins; `None` where that is not told, or nothing can be shown.
    pub preview: Option<String>,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its name; of a direct one that of the sender.
    pub conversation_name: String,
    /// Newest entry.
    pub conv_seq: u64,
    /// Epoch of the number.
    pub log_epoch: u64,
    /// Who sent it.
    pub sender: UserId,
    /// Shown to people.
    pub sender_name: String,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Composed {
    /// It is passed on.
    Tell(Box<Notification>),
    /// It is not time yet; Unix milliseconds.
    Wait(u64),
    /// There is no reason any more: in a word, for metrics.
    Needless(&'static str),
}

/// What notifications are made by.
#[derive(Debug)]
pub(super) struct Composer {
    pub(super) tenant: TenantId,
    pub(super) content: NotifyContent,
    pub(super) ttl_ms: u64,
    /// Names devices and conversations to others.
    pub(super) secret: [u8; 32],
}

impl Composer {
    // impl[EIM-NTF-015, EIM-NTF-016]
    pub(super) async fn compose(
        &self,
        store: &dyn Store,
        hub: &Hub,
        service: Service,
        owed: &Owed,
        now_ms: u64,
    ) -> Result<Composed, StoreError> {
        let key = owed.key;
        let Some(target) = &owed.target else {
            return Ok(Composed::Needless("no_target"));
        };
        if target.service != service {
            return Ok(Composed::Wait(now_ms));
        }
        if now_ms >= owed.time_ms.saturating_add(self.ttl_ms) {
            return Ok(Composed::Needless("expired"));
        }
        if let Some(mute) = owed.mute
            && mute.keeps_back(owed.mention, now_ms)
        {
            return Ok(Composed::Needless("muted"));
        }
        let quiet_ms = owed.settings.quiet_through(now_ms);
        if quiet_ms > now_ms {
            return Ok(Composed::Wait(quiet_ms));
        }
        let account = store.user(self.tenant, key.user).await?;
        if account.is_none_or(|account| account.disabled) {
            return Ok(Composed::Needless("disabled"));
        }
        let view = store
            .conversation(self.tenant, key.user, key.conversation)
            .await?;
        let view = match view {
            Some(view) if view.visible_through == 0 => view,
            _ => return Ok(Composed::Needless("no_member")),
        };
        if view.marks.read >= owed.conv_seq {
            return Ok(Composed::Needless("read"));
        }
        match self.has_stored(store, owed).await? {
            None => return Ok(Composed::Needless("no_device")),
            Some(true) => return Ok(Composed::Needless("stored")),
            Some(false) if hub.attends(self.tenant, key.user, key.device) => {
                let pause_ms = CONNECTED_MS.max(now_ms.saturating_sub(owed.time_ms) / 2);
                return Ok(Composed::Wait(now_ms.saturating_add(pause_ms)));
            }
            Some(false) => {}
        }
        let Some((entry, shown)) = self.entry(store, owed).await? else {
            return Ok(Composed::Needless("no_entry"));
        };
        if shown.is_none() && owed.count <= 1 {
            return Ok(Composed::Needless("recalled"));
        }
        let told = self.tell(store, owed, target, &view, &entry, shown).await?;
        Ok(Composed::Tell(Box::new(told)))
    }

    /// Whether the device has the entry; `None` when there is no such device.
    async fn has_stored(&self, store: &dyn Store, owed: &Owed) -> Result<Option<bool>, StoreError> {
        let (user, device) = (owed.key.user, owed.key.device);
        let device = store.device(self.tenant, user, device).await?;
        Ok(device.map(|device| {
            owed.user_seq > 0
                && device.cursor_epoch == owed.log_epoch
                && device.cursor >= owed.user_seq
        }))
    }

    /// The entry, and its body as it is now; without body when it was recalled or erased.
    async fn entry(
        &self,
        store: &dyn Store,
        owed: &Owed,
    ) -> Result<Option<(std::sync::Arc<Entry>, Option<Bytes>)>, StoreError> {
        if owed.log_epoch != store.log_epoch() {
            return Ok(None);
        }
        let (conversation, number) = (owed.key.conversation, owed.conv_seq);
        let HistoryPage {
            entries, states, ..
        } = store
            .history(
                self.tenant,
                conversation,
                number,
                number,
                false,
                1,
                OCTETS,
                0,
            )
            .await?;
        let Some(entry) = entries.into_iter().next() else {
            return Ok(None);
        };
        let state = states.into_iter().next().flatten();
        let recalled = state.as_ref().is_some_and(|state| state.recall_seq > 0);
        let edited = state.filter(|state| state.edit_seq > 0);
        // impl[EIM-NTF-020]
        let body = if entry.tombstone || recalled {
            None
        } else {
            Some(edited.map_or_else(|| entry.body.clone(), |state| state.edit_body))
        };
        Ok(Some((entry, body)))
    }

    // impl[EIM-NTF-019]
    async fn tell(
        &self,
        store: &dyn Store,
        owed: &Owed,
        target: &NotifyTarget,
        view: &ConversationView,
        entry: &Entry,
        body: Option<Bytes>,
    ) -> Result<Notification, StoreError> {
        let wanted = match owed.settings.content {
            NotifyContent::Unspecified => self.content,
            wanted => wanted.min(self.content),
        };
        let about = match entry.sender {
            Some(sender) if wanted >= NotifyContent::Sender => {
                let known = store.user(self.tenant, sender).await?;
                let sender_name = known.map_or_else(String::new, |user| {
                    let shown = Some(user.display_name).filter(|name| !name.is_empty());
                    shown.unwrap_or(user.name)
                });
                let conversation_name = match view.kind {
                    ConversationKind::Group => view.name.clone(),
                    _ => sender_name.clone(),
                };
                Some(About {
                    conversation: owed.key.conversation,
                    conversation_name,
                    conv_seq: owed.conv_seq,
                    log_epoch: owed.log_epoch,
                    sender,
                    sender_name,
                })
            }
            _ => None,
        };
        let preview = match body {
            Some(body) if wanted >= NotifyContent::Preview => preview(entry, &body),
            _ => None,
        };
        let (user, device) = (owed.key.user, owed.key.device);
        Ok(Notification {
            id: self.id(owed),
            user,
            device,
            target: target.clone(),
            collapse: self.name(&[
                b"conversation",
                user.as_bytes(),
                device.as_bytes(),
                owed.key.conversation.as_bytes(),
            ]),
            time_ms: owed.time_ms,
            expires_ms: owed.time_ms.saturating_add(self.ttl_ms),
            unread: view.marks.unread.max(1),
            count: owed.count,
            mention: owed.mention,
            about,
            preview,
        })
    }

    // impl[EIM-NTF-017]
    fn id(&self, owed: &Owed) -> String {
        let name = self.name(&[
            b"notification",
            owed.key.user.as_bytes(),
            owed.key.device.as_bytes(),
            owed.key.conversation.as_bytes(),
            &owed.log_epoch.to_be_bytes(),
            &owed.conv_seq.to_be_bytes(),
        ]);
        format!("ntf_{name}")
    }

    /// 32 hexadecimal digits that tell nothing of `parts` without the secret.
    fn name(&self, parts: &[&[u8]]) -> String {
        // Keys of HMAC have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return String::new();
        };
        parts.iter().for_each(|part| mac.update(part));
        let octets = mac.finalize().into_bytes();
        let digits = octets.iter().take(16).map(|octet| format!("{octet:02x}"));
        digits.collect()
    }
}

/// How a message begins.
// impl[EIM-NTF-020]
fn preview(entry: &Entry, body: &Bytes) -> Option<String> {
    let text = match entry.frame_type {
        FrameType::TEXT => TextBody::decode(body.clone()).ok()?.text,
        FrameType::ENCRYPTED => return None,
        _ => entry.fallback_text.clone(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(PREVIEW).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    (!shown.is_empty()).then_some(shown)
}
