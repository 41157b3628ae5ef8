use super::*;

const BOTH: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::EcdsaP256];

#[test]
fn what_a_key_signs_only_its_public_key_accepts() {
    for algorithm in BOTH {
        let key = PrivateKey::generate(algorithm).unwrap();
        let other = PrivateKey::generate(algorithm).unwrap();
        assert_ne!(key.public_key().id(), other.public_key().id());
        assert_eq!(key.public_key().algorithm(), algorithm);
        let signature = key.sign(b"message");
        assert_eq!(key.public_key().verify(b"message", &signature), Ok(()));
        assert_eq!(key.public_key().verify(b"another", &signature), Err(BadSignature));
        assert_eq!(other.public_key().verify(b"message", &signature), Err(BadSignature));
        assert_eq!(key.public_key().verify(b"message", b""), Err(BadSignature));
        for at in 0..signature.len() {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert!(key.public_key().verify(b"message", &flipped).is_err(), "{algorithm} {at}");
        }
    }
}

#[test]
fn keys_are_read_back_as_they_are_written_also_under_a_passphrase() {
    for algorithm in BOTH {
        let key = PrivateKey::generate(algorithm).unwrap();
        let id = key.public_key().id();
        let pem = key.to_pem(None).unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(PrivateKey::from_pem(&pem, None).unwrap().public_key().id(), id);
        let public = key.public_key().to_pem().unwrap();
        assert_eq!(PublicKey::from_pem(&public).unwrap(), *key.public_key());
        assert_eq!(PublicKey::from_pem(&format!("a comment\n{public}\n")).unwrap().id(), id);

        let encrypted = key.to_pem(Some(b"secret")).unwrap();
        assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let read = |passphrase| {
            PrivateKey::from_pem(&encrypted, passphrase).map(|key| key.public_key().id())
        };
        assert_eq!(read(Some(b"secret".as_slice())), Ok(id));
        assert_eq!(read(Some(b"another".as_slice())), Err(KeyError::NotDecrypted));
        assert_eq!(read(None), Err(KeyError::PassphraseMissing));
    }
}

#[test]
fn what_is_no_key_of_the_right_kind_says_what_it_is() {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let (private, public) = (key.to_pem(None).unwrap(), key.public_key().to_pem().unwrap());
    let refused = |text: &str| PublicKey::from_pem(text).unwrap_err();
    assert_eq!(refused(&private), KeyError::OtherKind { found: PRIVATE, wanted: PUBLIC });
    assert_eq!(refused(""), KeyError::NotPem(PUBLIC));
    assert_eq!(refused("-----BEGIN PUBLIC KEY-----\nAAAA\n"), KeyError::NotPem(PUBLIC));
    assert_eq!(refused(RSA), KeyError::Unsupported);
    let refused = |text: &str| PrivateKey::from_pem(text, None).unwrap_err();
    assert_eq!(refused(&public), KeyError::OtherKind { found: PUBLIC, wanted: PRIVATE });
    assert_eq!(refused(SEC1), KeyError::NotPkcs8);
    assert!(refused(SEC1).guidance().is_some());
}

#[test]
fn neither_key_is_printed() {
    let key = PrivateKey::generate(Algorithm::EcdsaP256).unwrap();
    let id = key.public_key().id().to_string();
    assert_eq!(format!("{key:?}"), format!("PrivateKey(of {id})"));
}

/// A key of small order checks signatures that nobody made.
#[test]
fn a_weak_key_is_refused() {
    let mut spki = hex::decode("302a300506032b6570032100").unwrap();
    spki.push(1);
    spki.extend([0; 31]);
    assert_eq!(PublicKey::from_spki_der(&spki), Err(KeyError::Unsupported));
}

const RSA: &str = "-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
";
const SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFdoYXRldmVyIHdoYXRldmVyIHdoYXRldmVyIDEyMzRoCgYIKoZIzj0D
AQehRANCAAQ=
-----END EC PRIVATE KEY-----
";
