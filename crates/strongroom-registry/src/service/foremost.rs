//! The few of many that come first by a rank, kept while all of them pass.

/// At most so many of what passed, the first by rank first.
#[derive(Debug)]
pub(crate) struct Foremost<R, T> {
    kept_max: usize,
    kept: Vec<(R, T)>,
}

impl<R: Ord, T> Foremost<R, T> {
    pub(crate) fn new(kept_max: usize) -> Self {
        Self { kept_max, kept: Vec::with_capacity(kept_max) }
    }

    /// One more passes; `make` is asked for it only where it is to be kept. Of one rank, the earlier comes first.
    pub(crate) fn pass(&mut self, rank: R, make: impl FnOnce() -> T) {
        let place = self.kept.partition_point(|(other, _)| *other >= rank);
        if place == self.kept_max {
            return;
        }
        if self.kept.len() == self.kept_max {
            self.kept.pop();
        }
        self.kept.insert(place, (rank, make()));
    }

    pub(crate) fn into_kept(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|(_, one)| one)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::Foremost;

    #[test]
    fn what_is_kept_is_what_sorting_all_would_put_first() {
        // Each rank several times, in an order that is neither of them.
        let ranks: Vec<u32> = (0..200).map(|number| number * 37 % 50).collect();
        for (kept_max, count) in [(0, 200), (1, 200), (8, 3), (8, 8), (8, 200), (300, 200)] {
            let passing: Vec<(u32, usize)> = ranks[..count].iter().copied().zip(0..).collect();
            let (mut foremost, mut made) = (Foremost::new(kept_max), 0);
            for (rank, one) in &passing {
                foremost.pass(*rank, || {
                    made += 1;
                    *one
                });
            }
            let mut sorted = passing.clone();
            sorted.sort_by_key(|(rank, _)| Reverse(*rank));
            let first: Vec<usize> = sorted.iter().take(kept_max).map(|(_, one)| *one).collect();
            assert_eq!(foremost.into_kept().collect::<Vec<_>>(), first, "{kept_max} of {count}");
            assert!(count <= kept_max || made < count, "{made} were made to keep {kept_max}");
        }
    }
}
