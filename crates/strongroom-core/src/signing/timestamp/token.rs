//! A token: what it states, who signed it, and that it was signed.

use der::asn1::{Any, AnyRef, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::attr::Attributes;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::ext::pkix::name::GeneralName;

use super::asn1::{
    Accuracy, CONTENT_TYPE, ContentInfo, IssuerSerial, MESSAGE_DIGEST, SIGNED_DATA,
    SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SignedData, SignerIdentifier, SignerInfo,
    SigningCertificate, SigningCertificateV2, TST_INFO, TstInfo, VERSION,
};
use super::authorities::Authorities;
use super::{TimestampError, TrustedTime, algorithms, chain, general_time, request};
use crate::limits::{TIMESTAMP_BYTES_MAX, TIMESTAMP_CERTIFICATES_MAX};

impl Authorities {
    /// What an authority's answer proves of `message`, offline and whatever the time is now. The whole answer
    /// (`TimeStampResp`) is what Sigstore bundles keep and what `openssl ts -verify` reads; some tools keep
    /// the token alone, which proves as much.
    pub fn verify(&self, stamp: &[u8], message: &[u8]) -> Result<TrustedTime, TimestampError> {
        match request::granted_token(stamp) {
            Err(TimestampError::Malformed(_)) => self.verify_token(stamp, message),
            token => self.verify_token(&token?, message),
        }
    }

    fn verify_token(&self, token: &[u8], message: &[u8]) -> Result<TrustedTime, TimestampError> {
        let signed = Signed::read(token)?;
        let info = signed.info()?;
        let imprint = &info.message_imprint;
        let digest = algorithms::digest(imprint.hash_algorithm.oid, message)?;
        if imprint.hashed_message.as_bytes() != digest {
            return Err(TimestampError::WrongImprint);
        }
        let time = general_time::read(info.gen_time)?;

        let signer_info = signed.signer()?;
        let attributes = signed.signed_attributes(&signer_info)?;
        let candidates = signed.certificates.iter().chain(&self.others);
        let (der, certificate) = named_signer(&signer_info, attributes, candidates)?;
        let signer = EndEntityCert::try_from(der)
            .map_err(|_| TimestampError::NotForTimestamps("cannot be read"))?;
        check_signature(&signer_info, attributes, &signer)?;
        chain::check_size(&certificate)?;
        chain::check_purpose(&certificate)?;
        self.check_chain(&signer, &signed.certificates, time)?;

        Ok(TrustedTime {
            time,
            accuracy_micros: info.accuracy.as_ref().map(micros).transpose()?,
            authority: certificate.tbs_certificate().subject().to_string(),
            serial: hex::encode(info.serial_number.as_bytes()),
            policy: info.policy.to_string(),
        })
    }
}

/// A token whose shape is right. Nothing of it is checked.
pub(super) struct Signed<'a> {
    /// The `TSTInfo`, as it was signed.
    content: &'a [u8],
    certificates: Vec<CertificateDer<'static>>,
    signer: Any,
}

impl<'a> Signed<'a> {
    pub(super) fn read(token: &'a [u8]) -> Result<Self, TimestampError> {
        if token.len() > TIMESTAMP_BYTES_MAX {
            return Err(TimestampError::Limit("TIMESTAMP_BYTES_MAX"));
        }
        let outer = ContentInfo::from_der(token)
            .map_err(|_| TimestampError::Malformed("the token is no CMS ContentInfo"))?;
        if outer.content_type != SIGNED_DATA {
            return Err(TimestampError::Malformed("the token is no CMS SignedData"));
        }
        let signed: SignedData<'a> = outer
            .content
            .decode_as()
            .map_err(|_| TimestampError::Malformed("its SignedData cannot be read"))?;
        if signed.content.content_type != TST_INFO {
            return Err(TimestampError::Malformed("it signs something else than a TSTInfo"));
        }
        let no_content = TimestampError::Malformed("it holds no TSTInfo");
        let content = signed.content.content.ok_or(no_content)?.as_bytes();
        let [signer] = signed.signer_infos.as_ref() else {
            return Err(TimestampError::Malformed("it has not exactly one signer"));
        };
        let embedded = signed.certificates.as_ref().map_or(&[][..], |set| set.as_ref());
        if embedded.len() > TIMESTAMP_CERTIFICATES_MAX {
            return Err(TimestampError::Limit("TIMESTAMP_CERTIFICATES_MAX"));
        }
        let certificates = embedded
            .iter()
            .map(|certificate| certificate.to_der().map(CertificateDer::from))
            .collect::<Result<_, _>>()
            .map_err(|_| TimestampError::Malformed("its certificates cannot be read"))?;
        Ok(Self { content, certificates, signer: signer.clone() })
    }

    /// What is stated.
    pub(super) fn info(&self) -> Result<TstInfo<'a>, TimestampError> {
        let info = TstInfo::from_der(self.content)
            .map_err(|_| TimestampError::Malformed("its TSTInfo cannot be read"))?;
        if info.version != VERSION {
            return Err(TimestampError::Malformed("its version is unknown"));
        }
        if info.extensions.iter().flatten().any(|extension| extension.critical) {
            return Err(TimestampError::Malformed("it has a critical extension that is unknown"));
        }
        Ok(info)
    }

    fn signer(&self) -> Result<SignerInfo<'_>, TimestampError> {
        AnyRef::from(&self.signer)
            .decode_as()
            .map_err(|_| TimestampError::Malformed("its signer cannot be read"))
    }

    /// The attributes that were signed, which must name the content, its digest and the certificate.
    fn signed_attributes<'s>(
        &self,
        signer: &'s SignerInfo<'_>,
    ) -> Result<&'s Attributes, TimestampError> {
        let attributes = signer
            .signed_attributes
            .as_ref()
            .ok_or(TimestampError::Malformed("it signs no attributes"))?;
        let of_content = the_value(attributes, CONTENT_TYPE)?
            .and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
        if of_content != Some(TST_INFO) {
            return Err(TimestampError::Malformed("it does not sign what its content is"));
        }
        let signed_digest = the_value(attributes, MESSAGE_DIGEST)?
            .and_then(|value| value.decode_as::<&OctetStringRef>().ok())
            .ok_or(TimestampError::Malformed("it does not sign the digest of its content"))?;
        let digest = algorithms::digest(signer.digest_algorithm.oid, self.content)?;
        if signed_digest.as_bytes() != digest {
            return Err(TimestampError::Altered("its content is not what was signed"));
        }
        Ok(attributes)
    }
}

/// The one value of an attribute that may be there once.
fn the_value(
    attributes: &Attributes,
    wanted: ObjectIdentifier,
) -> Result<Option<AnyRef<'_>>, TimestampError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == wanted);
    let Some(attribute) = found.next() else { return Ok(None) };
    match (attribute.values.as_ref(), found.next()) {
        ([value], None) => Ok(Some(AnyRef::from(value))),
        _ => Err(TimestampError::Malformed("it has an attribute more than once")),
    }
}

/// The certificate that the signer is named by, twice: beside the signature, and among what was signed.
fn named_signer<'c>(
    signer: &SignerInfo<'_>,
    attributes: &Attributes,
    candidates: impl Iterator<Item = &'c CertificateDer<'static>>,
) -> Result<(&'c CertificateDer<'static>, Certificate), TimestampError> {
    let mut refused = TimestampError::UntrustedAuthority;
    for der in candidates {
        let Ok(certificate) = Certificate::from_der(der) else { continue };
        if !is_named(&signer.signer, &certificate) {
            continue;
        }
        match check_signed_name(attributes, der, &certificate) {
            Ok(()) => return Ok((der, certificate)),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn is_named(name: &SignerIdentifier<'_>, certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    match name {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *tbs.issuer() && named.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            let own = tbs.get_extension::<SubjectKeyIdentifier>();
            matches!(own, Ok(Some((_, own))) if own.0.as_bytes() == named.as_bytes())
        }
    }
}

/// RFC 5816: one of the two attributes is there. The older one has a SHA-1 digest, which counts for nothing;
/// it is good for its issuer and serial number.
fn check_signed_name(
    attributes: &Attributes,
    der: &CertificateDer<'_>,
    certificate: &Certificate,
) -> Result<(), TimestampError> {
    let unreadable = TimestampError::Malformed("it names its certificate unreadably");
    let other = TimestampError::Altered("it was signed under another certificate");
    let older = the_value(attributes, SIGNING_CERTIFICATE)?;
    let newer = the_value(attributes, SIGNING_CERTIFICATE_V2)?;
    let mut is_bound = false;
    if let Some(value) = newer {
        let named: SigningCertificateV2<'_> = value.decode_as().map_err(|_| unreadable.clone())?;
        let first = named.certificates.first().ok_or(unreadable.clone())?;
        let algorithm =
            first.hash_algorithm.as_ref().map_or(algorithms::SHA_256, |named| named.oid);
        if algorithms::digest(algorithm, der)? != first.certificate_digest.as_bytes() {
            return Err(other);
        }
        if first.issuer_serial.as_ref().is_some_and(|named| !is_issued_as(named, certificate)) {
            return Err(other);
        }
        is_bound = true;
    }
    if let Some(value) = older {
        let named: SigningCertificate<'_> = value.decode_as().map_err(|_| unreadable.clone())?;
        let first = named.certificates.first().ok_or(unreadable)?;
        match &first.issuer_serial {
            Some(named) if is_issued_as(named, certificate) => is_bound = true,
            Some(_) => return Err(other),
            None if is_bound => {}
            None => return Err(TimestampError::Weak("SHA-1, which alone names its certificate")),
        }
    }
    if is_bound {
        return Ok(());
    }
    Err(TimestampError::Malformed("it does not sign which certificate it is under"))
}

fn is_issued_as(named: &IssuerSerial, certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    let by = |name: &GeneralName| matches!(name, GeneralName::DirectoryName(name) if name == tbs.issuer());
    named.serial_number == *tbs.serial_number() && named.issuer.iter().any(by)
}

/// RFC 5652 section 5.4: what is signed are the attributes as a `SET OF`.
fn check_signature(
    signer_info: &SignerInfo<'_>,
    attributes: &Attributes,
    signer: &EndEntityCert<'_>,
) -> Result<(), TimestampError> {
    let message = attributes
        .to_der()
        .map_err(|_| TimestampError::Malformed("its attributes cannot be encoded"))?;
    let signature = signer_info.signature.as_bytes();
    let algorithms =
        algorithms::named_by(&signer_info.signature_algorithm, signer_info.digest_algorithm.oid)?;
    let is_signed = |algorithm| signer.verify_signature(algorithm, &message, signature).is_ok();
    if algorithms.into_iter().any(is_signed) {
        return Ok(());
    }
    Err(TimestampError::Altered("its signature is not by the key of its certificate"))
}

fn micros(accuracy: &Accuracy) -> Result<u64, TimestampError> {
    let (millis, micros) = (accuracy.millis.unwrap_or(0), accuracy.micros.unwrap_or(0));
    if millis > 999 || micros > 999 {
        return Err(TimestampError::Malformed("its accuracy is out of range"));
    }
    let seconds = u64::from(accuracy.seconds.unwrap_or(0));
    Ok(seconds * 1_000_000 + u64::from(millis) * 1_000 + u64::from(micros))
}
