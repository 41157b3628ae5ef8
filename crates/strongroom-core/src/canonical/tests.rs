use serde_json::json;

use super::*;

/// RFC 8785 appendix B: IEEE 754 bits and their text.
const NUMBERS: &[(u64, &str)] = &[
    (0x0000000000000000, "0"),
    (0x8000000000000000, "0"),
    (0x0000000000000001, "5e-324"),
    (0x8000000000000001, "-5e-324"),
    (0x7fefffffffffffff, "1.7976931348623157e+308"),
    (0xffefffffffffffff, "-1.7976931348623157e+308"),
    (0x44b52d02c7e14af5, "9.999999999999997e+22"),
    (0x44b52d02c7e14af6, "1e+23"),
    (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
    (0x444b1ae4d6e2ef4e, "999999999999999700000"),
    (0x444b1ae4d6e2ef4f, "999999999999999900000"),
    (0x444b1ae4d6e2ef50, "1e+21"),
    (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
    (0x3eb0c6f7a0b5ed8d, "0.000001"),
    (0x41b3de4355555553, "333333333.3333332"),
    (0x41b3de4355555554, "333333333.33333325"),
    (0x41b3de4355555555, "333333333.3333333"),
    (0x41b3de4355555556, "333333333.3333334"),
    (0x41b3de4355555557, "333333333.33333343"),
    (0xbecbf647612f3696, "-0.0000033333333333333333"),
    (0x43143ff3c1cb0959, "1424953923781206.2"),
];

fn refused(text: &str) -> Option<JsonError> {
    parse(text.as_bytes(), JsonLimits::NATIVE).err()
}

#[test]
fn numbers_have_the_text_of_rfc_8785_appendix_b() {
    for (bits, text) in NUMBERS {
        assert_eq!(number_text(f64::from_bits(*bits)).as_deref(), Ok(*text));
    }
    assert_eq!(number_text(f64::NAN), Err(JsonError::Unwritable));
    assert_eq!(number_text(f64::INFINITY), Err(JsonError::Unwritable));
}

#[test]
fn the_example_of_rfc_8785_section_3_2_2_has_its_bytes() {
    let text = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let canonical = concat!(
        r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
        r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#,
    );
    let value = parse(text.as_bytes(), JsonLimits::NATIVE).unwrap();
    assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), canonical);
    assert_eq!(parse_canonical(canonical.as_bytes(), JsonLimits::NATIVE), Ok(value));
}

#[test]
fn names_are_sorted_by_utf_16_as_in_rfc_8785_section_3_2_3() {
    let text = concat!(
        r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","#,
        r#""1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","#,
        r#""\u00f6":"Latin Small Letter O With Diaeresis"}"#,
    );
    let value = parse(text.as_bytes(), JsonLimits::NATIVE).unwrap();
    let bytes = to_vec(&value).unwrap();
    let sorted = String::from_utf8(bytes.clone()).unwrap();
    let order: Vec<usize> = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
        .map(|name| sorted.find(name).unwrap())
        .into();
    assert!(order.is_sorted(), "{sorted}");
    assert_eq!(parse_canonical(&bytes, JsonLimits::NATIVE), Ok(value));
    // By code points, the Hebrew letter would come before the emoji.
    let by_code_point = "{\"\u{fb33}\":1,\"\u{1f600}\":2}";
    let refused = parse_canonical(by_code_point.as_bytes(), JsonLimits::NATIVE);
    assert!(matches!(refused, Err(JsonError::NotCanonical(_))));
}

#[test]
fn what_json_readers_disagree_about_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "tru",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "[1 2]",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "NaN",
        "Infinity",
        "'a'",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\t\"",
        "\u{feff}1",
        "// x\n1",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\u{a0}1",
    ] {
        assert!(
            matches!(refused(text), Some(JsonError::Syntax(_))),
            "{text:?}: {:?}",
            refused(text)
        );
    }
    assert_eq!(parse(b"\"\xff\"", JsonLimits::NATIVE), Err(JsonError::Syntax(1)));
    assert_eq!(refused("1 1"), Some(JsonError::Trailing(2)));
    assert_eq!(refused("0x10"), Some(JsonError::Trailing(1)));
    assert_eq!(refused("{}\0"), Some(JsonError::Trailing(2)));
    assert_eq!(refused(r#"{"a":1,"\u0061":2}"#), Some(JsonError::DuplicateName(7)));
}

#[test]
fn integers_are_exact_up_to_two_to_the_53_and_refused_beyond() {
    assert_eq!(parse(b"9007199254740991", JsonLimits::NATIVE), Ok(json!(9007199254740991_u64)));
    assert_eq!(parse(b"-9007199254740991", JsonLimits::NATIVE), Ok(json!(-9007199254740991_i64)));
    for text in ["9007199254740992", "-9007199254740992", "99999999999999999999", "1e999"] {
        assert_eq!(refused(text), Some(JsonError::Number(0)), "{text}");
    }
    assert_eq!(to_vec(&u64::MAX), Err(JsonError::Number(0)));
    assert_eq!(to_vec(&1e20), Err(JsonError::Number(0)));
}

#[test]
fn every_limit_is_inclusive() {
    let limits = JsonLimits { depth_max: 2, string_bytes_max: 3, names_max: 2, values_max: 4 };
    let within = |text: &str| parse(text.as_bytes(), limits).is_ok();
    assert!(within("[[]]") && !within("[[[]]]"));
    assert!(within("\"abc\"") && !within("\"abcd\""));
    assert!(within("\"\\u00e9b\"") && !within("\"\\u00e9bc\""), "bytes after unescaping");
    assert!(within("{\"a\":1,\"b\":2}") && !within("{\"a\":1,\"b\":2,\"c\":3}"));
    assert!(!within("{\"abcd\":1}"), "names are strings");
    assert!(within("[1,2,3]") && !within("[1,2,3,4]"));
    let many_quotes = "\\\"".repeat(4);
    assert!(!within(&format!("\"{many_quotes}\"")), "escapes alone");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_but_never_a_panic(text in "[\\[\\]{}\",:\\\\0-9a-fu.eE+ -]{0,40}") {
        let ours = parse(text.as_bytes(), JsonLimits::NATIVE);
        // What we read, everybody reads, and alike.
        if let Ok(value) = ours {
            proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn what_is_written_is_read_back_in_canonical_form(
        names in proptest::collection::btree_map(".{0,8}", proptest::num::f64::NORMAL, 0..8),
    ) {
        let Ok(bytes) = to_vec(&names) else { return Ok(()) };
        let value = parse_canonical(&bytes, JsonLimits::NATIVE).unwrap();
        proptest::prop_assert_eq!(to_vec(&value).unwrap(), bytes);
    }
}
