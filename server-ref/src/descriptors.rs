//! Room for connections: the process's limit on open descriptors.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that the store, listeners and logs need beside connections.
const OTHERS: u64 = 512;

/// Raises the soft limit on descriptors to the hard one, and warns when even that is less than
/// `connections` need.
pub fn make_room(connections: u32) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open descriptors stays as it is");
            current
        }
    };
    // `None`: no limit.
    if let Some(limit) = limit
        && limit < u64::from(connections) + OTHERS
    {
        tracing::warn!(
            limit,
            connections,
            "limits.connections exceeds what the limit on open descriptors allows"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_meets_the_hard_one() {
        make_room(10);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
