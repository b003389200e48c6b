//! One server with its accounts: launched by the suite, or running already.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::accounts::Pool;
use super::launch::{Answer, Launch, Process};
use crate::live::context::{Control, Endpoints};
use crate::live::outcome::Stop;

/// A server under test.
#[derive(Debug)]
pub struct Instance {
    /// How it is launched; `None` when it ran before.
    pub launch: Option<Launch>,
    /// Its process.
    pub process: Arc<Mutex<Option<Process>>>,
    /// Where it listens.
    pub endpoints: Endpoints,
    /// Accounts.
    pub pool: Pool,
    /// Limits it cannot set.
    pub unset: Vec<String>,
}

impl Instance {
    /// Launches a server.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn launch(launch: Launch) -> Result<Self, String> {
        let process = launch.start().await?;
        Ok(Self {
            endpoints: process.ready.endpoints(),
            unset: process.ready.unset.clone(),
            pool: Pool::new(launch.accounts.clone()),
            launch: Some(launch),
            process: Arc::new(Mutex::new(Some(process))),
        })
    }

    /// What scripts may do to its process; `None` when the suite has not launched it.
    #[must_use]
    pub fn control(&self) -> Option<Box<dyn Control>> {
        let launch = self.launch.clone()?;
        let process = Arc::clone(&self.process);
        Some(Box::new(Handle { launch, process }))
    }

    /// Why the process has ended, if it has.
    pub async fn ended(&self) -> Option<String> {
        self.process.lock().await.as_mut()?.ended()
    }

    /// Stops it.
    pub async fn leave(&self) {
        let process = self.process.lock().await.take();
        if let Some(process) = process {
            process.leave().await;
        }
    }
}

#[derive(Debug)]
struct Handle {
    launch: Launch,
    process: Arc<Mutex<Option<Process>>>,
}

#[async_trait]
impl Control for Handle {
    async fn process(&mut self, what: &str) -> Result<Endpoints, Stop> {
        let mut slot = self.process.lock().await;
        let gone = || Stop::script("the server does not run");
        match what {
            "stop" => {
                let process = slot.as_mut().ok_or_else(gone)?;
                let done = process
                    .order(&json!({"op": "stop"}))
                    .await
                    .map_err(Stop::Testee)?;
                if !done {
                    return Err(Stop::NotApplicable("the testee cannot stop".into()));
                }
                return Ok(process.ready.endpoints());
            }
            "kill" => {
                let mut process = slot.take().ok_or_else(gone)?;
                process.kill().await;
                return Ok(process.ready.endpoints());
            }
            "restart" => {
                let mut process = slot.take().ok_or_else(gone)?;
                let done = process
                    .order(&json!({"op": "stop"}))
                    .await
                    .map_err(Stop::Testee)?;
                if !done {
                    return Err(Stop::NotApplicable("the testee cannot stop".into()));
                }
                let stopped = process.stopped().await;
                stopped.map_err(|why| Stop::failed("exit code 0 after stop", why))?;
            }
            // `start` after `stop`: the server has to be gone first.
            _ => {
                if let Some(mut process) = slot.take() {
                    let stopped = process.stopped().await;
                    stopped.map_err(|why| Stop::failed("exit code 0 after stop", why))?;
                }
            }
        }
        let process = self.launch.start().await.map_err(Stop::Testee)?;
        let endpoints = process.ready.endpoints();
        *slot = Some(process);
        Ok(endpoints)
    }

    async fn account(&mut self, what: &str, name: &str) -> Result<(), Stop> {
        let mut slot = self.process.lock().await;
        let process = slot
            .as_mut()
            .ok_or_else(|| Stop::script("the server does not run"))?;
        let order = json!({"op": what, "account": name});
        match process.order(&order).await.map_err(Stop::Testee)? {
            true => Ok(()),
            false => Err(Stop::NotApplicable(format!(
                "the testee cannot {what} accounts"
            ))),
        }
    }

    async fn log_out(&mut self, name: &str, device: &str) -> Result<(), Stop> {
        let mut slot = self.process.lock().await;
        let process = slot
            .as_mut()
            .ok_or_else(|| Stop::script("the server does not run"))?;
        let order = json!({"op": "logout", "account": name, "device": device});
        match process.order(&order).await.map_err(Stop::Testee)? {
            true => Ok(()),
            false => Err(Stop::NotApplicable(
                "the testee cannot log devices out".into(),
            )),
        }
    }

    async fn bot(&mut self, order: &Value) -> Result<Value, Stop> {
        let mut slot = self.process.lock().await;
        let process = slot
            .as_mut()
            .ok_or_else(|| Stop::script("the server does not run"))?;
        match process.ask(order).await.map_err(Stop::Testee)? {
            Answer::Done => Ok(Value::Null),
            Answer::Made(made) => Ok(made),
            Answer::Refused(why) => Err(Stop::Testee(format!("{order}: {why}"))),
            Answer::Unsupported => Err(Stop::NotApplicable("the testee has no bots".into())),
        }
    }

    async fn import(&mut self, departments: &str, members: &str) -> Result<bool, Stop> {
        let mut slot = self.process.lock().await;
        let process = slot
            .as_mut()
            .ok_or_else(|| Stop::script("the server does not run"))?;
        let order = json!({"op": "import", "departments": departments, "members": members});
        match process.ask(&order).await.map_err(Stop::Testee)? {
            Answer::Done | Answer::Made(_) => Ok(true),
            Answer::Refused(_) => Ok(false),
            Answer::Unsupported => Err(Stop::NotApplicable(
                "the testee cannot import a directory".into(),
            )),
        }
    }
}
