//! `server`, `disable`, `enable`, `liveness`: the process under test, and whether it lives.

use async_trait::async_trait;
use serde::Deserialize;

use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::barrier::Barrier;
use crate::live::steps::connect::{Connect, Hello};
use crate::live::steps::login::Login;

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("server", plain::<Process>),
    ("disable", plain::<Disable>),
    ("enable", plain::<Enable>),
    ("logout", plain::<Logout>),
    ("import", plain::<Import>),
    ("liveness", plain::<Liveness>),
];

/// `server`: stop, kill, start, restart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Process {
    server: String,
}

#[async_trait]
impl Step for Process {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        if !matches!(self.server.as_str(), "stop" | "kill" | "start" | "restart") {
            return Err(Stop::script(format!("a server does not {}", self.server)));
        }
        cx.log.note("testee", format!("server: {}", self.server));
        let control = cx.control.as_mut();
        let control = control.ok_or_else(|| Stop::NotApplicable("needs --launch".into()))?;
        cx.endpoints = control.process(&self.server).await?;
        if self.server == "kill" {
            // The connections are gone with the process; nobody has to say so.
            for connection in cx.connections.values_mut() {
                connection.finished = true;
            }
        }
        Ok(())
    }
}

/// `disable`: an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disable {
    disable: String,
}

#[async_trait]
impl Step for Disable {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        account(cx, "disable", &self.disable).await
    }
}

/// `enable`: an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Enable {
    enable: String,
}

#[async_trait]
impl Step for Enable {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        account(cx, "enable", &self.enable).await
    }
}

/// `logout`: a device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Logout {
    logout: String,
    /// Default `main`.
    device: Option<String>,
}

#[async_trait]
impl Step for Logout {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let name = cx.user(&self.logout)?.name.clone();
        let device = self.device.as_deref().unwrap_or("main");
        cx.log.note(
            "testee",
            format!("logs {device} of {} ({name}) out", self.logout),
        );
        let device = cx.device_id(&self.logout, device);
        let control = cx.control.as_mut();
        let control = control.ok_or_else(|| Stop::NotApplicable("needs --launch".into()))?;
        control.log_out(&name, &device).await
    }
}

/// `import`: the directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    import: Files,
    /// The server has to refuse it.
    #[serde(default)]
    refused: bool,
}

/// Rows below the header of each file; `@alice` in them is the login name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    departments: Vec<String>,
    members: Vec<String>,
}

#[async_trait]
impl Step for Import {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut members = vec!["user,department,title".to_owned()];
        for row in &self.import.members {
            let (role, rest) = row.split_once(',').unwrap_or((row, ""));
            let name = match role.strip_prefix('@') {
                Some(role) => cx.user(role)?.name.clone(),
                None => role.to_owned(),
            };
            members.push(format!("{name},{rest}"));
        }
        let rows = &self.import.departments;
        let groups = rows.iter().any(|row| row.matches(',').count() > 2);
        let header = match groups {
            true => "code,parent,name,group",
            false => "code,parent,name",
        };
        let departments = [&[header.to_owned()], &rows[..]].concat();
        cx.log.note("testee", "imports a directory".to_owned());
        let control = cx.control.as_mut();
        let control = control.ok_or_else(|| Stop::NotApplicable("needs --launch".into()))?;
        let (departments, members) = (departments.join("\n"), members.join("\n"));
        match (control.import(&departments, &members).await?, self.refused) {
            (true, true) => Err(Stop::failed("the import is refused", "it is carried out")),
            (false, false) => Err(Stop::failed("the import is carried out", "it is refused")),
            _ => Ok(()),
        }
    }
}

async fn account(cx: &mut Context, what: &str, role: &str) -> Result<(), Stop> {
    let name = cx.user(role)?.name.clone();
    cx.log.note("testee", format!("{what} {role} ({name})"));
    let control = cx.control.as_mut();
    let control = control.ok_or_else(|| Stop::NotApplicable("needs --launch".into()))?;
    control.account(what, &name).await
}

/// `liveness`: a fresh connection logs in and gets a PONG.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liveness {
    /// Role.
    pub liveness: String,
}

/// Name of the connection of the liveness check.
pub const FRESH: &str = "fresh";

#[async_trait]
impl Step for Liveness {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let connect = Connect {
            connect: FRESH.into(),
            ..Connect::default()
        };
        connect.run(cx).await?;
        let hello = Hello {
            hello: FRESH.into(),
            ..Hello::default()
        };
        hello.run(cx).await?;
        let login = Login {
            login: FRESH.into(),
            user: self.liveness.clone(),
            device: Some(FRESH.into()),
            ..Login::default()
        };
        login.run(cx).await?;
        let barrier = Barrier {
            barrier: FRESH.into(),
            none: Some(vec!["error".into()]),
        };
        barrier.run(cx).await?;
        cx.connection_mut(FRESH)?.close().await;
        Ok(())
    }
}
