//! UTF-16 in a stream: recognised, and turned into UTF-8.

/// Bytes that are looked at where a file has no byte order mark.
const LOOKED_AT_BYTES_MIN: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endianness {
    Little,
    Big,
}

impl Endianness {
    /// Of a file that begins like this; `None` where it is no UTF-16. With a byte order mark it is; without
    /// one it is where nearly every other byte is zero and hardly one between them.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            // UTF-32 begins likewise.
            [0xff, 0xfe, 0, 0, ..] => return None,
            [0xff, 0xfe, ..] => return Some(Self::Little),
            [0xfe, 0xff, ..] => return Some(Self::Big),
            _ => {}
        }
        if start.len() < LOOKED_AT_BYTES_MIN {
            return None;
        }
        let zeros =
            |first: usize| start.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        let units = start.len() / 2;
        let (many, few) = (units * 3 / 4, units / 16);
        match () {
            () if odd >= many && even <= few => Some(Self::Little),
            () if even >= many && odd <= few => Some(Self::Big),
            () => None,
        }
    }
}

/// Turns UTF-16 into UTF-8, wherever it is cut. What is no character becomes U+FFFD.
#[derive(Debug)]
pub(super) struct Decoder {
    endianness: Endianness,
    half: Option<u8>,
    high: Option<u16>,
}

impl Decoder {
    pub(super) fn new(endianness: Endianness) -> Self {
        Self { endianness, half: None, high: None }
    }

    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = match self.endianness {
                Endianness::Little => u16::from_le_bytes([first, *byte]),
                Endianness::Big => u16::from_be_bytes([first, *byte]),
            };
            self.unit(unit, &mut decoded);
        }
        decoded
    }

    fn unit(&mut self, unit: u16, decoded: &mut Vec<u8>) {
        let units = match (self.high.take(), unit) {
            (None, 0xd800..=0xdbff) => {
                self.high = Some(unit);
                return;
            }
            (None, unit) => [Some(unit), None],
            (Some(high), 0xd800..=0xdbff) => {
                self.high = Some(unit);
                [Some(high), None]
            }
            (Some(high), unit) => [Some(high), Some(unit)],
        };
        let mut buffer = [0; 4];
        for character in char::decode_utf16(units.into_iter().flatten()) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_two_units_survive_every_cut() {
        let text = "a\u{1f512}ü\n";
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::new(Endianness::Big);
            let decoded = [decoder.decode(&bytes[..cut]), decoder.decode(&bytes[cut..])].concat();
            assert_eq!(decoded, text.as_bytes(), "{cut}");
        }
        let lone = [0xd8, 0x00, 0x00, b'a'];
        assert_eq!(Decoder::new(Endianness::Big).decode(&lone), "\u{fffd}a".as_bytes());
    }

    #[test]
    fn it_is_recognised_with_and_without_a_mark() {
        let little: Vec<u8> =
            "password and more".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "password and more".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Endianness::of(&little), Some(Endianness::Little));
        assert_eq!(Endianness::of(&big), Some(Endianness::Big));
        assert_eq!(Endianness::of(&[0xff, 0xfe, b'a', 0]), Some(Endianness::Little));
        assert_eq!(Endianness::of(&[0xff, 0xfe, 0, 0]), None);
        assert_eq!(Endianness::of(&[0; 64]), None);
        assert_eq!(Endianness::of(b"plain text of some length"), None);
    }
}
