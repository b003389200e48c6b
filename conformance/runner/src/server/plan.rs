//! Which cases run, on which transport and which server.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::live::script::{Case, Kind, Source};
use crate::pattern::{Pattern, any_fits};

/// Roles of users, in the order in which accounts are handed out.
pub const ROLES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];

/// One case on one transport.
#[derive(Clone, Debug)]
pub struct Job {
    /// The case.
    pub case: Arc<Case>,
    /// Its area.
    pub area: String,
    /// Transport.
    pub transport: String,
    /// Roles of users that the case names.
    pub roles: Vec<String>,
    /// It does something to the server, so it has one of its own.
    pub own: bool,
}

impl Job {
    /// Id of the case, with the transport behind it unless it is TCP.
    #[must_use]
    pub fn id(&self) -> String {
        if self.transport == "tcp" {
            self.case.id.clone()
        } else {
            format!("{}@{}", self.case.id, self.transport)
        }
    }
}

/// The cases that were chosen, in the order of their ids.
#[must_use]
pub fn jobs(sources: &[Source], only: &[Pattern], transports: &[String]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for source in sources {
        for case in &source.suite.cases {
            let case = Arc::new(case.clone());
            for transport in &case.transports {
                let job = Job {
                    area: source.suite.area.clone(),
                    transport: transport.clone(),
                    roles: roles(&case),
                    own: verb(
                        &case.steps,
                        &[
                            "server", "disable", "enable", "logout", "import", "bot", "token",
                            "revoke",
                        ],
                    ),
                    case: Arc::clone(&case),
                };
                let chosen = any_fits(only, &case.id) || any_fits(only, &job.id());
                if chosen && (transports.is_empty() || transports.contains(transport)) {
                    jobs.push(job);
                }
            }
        }
    }
    jobs.sort_by_key(Job::id);
    jobs
}

/// The roles that stand anywhere in a case, and `alice` where a liveness check follows.
fn roles(case: &Case) -> Vec<String> {
    let mut text = Value::Array(case.steps.clone()).to_string();
    for mutant in &case.mutants {
        text.push_str(&format!("{mutant:?}"));
    }
    let named = ROLES
        .into_iter()
        .filter(|role| text.contains(role) || (*role == "alice" && case.kind == Kind::Negative));
    named.map(str::to_owned).collect()
}

/// Whether a step of these kinds stands anywhere.
fn verb(steps: &[Value], verbs: &[&str]) -> bool {
    steps.iter().any(|step| {
        verbs.iter().any(|verb| {
            step.get(*verb)
                .is_some_and(|it| it.is_string() || it.is_object())
        }) || step
            .get("steps")
            .and_then(Value::as_array)
            .is_some_and(|steps| verb_in(steps, verbs))
    })
}

fn verb_in(steps: &[Value], verbs: &[&str]) -> bool {
    verb(steps, verbs)
}

/// How many accounts the shared server of each setup needs, so that each case has its own.
#[must_use]
pub fn accounts(jobs: &[Job]) -> BTreeMap<String, usize> {
    let mut accounts = BTreeMap::new();
    for job in jobs.iter().filter(|job| !job.own) {
        *accounts.entry(job.case.setup.clone()).or_insert(0) += job.roles.len();
    }
    accounts
}
