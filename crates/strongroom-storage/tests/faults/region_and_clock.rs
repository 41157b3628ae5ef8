//! The wrong region, and clocks that are apart.

use jiff::SignedDuration;
use strongroom_core::receipt::Status;
use strongroom_core::retention::LockMode;
use strongroom_testkit::TestClock;

use super::*;

#[tokio::test]
async fn the_wrong_region_is_one_refusal_that_names_the_right_one() {
    let elsewhere =
        || S3Server::builder().bucket("vault", BucketSettings::versioned()).region("eu-west-3");
    for builder in [elsewhere(), elsewhere().redirects_wrong_region()] {
        let vault = Vault::on(builder).await;
        let refused = vault.push(vault.small()).await.unwrap_err();
        assert_eq!(refused.kind(), EvidenceErrorKind::Store(StorageErrorKind::WrongRegion));
        assert!(refused.guidance().unwrap().contains("eu-west-3"), "{:?}", refused.guidance());
        assert!(vault.server.requests().len() <= 3);
    }
}

#[tokio::test]
async fn a_store_that_refuses_our_clock_is_told_apart_from_one_that_refuses_us() {
    let clock = TestClock::system();
    clock.advance(SignedDuration::from_hours(1));
    let builder = S3Server::builder().bucket("vault", BucketSettings::versioned());
    let vault = Vault::on(builder.clock(clock).refuses_skewed_clocks()).await;
    let refused = vault.push(vault.small()).await.unwrap_err();
    assert_eq!(refused.kind(), EvidenceErrorKind::Store(StorageErrorKind::ClockSkew));
    assert!(vault.server.requests().len() <= 3);
}

#[tokio::test]
async fn nothing_dated_is_written_while_the_clocks_are_apart() {
    let clock = TestClock::system();
    clock.advance(SignedDuration::from_hours(1));
    let builder = S3Server::builder().bucket("vault", BucketSettings::locked());
    let vault = Vault::on(builder.clock(clock)).await;
    let store = vault.store().await;
    let dated = PushRequest {
        lock_mode: Some(LockMode::Governance),
        retain_until: Some(Clock::system().now() + SignedDuration::from_hours(365 * 24)),
        ..request()
    };
    assert!(push_to(&*store, vault.small(), dated).await.is_err());
    assert!(vault.bucket().keys().is_empty());
}

#[tokio::test]
async fn the_time_of_storing_is_the_stores_or_none_never_ours() {
    for (big, dated_by_reads) in [(false, true), (false, false), (true, true), (true, false)] {
        let an_hour = SignedDuration::from_hours(1);
        let clock = TestClock::system();
        clock.advance(an_hour);
        let builder = S3Server::builder().bucket("vault", BucketSettings::versioned());
        let vault = Vault::on(builder.clock(clock.clone())).await;
        for op in [Op::PutObject, Op::CompleteMultipartUpload, Op::HeadObject] {
            vault.server.faults().on(op).answer_header("date", "");
        }
        if !dated_by_reads {
            for op in [Op::HeadObject, Op::GetObject] {
                vault.server.faults().on(op).answer_header("last-modified", "");
            }
        }
        let plan = if big { vault.big() } else { vault.small() };
        let receipt = vault.push(plan).await.unwrap().receipt;
        assert_eq!(receipt.status, Status::Stored);
        match receipt.stored_at {
            Some(stored_at) => {
                let apart = clock.now().duration_since(stored_at);
                assert!(dated_by_reads && apart < an_hour / 2, "{apart:?}");
            }
            None => assert!(!dated_by_reads),
        }
    }
}
