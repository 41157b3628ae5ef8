//! What a comparison shows of bundles that hold a secret of every kind and form: none.

use serde_json::json;

use crate::cli_diff::bundle;
use crate::cli_lint::refuse_values;
use crate::planted;
use crate::room::Room;

/// Whatever holds a secret, on either side: a name, a text, JSON, records, metadata.
#[test]
fn no_secret_is_shown_in_any_format() {
    let room = Room::new();
    let mut metadata = vec![];
    for folder in ["one", "two"] {
        let texts = planted::secrets().into_iter().map(|(_, secret)| secret);
        let forms = planted::forms().into_iter().map(|(_, form, _)| form);
        for (at, text) in texts.chain(forms).enumerate() {
            let is_here = (at % 2 == 0) == (folder == "one");
            let text = if is_here { text } else { "nothing".to_owned() };
            room.write(&format!("{folder}/texts/{at}.log"), format!("{folder}\n{text}\nend\n"));
            let record = json!({"at": at, "line": text}).to_string();
            room.write(&format!("{folder}/json/{at}.json"), &record);
            room.write(&format!("{folder}/records/{at}.ndjson"), format!("{record}\n"));
            room.write(
                &format!("{folder}/more/{at}.ndjson"),
                format!("{record}\n{{}}\n").repeat(1 + usize::from(is_here)),
            );
        }
        let given = planted::given();
        let values: Vec<_> = given.iter().map(|(_, name, value, _)| (name, value)).collect();
        for (at, (name, value)) in values.iter().enumerate() {
            let is_here = (at % 2 == 0) == (folder == "one");
            let value = if is_here { value.as_str() } else { "nothing" };
            let deep =
                json!({(**name): {"kept": [{"since": 2026, "it": value}]}, "public": is_here});
            room.write(&format!("{folder}/given/{at}.json"), deep.to_string());
            let pair = json!({"env": [{"name": name, "value": value}]});
            room.write(&format!("{folder}/pairs/{at}.json"), pair.to_string());
            if folder == "one" {
                metadata.push(format!("{name}={value}"));
            }
        }
        for (id, secret) in planted::secrets() {
            // A name of a file has 255 bytes at most, and no path two slashes together.
            if secret.len() < 200 && !secret.contains("//") {
                room.write(
                    &format!("{folder}/names/{folder} {secret} x"),
                    format!("{folder} {id}"),
                );
                room.write(&format!("{folder}/names/both {secret} x"), folder);
                room.write(&format!("{folder}/moved {folder} {secret} x"), format!("moved {id}"));
            }
        }
    }
    let flags: Vec<&str> = metadata.iter().flat_map(|each| ["--metadata", each]).collect();
    bundle(&room, "one", &flags);
    bundle(&room, "two", &["--subject", "acme/widget"]);
    for format in ["human", "json", "ndjson", "markdown"] {
        for between in [["one.tar.gz", "two.tar.gz"], ["two.tar.gz", "one.tar.gz"]] {
            let command = [&["evidence", "diff", "--format", format][..], &between].concat();
            let told = room.run(&command).exits(0);
            refuse_values(&told.stdout);
            refuse_values(&told.stderr);
            assert!(told.stdout.matches("[redacted]").count() > 100, "{format}");
        }
    }
}
