//! Reading, strictly: what `json.loads` reads and RFC 8259 allows, and no name twice.

use super::{Json, Object, Text};
use crate::canonical::JsonError;
use crate::limits;

/// Reads one JSON value. Refused, though Python reads it: a name twice in one object, `NaN` and the
/// infinities, a double that overflows, and what is over a limit.
pub(in crate::bundle::cavra) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| JsonError::Syntax(error.valid_up_to()))?;
    let mut reader = Reader { text, at: 0, depth: 0, values: 0 };
    let value = reader.value()?;
    reader.white_space();
    if reader.at < text.len() {
        return Err(JsonError::Trailing(reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Json, JsonError> {
        self.values += 1;
        if self.values > limits::JSON_VALUES_MAX {
            let max = limits::JSON_VALUES_MAX;
            return Err(JsonError::Limit { what: "values in one JSON document", max });
        }
        self.white_space();
        match self.peek() {
            Some(b'{') => self.nested(|reader| reader.object().map(Json::Object)),
            Some(b'[') => self.nested(|reader| reader.array().map(Json::Array)),
            Some(b'"') => self.string().map(Json::Text),
            Some(b't') => self.word("true", Json::Boolean(true)),
            Some(b'f') => self.word("false", Json::Boolean(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > limits::JSON_DEPTH_MAX {
            return Err(JsonError::Limit { what: "JSON depth", max: limits::JSON_DEPTH_MAX });
        }
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Object, JsonError> {
        let mut members = Object::new();
        self.white_space();
        if self.takes(b'}') {
            return Ok(members);
        }
        loop {
            self.white_space();
            let name_at = self.at;
            let name = self.string()?;
            self.white_space();
            self.byte(b':')?;
            let value = self.value()?;
            if members.len() == limits::JSON_NAMES_MAX {
                let max = limits::JSON_NAMES_MAX;
                return Err(JsonError::Limit { what: "names in one JSON object", max });
            }
            if members.insert(name, value).is_some() {
                return Err(JsonError::DuplicateName(name_at));
            }
            self.white_space();
            if self.takes(b'}') {
                return Ok(members);
            }
            self.byte(b',')?;
        }
    }

    fn array(&mut self) -> Result<Vec<Json>, JsonError> {
        let mut items = Vec::new();
        self.white_space();
        if self.takes(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value()?);
            self.white_space();
            if self.takes(b']') {
                return Ok(items);
            }
            self.byte(b',')?;
        }
    }

    fn string(&mut self) -> Result<Text, JsonError> {
        self.byte(b'"')?;
        let text = self.text;
        let mut read = Text::default();
        loop {
            let rest = text.get(self.at..).ok_or(JsonError::Syntax(self.at))?;
            let plain_length = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .ok_or(JsonError::Syntax(text.len()))?;
            let (plain, rest) = rest.split_at(plain_length);
            read.push_plain(plain);
            if read.len() > limits::JSON_STRING_BYTES_MAX {
                let max = limits::JSON_STRING_BYTES_MAX;
                return Err(JsonError::Limit { what: "bytes of one JSON string", max });
            }
            self.at += plain_length;
            match rest.as_bytes().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(read);
                }
                Some(b'\\') => read.push(self.escape()?),
                _ => return Err(JsonError::Syntax(self.at)),
            }
        }
    }

    /// One escape sequence, or two that are a surrogate pair; a surrogate without its other half
    /// stands for itself.
    fn escape(&mut self) -> Result<u32, JsonError> {
        let start = self.at;
        self.at += 1;
        let kind = self.peek().ok_or(JsonError::Syntax(start))?;
        self.at += 1;
        let code = match kind {
            b'"' | b'\\' | b'/' => u32::from(kind),
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => 0x0A,
            b'r' => 0x0D,
            b't' => 0x09,
            b'u' => {
                let code = self.hex4().ok_or(JsonError::Syntax(start))?;
                if !(0xD800..=0xDBFF).contains(&code) {
                    return Ok(code);
                }
                return Ok(self
                    .low_half()
                    .map_or(code, |low| 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00)));
            }
            _ => return Err(JsonError::Syntax(start)),
        };
        Ok(code)
    }

    /// Steps over the escaped low half of a surrogate pair, if one is next.
    fn low_half(&mut self) -> Option<u32> {
        let start = self.at;
        if self.text.as_bytes()[start..].starts_with(b"\\u") {
            self.at += 2;
            if let Some(low @ 0xDC00..=0xDFFF) = self.hex4() {
                return Some(low);
            }
            self.at = start;
        }
        None
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let code = digits
            .iter()
            .try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))?;
        self.at += 4;
        Some(code)
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.takes(b'-');
        let leading_zero = self.peek() == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return Err(JsonError::Syntax(start));
        }
        let mut is_integer = true;
        if self.takes(b'.') {
            is_integer = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            is_integer = false;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if is_integer {
            let digits = text.trim_start_matches('-').len();
            if digits > limits::PYTHON_INTEGER_DIGITS_MAX {
                let max = limits::PYTHON_INTEGER_DIGITS_MAX;
                return Err(JsonError::Limit { what: "digits of one integer", max });
            }
            return Ok(Json::Integer(if text == "-0" { "0" } else { text }.to_owned()));
        }
        let number: f64 = text.parse().map_err(|_| JsonError::Syntax(start))?;
        if number.is_finite() { Ok(Json::Float(number)) } else { Err(JsonError::Number(start)) }
    }

    /// Steps over at least one digit; returns how many there were.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax(start)) } else { Ok(self.at - start) }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax(self.at));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Steps over `expected` if it is next.
    fn takes(&mut self, expected: u8) -> bool {
        let is_next = self.peek() == Some(expected);
        self.at += usize::from(is_next);
        is_next
    }

    fn byte(&mut self, expected: u8) -> Result<(), JsonError> {
        if self.takes(expected) { Ok(()) } else { Err(JsonError::Syntax(self.at)) }
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
