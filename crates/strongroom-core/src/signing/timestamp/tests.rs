//! Tokens of an authority that does one thing wrongly at a time.

mod authority;

use der::oid::ObjectIdentifier;
use pkcs8::der::pem;
use rcgen::{KeyPair, KeyUsagePurpose, RsaKeySize};
use sha2::Digest as _;

use self::authority::{
    CODE_SIGNING, Named, Plan, RSA, SHA_1, SHA_1_WITH_RSA, SHA_512, Stamp, TIME_STAMPING,
    TestAuthority, answer,
};
use super::{Authorities, Request, TimestampError, TrustedTime};
use crate::limits;

const MESSAGE: &[u8] = b"a signature";

fn trusting(authority: &TestAuthority) -> Authorities {
    Authorities::from_pem(authority.root_pem.as_bytes()).expect("authorities")
}

/// What is made of a token in which `change` was done.
fn verified(
    authority: &TestAuthority,
    change: impl FnOnce(&mut Stamp),
) -> Result<TrustedTime, TimestampError> {
    let mut stamp = authority.stamp(MESSAGE);
    change(&mut stamp);
    trusting(authority).verify(&authority.sign(&stamp), MESSAGE)
}

fn planned(change: impl FnOnce(&mut Plan)) -> Result<TrustedTime, TimestampError> {
    let mut plan = Plan::default();
    change(&mut plan);
    verified(&TestAuthority::planned(plan), |_| {})
}

fn rsa(size: RsaKeySize) -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).expect("a key")
}

#[test]
fn a_right_token_tells_time_accuracy_authority_serial_and_policy() {
    let time = verified(&TestAuthority::new(), |_| {}).expect("trusted");
    assert_eq!(time.time.to_string(), "2026-01-02T03:04:05.5Z");
    assert_eq!(time.accuracy_micros, Some(1_005_000));
    assert_eq!(time.latest().to_string(), "2026-01-02T03:04:06.505Z");
    assert_eq!(time.authority, r"CN=Clock\07");
    assert_eq!((time.serial.as_str(), time.policy.as_str()), ("01ff", "1.3.6.1.4.1.99999.1"));
}

#[test]
fn rsa_and_both_curves_are_believed() {
    planned(|plan| plan.signer_key = rsa(RsaKeySize::_2048)).expect("RSA 2048");
    planned(|plan| plan.root_key = rsa(RsaKeySize::_4096)).expect("RSA 4096");
    let p384 = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
    planned(|plan| (plan.root_key, plan.signer_key) = (p384(), p384())).expect("P-384");
}

#[test]
fn an_rsa_signature_may_be_named_by_its_key_and_its_digest() {
    let plan = Plan { signer_key: rsa(RsaKeySize::_3072), ..Plan::default() };
    let authority = TestAuthority::planned(plan);
    verified(&authority, |stamp| stamp.signature = Some(RSA)).expect("RSA with SHA-256");
    let other_digest = verified(&authority, |stamp| {
        (stamp.signature, stamp.digest) = (Some(RSA), SHA_512);
    });
    assert!(matches!(other_digest, Err(TimestampError::Altered(_))), "{other_digest:?}");
}

#[test]
fn the_digests_may_be_sha_512() {
    let digest = sha2::Sha512::digest(MESSAGE).to_vec();
    verified(&TestAuthority::new(), |stamp| {
        (stamp.imprint, stamp.digest) = ((SHA_512, digest), SHA_512);
    })
    .expect("trusted");
}

#[test]
fn a_token_over_other_bytes_is_told_apart() {
    let authority = TestAuthority::new();
    let token = authority.sign(&authority.stamp(b"another signature"));
    let refused = trusting(&authority).verify(&token, MESSAGE);
    assert_eq!(refused, Err(TimestampError::WrongImprint));
}

#[test]
fn sha_1_carries_nothing() {
    let authority = TestAuthority::new();
    let refuse = |what: &str, change: fn(&mut Stamp)| {
        let refused = verified(&authority, change);
        assert!(matches!(refused, Err(TimestampError::Weak(_))), "{what}: {refused:?}");
    };
    refuse("imprint", |stamp| stamp.imprint = (SHA_1, vec![0; 20]));
    refuse("signer's digest", |stamp| stamp.digest = SHA_1);
    refuse("signature", |stamp| stamp.signature = Some(SHA_1_WITH_RSA));
    refuse("certificate's name", |stamp| stamp.named = Named::BySha1);
}

#[test]
fn the_certificate_must_be_named_among_what_was_signed() {
    let authority = TestAuthority::new();
    let named = |named| verified(&authority, |stamp| stamp.named = named).err();
    let other = Some(TimestampError::Altered("it was signed under another certificate"));
    assert_eq!(named(Named::ByDigestAndIssuer), None);
    assert_eq!(named(Named::BySha1AndIssuer), None);
    assert_eq!(named(Named::ByBoth), None);
    assert_eq!(named(Named::ByDigestAndWrongIssuer), other);
    assert_eq!(named(Named::BySha1AndWrongIssuer), other);
    assert!(matches!(named(Named::Nowhere), Some(TimestampError::Malformed(_))));
    let stranger = TestAuthority::new().signer;
    let replaced = verified(&authority, |stamp| stamp.named_certificate = stranger);
    assert_eq!(replaced.err(), other);
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let token = authority.sign(&authority.stamp(MESSAGE));
    let refused = trusting(&other).verify(&token, MESSAGE);
    assert_eq!(refused, Err(TimestampError::UntrustedAuthority));
    let mut both = trusting(&other);
    both.join(trusting(&authority));
    both.verify(&token, MESSAGE).expect("one of the two");
}

#[test]
fn a_token_without_its_certificate_is_checked_with_one_from_the_file() {
    let authority = TestAuthority::new();
    let mut stamp = authority.stamp(MESSAGE);
    stamp.embedded.clear();
    let token = authority.sign(&stamp);
    let refused = trusting(&authority).verify(&token, MESSAGE);
    assert_eq!(refused, Err(TimestampError::UntrustedAuthority));
    let mut authorities = trusting(&authority);
    authorities.others.push(authority.signer.clone().into());
    authorities.verify(&token, MESSAGE).expect("trusted");
}

#[test]
fn authorities_between_root_and_signer_must_be_authorities() {
    let cert_sign = vec![KeyUsagePurpose::KeyCertSign];
    planned(|plan| plan.between = Some(cert_sign.clone())).expect("a chain of three");
    let other_use = planned(|plan| plan.between = Some(vec![KeyUsagePurpose::DigitalSignature]));
    assert_eq!(other_use, Err(TimestampError::UntrustedAuthority));
    let plan = Plan { between: Some(cert_sign), ..Plan::default() };
    let missing = verified(&TestAuthority::planned(plan), |stamp| stamp.embedded.truncate(1));
    assert_eq!(missing, Err(TimestampError::UntrustedAuthority));
}

#[test]
fn certificates_are_judged_as_of_the_time_in_the_token() {
    // None of these is valid now and all were then, or the other way round.
    planned(|plan| (plan.root_years, plan.signer_years) = ((2000, 2027), (2025, 2027)))
        .expect("valid then");
    for (root_years, signer_years) in [
        ((2000, 2050), (2020, 2025)),
        ((2000, 2050), (2027, 2040)),
        ((2000, 2025), (2020, 2030)),
        ((2027, 2050), (2020, 2030)),
    ] {
        let refused =
            planned(|plan| (plan.root_years, plan.signer_years) = (root_years, signer_years));
        assert_eq!(refused, Err(TimestampError::Expired), "{root_years:?} {signer_years:?}");
    }
    let before_1970 =
        verified(&TestAuthority::new(), |stamp| stamp.time = "19690101000000Z".into());
    assert_eq!(before_1970, Err(TimestampError::Expired));
}

#[test]
fn a_certificate_for_other_things_stamps_no_time() {
    let refuse = |what: &str, change: fn(&mut Plan)| {
        let refused = planned(change);
        assert!(matches!(refused, Err(TimestampError::NotForTimestamps(_))), "{what}: {refused:?}");
    };
    refuse("no purpose", |plan| plan.purposes.clear());
    refuse("another purpose", |plan| plan.purposes = vec![CODE_SIGNING]);
    refuse("two purposes", |plan| plan.purposes = vec![TIME_STAMPING, CODE_SIGNING]);
    refuse("not critical", |plan| plan.is_purpose_critical = false);
    refuse("another use", |plan| plan.usages.push(KeyUsagePurpose::KeyEncipherment));
}

#[test]
fn what_is_no_token_is_malformed() {
    let authority = TestAuthority::new();
    let unknown = ObjectIdentifier::new_unwrap("1.2.3");
    let refuse = |what: &str, change: &dyn Fn(&mut Stamp)| {
        let refused = verified(&authority, change);
        assert!(matches!(refused, Err(TimestampError::Malformed(_))), "{what}: {refused:?}");
    };
    refuse("another content", &|stamp| stamp.content_type = unknown);
    refuse("another signed content", &|stamp| stamp.signed_content_type = unknown);
    refuse("no signer", &|stamp| stamp.signers = 0);
    refuse("two signers", &|stamp| stamp.signers = 2);
    refuse("no attributes", &|stamp| stamp.signed_attributes = false);
    refuse("no time", &|stamp| stamp.time = "yesterday".into());
    refuse("critical extension", &|stamp| stamp.critical_extension = true);
    for bytes in [&b""[..], b"\x30\x00", b"not DER at all"] {
        let refused = trusting(&authority).verify(bytes, MESSAGE);
        assert!(matches!(refused, Err(TimestampError::Malformed(_))), "{refused:?}");
    }
    let mut longer = authority.sign(&authority.stamp(MESSAGE));
    longer.push(0);
    let refused = trusting(&authority).verify(&longer, MESSAGE);
    assert!(matches!(refused, Err(TimestampError::Malformed(_))), "{refused:?}");
}

#[test]
fn a_time_that_was_put_in_after_signing_is_seen() {
    let refused = verified(&TestAuthority::new(), |stamp| {
        stamp.late_content = Some("20200102030405Z".into());
    });
    assert!(matches!(refused, Err(TimestampError::Altered(_))), "{refused:?}");
}

/// Some bytes are signed by nobody (the list of digests, unused certificates), and whatever they say, they
/// change nothing that is told.
#[test]
fn no_flipped_bit_changes_what_a_token_proves() {
    let authority = TestAuthority::new();
    let authorities = trusting(&authority);
    let token = authority.sign(&authority.stamp(MESSAGE));
    let right = authorities.verify(&token, MESSAGE).expect("trusted");
    let mut believed = 0;
    for at in 0..token.len() * 8 {
        let mut flipped = token.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(time) = authorities.verify(&flipped, MESSAGE) {
            assert_eq!(time, right, "bit {at}");
            believed += 1;
        }
    }
    assert!(believed < 200, "{believed} bits of {} are open", token.len() * 8);
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let authority = TestAuthority::new();
    let token = vec![0x30; limits::TIMESTAMP_BYTES_MAX + 1];
    let refused = trusting(&authority).verify(&token, MESSAGE);
    assert_eq!(refused, Err(TimestampError::Limit("TIMESTAMP_BYTES_MAX")));
    let crowded = verified(&authority, |stamp| {
        stamp.embedded = vec![authority.signer.clone(); limits::TIMESTAMP_CERTIFICATES_MAX + 1];
    });
    assert_eq!(crowded, Err(TimestampError::Limit("TIMESTAMP_CERTIFICATES_MAX")));
    let pem = vec![b'\n'; limits::TIMESTAMP_AUTHORITIES_BYTES_MAX + 1];
    let refused = Authorities::from_pem(&pem).expect_err("refused");
    assert_eq!(refused, TimestampError::Limit("TIMESTAMP_AUTHORITIES_BYTES_MAX"));
    let pem = authority.root_pem.repeat(limits::TIMESTAMP_AUTHORITIES_MAX + 1);
    let refused = Authorities::from_pem(pem.as_bytes()).expect_err("refused");
    assert_eq!(refused, TimestampError::Limit("TIMESTAMP_AUTHORITIES_MAX"));
}

#[test]
fn a_file_without_authorities_trusts_nobody_and_says_so() {
    for pem in ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let refused = Authorities::from_pem(pem.as_bytes()).expect_err("refused");
        assert!(matches!(refused, TimestampError::Authorities(_)), "{refused}");
        assert!(refused.guidance().is_some());
    }
    let authority = TestAuthority::new();
    let nobody = Authorities::default();
    let token = authority.sign(&authority.stamp(MESSAGE));
    assert_eq!(nobody.verify(&token, MESSAGE), Err(TimestampError::UntrustedAuthority));
}

/// Whoever is given the signer's certificate alone has no authority to trust.
#[test]
fn a_signers_own_certificate_is_no_authority() {
    let authority = TestAuthority::new();
    let signer = pem::encode_string("CERTIFICATE", pem::LineEnding::LF, &authority.signer);
    let signer = signer.expect("PEM");
    let refused = Authorities::from_pem(signer.as_bytes()).expect_err("refused");
    assert_eq!(refused, TimestampError::Authorities("holds no certificate of an authority"));
    let published_chain = format!("{signer}{}", authority.root_pem);
    let authorities = Authorities::from_pem(published_chain.as_bytes()).expect("authorities");
    assert_eq!((authorities.roots.len(), authorities.others.len()), (1, 1));
}

#[test]
fn an_answer_must_be_to_our_digest_and_our_nonce() {
    let authority = TestAuthority::new();
    let nonce = [0xff, 2, 3, 4, 5, 6, 7, 8];
    let request = Request::new(MESSAGE, nonce);
    let token = |message, nonce: Option<Vec<u8>>| {
        let mut stamp = authority.stamp(message);
        stamp.nonce = nonce;
        authority.sign(&stamp)
    };
    let right = token(MESSAGE, Some(nonce.to_vec()));
    for status in [0, 1] {
        assert_eq!(request.check_answer(&answer(status, &[], None, Some(&right))), Ok(()));
    }
    let answer_to_keep = answer(0, &[], None, Some(&right));
    trusting(&authority).verify(&answer_to_keep, MESSAGE).expect("trusted");
    trusting(&authority).verify(&right, MESSAGE).expect("the token alone");
    let read = |token: &[u8]| request.check_answer(&answer(0, &[], None, Some(token)));
    let other = token(b"other", Some(nonce.to_vec()));
    assert_eq!(read(&other), Err(TimestampError::WrongImprint));
    assert_eq!(read(&token(MESSAGE, None)), Err(TimestampError::WrongNonce));
    assert_eq!(read(&token(MESSAGE, Some(vec![1]))), Err(TimestampError::WrongNonce));
    for garbage in [&b""[..], b"garbage", &right] {
        let refused = request.check_answer(garbage);
        assert!(matches!(refused, Err(TimestampError::Malformed(_))), "{refused:?}");
    }
    let empty = request.check_answer(&answer(0, &[], None, None));
    assert!(matches!(empty, Err(TimestampError::Malformed(_))), "{empty:?}");
}

#[test]
fn a_refusal_tells_its_reason_and_few_printable_words() {
    let request = Request::new(MESSAGE, [1; 8]);
    let long = "x".repeat(1_000);
    let refused = request.check_answer(&answer(2, &["no\u{1b}[31m\nway", &long], Some(14), None));
    let Err(TimestampError::Refused { reason, words }) = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "its clock is not available");
    assert_eq!(words.len(), limits::TIMESTAMP_REFUSAL_CHARACTERS_MAX);
    assert!(words.starts_with("no[31mway xxx"), "{words}");
    let authority = TestAuthority::new();
    let token = authority.sign(&authority.stamp(MESSAGE));
    let contradiction = answer(2, &[], None, Some(&token));
    let refused = trusting(&authority).verify(&contradiction, MESSAGE);
    assert!(matches!(refused, Err(TimestampError::Refused { .. })), "{refused:?}");
    let silent = request.check_answer(&answer(2, &[], None, None)).expect_err("refused");
    assert_eq!(silent.to_string(), "the time-stamp authority refuses: it gives no reason");
}

#[test]
fn a_request_is_what_openssl_writes() {
    let request = Request::new(b"abc", [0x31, 0x4c, 0xfc, 0xe4, 0xe0, 0x65, 0x18, 0x27]);
    let der = hex::encode(request.to_der().expect("encoded"));
    // `openssl ts -query -data abc -sha256 -cert`, but for its random nonce.
    assert_eq!(
        der,
        "30430201013031300d060960864801650304020105000420ba7816bf8f01cfea414140de5dae2223b00361\
         a396177a9cb410ff61f20015ad0208314cfce4e06518270101ff"
    );
}
