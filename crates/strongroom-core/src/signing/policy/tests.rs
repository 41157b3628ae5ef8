use super::*;
use crate::signing::key::{Algorithm, PrivateKey, PublicKey};
use crate::signing::trust::Window;

fn at(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn key() -> PublicKey {
    PrivateKey::generate(Algorithm::Ed25519).unwrap().public_key().clone()
}

/// Good in 2026.
fn root(change: impl FnOnce(&mut TrustRoot)) -> TrustRoot {
    let window = Window { from: Some(at("2026-01-01")), until: Some(at("2026-12-31")) };
    let mut root = TrustRoot::new(key(), "platform-security", window).unwrap();
    change(&mut root);
    root
}

fn trusted(text: &str) -> TrustedTime {
    let authority = "CN=Test TSA".to_owned();
    TrustedTime { time: at(text), by: TimeSource::TimestampAuthority { authority } }
}

/// Every state of a key, with every kind of time, at every moment: what it comes to. A cell is without
/// and with `--accept-claimed-time`.
#[test]
fn the_table_of_keys_and_times() {
    let active = root(|_| ());
    let retired = root(|root| root.retire(at("2026-06-01"), None).unwrap());
    let revoked = root(|root| root.revoke(Some(at("2026-05-01")), None).unwrap());
    let revoked_ever = root(|root| root.revoke(None, None).unwrap());
    let of = |claimed: Option<&str>, times: &[&str]| SigningTimes {
        claimed: claimed.map(at),
        trusted: times.iter().map(|time| trusted(time)).collect(),
    };
    let times = [
        ("nothing", of(None, &[])),
        ("claims 2026-03", of(Some("2026-03-01"), &[])),
        ("claims 2026-09", of(Some("2026-09-01"), &[])),
        ("claims 2025-03", of(Some("2025-03-01"), &[])),
        ("trusted 2026-03", of(Some("2026-03-01"), &["2026-03-01"])),
        ("trusted 2026-09", of(Some("2026-03-01"), &["2026-09-01"])),
        ("trusted 2026-09 and 2026-03", of(None, &["2026-09-01", "2026-03-01"])),
        ("trusted 2025-03", of(Some("2026-03-01"), &["2025-03-01"])),
        ("trusted 2027-03", of(Some("2026-03-01"), &["2027-03-01"])),
    ];
    let keys = [
        ("active", &active),
        ("retired 2026-06", &retired),
        ("revoked 2026-05", &revoked),
        ("revoked ever", &revoked_ever),
    ];
    // A row is a time; its cells are the keys, each at 2025-06, 2026-11 and 2027-06.
    let expected = [
        ("nothing", ["o o  v v  n n", "o o  n n  n n", "r r  r r  r r", "r r  r r  r r"]),
        ("claims 2026-03", ["o o  v v  n c", "o o  n c  n c", "r r  r r  r r", "r r  r r  r r"]),
        ("claims 2026-09", ["o o  v v  n c", "o o  o o  o o", "r r  r r  r r", "r r  r r  r r"]),
        ("claims 2025-03", ["o o  o o  o o", "o o  o o  o o", "r r  r r  r r", "r r  r r  r r"]),
        ("trusted 2026-03", ["t t  t t  t t", "t t  t t  t t", "t t  t t  t t", "r r  r r  r r"]),
        ("trusted 2026-09", ["t t  t t  t t", "o o  o o  o o", "r r  r r  r r", "r r  r r  r r"]),
        (
            "trusted 2026-09 and 2026-03",
            ["t t  t t  t t", "t t  t t  t t", "t t  t t  t t", "r r  r r  r r"],
        ),
        ("trusted 2025-03", ["o o  o o  o o", "o o  o o  o o", "o o  o o  o o", "r r  r r  r r"]),
        ("trusted 2027-03", ["o o  o o  o o", "o o  o o  o o", "r r  r r  r r", "r r  r r  r r"]),
    ];
    for ((time, times), (named, cells)) in times.iter().zip(expected) {
        assert_eq!(*time, named);
        for ((key, root), cell) in keys.iter().zip(cells) {
            let seen: Vec<String> = ["2025-06-15", "2026-11-22", "2027-06-15"]
                .map(|now| {
                    [false, true]
                        .map(|accept_claimed_time| {
                            let moment = Moment { now: at(now), accept_claimed_time };
                            letter(&judge(root, times, moment))
                        })
                        .join(" ")
                })
                .into();
            assert_eq!(seen.join("  "), cell, "{key}, {time}");
        }
    }
}

fn letter(state: &SignatureState) -> &'static str {
    match state {
        SignatureState::Valid { time: TimeBasis::Trusted(_) } => "t",
        SignatureState::Valid { time: TimeBasis::Now } => "v",
        SignatureState::Valid { time: TimeBasis::Claimed { .. } } => "c",
        SignatureState::OutOfWindow => "o",
        SignatureState::NoTrustedTime => "n",
        SignatureState::Revoked => "r",
        other => panic!("{other:?}"),
    }
}

/// Who has the key of a revoked root and writes any date into the statement.
#[test]
fn a_revoked_key_that_backdates_is_revoked() {
    let root = root(|root| root.revoke(Some(at("2026-05-01")), None).unwrap());
    for claimed in ["2026-01-01", "2026-04-30", "2026-05-01"] {
        let times = SigningTimes { claimed: Some(at(claimed)), trusted: Vec::new() };
        let moment = Moment { now: at("2026-11-22"), accept_claimed_time: true };
        assert_eq!(judge(&root, &times, moment), SignatureState::Revoked);
    }
    let times = SigningTimes { claimed: None, trusted: vec![trusted("2026-05-01")] };
    let moment = Moment { now: at("2026-04-01"), accept_claimed_time: true };
    assert_eq!(
        judge(&root, &times, moment),
        SignatureState::Revoked,
        "asked for an earlier moment"
    );
}

#[test]
fn a_key_that_is_good_for_ever_needs_no_time() {
    let root = TrustRoot::new(key(), "ci", Window::default()).unwrap();
    let moment = Moment { now: at("2026-11-22"), accept_claimed_time: false };
    let judged = judge(&root, &SigningTimes::default(), moment);
    assert_eq!(judged, SignatureState::Valid { time: TimeBasis::Now });
    let claims_tomorrow = SigningTimes { claimed: Some(at("2026-11-23")), trusted: Vec::new() };
    assert_eq!(judge(&root, &claims_tomorrow, moment), SignatureState::OutOfWindow);
}

#[test]
fn signatures_are_enough_or_it_is_said_what_is_missing() {
    let valid = SignatureState::Valid { time: TimeBasis::Now };
    let by = |key: &PublicKey, owner: &str, state: &SignatureState| Judged {
        key_id: Some(key.id()),
        owner: Some(owner.to_owned()),
        state: state.clone(),
    };
    let (ci, security) = (key(), key());
    let asked = Policy { trust: Some(TrustRoots::default()), ..Policy::default() };
    assert_eq!(Policy::default().unmet(&[]), []);
    assert_eq!(asked.unmet(&[]), [Unmet::Signatures { needed: 1, valid: 0 }]);
    assert_eq!(asked.unmet(&[by(&ci, "ci", &valid)]), []);
    for state in [
        SignatureState::Unchecked,
        SignatureState::Untrusted,
        SignatureState::Invalid,
        SignatureState::OtherSubject,
        SignatureState::OutOfWindow,
        SignatureState::NoTrustedTime,
        SignatureState::Revoked,
    ] {
        let one = by(&ci, "ci", &state);
        assert_eq!(asked.unmet(&[one]), [Unmet::Signatures { needed: 1, valid: 0 }], "{state:?}");
    }
    let two = Policy { signatures_min: Some(2), ..asked.clone() };
    let twice = [by(&ci, "ci", &valid), by(&ci, "ci", &valid)];
    assert_eq!(two.unmet(&twice), [Unmet::Signatures { needed: 2, valid: 1 }]);
    assert_eq!(two.unmet(&[by(&ci, "ci", &valid), by(&security, "security", &valid)]), []);
    let signer = Policy { signers: ["security".to_owned()].into(), ..asked.clone() };
    let missing = Unmet::Signer { owner: "security".to_owned() };
    assert_eq!(signer.unmet(&[by(&ci, "ci", &valid)]), [missing]);
    // Whoever demands signatures without saying whom they believe gets none.
    let blind = Policy { signatures_min: Some(1), ..Policy::default() };
    let unchecked = by(&ci, "ci", &SignatureState::Unchecked);
    assert_eq!(blind.unmet(&[unchecked]), [Unmet::Signatures { needed: 1, valid: 0 }]);
}
