//! Differences, from what manifests say to what is shown of a line.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::declared::Field;
use super::described::{Described, ListedFile};
use super::files::FileChanges;
use super::inside::room::Room;
use super::inside::shown::Shown;
use super::inside::text::LineChange;
use super::inside::{Inside, NotLookedAt, json as values, look, records, text};
use super::keep::{Keeper, Wanted};
use super::kind::Kind;
use super::retention::{Judgement, RetentionChange};
use super::signers::{SignerChange, SignerJudgement, SignersSeen};
use crate::Sha256Digest;
use crate::bundle::{ContentVisitor as _, Producer, RetentionRequest};
use crate::limits::*;

fn file<'a>(path: &'a str, content: &str) -> ListedFile<'a> {
    let (size_bytes, sha256) = (content.len() as u64, Sha256Digest::of(content.as_bytes()));
    ListedFile { path, size_bytes, sha256, media_type: None }
}

/// Every change as one word a file.
fn told(changes: &FileChanges) -> Vec<String> {
    let removed = changes.removed.iter().map(|file| format!("-{}", file.path));
    let changed = changes.changed.iter().map(|file| format!("*{}", file.path));
    let added = changes.added.iter().map(|file| format!("+{}", file.path));
    let renamed = changes.renamed.iter().map(|file| format!("{}>{}", file.from, file.to));
    removed.chain(changed).chain(added).chain(renamed).collect()
}

#[test]
fn files_are_added_removed_changed_and_renamed() {
    /// Paths with their content; what is told of them, and how many are the same.
    type Row = (Files, Files, &'static [&'static str], u64);
    type Files = &'static [(&'static str, &'static str)];
    let table: [Row; 9] = [
        (&[], &[], &[], 0),
        (&[("a", "1"), ("b", "2")], &[("a", "1"), ("b", "2")], &[], 2),
        (&[("a", "1")], &[("a", "2")], &["*a"], 0),
        (&[("a", "1")], &[("b", "2")], &["-a", "+b"], 0),
        (&[("a", "1"), ("c", "3")], &[("b", "1"), ("c", "3")], &["a>b"], 1),
        // Of two nobody knows which became which.
        (&[("a", "1"), ("b", "1")], &[("c", "1")], &["-a", "-b", "+c"], 0),
        (&[("a", "1")], &[("b", "1"), ("c", "1")], &["-a", "+b", "+c"], 0),
        // A copy: the first is still there.
        (&[("a", "1")], &[("a", "1"), ("b", "1")], &["+b"], 1),
        // One empty file is like any other.
        (&[("a", "")], &[("b", "")], &["-a", "+b"], 0),
    ];
    for (base, candidate, expected, unchanged) in table {
        let list = |files: Files| -> Vec<ListedFile<'static>> {
            files.iter().map(|(path, content)| file(path, content)).collect()
        };
        let changes = FileChanges::between(&list(base), &list(candidate));
        assert_eq!(told(&changes), expected, "{base:?} {candidate:?}");
        assert_eq!(changes.unchanged, unchanged, "{base:?} {candidate:?}");
        assert_eq!(changes.is_none(), expected.is_empty());
    }
}

#[test]
fn a_file_of_another_media_type_is_changed_and_has_nothing_inside() {
    let base = file("a", "1");
    let candidate = ListedFile { media_type: Some("text/plain"), ..base };
    let mut changes = FileChanges::between(&[base], &[candidate]);
    assert_eq!(told(&changes), ["*a"]);
    let wanted = Wanted::choose(&mut changes);
    assert!(!Keeper::new(&wanted).begin("a", 1), "nothing is looked into");
    assert_eq!(changes.changed[0].inside, None);
}

proptest! {
    #[test]
    fn every_file_is_told_once(
        base in prop::collection::btree_map("[a-d]{1,3}", "[xyz]{0,2}", 0..20),
        candidate in prop::collection::btree_map("[a-d]{1,3}", "[xyz]{0,2}", 0..20),
    ) {
        let left: Vec<_> = base.iter().map(|(path, content)| file(path, content)).collect();
        let right: Vec<_> = candidate.iter().map(|(path, content)| file(path, content)).collect();
        let changes = FileChanges::between(&left, &right);
        let both = changes.unchanged as usize + changes.changed.len() + changes.renamed.len();
        prop_assert_eq!(both + changes.removed.len(), base.len());
        prop_assert_eq!(both + changes.added.len(), candidate.len());
    }

    #[test]
    fn no_text_and_no_json_is_too_odd_to_compare(left in "(?s).{0,60}", right in "(?s).{0,60}") {
        let mut room = Room::default();
        let lines = text::between(&left, &right, &mut room).expect("few lines");
        prop_assert_eq!(lines.hunks.is_empty(), left == right);
        records::between(&left, &right, &mut room).expect("few lines");
    }
}

fn asks(class: Option<&str>, days: Option<u32>, legal_hold: Option<bool>) -> RetentionRequest {
    RetentionRequest { class: class.map(str::to_owned), days, legal_hold }
}

#[test]
fn retention_is_judged_by_its_worst_part() {
    use Judgement::{Incomparable, Same, Stronger, Weaker};
    let (raw, summary) = (Some("raw-evidence"), Some("summary-evidence"));
    let table = [
        (asks(None, None, None), asks(None, None, Some(false)), Same),
        (asks(raw, Some(30), None), asks(raw, Some(30), None), Same),
        (asks(None, Some(30), None), asks(None, Some(31), None), Stronger),
        (asks(None, Some(30), None), asks(None, Some(29), None), Weaker),
        (asks(None, Some(1), None), asks(None, None, None), Weaker),
        (asks(None, None, Some(true)), asks(None, Some(9_999), None), Weaker),
        (asks(None, Some(30), None), asks(None, Some(29), Some(true)), Weaker),
        (asks(raw, None, None), asks(summary, None, None), Stronger),
        (asks(summary, Some(1), None), asks(raw, Some(2), None), Weaker),
        (asks(raw, None, None), asks(None, None, None), Weaker),
        (asks(None, None, None), asks(Some("ours"), None, None), Stronger),
        (asks(Some("ours"), None, None), asks(None, None, None), Weaker),
        (asks(Some("ours"), None, None), asks(Some("ours"), None, None), Same),
        // Nobody can tell whether it is less, so nobody may take it for no less.
        (asks(Some("ours"), None, None), asks(Some("theirs"), None, None), Incomparable),
        (asks(Some("ours"), Some(1), None), asks(raw, Some(2), None), Incomparable),
    ];
    for (base, candidate, expected) in table {
        let change = RetentionChange::between(&base, &candidate);
        assert_eq!(change.judgement, expected, "{base:?} {candidate:?}");
        assert_eq!(change.may_be_weaker(), matches!(expected, Weaker | Incomparable));
        assert_eq!(change.is_same(), expected == Same);
    }
}

#[test]
fn what_differs_between_any_two_runs_is_told_and_is_no_other_evidence() {
    let base = Described { run_id: Some("1".to_owned()), ..Described::default() };
    let later = "2026-11-22T12:00:00Z".parse().expect("a time");
    let next = Described { run_id: Some("2".to_owned()), created_at: Some(later), ..base.clone() };
    let declared = super::Declared::between(&base, &next);
    let fields: Vec<Field> = declared.fields.iter().map(|change| change.field).collect();
    assert_eq!(fields, [Field::RunId, Field::CreatedAt]);
    assert!(!declared.is_other_evidence());

    let producer = Some(Producer { name: "p".to_owned(), version: Some("2".to_owned()) });
    assert!(
        super::Declared::between(&base, &Described { producer, ..base.clone() })
            .is_other_evidence()
    );
    let metadata = json!({"result_status": "passed", "commit": {"sha": 1}});
    let metadata = metadata.as_object().cloned().expect("an object");
    let declared = super::Declared::between(&base, &Described { metadata, ..base.clone() });
    let pointers: Vec<&str> =
        declared.metadata.iter().map(|one| one.pointer.text.as_str()).collect();
    assert_eq!(pointers, ["/commit", "/result_status"]);
    assert!(declared.is_other_evidence());
}

/// Every change as `pointer: base -> candidate`.
fn changes(base: Value, candidate: Value) -> Vec<String> {
    let text = |shown: &Option<Shown>| {
        shown.as_ref().map_or("nothing".to_owned(), |shown| shown.text.clone())
    };
    let found = values::between(&base, &candidate, DIFF_VALUES_MAX, &mut Room::default());
    let one = |change: &values::ValueChange| {
        let moved = change.base_pointer.as_ref().map(|from| format!(" (was {})", from.text));
        let (pointer, moved) = (&change.pointer.text, moved.unwrap_or_default());
        format!("{pointer}{moved}: {} -> {}", text(&change.base), text(&change.candidate))
    };
    found.changes.iter().map(one).collect()
}

#[test]
fn json_is_compared_by_value_at_its_pointers() {
    let table: [(Value, Value, &[&str]); 10] = [
        (json!({"a": 1, "b": [1, 2]}), json!({"b": [1, 2], "a": 1}), &[]),
        (json!(1), json!(2), &[": 1 -> 2"]),
        (json!({"a": 1}), json!({"b": 1}), &["/a: 1 -> nothing", "/b: nothing -> 1"]),
        (json!({"a": null}), json!({}), &["/a: null -> nothing"]),
        (json!({"a/b": {"~": 1}}), json!({"a/b": {"~": "1"}}), &["/a~1b/~0: 1 -> \"1\""]),
        (json!({"": 1}), json!({"": 2}), &["/: 1 -> 2"]),
        (json!([1, 2, 3]), json!([1, 3]), &["/1: 2 -> nothing"]),
        (json!([1, 2]), json!([0, 1, 2]), &["/0: nothing -> 0"]),
        (json!([{"n": 1}, {"n": 2}]), json!([{"n": 1}, {"n": 3}]), &["/1/n: 2 -> 3"]),
        (
            json!([0, 1, {"n": 2, "m": 0}, 9]),
            json!([1, {"n": 3, "m": 0}, 9]),
            &["/0: 0 -> nothing", "/1/n (was /2/n): 2 -> 3"],
        ),
    ];
    for (base, candidate, expected) in table {
        assert_eq!(changes(base.clone(), candidate.clone()), expected, "{base} {candidate}");
    }
}

#[test]
fn values_beyond_the_limit_are_counted() {
    let many = |value: u32| -> Value {
        (0..DIFF_VALUES_MAX + 7).map(|at| (at.to_string(), value)).collect()
    };
    let found = values::between(&many(1), &many(2), DIFF_VALUES_MAX, &mut Room::default());
    assert_eq!((found.changes.len(), found.changes_unnamed), (DIFF_VALUES_MAX, 7));
    assert!(
        !found.is_none() && !values::between(&many(1), &many(2), 0, &mut Room::default()).is_none()
    );
}

fn hunks(base: &str, candidate: &str) -> (text::TextDiff, Vec<String>) {
    let found = text::between(base, candidate, &mut Room::default()).expect("few lines");
    let line = |line: &text::Line| {
        let sign = match line.change {
            LineChange::Context => ' ',
            LineChange::Removed => '-',
            LineChange::Added => '+',
        };
        format!("{sign}{}{}", line.shown.text, if line.is_unended { "$" } else { "" })
    };
    let mut shown = Vec::new();
    for hunk in &found.hunks {
        let text::Hunk { base_line, base_lines, candidate_line, candidate_lines, .. } = hunk;
        shown.push(format!("@{base_line},{base_lines} {candidate_line},{candidate_lines}"));
        shown.extend(hunk.lines.iter().map(line));
    }
    (found, shown)
}

#[test]
fn text_is_compared_by_line_with_a_few_lines_around() {
    let letters = |skip: &str, more: &str| -> String {
        let kept = ('a'..='z').filter(|letter| !skip.contains(*letter));
        kept.map(|letter| {
            if more.contains(letter) { format!("{letter}\n+\n") } else { format!("{letter}\n") }
        })
        .collect()
    };
    let (found, shown) = hunks(&letters("", ""), &letters("b", "x"));
    assert_eq!((found.lines_removed, found.lines_added), (1, 1));
    let expected = [
        "@1,5 1,4",
        " a",
        "-b",
        " c",
        " d",
        " e",
        "@22,5 21,6",
        " v",
        " w",
        " x",
        "++",
        " y",
        " z",
    ];
    assert_eq!(shown, expected);
    // Near each other they are one stretch.
    let (_, shown) = hunks(&letters("", ""), &letters("bh", ""));
    assert_eq!(shown.iter().filter(|line| line.starts_with('@')).count(), 1);
    assert_eq!(hunks("a\n", "a").1, ["@1,1 1,1", "-a", "+a$"]);
    assert_eq!(hunks("a\r\n", "a\n").1, ["@1,1 1,1", "-a\r", "+a"]);
    assert_eq!(hunks("", "a\n").1, ["@1,0 1,1", "+a"]);
}

#[test]
fn what_is_shown_of_a_text_is_bounded_and_the_rest_counted() {
    let every_tenth = |with: &str| -> String {
        (0..10 * (DIFF_HUNKS_MAX + 5))
            .map(|at| if at % 10 == 5 { format!("{at}{with}\n") } else { format!("{at}\n") })
            .collect()
    };
    let (found, _) = hunks(&every_tenth("a"), &every_tenth("b"));
    assert_eq!((found.hunks.len(), found.hunks_unnamed), (DIFF_HUNKS_MAX, 5));
    assert_eq!(found.lines_removed as usize, DIFF_HUNKS_MAX + 5);

    let lines = DIFF_LINES_MAX + 9;
    let (found, _) = hunks("", &"x\n".repeat(lines));
    assert_eq!((found.hunks[0].lines.len(), found.hunks[0].lines_unnamed), (DIFF_LINES_MAX, 9));

    let (found, _) = hunks("", &"é".repeat(DIFF_CHARACTERS_MAX + 1));
    let shown = &found.hunks[0].lines[0].shown;
    assert!(shown.is_cut && shown.text == "é".repeat(DIFF_CHARACTERS_MAX));
    assert!(!hunks("", &"é".repeat(DIFF_CHARACTERS_MAX)).0.hunks[0].lines[0].shown.is_cut);

    let side = usize::try_from(DIFF_PAIRS_MAX.isqrt()).expect("few") + 1;
    let numbered =
        |from: usize| -> String { (from..from + side).map(|at| format!("{at}\n")).collect() };
    let (base, candidate) = (numbered(0), numbered(side));
    assert_eq!(text::between(&base, &candidate, &mut Room::default()), None);
    assert_eq!(records::between(&base, &candidate, &mut Room::default()), None);
    let array = |text: &str| -> Value { text.lines().map(Value::from).collect() };
    let found = values::between(&array(&base), &array(&candidate), 1, &mut Room::default());
    assert_eq!(
        (found.changes[0].pointer.text.as_str(), found.changes_unnamed),
        ("/0", side as u64 - 1)
    );
}

#[test]
fn records_are_compared_one_by_one() {
    let base = "{\"n\":1}\n{\"n\":2,\"m\":0}\nno json\n{\"n\":4}\n";
    let candidate = "{\"n\":1}\n{\"m\":0,\"n\":3}\nstill none\n{ \"n\": 4 }\n";
    let found = records::between(base, candidate, &mut Room::default()).expect("few");
    assert_eq!((found.records_changed, found.records_respelled), (2, 1));
    assert_eq!((found.records_added, found.records_removed), (0, 0));
    let [one, other] = found.records.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.base_line, one.candidate_line), (Some(2), Some(2)));
    let inside = one.values.as_ref().expect("values");
    assert_eq!(inside.changes[0].pointer.text, "/n");
    assert_eq!(other.base.as_ref().map(|shown| shown.text.as_str()), Some("no json"));

    let found = records::between("1\n2\n", "1\n2\n3\n", &mut Room::default()).expect("few");
    assert_eq!((found.records_added, found.records[0].candidate_line), (1, Some(3)));
    let many = "1\n".repeat(DIFF_RECORDS_MAX + 3);
    let found = records::between("", &many, &mut Room::default()).expect("few");
    assert_eq!((found.records.len(), found.records_unnamed), (DIFF_RECORDS_MAX, 3));
}

/// Two files of these bytes under one name, looked into.
fn inside(path: &str, base: &[u8], candidate: &[u8]) -> Inside {
    let facts = |bytes: &[u8]| ListedFile {
        path,
        size_bytes: bytes.len() as u64,
        sha256: Sha256Digest::of(bytes),
        media_type: None,
    };
    let changes = FileChanges::between(&[facts(base)], &[facts(candidate)]);
    look(&changes.changed[0], base, candidate, &mut Room::default())
}

#[test]
fn a_file_is_looked_into_as_what_it_is_and_not_as_what_it_says() {
    assert!(matches!(inside("a.json", b"1", b"2"), Inside::Json(_)));
    assert!(matches!(inside("a", b"1", b"2"), Inside::Text { not_json: None, .. }));
    assert!(matches!(inside("a.ndjson", b"1", b"2"), Inside::Ndjson(_)));
    let Inside::Text { not_json: Some(why), .. } = inside("a.json", b"1", b"{\"a\":1,\"a\":2}")
    else {
        panic!("not text")
    };
    assert_eq!(why, "the candidate: a name appears twice in one JSON object, at byte 7");
    let binary = Inside::NotLookedAt { reason: NotLookedAt::Binary };
    assert_eq!(inside("a.txt", b"a", b"a\0"), binary);
    assert_eq!(inside("a.json", b"1", &[0xff]), binary);
    // The same values, spelled otherwise.
    let Inside::Json(values) = inside("a.json", b"{}", b"{ }") else { panic!("not JSON") };
    assert!(values.is_none());
}

/// The reasons why changed files of these sizes are not looked into; `None` where they are.
fn chosen(sizes: &[(&str, u64)]) -> Vec<Option<NotLookedAt>> {
    let list = |seed: &str| {
        let mut files = Vec::new();
        for (path, size_bytes) in sizes {
            files.push(ListedFile { size_bytes: *size_bytes, ..file(path, seed) });
        }
        files.sort_by_key(|file| file.path);
        files
    };
    let mut changes = FileChanges::between(&list("was"), &list("is"));
    Wanted::choose(&mut changes);
    let reason = |inside: &Inside| match inside {
        Inside::NotLookedAt { reason } => Some(*reason),
        _ => None,
    };
    changes.changed.iter().map(|file| file.inside.as_ref().and_then(reason)).collect()
}

#[test]
fn what_is_looked_into_is_bounded_and_names_that_promise_text_go_first() {
    use NotLookedAt::{ContentLimit, FileLimit, FilesLimit};
    let max = DIFF_FILE_BYTES_MAX;
    assert_eq!(chosen(&[("a", max), ("b", max + 1)]), [None, Some(FileLimit)]);
    let names: Vec<String> = (0..=DIFF_FILES_MAX).map(|at| format!("{at:05}")).collect();
    let many: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let reasons = chosen(&many);
    assert_eq!(reasons.iter().filter(|reason| reason.is_none()).count(), DIFF_FILES_MAX);
    assert_eq!(reasons.last(), Some(&Some(FilesLimit)));
    // Two sides of eight files are all that is kept; the report goes before what comes first.
    let pairs = usize::try_from(DIFF_CONTENT_BYTES_MAX / (2 * max)).expect("few");
    let mut large: Vec<(&str, u64)> =
        names[..pairs].iter().map(|name| (name.as_str(), max)).collect();
    large.push(("z.json", max));
    let reasons = chosen(&large);
    assert_eq!(reasons[pairs], None);
    assert_eq!(reasons[pairs - 1], Some(ContentLimit));
    assert!(reasons[..pairs - 1].iter().all(Option::is_none));
}

#[test]
fn what_was_wanted_is_kept_and_nothing_else() {
    let mut changes =
        FileChanges::between(&[file("a", "1"), file("b", "1")], &[file("a", "22"), file("b", "1")]);
    let wanted = Wanted::choose(&mut changes);
    let mut keeper = Keeper::new(&wanted);
    assert!(keeper.begin("a", 2));
    keeper.content(b"2");
    keeper.content(b"2");
    keeper.end();
    assert!(!keeper.begin("b", 1));
    assert_eq!(keeper.into_kept(), [(0, b"22".to_vec())].into());
}

#[test]
fn signers_are_unobserved_unless_both_were_looked_for() {
    let seen = || SignersSeen::Observed(Vec::new());
    let unseen = || SignersSeen::Unobserved("nobody looked");
    assert_eq!(SignerChange::between(seen(), seen()).judgement, SignerJudgement::Same);
    for (base, candidate) in [(seen(), unseen()), (unseen(), seen()), (unseen(), unseen())] {
        let change = SignerChange::between(base, candidate);
        assert_eq!(change.judgement, SignerJudgement::Unobserved);
    }
}

#[test]
fn every_kind_of_difference_is_read_back_from_its_name() {
    for kind in Kind::EACH.into_iter().chain([Kind::Any]) {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("Removed".parse::<Kind>().is_err() && "".parse::<Kind>().is_err());
}

/// A token as its issuer makes them, put together here so that no scanner takes this file for a leak.
fn token() -> String {
    ["ghp", "_", "q7Zr2Lk9Wd4Xs8Bn3Vc6Mf1Hj5Tg0PyAuEoR"].concat()
}

#[test]
fn a_secret_is_shown_nowhere() {
    let token = token();
    let key = ["-----BEGIN", " PRIVATE KEY-----\n"].concat()
        + &"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50\n".repeat(5)
        + &["-----END", " PRIVATE KEY-----\n"].concat();
    let changed = |path: &str, was: &str, is: &str| inside(path, was.as_bytes(), is.as_bytes());
    let differently = |name: &str, with: &str| format!("{{\"{name}\":\"{with}\"}}\n");
    // Of a key that a log has record by record only the first one says what it is.
    let line = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50".repeat(2);
    let lines = [&key[..27], &line, &line, &key[key.len() - 26..key.len() - 1]];
    let lines = lines.map(|line| differently("log", line));
    let insides = [
        changed("a.log", "x\n", &format!("é {token} é\n")),
        changed("a.pem", "x\n", &format!("{key}public\n")),
        changed("a.pem", "x\n", &key[..key.len() - 30]),
        changed("a.json", "{}", &json!({"key": key, "note": "public"}).to_string()),
        changed("a.json", "{}", &differently("github", &token)),
        changed("a.json", "{}", &differently(&token, "x")),
        changed("a.ndjson", "{}\n", &differently("github", &token)),
        changed("a.ndjson", "{}\n{}\n", &differently("github", &token)),
        changed("a.ndjson", "no json\n", &format!("{token}\n")),
        changed("a.ndjson", &differently("log", "x").repeat(lines.len()), &lines.concat()),
    ];
    for inside in insides {
        let shown = serde_json::to_string(&inside).expect("JSON");
        assert!(shown.contains("[redacted]") && shown.contains("is_redacted"), "{shown}");
        assert!(!shown.contains(&token[4..]) && !shown.contains("MC4CAQAwBQ"), "{shown}");
    }
    let Inside::Text { lines, .. } = changed("a.pem", "x\n", &format!("{key}public\n")) else {
        panic!()
    };
    assert_eq!(lines.hunks[0].lines.last().map(|line| line.shown.text.as_str()), Some("public"));
    let metadata = json!({"note": format!("see {token}"), "database_password": "Tr0ub4dor&3x9Q"});
    let metadata = metadata.as_object().cloned().expect("an object");
    let candidate = Described { metadata, subject: Some(token.clone()), ..Described::default() };
    let declared = super::Declared::between(&Described::default(), &candidate);
    let shown = serde_json::to_string(&declared).expect("JSON");
    assert!(!shown.contains(&token[4..]) && !shown.contains("Tr0ub4dor"), "{shown}");
    assert_eq!(shown.matches("[redacted]").count(), 3, "{shown}");
}

#[test]
fn a_secret_is_not_shown_where_a_line_is_cut() {
    let token = token();
    for before in DIFF_CHARACTERS_MAX - token.len()..=DIFF_CHARACTERS_MAX {
        let shown = Shown::of_text(&format!("{} {token}", "x ".repeat(before / 2)));
        assert!(!shown.text.contains(&token[..8]), "{}", shown.text);
        assert!(shown.text.chars().count() <= DIFF_CHARACTERS_MAX);
    }
}
