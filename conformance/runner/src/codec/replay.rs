//! One case, request by request, with everything that is exchanged.

use super::case_run::CaseRun;
use super::session::Session;
use super::{Options, TestError, finish};
use crate::results::CaseResult;
use crate::vectors::model::Case;

/// A request and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// In which form the octets were given.
    pub form: String,
    /// The line that was sent.
    pub request: String,
    /// The line that came, or why none came.
    pub reply: Result<String, String>,
    /// Whether the verdict is the expected one.
    pub is_right: bool,
}

/// Runs one case alone, in a process of its own, one request at a time, up to the first failure.
///
/// # Errors
/// [`TestError`].
pub fn replay(
    case: &Case,
    options: &Options,
    mut exchanged: impl FnMut(&Exchange),
) -> Result<CaseResult, TestError> {
    let mut session =
        Session::open(&options.command, options.deadlines).map_err(TestError::Testee)?;
    if let Some(reason) = session.hello.lacks(case.op(), &case.requires) {
        return Ok(finish::not_applicable(case, reason));
    }
    let mut run = CaseRun::new(case, 0, session.hello.stages_only).map_err(TestError::Vectors)?;
    if !session.hello.has_op("encode") {
        run = run.without_encoding();
    }
    while let Some(ask) = run.next() {
        let id = session.send(&ask.body);
        let patience = session.patience(ask.body.len());
        let received = session.receive(id, patience);
        match &received {
            Ok(reply) => run.answered(&ask, reply),
            Err(trouble) => run.troubled(&ask, trouble, ""),
        }
        exchanged(&Exchange {
            form: ask.run.to_string(),
            request: format!("{{\"id\":{id},{}}}", ask.body),
            reply: received
                .map(|reply| reply.text())
                .map_err(|trouble| trouble.to_string()),
            is_right: run.failure.is_none(),
        });
    }
    let result = finish::result(&run);
    if run.failure.is_none() {
        session.close().map_err(TestError::Testee)?;
    }
    Ok(result)
}
