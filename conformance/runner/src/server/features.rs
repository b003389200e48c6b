//! What a server has, learnt from the server itself.

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::instance::Instance;
use super::runner::{Runner, Target};
use crate::live::case;
use crate::live::context::Context;
use crate::live::script::Case;
use crate::live::steps::control::FRESH;

/// A session was seen to go on. A server may offer `resume` and discard every session without a connection
/// (EIM-RSM-002).
pub(super) const RESUMED: &str = "resumed";

/// Whether a case demands RESUMED of the server anywhere.
pub(super) fn resumes(case: &Case) -> bool {
    case.steps.iter().any(demands)
}

fn demands(step: &Value) -> bool {
    let resumes = step.get("resume").is_some() && step.get("outcome") == Some(&json!("RESUMED"));
    let steps = step.get("steps").and_then(Value::as_array);
    resumes || steps.is_some_and(|steps| steps.iter().any(demands))
}

impl Runner {
    /// Makes sure that there is a server and learns what it has.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn begin(&self) -> Result<(), String> {
        let instance = self.server("default").await?;
        let mut features = self.welcomed(&instance).await?;
        for (transport, feature) in [("tls", "tls"), ("ws", "websocket"), ("wss", "websocket")] {
            if instance.endpoints.addresses.contains_key(transport) {
                features.push(feature.into());
            }
        }
        if matches!(self.target, Target::Launch(_)) {
            features.push("control".into());
        }
        if features.iter().any(|feature| feature == "resume") && self.goes_on(&instance).await? {
            features.push(RESUMED.into());
        }
        features.sort();
        features.dedup();
        *self.features.lock().unwrap_or_else(PoisonError::into_inner) = Some(features);
        Ok(())
    }

    /// What WELCOME lists.
    async fn welcomed(&self, instance: &Instance) -> Result<Vec<String>, String> {
        let mut cx = self.probing(instance);
        let known = &self.environment.protocol.registries.compression.algorithm;
        let numbers: Vec<u64> = known.iter().map(|row| row.value.into()).collect();
        let hello = json!({"hello": FRESH, "message": {"compressions": numbers}});
        let steps = [json!({"connect": FRESH}), hello];
        let probed = self.play(&mut cx, &steps).await;
        probed.map_err(|why| format!("the server does not answer HELLO: {why}"))?;
        let mut features: Vec<String> = Vec::new();
        if let Ok(connection) = cx.connection(FRESH) {
            let state = connection.state();
            let registries = &self.environment.protocol.registries;
            for row in &registries.compression.algorithm {
                if state.compressions.contains(&u64::from(row.value)) {
                    features.push(format!("compression.{}", row.name));
                }
            }
            // Bots are no capability of a connection: who logs in by a token says so before there is one.
            let mechanisms = state.welcome.get("mechanisms").and_then(Value::as_array);
            if mechanisms.is_some_and(|all| all.iter().any(|name| name == "EIM-TOKEN")) {
                features.push("bots".to_owned());
            }
            for row in &registries.capabilities.capability {
                if state.capabilities.contains(&u64::from(row.value)) {
                    features.push(row.name.clone());
                }
            }
        }
        case::leave(&mut cx).await;
        Ok(features)
    }

    /// Whether a session goes on after its connection was lost.
    async fn goes_on(&self, instance: &Instance) -> Result<bool, String> {
        let accounts = instance.pool.take(1).ok_or("no account")?;
        let mut cx = self.probing(instance);
        cx.users = [("alice".to_owned(), accounts)]
            .into_iter()
            .flat_map(|(role, accounts)| accounts.into_iter().map(move |one| (role.clone(), one)))
            .collect();
        let steps = [
            json!({"open": "first", "user": "alice"}),
            json!({"reset": "first"}),
            json!({"resume": FRESH, "from": "first"}),
        ];
        let probed = self.play(&mut cx, &steps).await;
        let outcome = cx
            .connection(FRESH)
            .ok()
            .and_then(|connection| connection.state().auth_ok.get("outcome").cloned());
        case::leave(&mut cx).await;
        let used = std::mem::take(&mut cx.users);
        instance.pool.give_back(used.into_values());
        // A server that refuses the token is judged by the cases about that.
        Ok(probed.is_ok() && outcome == Some(json!("SESSION_OUTCOME_RESUMED")))
    }

    fn probing(&self, instance: &Instance) -> Context {
        let mut cx = self.context("probe", "tcp", instance, None);
        if let Some(other) = cx.endpoints.addresses.keys().next()
            && !cx.endpoints.addresses.contains_key("tcp")
        {
            cx.transport.clone_from(other);
        }
        cx
    }

    async fn play(&self, cx: &mut Context, steps: &[Value]) -> Result<(), String> {
        let steps = self.environment.verbs.parse(steps)?;
        let played = case::run(cx, &steps).await;
        played.map_err(|stopped| stopped.why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_demands_a_session_to_go_on_says_so_by_its_steps() {
        let resume = json!({"resume": "b", "from": "a", "outcome": "RESUMED"});
        assert!(demands(&resume));
        assert!(demands(&json!({"repeat": 2, "steps": [resume]})));
        assert!(!demands(
            &json!({"resume": "b", "from": "a", "outcome": "FRESH"})
        ));
        assert!(!demands(&json!({"open": "a", "user": "alice"})));
    }
}
