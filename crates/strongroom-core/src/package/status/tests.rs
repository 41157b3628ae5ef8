use super::*;

/// The cells of a table as it is written in a test: the first row names the events, the first column the states.
pub(in crate::package) fn cells(table: &str) -> Vec<Vec<String>> {
    let rows = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let cells =
        rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()));
    cells.map(Iterator::collect).collect()
}

/// The same table as the code has it.
pub(in crate::package) fn table<S: Copy, E: Copy>(
    states: &[S],
    events: &[E],
    name_of_state: fn(S) -> &'static str,
    name_of_event: fn(E) -> &'static str,
    after: impl Fn(S, E) -> Option<&'static str>,
) -> Vec<Vec<String>> {
    let names = events.iter().map(|event| name_of_event(*event).to_owned());
    let mut rows = vec![std::iter::once(String::new()).chain(names).collect()];
    for state in states {
        let next = events.iter().map(|event| after(*state, *event).unwrap_or("-").to_owned());
        rows.push(std::iter::once(name_of_state(*state).to_owned()).chain(next).collect());
    }
    rows
}

/// `-` is a refusal.
const PACKAGES: &str = "
    |                    | finalize_requested | finalized | finalize_failed | abandoned | hold_placed      | retention_extended | deletion_requested | deletion_cancelled | deletion_begun | deletion_blocked | deleted |
    | open               | finalizing         | -         | -               | abandoned | open             | open               | -                  | -                  | -              | -                | -       |
    | finalizing         | -                  | finalized | open            | -         | finalizing       | finalizing         | -                  | -                  | -              | -                | -       |
    | finalized          | -                  | -         | -               | -         | finalized        | finalized          | deletion_requested | -                  | -              | -                | -       |
    | deletion_requested | -                  | -         | -               | -         | finalized        | finalized          | -                  | finalized          | deleting       | -                | -       |
    | deleting           | -                  | -         | -               | -         | deletion_blocked | deletion_blocked   | -                  | -                  | -              | deletion_blocked | deleted |
    | deletion_blocked   | -                  | -         | -               | -         | deletion_blocked | deletion_blocked   | -                  | finalized          | deleting       | -                | -       |
    | deleted            | -                  | -         | -               | -         | -                | -                  | -                  | -                  | -              | -                | -       |
    | abandoned          | -                  | -         | -               | -         | -                | -                  | -                  | -                  | -              | -                | -       |
";

const FILES: &str = "
    |           | kept   | upload_given_up | found_whole | found_missing | found_corrupt | deletion_begun | deletion_refused | deleted |
    | receiving | stored | deleting        | -           | -             | -             | -              | -                | -       |
    | stored    | -      | -               | stored      | missing       | corrupt       | deleting       | -                | -       |
    | missing   | -      | -               | stored      | missing       | corrupt       | deleting       | -                | -       |
    | corrupt   | -      | -               | stored      | missing       | corrupt       | deleting       | -                | -       |
    | deleting  | -      | -               | -           | -             | -             | -              | stored           | deleted |
    | deleted   | -      | -               | -           | -             | -             | -              | -                | -       |
";

const LOCATIONS: &str = "
    |          | found_whole | found_missing | found_corrupt | deletion_begun | deletion_refused | deleted |
    | active   | active      | missing       | corrupt       | deleting       | -                | -       |
    | missing  | active      | missing       | corrupt       | deleting       | -                | -       |
    | corrupt  | active      | missing       | corrupt       | deleting       | -                | -       |
    | deleting | -           | -             | -             | -              | active           | deleted |
    | deleted  | -           | -             | -             | -              | -                | -       |
";

#[test]
fn every_state_of_a_package_meets_every_event() {
    let after = |state: PackageStatus, event| state.after(event).ok().map(PackageStatus::as_str);
    let (states, events) = (PackageStatus::ALL, PackageEvent::ALL);
    let seen = table(states, events, PackageStatus::as_str, PackageEvent::as_str, after);
    assert_eq!(seen, cells(PACKAGES), "{seen:#?}");
}

#[test]
fn every_state_of_a_file_meets_every_event() {
    let after = |state: FileStatus, event| state.after(event).ok().map(FileStatus::as_str);
    let seen = table(FileStatus::ALL, FileEvent::ALL, FileStatus::as_str, FileEvent::as_str, after);
    assert_eq!(seen, cells(FILES), "{seen:#?}");
}

#[test]
fn every_state_of_a_location_meets_every_event() {
    let after = |state: LocationStatus, event| state.after(event).ok().map(LocationStatus::as_str);
    let (states, events) = (LocationStatus::ALL, LocationEvent::ALL);
    let seen = table(states, events, LocationStatus::as_str, LocationEvent::as_str, after);
    assert_eq!(seen, cells(LOCATIONS), "{seen:#?}");
}

#[test]
fn a_final_state_is_one_that_no_event_leaves() {
    for state in PackageStatus::ALL {
        let is_left = PackageEvent::ALL.iter().any(|event| state.after(*event).is_ok());
        assert_eq!(state.is_final(), !is_left, "{state}");
    }
}

#[test]
fn every_state_has_one_name_in_json_in_text_and_in_messages() {
    for state in PackageStatus::ALL {
        assert_eq!(state.as_str().parse(), Ok(*state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(state.to_string(), state.as_str());
    }
    let error = "<script>".parse::<FileStatus>().unwrap_err().to_string();
    assert!(error.contains("`receiving`, `stored`") && !error.contains("script"), "{error}");
    let refused = PackageStatus::Deleted.after(PackageEvent::HoldPlaced).unwrap_err();
    assert_eq!(refused.to_string(), "the package is deleted, which does not allow `hold_placed`");
}
