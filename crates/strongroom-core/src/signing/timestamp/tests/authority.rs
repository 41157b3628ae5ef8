//! A time-stamp authority for tests, which does each thing wrongly on demand.

use der::Encode as _;
use der::asn1::{
    Any, AnyRef, BitStringRef, Null, OctetString, OctetStringRef, SetOfVec, UintRef, Utf8StringRef,
};
use der::oid::ObjectIdentifier;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SigningKey as _, date_time_ymd,
};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

use super::super::algorithms;
use super::super::asn1::*;
use crate::Sha256Digest;

pub(super) const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
pub(super) const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
pub(super) const SHA_1_WITH_RSA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// `extKeyUsage`, and purposes that it may hold, as DER.
const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];
pub(super) const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
pub(super) const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";

/// Years from whose first of January to whose first of January a certificate is valid.
type Years = (i32, i32);

/// How the certificates are made. The defaults are right.
pub(super) struct Plan {
    pub(super) root_key: KeyPair,
    pub(super) signer_key: KeyPair,
    pub(super) root_years: Years,
    pub(super) signer_years: Years,
    pub(super) purposes: Vec<&'static str>,
    pub(super) is_purpose_critical: bool,
    pub(super) usages: Vec<KeyUsagePurpose>,
    /// What the key of an authority between root and signer may be used for, if there is one.
    pub(super) between: Option<Vec<KeyUsagePurpose>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            root_key: KeyPair::generate().expect("a key"),
            signer_key: KeyPair::generate().expect("a key"),
            root_years: (2000, 2050),
            signer_years: (2020, 2030),
            purposes: vec![TIME_STAMPING],
            is_purpose_critical: true,
            usages: vec![KeyUsagePurpose::DigitalSignature],
            between: None,
        }
    }
}

/// Certificates, and the key that stamps.
pub(super) struct TestAuthority {
    key: KeyPair,
    pub(super) root_pem: String,
    pub(super) signer: Vec<u8>,
    pub(super) between: Option<Vec<u8>>,
}

impl TestAuthority {
    pub(super) fn new() -> Self {
        Self::planned(Plan::default())
    }

    pub(super) fn planned(plan: Plan) -> Self {
        let root = authority("Root", plan.root_years, vec![KeyUsagePurpose::KeyCertSign]);
        let root_pem = root.self_signed(&plan.root_key).expect("a root").pem();
        let root = Issuer::new(root, plan.root_key);

        let mut signer = CertificateParams::default();
        signer.distinguished_name.push(DnType::CommonName, "Clock\u{7}");
        set_years(&mut signer, plan.signer_years);
        signer.key_usages = plan.usages;
        if !plan.purposes.is_empty() {
            let purposes: Vec<ObjectIdentifier> = plan
                .purposes
                .iter()
                .map(|purpose| ObjectIdentifier::new(purpose).expect("an identifier"))
                .collect();
            let purposes = purposes.to_der().expect("encoded");
            let mut extension = CustomExtension::from_oid_content(EXTENDED_KEY_USAGE, purposes);
            extension.set_criticality(plan.is_purpose_critical);
            signer.custom_extensions.push(extension);
        }
        let (signer, between) = match plan.between {
            None => (signer.signed_by(&plan.signer_key, &root).expect("a signer"), None),
            Some(usages) => {
                let key = KeyPair::generate().expect("a key");
                let between = authority("Between", (2010, 2040), usages);
                let certificate = between.signed_by(&key, &root).expect("between");
                let between = Issuer::new(between, key);
                let signer = signer.signed_by(&plan.signer_key, &between).expect("a signer");
                (signer, Some(certificate.der().to_vec()))
            }
        };
        Self { key: plan.signer_key, root_pem, signer: signer.der().to_vec(), between }
    }

    /// A right token over `message`.
    pub(super) fn stamp(&self, message: &[u8]) -> Stamp {
        Stamp {
            time: "20260102030405.5Z".to_owned(),
            imprint: (algorithms::SHA_256, Sha256Digest::of(message).as_bytes().to_vec()),
            nonce: None,
            embedded: std::iter::once(self.signer.clone()).chain(self.between.clone()).collect(),
            digest: algorithms::SHA_256,
            signature: None,
            named: Named::ByDigest,
            content_type: TST_INFO,
            signed_content_type: TST_INFO,
            signers: 1,
            signed_attributes: true,
            named_certificate: self.signer.clone(),
            late_content: None,
            critical_extension: false,
        }
    }

    /// The token as DER.
    pub(super) fn sign(&self, stamp: &Stamp) -> Vec<u8> {
        let signed_content = stamp.info(&stamp.time);
        let content = stamp.late_content.as_ref().map(|time| stamp.info(time));
        let content = content.as_ref().unwrap_or(&signed_content);
        let attributes = self.attributes(stamp, &signed_content);
        let signature = self.key.sign(&attributes.to_der().expect("encoded")).expect("signed");
        let default = if self.key.algorithm() == &rcgen::PKCS_ECDSA_P384_SHA384 {
            (ECDSA_SHA_384, false)
        } else if self.key.algorithm() == &rcgen::PKCS_ECDSA_P256_SHA256 {
            (ECDSA_SHA_256, false)
        } else {
            (RSA_SHA_256, true)
        };
        let (oid, has_null) = stamp.signature.map_or(default, |oid| (oid, true));
        let certificate = Certificate::from_der(&self.signer).expect("a certificate");
        let tbs = certificate.tbs_certificate();
        let signer = SignerInfo {
            version: 1,
            signer: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer().clone(),
                serial_number: tbs.serial_number().clone(),
            }),
            digest_algorithm: plain(stamp.digest),
            signed_attributes: stamp.signed_attributes.then_some(attributes),
            signature_algorithm: AlgorithmIdentifierRef {
                oid,
                parameters: has_null.then_some(AnyRef::NULL),
            },
            signature: OctetStringRef::new(&signature).expect("bytes"),
            unsigned_attributes: None,
        };
        let signer = Any::encode_from(&signer).expect("encoded");
        let embedded = stamp.embedded.iter().map(|der| Any::from_der(der).expect("DER"));
        let digests = SetOfVec::try_from(vec![owned(stamp.digest)]).expect("a set");
        let digests = Any::encode_from(&digests).expect("encoded");
        let signed = SignedData {
            version: 3,
            digest_algorithms: AnyRef::from(&digests),
            content: EncapsulatedContentInfo {
                content_type: stamp.content_type,
                content: Some(OctetStringRef::new(content).expect("bytes")),
            },
            certificates: Some(set(embedded.collect())),
            crls: None,
            signer_infos: set(vec![signer; stamp.signers]),
        };
        let signed = Any::encode_from(&signed).expect("encoded");
        let outer = ContentInfo { content_type: SIGNED_DATA, content: AnyRef::from(&signed) };
        outer.to_der().expect("encoded")
    }

    fn attributes(&self, stamp: &Stamp, content: &[u8]) -> Attributes {
        let digest = algorithms::digest(stamp.digest, content).unwrap_or_else(|_| vec![0; 20]);
        let mut attributes = vec![
            attribute(CONTENT_TYPE, Any::from(stamp.signed_content_type)),
            attribute(
                MESSAGE_DIGEST,
                Any::encode_from(&OctetString::new(digest).expect("bytes")).expect("encoded"),
            ),
        ];
        let certificate = Certificate::from_der(&stamp.named_certificate).expect("a certificate");
        let tbs = certificate.tbs_certificate();
        let issuer_serial = |is_right: bool| IssuerSerial {
            issuer: vec![GeneralName::DirectoryName(if is_right {
                tbs.issuer().clone()
            } else {
                tbs.subject().clone()
            })],
            serial_number: tbs.serial_number().clone(),
        };
        let newer = |issuer_serial| {
            let digest = algorithms::digest(algorithms::SHA_256, &stamp.named_certificate);
            let named = SigningCertificateV2 {
                certificates: vec![EssCertIdV2 {
                    hash_algorithm: None,
                    certificate_digest: OctetString::new(digest.expect("known")).expect("bytes"),
                    issuer_serial,
                }],
                policies: None,
            };
            attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&named).expect("encoded"))
        };
        let older = |issuer_serial| {
            let named = SigningCertificate {
                certificates: vec![EssCertId {
                    certificate_sha1: Any::encode_from(&OctetString::new([0; 20]).expect("bytes"))
                        .expect("encoded"),
                    issuer_serial,
                }],
                policies: None,
            };
            attribute(SIGNING_CERTIFICATE, Any::encode_from(&named).expect("encoded"))
        };
        match stamp.named {
            Named::ByDigest => attributes.push(newer(None)),
            Named::ByDigestAndIssuer => attributes.push(newer(Some(issuer_serial(true)))),
            Named::ByDigestAndWrongIssuer => attributes.push(newer(Some(issuer_serial(false)))),
            Named::BySha1 => attributes.push(older(None)),
            Named::BySha1AndIssuer => attributes.push(older(Some(issuer_serial(true)))),
            Named::BySha1AndWrongIssuer => attributes.push(older(Some(issuer_serial(false)))),
            Named::ByBoth => attributes.extend([newer(None), older(None)]),
            Named::Nowhere => {}
        }
        set_of_attributes(attributes)
    }
}

/// How what was signed names the certificate.
#[derive(Clone, Copy)]
pub(super) enum Named {
    ByDigest,
    ByDigestAndIssuer,
    ByDigestAndWrongIssuer,
    BySha1,
    BySha1AndIssuer,
    BySha1AndWrongIssuer,
    ByBoth,
    Nowhere,
}

/// What a token says, and how.
pub(super) struct Stamp {
    pub(super) time: String,
    pub(super) imprint: (ObjectIdentifier, Vec<u8>),
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) embedded: Vec<Vec<u8>>,
    pub(super) digest: ObjectIdentifier,
    pub(super) signature: Option<ObjectIdentifier>,
    pub(super) named: Named,
    pub(super) content_type: ObjectIdentifier,
    pub(super) signed_content_type: ObjectIdentifier,
    pub(super) signers: usize,
    pub(super) signed_attributes: bool,
    pub(super) named_certificate: Vec<u8>,
    /// The time that is put in after signing.
    pub(super) late_content: Option<String>,
    pub(super) critical_extension: bool,
}

impl Stamp {
    fn info(&self, time: &str) -> Vec<u8> {
        let extension = x509_cert::ext::Extension {
            extn_id: ObjectIdentifier::new_unwrap("1.2.3.4"),
            critical: self.critical_extension,
            extn_value: OctetString::new(Null.to_der().expect("encoded")).expect("bytes"),
        };
        let info = TstInfo {
            version: VERSION,
            policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"),
            message_imprint: MessageImprint {
                hash_algorithm: plain(self.imprint.0),
                hashed_message: OctetStringRef::new(&self.imprint.1).expect("bytes"),
            },
            serial_number: UintRef::new(&[0x01, 0xff]).expect("a number"),
            gen_time: AnyRef::new(der::Tag::GeneralizedTime, time.as_bytes()).expect("bytes"),
            accuracy: Some(Accuracy { seconds: Some(1), millis: Some(5), micros: None }),
            ordering: false,
            nonce: self.nonce.as_ref().map(|nonce| UintRef::new(nonce).expect("a number")),
            tsa: None,
            extensions: Some(vec![extension]),
        };
        info.to_der().expect("encoded")
    }
}

/// An authority's answer.
pub(super) fn answer(
    status: u32,
    words: &[&str],
    bit: Option<usize>,
    token: Option<&[u8]>,
) -> Vec<u8> {
    let bits = bit.map(|bit| {
        let mut bytes = vec![0; bit / 8 + 1];
        bytes[bit / 8] = 0x80 >> (bit % 8);
        (7 - u8::try_from(bit % 8).expect("small"), bytes)
    });
    let words = words.iter().map(|line| Utf8StringRef::new(line).expect("text")).collect();
    let answer = TimeStampResp {
        status: PkiStatusInfo {
            status,
            status_string: Some(words),
            fail_info: bits
                .as_ref()
                .map(|(unused, bytes)| BitStringRef::new(*unused, bytes).expect("bits")),
        },
        token: token.map(|token| AnyRef::try_from(token).expect("DER")),
    };
    answer.to_der().expect("encoded")
}

fn authority(name: &str, valid: Years, usages: Vec<KeyUsagePurpose>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages;
    set_years(&mut params, valid);
    params
}

fn set_years(params: &mut CertificateParams, (from, to): Years) {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
}

fn plain(oid: ObjectIdentifier) -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifierRef { oid, parameters: None }
}

fn owned(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Attribute {
    Attribute { oid, values: set(vec![value]) }
}

fn set(values: Vec<Any>) -> SetOfVec<Any> {
    SetOfVec::try_from(values).expect("a set")
}

fn set_of_attributes(attributes: Vec<Attribute>) -> Attributes {
    Attributes::try_from(attributes).expect("a set")
}
