//! Texts of the operator, in the personal logs of users.

use bytes::Bytes;
use eim_codec::id::UserId;
use eim_codec::payload::NoticeBody;
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::committer::{Committer, Failure, refuse};
use super::deliver::Draft;
use super::mentions::Mentions;
use super::record::entry::Seal;
use crate::store::TenantId;

impl Committer {
    /// Writes a NOTICE; gives back its number.
    // impl[EIM-CNT-018]
    pub(super) fn notice(
        &mut self,
        tenant: TenantId,
        user: UserId,
        text: String,
    ) -> Result<u64, Failure> {
        self.check_room()?;
        if self.user_row(tenant, user)?.is_none() {
            return refuse(ErrorCode::NOT_FOUND, "no such user");
        }
        let id = self.personal_log(tenant, user)?;
        let body = NoticeBody { text: text.clone() }.encode_to_vec();
        let body = Bytes::from(body);
        let draft = Draft {
            frame_type: FrameType::NOTICE,
            actor: user,
            sender: None,
            client_msg_id: None,
            seal: Seal::new(self.environment.random.octets(), &text, &body),
            body,
            // Whoever does not know the type reads it all the same.
            fallback_text: text,
            mentions: Mentions::default(),
        };
        Ok(self.deliver(tenant, id, draft, &[])?.conv_seq)
    }
}
