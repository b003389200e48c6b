//! `login` and `open`: the authentication, as a client does it or does it wrong.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::connect::{AutoSpec, Connect, Hello};
use crate::live::steps::expect;
use crate::live::steps::send::{FrameSpec, build};
use crate::wire::hex;
use crate::wire::json::octets;
use crate::wire::scram::{Client, verified};

/// The steps of this family.
pub const VERBS: &[Verb] = &[("login", plain::<Login>), ("open", plain::<Open>)];

/// Where a login ends on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// The first AUTH is sent.
    Auth,
    /// AUTH_CHALLENGE is read.
    Challenge,
    /// The last AUTH is sent.
    Proof,
}

/// What differs from a correct SCRAM exchange.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scram {
    /// User name.
    pub name: Option<Value>,
    /// Password.
    pub password: Option<Value>,
    /// Authorization identity.
    pub authzid: Option<Value>,
    /// GS2 flag.
    pub flag: Option<String>,
    /// Channel binding data, hexadecimal.
    pub binding: Option<Value>,
}

/// `login`: the authentication.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Connection.
    pub login: String,
    /// Role.
    pub user: String,
    /// Name of the device; default `main`.
    pub device: Option<String>,
    /// `FULL` or `SEND_ONLY`, or a number.
    pub mode: Option<Value>,
    /// Mechanism; default the best one offered.
    pub mechanism: Option<String>,
    /// Fields that replace those of the first AUTH.
    #[serde(default)]
    pub auth: Map<String, Value>,
    /// First credit of the testee.
    pub window: Option<Value>,
    /// Matchers of AUTH_OK.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
    /// Captures from AUTH_OK.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// Where it ends on purpose.
    pub until: Option<Until>,
    /// What differs from a correct exchange.
    #[serde(default)]
    pub scram: Scram,
    /// Fields added to every later AUTH.
    #[serde(default)]
    pub later: Map<String, Value>,
}

#[async_trait]
impl Step for Login {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mechanism = self.mechanism(cx)?;
        let mut client = self.client(cx, &mechanism)?;
        let speaks = mechanism.starts_with("SCRAM-SHA-256");
        let data = if speaks { client.first() } else { Vec::new() };
        let fields = self.first(cx, &mechanism, &data)?;
        let frame = build(cx, &self.login, &FrameSpec::of("AUTH", fields))?;
        cx.connection(&self.login)?.send(&frame, None);
        if !speaks || self.until == Some(Until::Auth) {
            return Ok(());
        }
        let challenge = match expect::next(cx, &self.login, "AUTH_CHALLENGE").await {
            // Refused at once: the next step reads the ERROR.
            Err(_) if self.refused(cx)? => return Ok(()),
            challenge => challenge?,
        };
        let data = challenge.view.get("data").cloned().unwrap_or_default();
        let data = octets(&data).map_err(Stop::Script)?;
        let wrong = |why: String| Stop::failed("a SCRAM challenge (EIM-AUT-012)", why);
        let read = client.challenge(&data).map_err(wrong)?;
        cx.connection_mut(&self.login)?.facts.scram = json!({"salt": hex::encode(&read.salt), "salt_octets": read.salt.len(),
                "iterations": read.iterations});
        if self.until == Some(Until::Challenge) {
            return Ok(());
        }
        client.binding = self.binding(cx)?;
        let (last, signature) = client.answer(&data).map_err(wrong)?;
        let mut fields = json!({ "data": hex::encode(&last) });
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(cx.object(&self.later)?);
        }
        let frame = build(cx, &self.login, &FrameSpec::of("AUTH", fields))?;
        cx.connection(&self.login)?.send(&frame, None);
        if self.until == Some(Until::Proof) {
            return Ok(());
        }
        let ok = expect::next(cx, &self.login, "AUTH_OK").await?;
        let data = ok.view.get("data").cloned().unwrap_or_default();
        if !verified(&octets(&data).map_err(Stop::Script)?, &signature) {
            let expected = "the server's SCRAM signature in data of AUTH_OK (EIM-AUT-023)";
            return Err(Stop::failed(expected, format!("data {data}")));
        }
        opened(cx, &self.login, &self.user, &ok.view)?;
        expect::compare(cx, "AUTH_OK", &self.matching, &ok.view)?;
        cx.capture(&self.capture, &ok.view)
    }
}

/// Checks what every AUTH_OK has to have, and learns the id of the user.
///
/// # Errors
/// What is wrong.
pub fn opened(cx: &mut Context, conn: &str, role: &str, ok: &Value) -> Result<(), Stop> {
    let known = cx.user(role)?.user_id.clone();
    let matching = json!({"outcome": {"any": true}, "session_id": {"len": 16},
        "user_id": {"len": 16}, "log_epoch": {"any": true}, "server_time_ms": {"any": true}});
    expect::compare(
        cx,
        "AUTH_OK",
        &matching.as_object().cloned().unwrap_or_default(),
        ok,
    )?;
    let id = ok
        .get("user_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !known.is_empty() && known != id {
        let expected = format!("the id {known} of {role} in AUTH_OK (EIM-AUT-046)");
        return Err(Stop::failed(expected, id));
    }
    if let Some(account) = cx.users.get_mut(role) {
        id.clone_into(&mut account.user_id);
    }
    role.clone_into(&mut cx.connection_mut(conn)?.facts.user);
    Ok(())
}

impl Login {
    fn refused(&self, cx: &Context) -> Result<bool, Stop> {
        let state = cx.connection(&self.login)?.state();
        Ok(self.until == Some(Until::Proof) && state.error.is_some())
    }

    fn mechanism(&self, cx: &Context) -> Result<String, Stop> {
        if let Some(given) = &self.mechanism {
            return Ok(given.clone());
        }
        let state = cx.connection(&self.login)?.state();
        let offered = offered(&state.welcome);
        let best = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
        let found = best
            .into_iter()
            .find(|best| offered.iter().any(|name| name == best));
        found.map(str::to_owned).ok_or_else(|| {
            Stop::failed(
                "a SCRAM mechanism in WELCOME (EIM-AUT-012)",
                offered.join(", "),
            )
        })
    }

    fn client(&self, cx: &mut Context, mechanism: &str) -> Result<Client, Stop> {
        let account = cx.user(&self.user)?.clone();
        let mut text = |value: &Option<Value>, default: String| -> Result<String, Stop> {
            let Some(value) = value else {
                return Ok(default);
            };
            let value = cx.evaluate(value)?;
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| Stop::script(format!("{value} is no text")))
        };
        let name = text(&self.scram.name, account.name)?;
        let password = text(&self.scram.password, account.password)?;
        let authzid = text(&self.scram.authzid, String::new())?;
        let offered = offered(&cx.connection(&self.login)?.state().welcome);
        let flag = self.scram.flag.clone().unwrap_or_else(|| {
            let plus = "SCRAM-SHA-256-PLUS";
            if mechanism == plus {
                "p=eim-exporter".into()
            } else if offered.iter().any(|name| name == plus) {
                "n".into()
            } else {
                "y".into()
            }
        });
        Ok(Client {
            name,
            password,
            authzid,
            flag,
            binding: Vec::new(),
            nonce: cx.random.nonce(),
            keys: cx.environment.keys.clone(),
        })
    }

    /// The channel binding data (EIM-AUT-015, EIM-AUT-016).
    fn binding(&self, cx: &mut Context) -> Result<Vec<u8>, Stop> {
        if let Some(given) = &self.scram.binding {
            let given = cx.evaluate(given)?;
            return Ok(octets(&given).map_err(Stop::Script)?.to_vec());
        }
        let connection = cx.connection(&self.login)?;
        let binding = connection.state().binding();
        let binding = binding.ok_or_else(|| Stop::script("no WELCOME yet"))?;
        match connection.exporter(b"EXPORTER-EIM-v1", &binding) {
            None => Ok(binding.to_vec()),
            Some(Ok(exported)) => Ok(exported.to_vec()),
            Some(Err(why)) => Err(Stop::Testee(format!("TLS exporter: {why}"))),
        }
    }

    fn first(&self, cx: &mut Context, mechanism: &str, data: &[u8]) -> Result<Value, Stop> {
        let device = self.device.as_deref().unwrap_or("main");
        let device = json!({"device_id": cx.device_id(&self.user, device),
            "class": "DEVICE_CLASS_DESKTOP", "name": device});
        let (binding, own_max) = {
            let state = cx.connection(&self.login)?.state();
            (state.binding(), state.own_max)
        };
        let binding = binding.ok_or_else(|| Stop::script("no WELCOME yet"))?;
        let window = json!({"frames": 64, "octets": (own_max + 11).max(1 << 20)});
        let mut fields = json!({"mechanism": mechanism, "data": hex::encode(data),
            "binding": hex::encode(&binding), "device": device,
            "window": self.window.clone().unwrap_or(window)});
        if let Some(fields) = fields.as_object_mut() {
            if let Some(mode) = &self.mode {
                fields.insert("mode".into(), attach_mode(mode));
            }
            fields.extend(self.auth.clone());
        }
        let fields = cx.evaluate(&fields)?;
        let facts = &mut cx.connection_mut(&self.login)?.facts;
        facts.device = fields.get("device").cloned().unwrap_or_default();
        facts.mode = fields.get("mode").cloned().unwrap_or_default();
        Ok(fields)
    }
}

/// The enumeration value of a mode; the prefix may be left out.
fn attach_mode(mode: &Value) -> Value {
    match mode.as_str() {
        Some(name) if !name.starts_with("ATTACH_MODE_") => {
            let name = name.to_uppercase().replace('-', "_");
            format!("ATTACH_MODE_{name}").into()
        }
        _ => mode.clone(),
    }
}

fn offered(welcome: &Value) -> Vec<String> {
    let names = welcome.get("mechanisms").and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

/// `open`: `connect`, `hello` and `login`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    open: String,
    user: String,
    transport: Option<String>,
    #[serde(default)]
    auto: AutoSpec,
    #[serde(default)]
    hello: Map<String, Value>,
    device: Option<String>,
    mode: Option<Value>,
    mechanism: Option<String>,
    #[serde(default)]
    auth: Map<String, Value>,
    window: Option<Value>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    until: Option<Until>,
    #[serde(default)]
    scram: Scram,
    #[serde(default)]
    later: Map<String, Value>,
}

#[async_trait]
impl Step for Open {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let connect = Connect {
            connect: self.open.clone(),
            transport: self.transport.clone(),
            auto: self.auto,
            ..Connect::default()
        };
        connect.run(cx).await?;
        let hello = Hello {
            hello: self.open.clone(),
            message: self.hello.clone(),
            ..Hello::default()
        };
        hello.run(cx).await?;
        let login = Login {
            login: self.open.clone(),
            user: self.user.clone(),
            device: self.device.clone(),
            mode: self.mode.clone(),
            mechanism: self.mechanism.clone(),
            auth: self.auth.clone(),
            window: self.window.clone(),
            matching: self.matching.clone(),
            capture: self.capture.clone(),
            until: self.until,
            scram: self.scram.clone(),
            later: self.later.clone(),
        };
        login.run(cx).await
    }
}
