//! How many files this process may have open: each connection is one, and so is each file of the database and of a local
//! store.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::ConnectionLimits;

/// Raises the limit of open files as far as the process itself may, and leaves half of them to what is not a
/// connection.
///
/// The usual limit of 1,024 is there for programs that use `select`, which this is not.
pub fn within(mut limits: ConnectionLimits) -> ConnectionLimits {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            limit.current
        }
    };
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    if limits.at_once > files / 2 {
        limits.at_once = (files / 2).max(1);
        tracing::warn!(files, at_once = limits.at_once, "fewer connections: few files may be open");
    }
    limits
}
