//! Who is trusted to tell the time: certificates that the caller names.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use super::TimestampError;
use crate::limits::{TIMESTAMP_AUTHORITIES_BYTES_MAX, TIMESTAMP_AUTHORITIES_MAX};

/// Time-stamp authorities that are trusted.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    pub(super) roots: Vec<Root>,
    /// Certificates that are no authority's own. They are not trusted, but may lead to one that is.
    pub(super) others: Vec<CertificateDer<'static>>,
}

/// A certificate that is trusted because it was named.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) certificate: Certificate,
    pub(super) anchor: TrustAnchor<'static>,
}

impl Authorities {
    /// Reads a file of PEM certificates. Each of a certification authority is trusted from here on, whether
    /// it signed itself or not; others, such as the signer's own in a published chain, only help to find
    /// the way to these.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TimestampError> {
        if pem.len() > TIMESTAMP_AUTHORITIES_BYTES_MAX {
            return Err(TimestampError::Limit("TIMESTAMP_AUTHORITIES_BYTES_MAX"));
        }
        let mut authorities = Self::default();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|_| TimestampError::Authorities("is broken"))?;
            authorities.add(der)?;
        }
        if authorities.roots.is_empty() {
            return Err(TimestampError::Authorities("holds no certificate of an authority"));
        }
        Ok(authorities)
    }

    /// Adds what another file holds.
    pub fn join(&mut self, other: Self) {
        self.roots.extend(other.roots);
        self.others.extend(other.others);
    }

    fn add(&mut self, der: CertificateDer<'static>) -> Result<(), TimestampError> {
        if self.roots.len() + self.others.len() >= TIMESTAMP_AUTHORITIES_MAX {
            return Err(TimestampError::Limit("TIMESTAMP_AUTHORITIES_MAX"));
        }
        let unreadable = TimestampError::Authorities("holds a certificate that cannot be read");
        let certificate = Certificate::from_der(&der).map_err(|_| unreadable.clone())?;
        if may_sign_certificates(&certificate) {
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| unreadable)?.to_owned();
            self.roots.push(Root { certificate, anchor });
        } else {
            self.others.push(der);
        }
        Ok(())
    }
}

/// Whether a certificate is a certification authority's (RFC 5280 sections 4.2.1.9 and 4.2.1.3).
pub(super) fn may_sign_certificates(certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    let is_authority = matches!(
        tbs.get_extension::<BasicConstraints>(),
        Ok(Some((_, BasicConstraints { ca: true, .. })))
    );
    is_authority
        && match tbs.get_extension::<KeyUsage>() {
            Ok(usage) => usage.is_none_or(|(_, usage)| usage.key_cert_sign()),
            Err(_) => false,
        }
}
