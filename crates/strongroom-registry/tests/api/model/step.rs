//! What can be done to a registry, and how sequences of it are made.

use proptest::prelude::*;
use serde_json::{Value, json};
use strongroom_core::package::{PackageStatus, RetentionClass};

/// Paths of files: some would be folders of others.
pub const PATHS: [&str; 6] = ["a", "a/b", "c/d/e", "c/d", "z", "\u{e9}/x"];
/// What is in them.
pub const BYTES: [&[u8]; 3] = [b"", b"one", b"another"];
/// Subjects that packages declare.
const SUBJECTS: u8 = 3;
/// What they declare besides, in as many kinds.
const KINDS: u8 = 3;
/// Fragments of one sequence.
const FRAGMENTS: std::ops::Range<usize> = 4..16;

/// What a package of this number declares to be about.
pub fn subject(number: u8) -> String {
    format!("subject-{number}")
}

/// The producer of a package of a kind.
pub fn tool(kind: u8) -> String {
    format!("tool-{kind}")
}

/// Its metadata: one branch of each kind, and words that it shares with others.
pub fn metadata(kind: u8) -> Value {
    json!({ "branch": format!("branch/{kind}"), "notes": [word(kind), word((kind + 1) % KINDS)] })
}

/// A word of the metadata of two kinds.
pub fn word(kind: u8) -> String {
    format!("Word{kind}")
}

/// Whether the metadata of a kind has a word.
pub fn has_word(kind: u8, word: u8) -> bool {
    word == kind || word == (kind + 1) % KINDS
}

/// What is read of a package.
#[derive(Debug, Clone, Copy)]
pub enum What {
    Manifest,
    Bundle,
    /// The n-th of its files that were stored.
    File(usize),
}

/// What packages are searched by; all of it has to hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search {
    pub status: Option<PackageStatus>,
    pub class: Option<RetentionClass>,
    pub subject: Option<u8>,
    pub tool: Option<u8>,
    /// By a pair of the metadata.
    pub branch: Option<u8>,
    /// By a word of the metadata.
    pub word: Option<u8>,
    /// Made with the n-th package or later.
    pub from: Option<usize>,
    /// Made before the n-th package.
    pub before: Option<usize>,
}

/// Under which conditions a change is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Only of the version that the package is of.
    OfItsVersion,
    /// Only of the version that it was of before.
    OfAnotherVersion,
    /// Twice under one key.
    Twice,
    /// Under one key, and again with another body.
    WithAnotherBody,
}

/// How a store fails in a run of a job.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// The call, counted from 1.
    pub call: usize,
    /// Whether the call is done, and only its answer lost.
    pub is_done: bool,
}

/// `package`: counted from the newest; `hold`, `job`: from the first. Round and round.
#[derive(Debug, Clone)]
pub enum Step {
    Create {
        owner: usize,
        subject: u8,
        kind: u8,
        class: RetentionClass,
        hold: bool,
        key: Option<u8>,
    },
    Upload {
        package: usize,
        path: usize,
        bytes: usize,
        declared: Option<usize>,
    },
    Finalize {
        package: usize,
    },
    Abandon {
        package: usize,
    },
    Extend {
        package: usize,
        days: u32,
    },
    Hold {
        package: usize,
        by: usize,
    },
    Release {
        package: usize,
        hold: usize,
        by: usize,
    },
    ApproveRelease {
        package: usize,
        hold: usize,
        by: usize,
    },
    Delete {
        package: usize,
        early: bool,
        by: usize,
    },
    ApproveDelete {
        package: usize,
        by: usize,
    },
    Cancel {
        package: usize,
    },
    /// One of the changes above, under conditions.
    Under {
        how: How,
        change: Box<Step>,
    },
    Read {
        package: usize,
        what: What,
    },
    /// As the producer of this number finds them; without one, as an auditor.
    List {
        owner: Option<usize>,
        search: Search,
        limit: usize,
    },
    Clock {
        minutes: u32,
    },
    Confirm,
    Tick,
    Work {
        outage: Option<Outage>,
    },
    WorkAll,
    Retry {
        job: usize,
    },
    Restart,
}

fn class() -> impl Strategy<Value = RetentionClass> {
    prop_oneof![
        4 => Just(RetentionClass::Transient),
        2 => Just(RetentionClass::RawEvidence),
        1 => Just(RetentionClass::PermanentRecord),
    ]
}

fn package() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0_usize), 1 => Just(1), 1 => Just(2)]
}

fn create() -> impl Strategy<Value = Step> {
    let key = prop_oneof![Just(None), (0_u8..2).prop_map(Some)];
    (0_usize..2, 0..SUBJECTS, 0..KINDS, class(), prop::bool::weighted(0.15), key).prop_map(
        |(owner, subject, kind, class, hold, key)| Step::Create {
            owner,
            subject,
            kind,
            class,
            hold,
            key,
        },
    )
}

fn upload(to: impl Strategy<Value = usize>) -> impl Strategy<Value = Step> {
    let declared = prop_oneof![3 => Just(None), 1 => (0..BYTES.len()).prop_map(Some)];
    (to, 0..PATHS.len(), 0..BYTES.len(), declared).prop_map(|(package, path, bytes, declared)| {
        Step::Upload { package, path, bytes, declared }
    })
}

fn deciding() -> impl Strategy<Value = Step> {
    let days = prop_oneof![Just(5_u32), Just(8), Just(20), Just(200)];
    prop_oneof![
        2 => (package(), days).prop_map(|(package, days)| Step::Extend { package, days }),
        3 => (package(), 0_usize..2).prop_map(|(package, by)| Step::Hold { package, by }),
        4 => (package(), 0_usize..3, 0_usize..2)
            .prop_map(|(package, hold, by)| Step::Release { package, hold, by }),
        3 => (package(), 0_usize..3, 0_usize..2)
            .prop_map(|(package, hold, by)| Step::ApproveRelease { package, hold, by }),
        5 => (package(), any::<bool>(), 0_usize..2)
            .prop_map(|(package, early, by)| Step::Delete { package, early, by }),
        3 => (package(), 0_usize..2).prop_map(|(package, by)| Step::ApproveDelete { package, by }),
        2 => package().prop_map(|package| Step::Cancel { package }),
    ]
}

fn reading() -> impl Strategy<Value = Step> {
    let what =
        prop_oneof![Just(What::Manifest), Just(What::Bundle), (0_usize..4).prop_map(What::File)];
    prop_oneof![
        2 => (package(), what).prop_map(|(package, what)| Step::Read { package, what }),
        5 => (prop::option::of(0_usize..2), search(), 1_usize..4)
            .prop_map(|(owner, search, limit)| Step::List { owner, search, limit }),
    ]
}

/// Mostly by little: what is asked for by much is seldom there.
fn search() -> impl Strategy<Value = Search> {
    let nth = || prop::option::weighted(0.15, 0_usize..4);
    let kind = || prop::option::weighted(0.15, 0..KINDS);
    (
        prop::option::weighted(0.15, prop::sample::select(PackageStatus::ALL)),
        prop::option::weighted(0.15, class()),
        prop::option::weighted(0.15, 0..SUBJECTS),
        (kind(), kind(), kind()),
        (nth(), nth()),
    )
        .prop_map(|(status, class, subject, (tool, branch, word), (from, before))| Search {
            status,
            class,
            subject,
            tool,
            branch,
            word,
            from,
            before,
        })
}

/// A change, sometimes under conditions.
fn under(change: impl Strategy<Value = Step>) -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        Just(How::OfItsVersion),
        Just(How::OfAnotherVersion),
        Just(How::Twice),
        Just(How::WithAnotherBody),
    ];
    (change, prop::option::weighted(0.3, how)).prop_map(|(change, how)| match how {
        Some(how) => Step::Under { how, change: Box::new(change) },
        None => change,
    })
}

fn running() -> impl Strategy<Value = Step> {
    let outage = (1_usize..30, any::<bool>()).prop_map(|(call, is_done)| Outage { call, is_done });
    let minutes = prop_oneof![3 => 0_u32..50, 1 => Just(60 * 25), 1 => Just(60 * 74), 1 => Just(60 * 24 * 184)];
    prop_oneof![
        2 => minutes.prop_map(|minutes| Step::Clock { minutes }),
        1 => Just(Step::Confirm),
        6 => Just(Step::Tick),
        7 => Just(Step::Work { outage: None }),
        4 => outage.prop_map(|outage| Step::Work { outage: Some(outage) }),
        3 => Just(Step::WorkAll),
        1 => (0_usize..8).prop_map(|job| Step::Retry { job }),
        1 => Just(Step::Restart),
    ]
}

/// A package that is evidence, or nearly.
fn mature() -> impl Strategy<Value = Vec<Step>> {
    (create(), prop::collection::vec(upload(Just(0)), 1..3), any::<bool>()).prop_map(
        |(create, uploads, is_run)| {
            let mut steps = vec![create];
            steps.extend(uploads);
            steps.push(Step::Finalize { package: 0 });
            steps.extend(is_run.then_some(Step::WorkAll));
            steps
        },
    )
}

/// Time goes by as it does: somebody looks at the clock.
fn days() -> impl Strategy<Value = Vec<Step>> {
    (1_u32..10).prop_map(|days| {
        vec![Step::Clock { minutes: days * 24 * 60 }, Step::Tick, Step::Confirm, Step::Tick]
    })
}

/// A deletion that comes through its grace, unless something is in its way.
fn going() -> impl Strategy<Value = Vec<Step>> {
    (package(), any::<bool>()).prop_map(|(package, is_run)| {
        let mut steps = vec![
            Step::Delete { package, early: true, by: 0 },
            Step::ApproveDelete { package, by: 1 },
            Step::Tick,
            Step::Tick,
        ];
        steps.extend(is_run.then_some(Step::Work { outage: None }));
        steps
    })
}

/// Whatever happens to a registry.
pub fn sequence() -> impl Strategy<Value = Vec<Step>> {
    let one = |step: BoxedStrategy<Step>| step.prop_map(|step| vec![step]);
    let fragment = prop_oneof![
        3 => mature(),
        2 => days(),
        3 => going(),
        1 => one(create().boxed()),
        3 => one(upload(package()).boxed()),
        2 => one(under(package().prop_map(|package| Step::Finalize { package })).boxed()),
        3 => one(under(package().prop_map(|package| Step::Abandon { package })).boxed()),
        12 => one(under(deciding()).boxed()),
        5 => one(reading().boxed()),
        14 => one(running().boxed()),
    ];
    prop::collection::vec(fragment, FRAGMENTS).prop_map(|fragments| fragments.concat())
}
