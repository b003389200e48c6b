//! Servers and accounts for the cases of a run.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::accounts;
use super::instance::Instance;
use super::launch::Launch;
use super::plan::Job;
use super::runner::{ACCOUNTS, Runner, Target};
use crate::live::clock;
use crate::live::context::Account;
use crate::live::outcome::Stop;

/// Accounts beyond one for each role, so that a case that is repeated has new ones too.
const SPARE: usize = 48;

impl Runner {
    /// The shared server of a setup.
    pub(super) async fn server(&self, setup: &str) -> Result<Arc<Instance>, String> {
        let mut servers = self.servers.lock().await;
        if let Some(server) = servers.get(setup) {
            if server.ended().await.is_none() {
                return Ok(Arc::clone(server));
            }
            servers.remove(setup);
        }
        let server = Arc::new(match &self.target {
            Target::Running(endpoints, accounts) => Instance {
                launch: None,
                process: Arc::default(),
                endpoints: endpoints.clone(),
                pool: accounts::Pool::new(accounts::read(accounts)?),
                unset: Vec::new(),
            },
            Target::Launch(_) => {
                let needed = self.accounts.get(setup).copied().unwrap_or(0);
                self.launch(setup, (needed + SPARE).clamp(ACCOUNTS.0, ACCOUNTS.1))
                    .await?
            }
        });
        servers.insert(setup.to_owned(), Arc::clone(&server));
        Ok(server)
    }

    pub(super) async fn launch(&self, setup: &str, accounts: usize) -> Result<Instance, String> {
        let Target::Launch(command) = &self.target else {
            return Err("needs --launch".into());
        };
        let number = {
            let mut launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
            *launched += 1;
            *launched
        };
        let known = self.setups.get(setup);
        let launch = Launch {
            command: command.clone(),
            folder: self.folder.path().join(format!("{setup}-{number}")),
            setup: known.ok_or_else(|| format!("no setup {setup}"))?.clone(),
            accounts: accounts::make(self.environment.seed, accounts),
        };
        let instance = Instance::launch(launch).await?;
        if let Some(process) = &*instance.process.lock().await {
            let mut testee = self.testee.lock().unwrap_or_else(PoisonError::into_inner);
            *testee = process.ready.testee();
        }
        Ok(instance)
    }

    /// A server for a job, with accounts on it.
    pub(super) async fn place(
        &self,
        job: &Job,
        own: bool,
    ) -> Result<(Arc<Instance>, Vec<Account>), Stop> {
        let setup = &job.case.setup;
        let count = job.roles.len();
        loop {
            let instance = if own {
                Arc::new(
                    self.launch(setup, count.max(1))
                        .await
                        .map_err(Stop::Testee)?,
                )
            } else {
                self.server(setup).await.map_err(Stop::Testee)?
            };
            if let Some(reason) = self.lacking(job, &instance) {
                return Err(Stop::NotApplicable(reason));
            }
            if own || !self.fresh {
                let accounts = self.take_accounts(&instance, count).await?;
                return Ok((instance, accounts));
            }
            if let Some(accounts) = instance.pool.take(count) {
                return Ok((instance, accounts));
            }
            // Those who still use it hold it; it ends with the last of them.
            let mut servers = self.servers.lock().await;
            if servers
                .get(setup)
                .is_some_and(|known| Arc::ptr_eq(known, &instance))
            {
                servers.remove(setup);
            }
        }
    }

    async fn take_accounts(&self, instance: &Instance, count: usize) -> Result<Vec<Account>, Stop> {
        let patience = clock::now() + Duration::from_secs(120);
        loop {
            let returned = self.returned.notified();
            if let Some(accounts) = instance.pool.take(count) {
                return Ok(accounts);
            }
            if tokio::time::timeout_at(patience.into(), returned)
                .await
                .is_err()
            {
                return Err(Stop::Testee(format!("no {count} accounts are free")));
            }
        }
    }
}
