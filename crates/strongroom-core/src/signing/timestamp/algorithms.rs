//! What may carry a time stamp: SHA-256, SHA-384 and SHA-512; RSA of 2048 to 4096 bits; ECDSA on P-256 and
//! P-384.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use rustls_pki_types::SignatureVerificationAlgorithm as Verifying;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use webpki::aws_lc_rs as algorithms;
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned};

use super::TimestampError;

pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Bits of an RSA key: below, it is weak; above, nobody has one.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Signatures in certificates and in tokens.
pub(super) static SIGNATURES: &[&dyn Verifying] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// The digest of `bytes`, if it is one of SHA-2.
pub(super) fn digest(algorithm: ObjectIdentifier, bytes: &[u8]) -> Result<Vec<u8>, TimestampError> {
    match algorithm {
        SHA_256 => Ok(Sha256::digest(bytes).to_vec()),
        SHA_384 => Ok(Sha384::digest(bytes).to_vec()),
        SHA_512 => Ok(Sha512::digest(bytes).to_vec()),
        _ => Err(TimestampError::Weak("a digest other than SHA-256, SHA-384 and SHA-512")),
    }
}

/// The signatures that a `SignerInfo` can mean: by its algorithm, or, where that only says RSA, with its
/// digest (RFC 3370 section 3.2). An ECDSA algorithm leaves the curve to the key.
pub(super) fn named_by(
    signature: &AlgorithmIdentifierRef<'_>,
    digest: ObjectIdentifier,
) -> Result<Vec<&'static dyn Verifying>, TimestampError> {
    let unknown = TimestampError::Weak("a signature other than RSA and ECDSA with SHA-2");
    if signature.oid == RSA {
        return match digest {
            SHA_256 => Ok(vec![algorithms::RSA_PKCS1_2048_8192_SHA256]),
            SHA_384 => Ok(vec![algorithms::RSA_PKCS1_2048_8192_SHA384]),
            SHA_512 => Ok(vec![algorithms::RSA_PKCS1_2048_8192_SHA512]),
            _ => Err(unknown),
        };
    }
    let whole = signature.to_der().map_err(|_| unknown.clone())?;
    // `webpki` has the identifier without its outer header, which is two bytes for all of these.
    let named: Vec<_> = SIGNATURES
        .iter()
        .copied()
        .filter(|known| whole.get(2..) == Some(known.signature_alg_id().as_ref()))
        .collect();
    if named.is_empty() { Err(unknown) } else { Ok(named) }
}

/// Whether a key, where it is an RSA key, has a size that is believed.
pub(super) fn size_is_right(key: &SubjectPublicKeyInfoOwned) -> bool {
    if key.algorithm.oid != RSA {
        return true;
    }
    let bits = key.subject_public_key.as_bytes().and_then(|bytes| {
        let modulus = RsaPublicKey::from_der(bytes).ok()?.modulus.as_bytes();
        Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
    });
    bits.is_some_and(|bits| RSA_BITS.contains(&bits))
}

/// RFC 8017 appendix A.1.1.
#[derive(der::Sequence)]
struct RsaPublicKey<'a> {
    modulus: der::asn1::UintRef<'a>,
    public_exponent: der::asn1::UintRef<'a>,
}

#[cfg(test)]
mod tests {
    use der::asn1::{BitString, UintRef};
    use x509_cert::spki::AlgorithmIdentifierOwned;

    use super::*;

    fn rsa_key(first: u8, more_bytes: usize) -> SubjectPublicKeyInfoOwned {
        let modulus = [vec![first], vec![0xff; more_bytes]].concat();
        let key = RsaPublicKey {
            modulus: UintRef::new(&modulus).expect("a number"),
            public_exponent: UintRef::new(&[1, 0, 1]).expect("a number"),
        };
        SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid: RSA, parameters: None },
            subject_public_key: BitString::from_bytes(&key.to_der().expect("DER")).expect("bits"),
        }
    }

    #[test]
    fn rsa_keys_have_2048_to_4096_bits() {
        for (first, more_bytes, is_right) in [
            (0x7f, 255, false),
            (0x80, 255, true),
            (0xff, 511, true),
            (0x01, 512, false),
            (0xff, 127, false),
        ] {
            let key = rsa_key(first, more_bytes);
            assert_eq!(size_is_right(&key), is_right, "{first:#x} and {more_bytes} bytes");
        }
        let mut broken = rsa_key(0x80, 255);
        broken.subject_public_key = BitString::from_bytes(b"key").expect("bits");
        assert!(!size_is_right(&broken));
    }
}
