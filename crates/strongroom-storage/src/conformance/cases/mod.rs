//! The cases, one group a file, in the order in which they run.

mod bodies;
mod create_only;
mod deletion;
mod integrity;
mod keys;
mod listing;
mod locks;
mod metadata;
mod reads;
mod time;
mod versions;

use super::run::Case;

macro_rules! cases {
    ($($group:ident { $($case:ident),+ $(,)? })+) => {
        /// Every case.
        pub(super) const CASES: &[Case] = &[$($(
            Case {
                name: concat!(stringify!($group), ".", stringify!($case)),
                run: |run| Box::pin($group::$case(run)),
            },
        )+)+];
    };
}

cases! {
    time { agrees_with_the_local_clock }
    reads {
        whole_object, empty_object, absent_object, ranges, range_past_the_end,
        never_partial_while_written,
    }
    bodies { large, failing, failing_in_parts, dropped, dropped_in_parts, longer_than_announced }
    integrity { small, large }
    metadata { round_trip, round_trip_in_parts }
    create_only { second_create, second_create_in_parts, race, race_in_parts, probe }
    keys {
        reserved_characters, percent_signs, unicode, normal_forms, upper_and_lower_case,
        long_segment, long_key, object_beside_folder,
    }
    listing { order, pages, start_after, folders, pages_of_folders, prefix_inside_a_name, nothing }
    deletion { removes, absent_is_no_error, key_is_free_again }
    versions { listed_newest_first, earlier_one_is_read, below_a_delete_marker }
    locks {
        in_write, in_write_in_parts, after_write, longer, shorter_is_refused, past_is_refused,
        deletion_is_refused, legal_hold,
    }
}
