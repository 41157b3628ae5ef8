//! Faults: which request, and what happens to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::gate::Gate;
use super::request::{Op, SeenRequest};

/// The faults of one server. A request meets every rule that matches it, in the order of their
/// making.
///
/// ```no_run
/// # use std::time::Duration;
/// # use strongroom_testkit::s3::{Faults, Op};
/// # fn script(faults: &Faults) {
/// faults.on(Op::PutObject).nth(2).answer(503);
/// faults.on(Op::GetObject).key_contains("bundles/").cut_body_after(1_000);
/// let gate = faults.on_any().from(3).hold_before();
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Arc<Rule>>>>);

impl Faults {
    /// A rule about one operation. It meets every request of it, unless it is narrowed.
    pub fn on(&self, op: Op) -> NewFault {
        NewFault::new(self.clone(), Some(op))
    }

    /// A rule about every request.
    pub fn on_any(&self) -> NewFault {
        NewFault::new(self.clone(), None)
    }

    /// Takes every rule back.
    pub fn clear(&self) {
        self.rules().clear();
    }

    pub(crate) fn meeting(&self, request: &SeenRequest) -> Vec<Effect> {
        self.rules().iter().filter_map(|rule| rule.meets(request)).collect()
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Rule>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of the requests that match.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    Nth(usize),
    First(usize),
    From(usize),
}

#[derive(Debug)]
struct Rule {
    op: Option<Op>,
    key_part: Option<String>,
    header: Option<&'static str>,
    which: Which,
    effect: Effect,
    matched: AtomicUsize,
    fired: AtomicUsize,
}

impl Rule {
    fn meets(&self, request: &SeenRequest) -> Option<Effect> {
        if self.op.is_some_and(|op| op != request.op) {
            return None;
        }
        if self.key_part.as_ref().is_some_and(|part| !request.key.contains(part)) {
            return None;
        }
        if self.header.is_some_and(|header| !request.headers.contains_key(header)) {
            return None;
        }
        let number = self.matched.fetch_add(1, Ordering::SeqCst) + 1;
        let chosen = match self.which {
            Which::All => true,
            Which::Nth(n) => number == n,
            Which::First(n) => number <= n,
            Which::From(n) => number >= n,
        };
        if !chosen {
            return None;
        }
        self.fired.fetch_add(1, Ordering::SeqCst);
        Some(self.effect.clone())
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Wait for so long before doing anything.
    Delay(Duration),
    /// Wait at a gate before doing anything.
    HoldBefore(Gate),
    /// Do it, then wait at a gate with the answer.
    HoldAfter(Gate),
    /// Answer this instead of doing it.
    Answer { status: u16, code: &'static str },
    /// Do it, then answer this.
    AnswerAfter { status: u16, code: &'static str },
    /// Cut the connection instead of doing it.
    CutBefore,
    /// Do it, then cut the connection.
    CutAfter,
    /// Neither do it nor answer.
    HangBefore,
    /// Do it, and never answer.
    HangAfter,
    /// Cut the connection after so many bytes of the answer's body.
    CutBody(usize),
    /// Turn one bit of the answer's body.
    FlipBit,
    /// Set a header of the answer.
    Header(&'static str, String),
    /// Change how the store itself behaves.
    Behave(Behaviour),
}

/// How a store fails to do what was asked, while it says that all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    IgnoresConditions,
    DropsLocks,
    IgnoresDigests,
    IgnoresPayloadHash,
    EchoesWrongChecksum,
    TellsNoChecksum,
    IgnoresRanges,
}

/// The behaviours that one request meets; travels with the request to the operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviours(pub(crate) Vec<Behaviour>);

impl Behaviours {
    pub(crate) fn has(&self, behaviour: Behaviour) -> bool {
        self.0.contains(&behaviour)
    }
}

/// A rule that was made.
#[derive(Debug, Clone)]
pub struct Fault(Arc<Rule>);

impl Fault {
    /// How many requests met this fault. A test that never met its fault proves nothing.
    pub fn fired(&self) -> usize {
        self.0.fired.load(Ordering::SeqCst)
    }
}

/// A rule being made: narrow it, then say what happens.
#[derive(Debug)]
#[must_use = "a fault without a consequence is none"]
pub struct NewFault {
    faults: Faults,
    op: Option<Op>,
    key_part: Option<String>,
    header: Option<&'static str>,
    which: Which,
}

impl NewFault {
    fn new(faults: Faults, op: Option<Op>) -> Self {
        Self { faults, op, key_part: None, header: None, which: Which::All }
    }

    /// Only requests whose key contains this.
    pub fn key_contains(mut self, part: impl Into<String>) -> Self {
        self.key_part = Some(part.into());
        self
    }

    /// Only requests with this header.
    pub fn with_header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// Only the n-th matching request, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        self.which = Which::Nth(n);
        self
    }

    /// Only the first `n` matching requests.
    pub fn first(mut self, n: usize) -> Self {
        self.which = Which::First(n);
        self
    }

    /// The n-th matching request, counted from 1, and all after it.
    pub fn from(mut self, n: usize) -> Self {
        self.which = Which::From(n);
        self
    }

    /// Answers `status`, with the error code that S3 has for it, and does nothing: 409
    /// `ConditionalRequestConflict`, 412, 500, 501, 503 `SlowDown`.
    pub fn answer(self, status: u16) -> Fault {
        self.make(Effect::Answer { status, code: code_for(status) })
    }

    /// Answers `status` with an error code of the test's choice, and does nothing.
    pub fn answer_with(self, status: u16, code: &'static str) -> Fault {
        self.make(Effect::Answer { status, code })
    }

    /// Does what was asked, and then answers an error.
    pub fn answer_after_commit(self, status: u16) -> Fault {
        self.make(Effect::AnswerAfter { status, code: code_for(status) })
    }

    /// Takes its time.
    pub fn delay(self, by: Duration) -> Fault {
        self.make(Effect::Delay(by))
    }

    /// Holds the request, undone, until the gate opens.
    pub fn hold_before(self) -> Gate {
        let gate = Gate::closed();
        self.make(Effect::HoldBefore(gate.clone()));
        gate
    }

    /// Does what was asked, and holds the answer until the gate opens.
    pub fn hold_after_commit(self) -> Gate {
        let gate = Gate::closed();
        self.make(Effect::HoldAfter(gate.clone()));
        gate
    }

    /// Cuts the connection, and does nothing.
    pub fn cut_before_commit(self) -> Fault {
        self.make(Effect::CutBefore)
    }

    /// Does what was asked, and cuts the connection without an answer.
    pub fn cut_after_commit(self) -> Fault {
        self.make(Effect::CutAfter)
    }

    /// Does nothing, and never answers: the client's own time limit decides.
    pub fn never_answer(self) -> Fault {
        self.make(Effect::HangBefore)
    }

    /// Does what was asked, and never answers: the client's own time limit decides.
    pub fn never_answer_after_commit(self) -> Fault {
        self.make(Effect::HangAfter)
    }

    /// Cuts the connection after `bytes` bytes of the answer's body.
    pub fn cut_body_after(self, bytes: usize) -> Fault {
        self.make(Effect::CutBody(bytes))
    }

    /// Turns one bit in the middle of the answer's body.
    pub fn flip_a_bit(self) -> Fault {
        self.make(Effect::FlipBit)
    }

    /// Sets a header of the answer: `date` for a store whose clock is wrong.
    pub fn answer_header(self, name: &'static str, value: impl Into<String>) -> Fault {
        self.make(Effect::Header(name, value.into()))
    }

    /// Writes whatever `If-None-Match` and `If-Match` say (Ceph RGW on versioned buckets, Garage).
    pub fn ignore_conditions(self) -> Fault {
        self.make(Effect::Behave(Behaviour::IgnoresConditions))
    }

    /// Drops the lock headers of a write (Ceph RGW and moto on multipart uploads).
    pub fn drop_locks(self) -> Fault {
        self.make(Effect::Behave(Behaviour::DropsLocks))
    }

    /// Checks neither `x-amz-checksum-sha256` nor `Content-MD5`.
    pub fn ignore_digests(self) -> Fault {
        self.make(Effect::Behave(Behaviour::IgnoresDigests))
    }

    /// Does not check `x-amz-content-sha256` against the body (SeaweedFS, moto).
    pub fn ignore_payload_hash(self) -> Fault {
        self.make(Effect::Behave(Behaviour::IgnoresPayloadHash))
    }

    /// Answers a SHA-256 that is not the body's.
    pub fn echo_wrong_checksum(self) -> Fault {
        self.make(Effect::Behave(Behaviour::EchoesWrongChecksum))
    }

    /// Keeps and answers no SHA-256 at all (Ceph RGW, moto).
    pub fn tell_no_checksum(self) -> Fault {
        self.make(Effect::Behave(Behaviour::TellsNoChecksum))
    }

    /// Answers a range with the whole object, as RFC 9110 section 14.2 allows.
    pub fn ignore_ranges(self) -> Fault {
        self.make(Effect::Behave(Behaviour::IgnoresRanges))
    }

    fn make(self, effect: Effect) -> Fault {
        let rule = Arc::new(Rule {
            op: self.op,
            key_part: self.key_part,
            header: self.header,
            which: self.which,
            effect,
            matched: AtomicUsize::new(0),
            fired: AtomicUsize::new(0),
        });
        self.faults.rules().push(Arc::clone(&rule));
        Fault(rule)
    }
}

fn code_for(status: u16) -> &'static str {
    match status {
        403 => "AccessDenied",
        404 => "NoSuchKey",
        409 => "ConditionalRequestConflict",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        501 => "NotImplemented",
        503 => "SlowDown",
        507 => "InsufficientStorage",
        _ => "InternalError",
    }
}
