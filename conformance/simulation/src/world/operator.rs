//! What the operator of the server does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::limits;
use eim_server::admin::{Command, execute};
use eim_server::server::TENANT;
use eim_server::service::accounts::Accounts;
use eim_server::session::Shared;
use eim_server::store::DepartmentId;
use eim_server::sweeper;

use super::stage::World;
use crate::observation::Observation;
use crate::plan::{Department, DeviceNumber, UserNumber};
use crate::server::{user_id, user_name};

/// Longer than a file is kept that nobody needs, beside what clocks may have jumped back.
const COLLECTED_MS: i64 = 7 * 86_400_000;
/// Records that a sweep takes at once.
const SWEPT: usize = 16;

impl World {
    /// Sweeps what has expired.
    pub(super) fn sweep(&self) {
        let Some((life, shared)) = self.server.shared() else {
            return;
        };
        life.spawn(async move {
            // As in the sweeper itself: the commit loop ends the server when the store fails.
            let _ = sweeper::sweep_store(&shared, SWEPT).await;
            let _ = sweeper::sweep_octets(&shared, SWEPT).await;
        });
    }

    /// Files that nobody needs go: enough time passes.
    pub(super) async fn collect(&self) {
        let Some((_, shared)) = self.server.shared() else {
            return;
        };
        self.server.clock().jump(COLLECTED_MS);
        let swept = sweeper::sweep_store(&shared, SWEPT).await;
        let collected = sweeper::sweep_octets(&shared, SWEPT).await;
        if let (Ok(_), Ok(_)) = (swept, collected) {
            let contents = self.server.disk().kept();
            self.recorder.saw(Observation::Kept { contents });
        }
    }

    /// Enables or disables an account.
    pub(super) fn account(&self, user: UserNumber, enabled: bool) {
        let name = user_name(user);
        self.command(if enabled {
            Command::UserEnable { name }
        } else {
            Command::UserDisable { name }
        });
    }

    /// Logs a device out.
    pub(super) fn log_out(&self, device: DeviceNumber) {
        let Some(node) = self.device(device) else {
            return;
        };
        // A device that has never logged in has no identity.
        if let Some((_, client)) = node.client() {
            self.command(Command::DeviceLogout {
                name: user_name(node.user()),
                device: client.device().to_string(),
            });
        }
    }

    /// Imports departments, one import after the other.
    pub(super) fn import(&self, number: u32, departments: &[Department]) {
        let Some((life, shared)) = self.server.shared() else {
            return;
        };
        let accounts = accounts(&shared);
        let (recorder, importing) = (self.recorder.clone(), Arc::clone(&self.importing));
        let groups = groups(departments);
        let (departments, members) = tables(departments);
        life.spawn(async move {
            let _one = importing.lock().await;
            recorder.saw(Observation::ImportBegun { number, groups });
            let done = accounts.import_directory(&departments, &members, false);
            let done = done.await.is_ok();
            recorder.saw(Observation::ImportEnded { number, done });
        });
    }

    /// Has the running server carry out a command.
    fn command(&self, command: Command) {
        let Some((life, shared)) = self.server.shared() else {
            return;
        };
        let accounts = accounts(&shared);
        life.spawn(async move {
            // An operator whose command failed can see it; here nobody looks.
            let _ = execute(&accounts, Some((&shared.hub, TENANT)), command).await;
        });
    }
}

fn accounts(shared: &Shared) -> Accounts {
    Accounts::new(
        shared.store.clone(),
        shared.clock.clone(),
        shared.random.clone(),
        limits::SCRAM_ITERATIONS.minimum,
        TENANT,
    )
}

fn code(department: u8) -> String {
    format!("d{department}")
}

/// The groups that follow from departments, with their members.
fn groups(departments: &[Department]) -> BTreeMap<ConversationId, BTreeSet<UserId>> {
    let above = |one: &Department| {
        let mut above = vec![one.number];
        let mut parent = one.parent;
        while let Some(number) = parent {
            above.push(number);
            let found = departments.iter().find(|it| it.number == number);
            parent = found.and_then(|it| it.parent);
        }
        above
    };
    let of = |group: &Department| {
        let inside = |one: &&Department| {
            one.number == group.number || group.branch && above(one).contains(&group.number)
        };
        let members = departments.iter().filter(inside);
        members
            .flat_map(|one| one.members.iter().copied().map(user_id))
            .collect()
    };
    let with = departments.iter().filter(|department| department.group);
    with.map(|group| (DepartmentId::of(&code(group.number)).group(), of(group)))
        .collect()
}

/// The departments as an operator writes them.
fn tables(all: &[Department]) -> (String, String) {
    let mut departments = "code,parent,name,group\n".to_owned();
    let mut members = "user,department,title\n".to_owned();
    for one in all {
        let group = match (one.group, one.branch) {
            (false, _) => "",
            (true, false) => "members",
            (true, true) => "branch",
        };
        let parent = one.parent.map(code).unwrap_or_default();
        let (code, name) = (code(one.number), one.name);
        departments.push_str(&format!("{code},{parent},name {name},{group}\n"));
        for user in &one.members {
            members.push_str(&format!("{},{code},title {name}\n", user_name(*user)));
        }
    }
    (departments, members)
}
