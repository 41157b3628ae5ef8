//! What `evidence diff --baseline run:latest` makes of a store where no good bundle is left: a gate goes by its exit code.

use std::fs;

use crate::cli_diff::{WIDGET, ended, latest, push};
use crate::room::Room;

#[test]
fn a_gate_goes_on_without_a_baseline_only_where_none_was_damaged_or_lost() {
    let kept = || {
        let room = Room::new();
        let store = room.store();
        room.env("STRONGROOM_STORE_URL", store)
    };
    let room = kept();
    // Nothing of this subject, and only a run that says itself that it failed: there is none.
    latest(&room, "now\n", &WIDGET, &[]).exits(7);
    push(&room, "another's\n", &["--subject", "acme/gadget"]);
    latest(&room, "now\n", &WIDGET, &[]).exits(7);
    let failed = ended("failed");
    push(&room, "failed\n", &failed.iter().map(String::as_str).collect::<Vec<_>>());
    let none = latest(&room, "now\n", &WIDGET, &[]).exits(7);
    assert!(none.stderr.contains("none of 1 earlier bundles"), "{}", none.stderr);

    // One byte of the only good one was changed: nobody may take that for a first run.
    let good = push(&room, "good\n", &WIDGET);
    let archive = room.stored(&format!("bundles/{good}.tar.gz"));
    let whole = fs::read(&archive).expect("an archive");
    for at in [0, whole.len() / 2, whole.len() - 5] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&archive, changed).expect("changed");
        let refused = latest(&room, "now\n", &WIDGET, &[]).exits(3);
        assert!(refused.stderr.contains(&good), "byte {at}: {}", refused.stderr);
    }
    fs::write(&archive, "no archive").expect("changed");
    latest(&room, "now\n", &WIDGET, &[]).exits(3);

    // Nor where it is gone, and only its reference is left.
    fs::remove_file(&archive).expect("removed");
    let gone = latest(&room, "now\n", &WIDGET, &[]).exits(5);
    assert!(gone.stderr.contains(&good), "{}", gone.stderr);
}
