//! DSSE v1.0.2: what exactly is signed. <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>

/// The payload type of every in-toto Statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The pre-authentication encoding: the type is signed with the payload, and neither can be taken for a
/// part of the other.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + payload_type.len() + 64);
    bytes.extend_from_slice(b"DSSEv1 ");
    for part in [payload_type.as_bytes(), payload] {
        bytes.extend_from_slice(part.len().to_string().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(part);
        bytes.push(b' ');
    }
    bytes.pop();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification.
    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(bytes, expected);
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }
}
