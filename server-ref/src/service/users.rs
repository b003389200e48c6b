//! Looking users up.

use std::collections::BTreeMap;

use eim_codec::payload::{User, UsersRequest, UsersResponse, response};

use super::page::Page;
use super::password::normalise_name;
use super::requests::{Body, Requests, user_id};
use super::{Caller, Refusal};
use crate::store::UserRecord;

impl Requests {
    // impl[EIM-SYN-055, EIM-SYN-056]
    pub(super) async fn users(
        &self,
        caller: Caller,
        ask: &UsersRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let tenant = caller.origin.tenant;
        if ask.ids.len() + ask.names.len() > page.items() {
            return Err(Refusal::invalid("too many users asked for at once"));
        }
        let mut found: BTreeMap<_, UserRecord> = BTreeMap::new();
        for id in &ask.ids {
            if let Some(record) = self.store.user(tenant, user_id(id)?).await? {
                found.insert(record.user, record);
            }
        }
        for name in &ask.names {
            let Ok(name) = normalise_name(name) else {
                continue;
            };
            if let Some(record) = self.store.user_by_name(tenant, &name).await? {
                found.insert(record.user, record);
            }
        }
        let mut users = Vec::with_capacity(found.len());
        for record in found.into_values() {
            let user = User {
                user_id: record.user.to_bytes(),
                name: record.name,
                display_name: record.display_name,
            };
            if !page.take(&user) {
                return Err(Refusal::invalid(
                    "the answer does not fit; ask for fewer users",
                ));
            }
            users.push(user);
        }
        Ok(response::Body::Users(UsersResponse { users }).into())
    }
}
