//! A receipt for people: what was observed, and nothing else.

use strongroom_core::receipt::{
    CreateOnly, Encryption, EnforcedBy, Integrity, LockHow, LockReceipt, Receipt, Status,
};

use crate::output::{Block, Console, count, duration_ms, size_and_bytes, styled, time};

/// The receipt as a short block.
pub fn human(receipt: &Receipt, console: &Console) -> String {
    let palette = console.palette();
    let status = match receipt.status {
        Status::Stored => "stored",
        Status::AlreadyStored => "already stored",
    };
    let headline = format!("{} {}", styled(palette.good, status), receipt.bundle_id);
    let mut block = Block::new(headline);
    let mut label = "run";
    for run_id in &receipt.run_ids {
        block = block.row(label, run_id);
        label = "";
    }
    block = block
        .row_if_any("plan", receipt.plan_sha256.map(|plan| plan.to_string()))
        .row("store", store_at(&receipt.store, receipt.endpoint.as_deref()))
        .row("key", &receipt.key)
        .row_if_any("version", version(receipt))
        .row("size", size_and_bytes(receipt.size_bytes))
        .row("archive", receipt.archive_sha256.to_string());
    let integrity = integrity(receipt.integrity);
    block = match receipt.integrity {
        Integrity::Unobserved => block.styled_row(palette.warning, "integrity", integrity),
        _ => block.row("integrity", integrity),
    };
    // Nothing was created where it was stored already.
    let created = (receipt.status == Status::Stored).then(|| create_only(receipt.create_only));
    lock(block.row_if_any("create-only", created), &receipt.lock, console)
        .row_if_any("encryption", receipt.encryption.as_ref().map(encryption))
        .row_if_any("class", receipt.storage_class.as_ref())
        .row_if_any("stored at", receipt.stored_at.map(time))
        .render(console)
}

/// A bucket's name says nothing of whose server it is on.
pub fn store_at(url: &str, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("{url} at {endpoint}"),
        None => url.to_owned(),
    }
}

fn version(receipt: &Receipt) -> Option<String> {
    let version = receipt.version_id.as_ref()?;
    Some(match receipt.other_versions {
        None => format!("{version} (others: not observed)"),
        Some(0) => version.clone(),
        Some(others) => format!("{version} ({})", count(others, "other version", "other versions")),
    })
}

fn integrity(integrity: Integrity) -> &'static str {
    match integrity {
        Integrity::StoreSha256 => "the store checks SHA-256, and reports ours",
        Integrity::Composite => "the store checks SHA-256, and reports the composite of our parts",
        Integrity::PayloadSigned => {
            "the store refuses bodies that do not match their signed digest"
        }
        Integrity::ReadBack => "read back and hashed",
        Integrity::Unobserved => "unobserved: nothing showed that the stored bytes are right",
    }
}

fn create_only(create_only: CreateOnly) -> &'static str {
    match create_only {
        CreateOnly::Enforced => "enforced by the store",
        CreateOnly::Checked => "looked first; the store was not seen to enforce it",
        CreateOnly::Unsupported => "the store refuses conditional writes",
    }
}

fn encryption(encryption: &Encryption) -> String {
    match &encryption.kms_key_id {
        Some(key) => format!("{}, key {key}", encryption.algorithm),
        None => encryption.algorithm.clone(),
    }
}

/// The dated part and the hold, each with what is said of it right below; how the lock came to be
/// and when it was read back stands below the first of them that is there.
pub fn lock(mut block: Block, lock: &LockReceipt, console: &Console) -> Block {
    let palette = console.palette();
    let dated = lock.mode.zip(lock.retain_until);
    block = match (dated, lock.unobserved) {
        (Some((mode, until)), _) => {
            block.styled_row(palette.good, "lock", format!("{mode} until {}", time(until)))
        }
        (None, Some(reason)) => {
            block.styled_row(palette.warning, "lock", format!("unobserved: {reason}"))
        }
        (None, None) => block.row("lock", "none"),
    };
    if dated.is_some() {
        block = block.row("", how(lock)).row("", read_back(lock));
    }
    let hold = match (lock.legal_hold, lock.legal_hold_was_set_before) {
        (Some(true), Some(true)) => Some("on, as it was before"),
        (Some(true), Some(false)) => Some("on, set now"),
        (Some(true), None) => Some("on"),
        _ => None,
    };
    if let Some(hold) = hold {
        block = block.styled_row(palette.good, "legal hold", hold);
        if dated.is_none() {
            block = block.row("", how(lock)).row("", read_back(lock));
        }
    }
    // Where nothing is dated, the row of the lock says why.
    if let (Some(_), None, Some(reason)) = (dated, lock.legal_hold, lock.unobserved) {
        let unobserved = format!("unobserved: {reason}");
        block = block.styled_row(palette.warning, "legal hold", unobserved);
    }
    if lock.enforced_by == EnforcedBy::Strongroom && (dated.is_some() || hold.is_some()) {
        let advisory = "Strongroom only: whoever reaches the files can delete them";
        block = block.styled_row(palette.warning, "kept by", advisory);
    }
    block
}

fn how(lock: &LockReceipt) -> String {
    let how = match lock.how {
        LockHow::InWrite => "set in the write",
        LockHow::AfterWrite => "set after the write",
        LockHow::BucketDefault => "set by the bucket's default",
        LockHow::AlreadyThere => "it was there before",
        LockHow::None => "how it came to be was not observed",
    };
    match lock.unlocked_ms {
        Some(0) | None => how.to_owned(),
        Some(milliseconds) => format!("{how}, open for {}", duration_ms(milliseconds)),
    }
}

fn read_back(lock: &LockReceipt) -> String {
    match lock.read_back_at {
        Some(at) => format!("read back at {}", time(at)),
        None => "not read back".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use strongroom_core::observed::Unobserved;
    use strongroom_core::retention::LockMode;

    use super::*;
    use crate::cli::{ConsoleArgs, Format};
    use crate::environment::Environment;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn receipt(lock: LockReceipt) -> Receipt {
        serde_json::from_value(serde_json::json!({
            "schema": "strongroom.receipt/v1",
            "bundle_id": format!("sha256:{}", "ab".repeat(32)),
            "run_ids": ["nightly 42"],
            "archive_sha256": format!("sha256:{}", "cd".repeat(32)),
            "store": "s3://evidence/team",
            "endpoint": "https://s3.eu-central-1.amazonaws.com",
            "key": format!("team/bundles/sha256:{}.tar.gz", "ab".repeat(32)),
            "version_id": "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrH",
            "other_versions": 0,
            "size_bytes": 12_897_484,
            "integrity": "store_sha256",
            "create_only": "enforced",
            "lock": serde_json::to_value(lock).expect("a lock"),
            "stored_at": "2026-11-21T12:00:00Z",
            "status": "stored",
        }))
        .expect("a receipt")
    }

    fn dated(how: LockHow, enforced_by: EnforcedBy) -> LockReceipt {
        LockReceipt {
            mode: Some(LockMode::Governance),
            retain_until: Some(at("2033-11-20T12:00:00Z")),
            legal_hold: Some(false),
            legal_hold_was_set_before: Some(false),
            enforced_by,
            how,
            unlocked_ms: None,
            read_back_at: Some(at("2026-11-21T12:00:01Z")),
            unobserved: None,
        }
    }

    fn shown(lock: LockReceipt, columns: &str) -> String {
        let args = ConsoleArgs { format: Format::Human, quiet: false, verbose: 0, config: None };
        let environment = Environment::from([("COLUMNS", columns), ("NO_COLOR", "1")]);
        human(&receipt(lock), &Console::new(&args, &environment))
    }

    #[test]
    fn a_lock_in_the_write() {
        insta::assert_snapshot!(shown(dated(LockHow::InWrite, EnforcedBy::Store), "80"));
    }

    #[test]
    fn a_lock_after_the_write_says_for_how_long_it_was_open() {
        let lock = LockReceipt {
            unlocked_ms: Some(1_250),
            ..dated(LockHow::AfterWrite, EnforcedBy::Store)
        };
        insta::assert_snapshot!(shown(lock, "60"));
    }

    #[test]
    fn what_was_stored_already_was_not_created() {
        let stored = receipt(dated(LockHow::AlreadyThere, EnforcedBy::Store));
        let args = ConsoleArgs { format: Format::Human, quiet: false, verbose: 0, config: None };
        let console = Console::new(&args, &Environment::from([("NO_COLOR", "1")]));
        assert!(human(&stored, &console).contains("create-only"));
        let already = Receipt { status: Status::AlreadyStored, ..stored };
        let text = human(&already, &console);
        assert!(text.starts_with("already stored ") && !text.contains("create-only"), "{text}");
    }

    #[test]
    fn an_advisory_lock_says_so() {
        insta::assert_snapshot!(shown(dated(LockHow::InWrite, EnforcedBy::Strongroom), "60"));
    }

    #[test]
    fn a_hold_beside_a_lock_takes_no_line_of_the_lock() {
        let lock = LockReceipt {
            legal_hold: Some(true),
            unlocked_ms: Some(40),
            ..dated(LockHow::AfterWrite, EnforcedBy::Strongroom)
        };
        insta::assert_snapshot!(shown(lock, "80"));
    }

    #[test]
    fn a_hold_alone_says_how_it_came() {
        let lock = LockReceipt {
            mode: None,
            retain_until: None,
            legal_hold: Some(true),
            ..dated(LockHow::InWrite, EnforcedBy::Store)
        };
        insta::assert_snapshot!(shown(lock, "80"));
    }

    #[test]
    fn a_hold_that_was_not_observed_is_told_apart_from_the_lock() {
        let lock = LockReceipt {
            legal_hold: None,
            unobserved: Some(Unobserved::PermissionDenied),
            ..dated(LockHow::InWrite, EnforcedBy::Store)
        };
        let text = shown(lock, "80");
        assert!(text.contains("legal hold   unobserved: permission denied"), "{text}");
    }

    #[test]
    fn a_lock_that_was_not_observed_is_never_called_none() {
        let lock = LockReceipt {
            mode: None,
            retain_until: None,
            legal_hold: None,
            legal_hold_was_set_before: None,
            enforced_by: EnforcedBy::Store,
            how: LockHow::None,
            unlocked_ms: None,
            read_back_at: None,
            unobserved: Some(Unobserved::PermissionDenied),
        };
        let text = shown(lock, "80");
        assert!(text.contains("unobserved: permission denied"), "{text}");
        assert!(!text.contains("none"), "{text}");
    }
}
