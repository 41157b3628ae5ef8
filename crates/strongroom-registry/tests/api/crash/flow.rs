//! What a registry does, one flow each: from the request to the last object of its job.

use std::sync::OnceLock;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_core::package::{FileStatus, PackageStatus};
use strongroom_registry::auth::Role;
use strongroom_registry::config::Settings;
use strongroom_registry::jobs::run_one;
use strongroom_registry::jobs::sweep;
use strongroom_testkit::s3::BucketView;
use uuid::Uuid;

use super::aftermath::{files_of, holds_of};
use super::archive;
use super::scene::{expire, leave_an_upload, long_path, once, put_files_beside, send_the_rest};
use crate::app::{Answer, Client, TestApp};
use crate::evidence::{locked, row, stepwise, tick, work};
use crate::signing::{is_signed, signs};
use crate::tus::said_of;

/// A date later than any that a class gives.
pub const LATER: &str = "2090-01-01T00:00:00Z";
/// The bytes of each file.
pub const BYTES: &[u8] = b"content";

/// A flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Create,
    Upload,
    UploadOnRecord,
    BeginUpload,
    UploadInParts,
    Ingest,
    GiveUp,
    Finalize,
    FinalizeSigned,
    Extend,
    PlaceHold,
    ReleaseHold,
    AgreeToRelease,
    RequestDeletion,
    AgreeToDeletion,
    CancelDeletion,
    Expire,
    Delete,
    HoldWhileDeleting,
    Abandon,
    Restore,
}

/// What one run of a flow is about.
#[derive(Debug, Default)]
pub struct Subject {
    /// Which run it is.
    pub nth: u32,
    /// The package; none before it is made.
    pub package: Uuid,
    /// The hold that is released.
    pub hold: Uuid,
    /// The upload that is sent in parts.
    upload: Uuid,
    /// The bucket that it is in, if it is in one.
    pub bucket: Option<BucketView>,
    /// What was answered to whoever asked, as soon as it was.
    acknowledged: OnceLock<Value>,
}

impl Subject {
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged.get().is_some()
    }

    fn hears(&self, answer: &Answer) {
        if answer.status.is_success() {
            let is_told = !answer.body.is_empty();
            let told = || if is_told { answer.json() } else { Value::Null };
            self.acknowledged.get_or_init(told);
        }
    }

    /// The package, also one that was made by the flow itself.
    pub fn package(&self) -> Option<Uuid> {
        let made = self.acknowledged.get().and_then(|answer| answer["package_id"].as_str());
        Some(self.package).filter(|id| !id.is_nil()).or_else(|| made?.parse().ok())
    }
}

impl Flow {
    pub const ALL: &[Self] = &[
        Self::Create,
        Self::Upload,
        Self::UploadOnRecord,
        Self::BeginUpload,
        Self::UploadInParts,
        Self::Ingest,
        Self::GiveUp,
        Self::Finalize,
        Self::FinalizeSigned,
        Self::Extend,
        Self::PlaceHold,
        Self::ReleaseHold,
        Self::AgreeToRelease,
        Self::RequestDeletion,
        Self::AgreeToDeletion,
        Self::CancelDeletion,
        Self::Expire,
        Self::Delete,
        Self::HoldWhileDeleting,
        Self::Abandon,
        Self::Restore,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Create => "A package is made, under a legal hold",
            Self::Upload => "A file is uploaded",
            Self::UploadOnRecord => {
                "A file is uploaded whose path is too long for an object's metadata"
            }
            Self::BeginUpload => "An upload of a file in several requests is begun",
            Self::UploadInParts => "A file is uploaded in two requests",
            Self::Ingest => "Two files in a folder of the server are ingested",
            Self::GiveUp => {
                "An upload whose process ended is given up, and what it left is deleted"
            }
            Self::Finalize => "A package of two files is finalized",
            Self::FinalizeSigned => "A package of two files is finalized by a registry that signs",
            Self::Extend => "A package's date moves later",
            Self::PlaceHold => "A legal hold is placed",
            Self::ReleaseHold => "A legal hold is released",
            Self::AgreeToRelease => "A second person agrees to the release of a legal hold",
            Self::RequestDeletion => "A deletion is asked for",
            Self::AgreeToDeletion => "A second person agrees to an early deletion",
            Self::CancelDeletion => "A request for deletion is taken back",
            Self::Expire => "The sweeper finds a package past its date",
            Self::Delete => "The sweeper begins a deletion, and the bytes go",
            Self::HoldWhileDeleting => "A legal hold is placed while the bytes go",
            Self::Abandon => "An open package is abandoned, and its bytes go",
            Self::Restore => {
                "Archived bytes are asked for, and the sweeper sees that they are there (on a bucket)"
            }
        }
    }

    /// Whether it needs what only a bucket has: an archive.
    pub fn is_of_a_bucket(self) -> bool {
        self == Self::Restore
    }

    /// The settings that the flow needs.
    pub fn set(self, settings: &mut Settings) {
        stepwise(settings);
        settings.deletion.delete_expired = self == Self::Expire;
        if matches!(self, Self::RequestDeletion | Self::AgreeToDeletion | Self::CancelDeletion) {
            // What is asked for stays so while the registry settles.
            settings.deletion.grace_ticks = 1_000;
        }
        if self == Self::Ingest {
            put_files_beside(settings);
        }
        if self == Self::FinalizeSigned {
            signs(settings);
        }
        settings.dual_control.hold_release = self == Self::AgreeToRelease;
        settings.dual_control.early_deletion = self == Self::AgreeToDeletion;
    }

    /// Looks of the sweeper until nothing is left to do: a deletion that is asked for waits for two of them.
    pub fn looks(self) -> usize {
        match self {
            Self::Expire | Self::Delete | Self::HoldWhileDeleting => 4,
            _ => 1,
        }
    }

    /// Makes what the flow is about.
    pub async fn prepare(self, app: &TestApp, nth: u32, bucket: Option<BucketView>) -> Subject {
        let manager = app.as_(Role::RecordsManager);
        // Noted of a token once an hour: not in the middle of the flow.
        for role in [Role::Producer, Role::Operator, Role::RecordsManager] {
            app.as_(role).get("/packages?limit=1").await;
        }
        let mut subject = Subject { nth, bucket, ..Subject::default() };
        subject.package = match self {
            Self::Create => Uuid::nil(),
            Self::Upload
            | Self::UploadOnRecord
            | Self::BeginUpload
            | Self::Ingest
            | Self::GiveUp => app.as_(Role::Producer).new_package().await,
            Self::UploadInParts => {
                let producer = app.as_(Role::Producer);
                let package = producer.new_package().await;
                subject.upload = producer.begins(package, "a", BYTES.len()).await;
                package
            }
            Self::Finalize | Self::FinalizeSigned | Self::Abandon => {
                let producer = app.as_(Role::Producer);
                let package = producer.new_package().await;
                producer.stores(package, "a", BYTES).await;
                producer.stores(package, "b/c", BYTES).await;
                package
            }
            Self::Extend | Self::PlaceHold | Self::Restore => locked(app, "raw-evidence", 2).await,
            Self::ReleaseHold | Self::AgreeToRelease => {
                let package = locked(app, "raw-evidence", 2).await;
                let holds = format!("/packages/{package}/retention/holds");
                let placed = asked(&manager, &holds, json!({ "reason": "matter" })).await;
                subject.hold = placed.field("hold_id").as_str().unwrap().parse().unwrap();
                work(app).await;
                package
            }
            Self::Expire
            | Self::RequestDeletion
            | Self::AgreeToDeletion
            | Self::CancelDeletion
            | Self::Delete
            | Self::HoldWhileDeleting => locked(app, "transient", 2).await,
        };
        self.lead_to(app, &subject).await;
        subject
    }

    /// What comes before the flow, of a package that is there.
    async fn lead_to(self, app: &TestApp, subject: &Subject) {
        let (manager, package) = (app.as_(Role::RecordsManager), subject.package);
        let deletion = format!("/packages/{package}/deletion");
        let ask = json!({ "reason": "a mistake", "early": true });
        match self {
            Self::GiveUp => leave_an_upload(app, package).await,
            Self::Restore => subject.is_archived(),
            Self::Expire => expire(app, package).await,
            Self::AgreeToRelease => {
                let release =
                    format!("/packages/{package}/retention/holds/{}/release", subject.hold);
                asked(
                    &app.another(Role::RecordsManager).await,
                    &release,
                    json!({ "reason": "settled" }),
                )
                .await;
            }
            Self::AgreeToDeletion => {
                asked(&app.another(Role::RecordsManager).await, &deletion, ask).await;
            }
            Self::CancelDeletion | Self::Delete => {
                asked(&manager, &deletion, ask).await;
            }
            Self::HoldWhileDeleting => {
                asked(&manager, &deletion, ask).await;
                tick(app).await;
                tick(app).await;
                assert_eq!(row(app, package).await.status, PackageStatus::Deleting);
            }
            _ => {}
        }
    }

    /// Takes it: asks, and lets the jobs run that come of it, as far as they run.
    pub async fn act(self, app: &TestApp, subject: &Subject) {
        match self {
            // The sweeper's: nobody hears of them.
            Self::GiveUp | Self::Expire | Self::Delete => {
                let looks = if self == Self::Delete { 2 } else { 1 };
                for _ in 0..looks {
                    if sweep::tick(&app.registry).await.is_err() {
                        return;
                    }
                }
                if self != Self::Expire {
                    run_jobs(app).await;
                }
                subject.acknowledged.get_or_init(|| Value::Null);
            }
            _ => {
                let answer = self.ask(app, subject).await;
                subject.hears(&answer);
                run_jobs(app).await;
                if self == Self::Restore {
                    subject.is_brought();
                    // The next look sees what this one does not.
                    let _ = sweep::tick(&app.registry).await;
                }
            }
        }
    }

    /// The request, which is the same each time.
    async fn ask(self, app: &TestApp, subject: &Subject) -> Answer {
        let (producer, manager) = (app.as_(Role::Producer), app.as_(Role::RecordsManager));
        let (nth, package) = (subject.nth, subject.package);
        let of_package = format!("/packages/{package}");
        let holds = format!("{of_package}/retention/holds");
        let why = json!({ "reason": "a reason" });
        match self {
            Self::Create => {
                let retention = json!({ "class": "raw-evidence", "legal_hold": true });
                let ask = json!({ "name": format!("package {nth}"), "retention": retention });
                once(&producer, nth, "/packages", &ask).await
            }
            Self::Upload => producer.put_file(package, "a", BYTES).await,
            Self::UploadOnRecord => producer.put_file(package, &long_path(), BYTES).await,
            Self::BeginUpload => {
                producer.begin(package, &BYTES.len().to_string(), &said_of("a", None)).await
            }
            Self::UploadInParts => send_the_rest(&producer, subject.upload).await,
            Self::Ingest => {
                let (operator, ask) = (app.as_(Role::Operator), json!({ "root": "here" }));
                once(&operator, nth, &format!("{of_package}/local-files"), &ask).await
            }
            Self::Finalize | Self::FinalizeSigned => {
                producer.post(&format!("{of_package}/finalize"), Value::Null).await
            }
            Self::Extend => {
                let ask = json!({ "expires_at": LATER, "reason": "an inquiry" });
                once(&manager, nth, &format!("{of_package}/retention/extensions"), &ask).await
            }
            Self::PlaceHold | Self::HoldWhileDeleting => once(&manager, nth, &holds, &why).await,
            Self::ReleaseHold => {
                once(&manager, nth, &format!("{holds}/{}/release", subject.hold), &why).await
            }
            Self::AgreeToRelease => {
                let approve = format!("{holds}/{}/release/approve", subject.hold);
                once(&manager, nth, &approve, &Value::Null).await
            }
            Self::RequestDeletion => {
                let ask = json!({ "reason": "a mistake", "early": true });
                once(&manager, nth, &format!("{of_package}/deletion"), &ask).await
            }
            Self::AgreeToDeletion => {
                once(&manager, nth, &format!("{of_package}/deletion/approve"), &Value::Null).await
            }
            Self::CancelDeletion => {
                once(&manager, nth, &format!("{of_package}/deletion/cancel"), &why).await
            }
            Self::Abandon => producer.post(&format!("{of_package}/abandon"), Value::Null).await,
            Self::Restore => archive::ask(app, nth, package).await,
            Self::GiveUp | Self::Expire | Self::Delete => unreachable!("nobody asks for it"),
        }
    }

    /// Asks once more, as who was not answered does: it ends well, also where it was done the first time.
    pub async fn again(self, app: &TestApp, subject: &Subject) {
        if matches!(self, Self::GiveUp | Self::Expire | Self::Delete) {
            // The registry went on by itself.
            return;
        }
        let answer = self.ask(app, subject).await;
        let (status, gone) = match self {
            Self::Abandon => (PackageStatus::Abandoned, true),
            // Too late is told, never half done.
            Self::HoldWhileDeleting => (PackageStatus::Deleted, true),
            _ => (PackageStatus::Open, false),
        };
        if gone && answer.status == StatusCode::CONFLICT {
            assert_eq!(row(app, subject.package).await.status, status, "{answer:?}");
            return;
        }
        assert!(answer.status.is_success(), "asked again: {answer:?}");
        subject.hears(&answer);
    }

    /// Whether everything is as it should be after the registry settled. Of what was not acknowledged either may be.
    pub async fn expect(self, app: &TestApp, subject: &Subject, is_acknowledged: bool) {
        let Some(package) = subject.package() else {
            assert!(!is_acknowledged, "a package that was acknowledged has no id");
            return;
        };
        let status = row(app, package).await.status;
        let mut may_be = vec![self.becomes()];
        if !is_acknowledged {
            may_be.push(self.was());
        }
        if self == Self::HoldWhileDeleting && is_acknowledged && subject.hold_came_too_late() {
            may_be = vec![PackageStatus::Deleted];
        }
        assert!(may_be.contains(&status), "{status}, not one of {may_be:?}");
        let holds = holds_of(app, package).await;
        let files = files_of(app, package).await;
        let stored = files.iter().filter(|file| file.status == FileStatus::Stored).count();
        if !is_acknowledged {
            if self == Self::Restore {
                archive::bring_by_hand(app, subject).await;
            }
            return;
        }
        match self {
            Self::Create | Self::PlaceHold => assert_eq!(holds, 1, "the hold"),
            Self::Upload | Self::UploadOnRecord | Self::UploadInParts => {
                assert_eq!(stored, 1, "the file");
            }
            Self::BeginUpload => assert_eq!(stored, 0),
            Self::Ingest => assert_eq!(stored, 2, "both files"),
            Self::GiveUp => assert_eq!(stored, 0),
            Self::Finalize => assert_bundle(app, package).await,
            Self::FinalizeSigned => {
                assert_bundle(app, package).await;
                is_signed(app, package).await;
            }
            Self::Extend => {
                let later: Timestamp = LATER.parse().unwrap();
                assert_eq!(row(app, package).await.expires_at, Some(later));
            }
            Self::ReleaseHold | Self::AgreeToRelease => assert_eq!(holds, 0, "the hold"),
            Self::HoldWhileDeleting => {
                assert_eq!(holds, usize::from(status != PackageStatus::Deleted))
            }
            Self::RequestDeletion | Self::AgreeToDeletion | Self::CancelDeletion => {
                assert_eq!(stored, 2, "nothing goes yet");
            }
            Self::Expire | Self::Delete | Self::Abandon => assert_eq!(stored, 0),
            Self::Restore => archive::assert_restored(app, subject).await,
        }
    }

    fn was(self) -> PackageStatus {
        match self {
            Self::Create
            | Self::Upload
            | Self::UploadOnRecord
            | Self::BeginUpload
            | Self::UploadInParts
            | Self::Ingest
            | Self::GiveUp
            | Self::Finalize
            | Self::FinalizeSigned
            | Self::Abandon => PackageStatus::Open,
            Self::CancelDeletion => PackageStatus::DeletionRequested,
            // The sweeper looks again by itself, and a deletion goes on that nothing stops.
            Self::Expire | Self::Delete | Self::HoldWhileDeleting => PackageStatus::Deleted,
            _ => PackageStatus::Finalized,
        }
    }

    fn becomes(self) -> PackageStatus {
        match self {
            Self::Create
            | Self::Upload
            | Self::UploadOnRecord
            | Self::BeginUpload
            | Self::UploadInParts
            | Self::Ingest
            | Self::GiveUp => PackageStatus::Open,
            Self::RequestDeletion | Self::AgreeToDeletion => PackageStatus::DeletionRequested,
            Self::Expire | Self::Delete => PackageStatus::Deleted,
            Self::HoldWhileDeleting => PackageStatus::DeletionBlocked,
            Self::Abandon => PackageStatus::Abandoned,
            _ => PackageStatus::Finalized,
        }
    }
}

impl Subject {
    /// Whether a hold that was asked for again found nothing left to be held.
    fn hold_came_too_late(&self) -> bool {
        !self.is_acknowledged()
    }
}

/// Runs jobs until none can be run, or the database does not answer.
async fn run_jobs(app: &TestApp) {
    while let Ok(true) = run_one(&app.registry, "first").await {}
}

async fn asked(client: &Client, path: &str, ask: Value) -> Answer {
    let answer = client.post(path, ask).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer
}

async fn assert_bundle(app: &TestApp, package: Uuid) {
    let producer = app.as_(Role::Producer);
    for what in ["bundle", "manifest"] {
        let answer = producer.get(&format!("/packages/{package}/{what}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{what}: {answer:?}");
    }
}
