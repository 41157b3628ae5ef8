//! A strict pull parser. In canonical mode it checks RFC 8785 form while it reads, so that a
//! large document is never held twice.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::{JsonError, JsonLimits, number_text};
use crate::limits::JSON_INTEGER_MAX;

/// Reads one text from start to end.
pub(crate) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    values: usize,
    limits: JsonLimits,
    canonical: bool,
}

impl<'a> Parser<'a> {
    /// A parser that lets white space, any order of names and any spelling through.
    pub(crate) fn new(bytes: &'a [u8], limits: JsonLimits) -> Result<Self, JsonError> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| JsonError::Syntax(error.valid_up_to()))?;
        Ok(Self { text, at: 0, depth: 0, values: 0, limits, canonical: false })
    }

    /// A parser that demands RFC 8785 form.
    pub(crate) fn canonical(bytes: &'a [u8], limits: JsonLimits) -> Result<Self, JsonError> {
        Ok(Self { canonical: true, ..Self::new(bytes, limits)? })
    }

    /// Demands that nothing follows.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        self.white_space()?;
        if self.at == self.text.len() { Ok(()) } else { Err(JsonError::Trailing(self.at)) }
    }

    /// Reads any value into a tree.
    pub(crate) fn value(&mut self) -> Result<Value, JsonError> {
        self.values += 1;
        if self.values > self.limits.values_max {
            let max = self.limits.values_max;
            return Err(JsonError::Limit { what: "values in one JSON document", max });
        }
        match self.first_byte()? {
            b'{' => {
                let mut map = Map::new();
                self.object(|parser, name| {
                    map.insert(name.to_owned(), parser.value()?);
                    Ok::<(), JsonError>(())
                })?;
                Ok(Value::Object(map))
            }
            b'[' => {
                let mut items = Vec::new();
                self.array(|parser| {
                    items.push(parser.value()?);
                    Ok::<(), JsonError>(())
                })?;
                Ok(Value::Array(items))
            }
            b'"' => Ok(Value::String(self.string()?.into_owned())),
            b't' => self.word("true").map(|()| Value::Bool(true)),
            b'f' => self.word("false").map(|()| Value::Bool(false)),
            b'n' => self.word("null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    /// Checks any value and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        match self.first_byte()? {
            b'{' => self.object(|parser, _| parser.skip()),
            b'[' => self.array(Self::skip),
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// Checks any value and gives its text.
    pub(crate) fn raw(&mut self) -> Result<&'a str, JsonError> {
        let start = self.value_start()?;
        self.skip()?;
        self.text.get(start..self.at).ok_or(JsonError::Syntax(start))
    }

    /// Checks any value, and shows every name, every string and every number in it: `visit` is given the
    /// steps that lead there. A name is shown under the steps of its object.
    pub(crate) fn texts(
        &mut self,
        steps: &mut Vec<Step>,
        visit: &mut dyn FnMut(&[Step], Text<'_>),
    ) -> Result<(), JsonError> {
        match self.first_byte()? {
            b'{' => self.object(|parser, name| {
                visit(steps, Text::Name(name));
                steps.push(Step::Name(name.to_owned()));
                let read = parser.texts(steps, visit);
                steps.pop();
                read
            }),
            b'[' => {
                let mut index = 0;
                self.array(|parser| {
                    steps.push(Step::Index(index));
                    index += 1;
                    let read = parser.texts(steps, visit);
                    steps.pop();
                    read
                })
            }
            b'"' => {
                let text = self.string()?;
                visit(steps, Text::Value(&text));
                Ok(())
            }
            b'-' | b'0'..=b'9' => {
                let number = self.number()?;
                visit(steps, Text::Number(&number.to_string()));
                Ok(())
            }
            _ => self.skip(),
        }
    }

    /// Reads an object; `member` must read exactly the one value of each name.
    pub(crate) fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{')?;
        let mut names = Names::new(self.canonical);
        let mut more = !self.closes(b'}')?;
        while more {
            self.white_space()?;
            let name_at = self.at;
            if self.peek(0) != Some(b'"') {
                return Err(JsonError::Syntax(name_at).into());
            }
            let name = self.string()?;
            if names.count == self.limits.names_max {
                let max = self.limits.names_max;
                return Err(JsonError::Limit { what: "names in one JSON object", max }.into());
            }
            names.admit(&name, name_at)?;
            self.white_space()?;
            self.byte(b':')?;
            member(self, &name)?;
            more = self.continues(b'}')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array; `item` must read exactly one value.
    pub(crate) fn array<E: From<JsonError>>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[')?;
        let mut more = !self.closes(b']')?;
        while more {
            item(self)?;
            more = self.continues(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, JsonError> {
        match self.first_byte()? {
            b't' => self.word("true").map(|()| true),
            b'f' => self.word("false").map(|()| false),
            _ => Err(JsonError::Type(self.at)),
        }
    }

    /// Reads an integer from 0 to 2^53 - 1.
    pub(crate) fn unsigned(&mut self) -> Result<u64, JsonError> {
        let at = self.value_start()?;
        if !matches!(self.first_byte()?, b'-' | b'0'..=b'9') {
            return Err(JsonError::Type(at));
        }
        self.number()?.as_u64().ok_or(JsonError::Type(at))
    }

    /// Reads a string; borrowed where nothing in it is escaped.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let text = self.text;
        if self.first_byte()? != b'"' {
            return Err(JsonError::Type(self.at));
        }
        self.at += 1;
        let mut unescaped: Option<String> = None;
        loop {
            let rest = text.get(self.at..).ok_or(JsonError::Syntax(self.at))?;
            let plain_len = rest
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)
                .ok_or(JsonError::Syntax(text.len()))?;
            let (plain, rest) = rest.split_at(plain_len);
            let so_far = unescaped.as_ref().map_or(0, String::len);
            if so_far + plain.len() > self.limits.string_bytes_max {
                let max = self.limits.string_bytes_max;
                return Err(JsonError::Limit { what: "bytes of one JSON string", max });
            }
            self.at += plain_len;
            match rest.as_bytes().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(plain),
                        Some(mut owned) => {
                            owned.push_str(plain);
                            Cow::Owned(owned)
                        }
                    });
                }
                Some(b'\\') => {
                    let owned = unescaped.get_or_insert_default();
                    owned.push_str(plain);
                    owned.push(self.escape()?);
                }
                _ => return Err(JsonError::Syntax(self.at)),
            }
        }
    }

    /// Reads one escape sequence, or two that are a surrogate pair.
    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let kind = self.peek(1).ok_or(JsonError::Syntax(start))?;
        self.at += 2;
        let short = match kind {
            b'"' => Some('"'),
            b'\\' => Some('\\'),
            b'/' => Some('/'),
            b'b' => Some('\u{8}'),
            b'f' => Some('\u{c}'),
            b'n' => Some('\n'),
            b'r' => Some('\r'),
            b't' => Some('\t'),
            b'u' => None,
            _ => return Err(JsonError::Syntax(start)),
        };
        if let Some(short) = short {
            if self.canonical && short == '/' {
                return Err(JsonError::NotCanonical(start));
            }
            return Ok(short);
        }
        let high = self.hex4()?;
        let code = match high {
            0xD800..=0xDBFF => {
                if self.peek(0) != Some(b'\\') || self.peek(1) != Some(b'u') {
                    return Err(JsonError::Syntax(start));
                }
                self.at += 2;
                let low = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(JsonError::Syntax(start));
                }
                0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            }
            _ => high,
        };
        let character = char::from_u32(code).ok_or(JsonError::Syntax(start))?;
        // RFC 8785 section 3.2.2.2: only controls without a short form are written as \u00xx.
        let has_short_form = matches!(code, 0x8 | 0x9 | 0xa | 0xc | 0xd);
        let digits = &self.text.as_bytes()[start + 2..self.at];
        let lower_case = !digits.iter().any(u8::is_ascii_uppercase);
        if self.canonical && (code >= 0x20 || has_short_form || !lower_case) {
            return Err(JsonError::NotCanonical(start));
        }
        Ok(character)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek(0).and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or(JsonError::Syntax(self.at))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Number, JsonError> {
        let start = self.value_start()?;
        let mut integer = true;
        if self.peek(0) == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek(0) == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return Err(JsonError::Syntax(start));
        }
        if self.peek(0) == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(0), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        let double: f64 = text.parse().map_err(|_| JsonError::Syntax(start))?;
        if !double.is_finite() {
            return Err(JsonError::Number(start));
        }
        if self.canonical && number_text(double)? != text {
            return Err(JsonError::NotCanonical(start));
        }
        if !integer {
            return Number::from_f64(double).ok_or(JsonError::Number(start));
        }
        let signed: i64 = text.parse().map_err(|_| JsonError::Number(start))?;
        if signed.unsigned_abs() > JSON_INTEGER_MAX {
            return Err(JsonError::Number(start));
        }
        Ok(signed.into())
    }

    /// Steps over at least one digit; returns how many there were.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.peek(0), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(JsonError::Syntax(start)) } else { Ok(self.at - start) }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        let start = self.value_start()?;
        if !self.text.as_bytes()[start..].starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax(start));
        }
        self.at += word.len();
        Ok(())
    }

    /// Enters an array or an object.
    fn open(&mut self, bracket: u8) -> Result<(), JsonError> {
        if self.first_byte()? != bracket {
            return Err(JsonError::Type(self.at));
        }
        self.at += 1;
        self.depth += 1;
        if self.depth > self.limits.depth_max {
            return Err(JsonError::Limit { what: "JSON depth", max: self.limits.depth_max });
        }
        Ok(())
    }

    /// Whether the bracket closes right after it was opened.
    fn closes(&mut self, bracket: u8) -> Result<bool, JsonError> {
        self.white_space()?;
        if self.peek(0) != Some(bracket) {
            return Ok(false);
        }
        self.at += 1;
        Ok(true)
    }

    /// After an item: `true` at a comma, `false` at the closing bracket.
    fn continues(&mut self, bracket: u8) -> Result<bool, JsonError> {
        self.white_space()?;
        match self.peek(0) {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == bracket => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(JsonError::Syntax(self.at)),
        }
    }

    fn byte(&mut self, expected: u8) -> Result<(), JsonError> {
        if self.peek(0) != Some(expected) {
            return Err(JsonError::Syntax(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn value_start(&mut self) -> Result<usize, JsonError> {
        self.white_space()?;
        Ok(self.at)
    }

    fn first_byte(&mut self) -> Result<u8, JsonError> {
        self.white_space()?;
        self.peek(0).ok_or(JsonError::Syntax(self.at))
    }

    fn white_space(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(0), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        if self.canonical && self.at > start {
            return Err(JsonError::NotCanonical(start));
        }
        Ok(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }
}

/// One step from the whole of a document to a value in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// What a document holds, in the words of whoever made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// The name of a member.
    Name(&'a str),
    /// A string.
    Value(&'a str),
    /// A number, as it is written canonically.
    Number(&'a str),
}

/// The names of one object: sorted as RFC 8785 section 3.2.3 demands, or at least different.
struct Names {
    canonical: bool,
    count: usize,
    last: String,
    seen: HashSet<String>,
}

impl Names {
    fn new(canonical: bool) -> Self {
        Self { canonical, count: 0, last: String::new(), seen: HashSet::new() }
    }

    fn admit(&mut self, name: &str, at: usize) -> Result<(), JsonError> {
        let first = self.count == 0;
        self.count += 1;
        if !self.canonical {
            let new = self.seen.insert(name.to_owned());
            return if new { Ok(()) } else { Err(JsonError::DuplicateName(at)) };
        }
        if !first {
            if self.last == name {
                return Err(JsonError::DuplicateName(at));
            }
            // The order is of UTF-16 code units, not of bytes or code points.
            if self.last.encode_utf16().gt(name.encode_utf16()) {
                return Err(JsonError::NotCanonical(at));
            }
        }
        name.clone_into(&mut self.last);
        Ok(())
    }
}
