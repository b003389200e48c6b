//! `bot`, `token`, `revoke`: accounts of programs, and what they log in with.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::live::context::{Account, Context, Control};
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, plain};
use crate::wire::hex;

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("bot", plain::<Bot>),
    ("token", plain::<Token>),
    ("revoke", plain::<Revoke>),
];

/// `bot`: a new one with its first token; it is a role from then on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bot {
    bot: String,
    r#as: String,
}

/// `token`: another one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
    r#as: String,
    /// When it ends, in Unix milliseconds; 0 for never.
    #[serde(default)]
    expires_ms: u64,
}

/// `revoke`: takes a token away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    revoke: String,
    /// Id of the token.
    id: Value,
}

fn control(cx: &mut Context) -> Result<&mut Box<dyn Control>, Stop> {
    let control = cx.control.as_mut();
    control.ok_or_else(|| Stop::NotApplicable("needs --launch".into()))
}

/// Keeps what the testee has made, and gives the id of the bot.
fn keep(cx: &mut Context, name: &str, made: &Value) -> Result<String, Stop> {
    let text = |member: &str| {
        let found = made.get(member).and_then(Value::as_str);
        found.ok_or_else(|| Stop::Testee(format!("no {member} in {made}")))
    };
    let token = text("token")?;
    let kept = json!({"token": hex::encode(token.as_bytes()), "id": text("token_id")?});
    let user = text("user")?.to_owned();
    cx.variables.insert(name.to_owned(), kept);
    Ok(user)
}

#[async_trait]
impl Step for Bot {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let name = format!("bot-{}", hex::encode(&cx.random.octets::<8>()));
        cx.log
            .note("testee", format!("makes the bot {} ({name})", self.bot));
        let made = control(cx)?
            .bot(&json!({"op": "bot", "name": name}))
            .await?;
        let user_id = keep(cx, &self.r#as, &made)?;
        let account = Account {
            name,
            password: String::new(),
            user_id,
        };
        cx.users.insert(self.bot.clone(), account);
        Ok(())
    }
}

#[async_trait]
impl Step for Token {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let name = cx.user(&self.token)?.name.clone();
        cx.log.note("testee", format!("gives {name} a token"));
        let order = json!({"op": "token", "account": name, "expires_ms": self.expires_ms});
        let made = control(cx)?.bot(&order).await?;
        keep(cx, &self.r#as, &made).map(drop)
    }
}

#[async_trait]
impl Step for Revoke {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let name = cx.user(&self.revoke)?.name.clone();
        let token = cx.evaluate(&self.id)?;
        cx.log
            .note("testee", format!("takes {token} of {name} away"));
        let order = json!({"op": "revoke", "account": name, "token": token});
        control(cx)?.bot(&order).await.map(drop)
    }
}
