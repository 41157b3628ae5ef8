use proptest::prelude::*;

use super::*;
use crate::canonical::JsonError;
use crate::limits;

/// A JSON text a line, each followed by what Python made of it: `make_python_json.py`.
const OF_PYTHON: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cavra/python_json.txt"));

fn rewritten(text: &str) -> Result<String, JsonError> {
    parse(text.as_bytes()).map(|value| dumps(&value))
}

#[test]
fn everything_is_written_as_python_writes_it() {
    let lines: Vec<&str> = OF_PYTHON.split('\n').collect();
    let mut compared = 0;
    for pair in lines.chunks_exact(2) {
        assert_eq!(rewritten(pair[0]).as_deref(), Ok(pair[1]), "{}", pair[0]);
        compared += 1;
    }
    assert!(compared > 600, "{compared}");
}

#[test]
fn one_member_can_be_left_out_of_an_object() {
    let value = parse(br#"{"b": {"b": 1}, "a": 2, "c": 3}"#).unwrap();
    let object = value.as_object().unwrap();
    assert_eq!(dumps_without(object, "b"), r#"{"a": 2, "c": 3}"#);
    assert_eq!(dumps_without(object, "x"), r#"{"a": 2, "b": {"b": 1}, "c": 3}"#);
}

#[test]
fn what_is_no_json_is_refused_even_where_python_reads_it() {
    let texts = [
        "",
        "nul",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "01",
        "-",
        "1.",
        ".5",
        "+1",
        "1e",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\uD83",
        "\"\t\"",
        "\u{feff}1",
        "1 2",
        "{1:2}",
        "\u{a0}1",
    ];
    for text in texts {
        assert!(rewritten(text).is_err(), "{text}");
    }
    assert!(parse(b"\"\xff\"").is_err());
}

#[test]
fn a_name_that_appears_twice_is_refused_however_it_is_spelled() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"":0,"":0}}]"#] {
        assert!(matches!(rewritten(text), Err(JsonError::DuplicateName(_))), "{text}");
    }
}

#[test]
fn what_is_over_a_limit_is_refused_as_such() {
    let deep = "[".repeat(limits::JSON_DEPTH_MAX + 1);
    let digits = "1".repeat(limits::PYTHON_INTEGER_DIGITS_MAX + 1);
    let long = format!("\"{}\"", "x".repeat(limits::JSON_STRING_BYTES_MAX + 1));
    let many = format!("[{}0]", "0,".repeat(limits::JSON_VALUES_MAX));
    for text in [deep, digits, long, many] {
        assert!(matches!(rewritten(&text), Err(JsonError::Limit { .. })), "{}", &text[..20]);
    }
}

proptest! {
    #[test]
    fn what_python_would_write_is_written_the_same_again(text in ".*", number in any::<f64>()) {
        let value = Json::Array(vec![Json::Text(text.as_str().into()), Json::Float(number)]);
        prop_assume!(number.is_finite());
        let written = dumps(&value);
        prop_assert!(written.is_ascii());
        prop_assert_eq!(parse(written.as_bytes()), Ok(value));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}:,\"\\\\ud80-9a-fNe+.\\- é😀]*") {
        if let Ok(value) = parse(text.as_bytes()) {
            let written = dumps(&value);
            prop_assert_eq!(parse(written.as_bytes()).map(|again| dumps(&again)), Ok(written));
        }
    }
}
