//! What the operator of the server does.

use eim_codec::registry::limits;
use eim_server::admin::{Command, execute};
use eim_server::server::TENANT;
use eim_server::service::accounts::Accounts;
use eim_server::sweeper;

use super::stage::World;
use crate::plan::{DeviceNumber, UserNumber};
use crate::server::user_name;

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
        });
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

    /// Has the running server carry out a command.
    fn command(&self, command: Command) {
        let Some((life, shared)) = self.server.shared() else {
            return;
        };
        let accounts = Accounts::new(
            shared.store.clone(),
            shared.clock.clone(),
            shared.random.clone(),
            limits::SCRAM_ITERATIONS.minimum,
            TENANT,
        );
        life.spawn(async move {
            // An operator whose command failed can see it; here nobody looks.
            let _ = execute(&accounts, Some((&shared.hub, TENANT)), command).await;
        });
    }
}
