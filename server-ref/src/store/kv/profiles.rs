//! Profiles: one sequence of versions for all of a tenant.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::ErrorCode;

use super::committer::{Committer, Failure, refuse};
use super::deliver::Numbered;
use super::groups::Done;
use super::keys;
use super::record::state::{self, ProfileRow, UserRow, VersionRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Origin, ProfileChange, ProfilePage, ProfileView, StoreError, TenantId};

/// Longest name of a picture, in octets.
const AVATAR: usize = 64;

impl Committer {
    /// Changes fields of the caller's profile.
    // impl[EIM-DIR-006] impl[EIM-DIR-007] impl[EIM-DIR-008] impl[EIM-DIR-010]
    pub(super) fn set_profile(&mut self, origin: &Origin, change: &ProfileChange) -> Done {
        self.check_profile(change)?;
        let (tenant, user) = (origin.tenant, origin.user);
        let nowhere = ConversationId::from([0; 16]);
        let Some(mut account) = self.user_row(tenant, user)? else {
            return refuse(ErrorCode::NOT_FOUND, "no such user");
        };
        let before = self.profile_row(tenant, user)?;
        let mut row = before.clone();
        if let Some(phone) = &change.phone {
            row.phone.clone_from(phone);
        }
        if let Some(mail) = &change.mail {
            row.mail.clone_from(mail);
        }
        if let Some(avatar) = &change.avatar {
            row.avatar.clone_from(avatar);
        }
        let renamed = change.display_name.as_ref();
        let renamed = renamed.filter(|name| **name != account.display_name);
        if row == before && renamed.is_none() {
            return Ok((nowhere, None));
        }
        if let Some(name) = renamed {
            account.display_name.clone_from(name);
            self.pending
                .put_state(&keys::user(tenant, user), state::encode(&account));
        }
        let version = self.put_profile(tenant, user, row)?;
        let numbered = Numbered {
            conv_seq: version,
            time_ms: self.now_ms,
            user_seq: 0,
        };
        Ok((nowhere, Some(numbered)))
    }

    fn check_profile(&self, change: &ProfileChange) -> Result<(), Failure> {
        let texts = [&change.display_name, &change.phone, &change.mail];
        let long = |text: &String| text.len() > self.options.profile_octets;
        let long = texts.into_iter().flatten().any(long);
        let picture = change.avatar.as_ref();
        if long || picture.is_some_and(|avatar| avatar.len() > AVATAR) {
            return refuse(ErrorCode::INVALID_REQUEST, "a field is too long");
        }
        if change.display_name.as_ref().is_some_and(String::is_empty) {
            return refuse(ErrorCode::INVALID_REQUEST, "the display name is empty");
        }
        Ok(())
    }

    pub(super) fn profile_row(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<ProfileRow, StoreError> {
        match self
            .pending
            .state(&*self.engine, &keys::profile(tenant, user))?
        {
            Some(record) => state::decode("profile", &record),
            None => Ok(ProfileRow::default()),
        }
    }

    /// Writes a profile under the next version.
    pub(super) fn put_profile(
        &mut self,
        tenant: TenantId,
        user: UserId,
        row: ProfileRow,
    ) -> Result<u64, StoreError> {
        let key = keys::profile_head(tenant);
        let head = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode::<VersionRow>("profile head", &record)?.version,
            None => 0,
        };
        let version = head + 1;
        self.pending
            .put_state(&key, state::encode(&VersionRow { version }));
        if row.version > 0 {
            self.pending
                .delete_state(&keys::profile_version(tenant, row.version));
        }
        let key = keys::profile_version(tenant, version);
        self.pending.put_state(&key, user.as_bytes().to_vec());
        let row = ProfileRow { version, ..row };
        self.pending
            .put_state(&keys::profile(tenant, user), state::encode(&row));
        Ok(version)
    }
}

/// The profile of a user.
pub(super) fn profile(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<ProfileView>, StoreError> {
    let Some(account) = reader.get(Space::State, &keys::user(tenant, user))? else {
        return Ok(None);
    };
    let account: UserRow = state::decode("user", &account)?;
    let row: ProfileRow = match reader.get(Space::State, &keys::profile(tenant, user))? {
        Some(record) => state::decode("profile", &record)?,
        None => ProfileRow::default(),
    };
    let department = match &row.department[..] {
        [] => None,
        octets => Some(state::id("department", octets)?),
    };
    Ok(Some(ProfileView {
        user,
        name: account.name,
        display_name: account.display_name,
        phone: row.phone,
        mail: row.mail,
        avatar: row.avatar,
        title: row.title,
        department,
        version: row.version,
        bot: row.bot,
    }))
}

/// Profiles whose version is above `version`.
// impl[EIM-DIR-001]
pub(super) fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    version: u64,
    limit: usize,
) -> Result<ProfilePage, StoreError> {
    let head = match reader.get(Space::State, &keys::profile_head(tenant))? {
        Some(record) => state::decode::<VersionRow>("profile head", &record)?.version,
        None => 0,
    };
    let mut users: Vec<UserId> = Vec::new();
    let mut more = false;
    let from = keys::profile_version(tenant, version.saturating_add(1));
    let to = keys::profile_version(tenant, u64::MAX);
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |_, user| {
            if users.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            users.push(state::id("profile version", user)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let profiles: Result<Vec<_>, StoreError> = users
        .into_iter()
        .filter_map(|user| profile(reader, tenant, user).transpose())
        .collect();
    Ok(ProfilePage {
        profiles: profiles?,
        more,
        head,
    })
}
