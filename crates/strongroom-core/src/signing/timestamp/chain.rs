//! From the certificate that signed a token to an authority that is trusted, as of the time in the token.

use std::cell::Cell;
use std::time::Duration;

use der::Decode as _;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage as ExtendedKeyUsage, VerifiedPath};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage as Purposes, KeyUsage, KeyUsages};

use super::authorities::{Authorities, may_sign_certificates};
use super::{TimestampError, algorithms, asn1};

/// `id-kp-timeStamping` as the bytes of its identifier.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Checks that `signer` is for time stamps and nothing else (RFC 3161 section 2.3).
pub(super) fn check_purpose(signer: &Certificate) -> Result<(), TimestampError> {
    let tbs = signer.tbs_certificate();
    let unreadable = |_| TimestampError::NotForTimestamps("has extensions that cannot be read");
    let (is_critical, purposes) = tbs
        .get_extension::<Purposes>()
        .map_err(unreadable)?
        .ok_or(TimestampError::NotForTimestamps("is not for time stamps"))?;
    if purposes.0 != [asn1::TIME_STAMPING] {
        return Err(TimestampError::NotForTimestamps("is not for time stamps alone"));
    }
    if !is_critical {
        return Err(TimestampError::NotForTimestamps("does not insist on its purpose"));
    }
    let signs = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
    match tbs.get_extension::<KeyUsage>().map_err(unreadable)? {
        Some((_, usage)) if usage.0.is_empty() || !signs.contains(usage.0) => {
            Err(TimestampError::NotForTimestamps("may do other things than sign"))
        }
        _ => Ok(()),
    }
}

impl Authorities {
    /// Checks that `signer` led to one of these at `time`, over certificates among `embedded` or ours.
    pub(super) fn check_chain(
        &self,
        signer: &EndEntityCert<'_>,
        embedded: &[CertificateDer<'_>],
        time: Timestamp,
    ) -> Result<(), TimestampError> {
        let since_epoch = u64::try_from(time.as_second()).map_err(|_| TimestampError::Expired)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(since_epoch));
        let anchors: Vec<TrustAnchor<'_>> =
            self.roots.iter().map(|root| root.anchor.clone()).collect();
        let between: Vec<CertificateDer<'_>> =
            embedded.iter().chain(&self.others).cloned().collect();
        // `webpki` ranks the errors of all paths and so may lose ours.
        let refused = Cell::new(None);
        let check_path = |path: &VerifiedPath<'_>| {
            self.check_path(path, time).map_err(|error| {
                refused.set(Some(error));
                webpki::Error::UnknownIssuer
            })
        };
        let verified = signer.verify_for_usage(
            algorithms::SIGNATURES,
            &anchors,
            &between,
            time,
            // Asked of authorities on the way too, of which few have any; the signer's is checked apart.
            ExtendedKeyUsage::required_if_present(TIME_STAMPING),
            None,
            Some(&check_path),
        );
        verified.map(|_| ()).map_err(|error| refused.take().unwrap_or_else(|| meaning(&error)))
    }

    /// What `webpki` leaves open: what an authority's key is for, how large it is, and whether the root
    /// itself was valid.
    fn check_path(&self, path: &VerifiedPath<'_>, time: UnixTime) -> Result<(), TimestampError> {
        for between in path.intermediate_certificates() {
            let certificate = Certificate::from_der(&between.der())
                .map_err(|_| TimestampError::UntrustedAuthority)?;
            if !may_sign_certificates(&certificate) {
                return Err(TimestampError::UntrustedAuthority);
            }
            check_size(&certificate)?;
        }
        let anchor = path.anchor();
        let same_key = self.roots.iter().filter(|root| {
            root.anchor.subject == anchor.subject
                && root.anchor.subject_public_key_info == anchor.subject_public_key_info
        });
        let mut refused = TimestampError::UntrustedAuthority;
        for root in same_key {
            let validity = root.certificate.tbs_certificate().validity();
            let not_before = validity.not_before.to_unix_duration().as_secs();
            let not_after = validity.not_after.to_unix_duration().as_secs();
            if (not_before..=not_after).contains(&time.as_secs()) {
                return check_size(&root.certificate);
            }
            refused = TimestampError::Expired;
        }
        Err(refused)
    }
}

/// Refuses an RSA key that is too small, or larger than any real one.
pub(super) fn check_size(certificate: &Certificate) -> Result<(), TimestampError> {
    if algorithms::size_is_right(certificate.tbs_certificate().subject_public_key_info()) {
        return Ok(());
    }
    Err(TimestampError::Weak("an RSA key of less than 2048 or more than 4096 bits"))
}

fn meaning(error: &webpki::Error) -> TimestampError {
    use webpki::Error as Cause;
    match error {
        Cause::CertExpired { .. } | Cause::CertNotValidYet { .. } | Cause::InvalidCertValidity => {
            TimestampError::Expired
        }
        Cause::UnsupportedSignatureAlgorithmContext(_)
        | Cause::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            TimestampError::Weak("a certificate whose own signature is too weak, or unknown")
        }
        Cause::MaximumSignatureChecksExceeded
        | Cause::MaximumPathBuildCallsExceeded
        | Cause::MaximumPathDepthExceeded
        | Cause::MaximumNameConstraintComparisonsExceeded => {
            TimestampError::Limit("of webpki for building paths")
        }
        Cause::RequiredEkuNotFoundContext(_) | Cause::EmptyEkuExtension => {
            TimestampError::NotForTimestamps("comes from an authority that is for other things")
        }
        _ => TimestampError::UntrustedAuthority,
    }
}
