//! A request that carries a file's bytes. It may take as long as it takes, as long as the line takes some of them now and
//! then; and how long its answer may take is counted from the last one on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, TryStreamExt as _};
use reqwest::{Body, RequestBuilder, Response};
use tokio::time::{Instant, sleep_until};

use super::attempts::Refusal;
use super::{ANSWER_TIMEOUT, Client, refused};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::count;

/// For how long the line may take nothing of a body. What waits in the buffers of this machine is some MiB, and a slow
/// line takes the next ones only when much of that is gone.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// A registry stores a file, and reads it back, before it answers: so many of its bytes in a second, where its store is
/// slow.
const STORED_BYTES_PER_S: u64 = 16 << 20;
/// For how long a registry may make a file of parts that are all there.
const BEING_STORED_MAX: Duration = Duration::from_hours(24);

/// What is waited for, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// A line that takes nothing.
    pub stall: Duration,
    /// The answer to a body of few bytes, once all of them were taken.
    pub answer: Duration,
    /// A file that is made of its parts.
    pub being_stored: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: STALL_TIMEOUT, answer: ANSWER_TIMEOUT, being_stored: BEING_STORED_MAX }
    }
}

/// A body on its way.
#[derive(Debug, Clone)]
struct Line {
    taken: Arc<Mutex<Taken>>,
    patience: Patience,
    size_bytes: u64,
}

#[derive(Debug)]
struct Taken {
    /// When the line last took some of it.
    at: Instant,
    left_bytes: u64,
}

/// What nobody waits for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Late {
    /// The line takes nothing.
    Line,
    /// All was taken, and there is no answer.
    Answer,
}

impl Line {
    fn new(size_bytes: u64, patience: Patience) -> Self {
        let taken = Taken { at: Instant::now(), left_bytes: size_bytes };
        Self { taken: Arc::new(Mutex::new(taken)), patience, size_bytes }
    }

    fn takes(&self, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.at = Instant::now();
        taken.left_bytes = taken.left_bytes.saturating_sub(bytes as u64);
    }

    /// What is waited for now, and until when.
    fn limit(&self) -> (Late, Instant) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.left_bytes {
            0 => {
                let stored = Duration::from_secs(self.size_bytes / STORED_BYTES_PER_S);
                (Late::Answer, taken.at + self.patience.answer + stored)
            }
            _ => (Late::Line, taken.at + self.patience.stall),
        }
    }

    /// What comes of a request with this body, unless nobody waits for it any longer.
    async fn wait_for<T>(&self, request: impl Future<Output = T>) -> Result<T, Late> {
        let mut request = std::pin::pin!(request);
        loop {
            let (_, until) = self.limit();
            tokio::select! {
                biased;
                answer = &mut request => return Ok(answer),
                () = sleep_until(until) => {
                    let (late, until) = self.limit();
                    if until <= Instant::now() {
                        return Err(late);
                    }
                }
            }
        }
    }

    fn refusal(&self, late: Late) -> Refusal {
        let message = match late {
            Late::Line => {
                let waited = count(self.patience.stall.as_secs(), "second", "seconds");
                format!("nothing of the file went over the line for {waited}")
            }
            Late::Answer => "all of the file was sent, and no answer came".to_owned(),
        };
        let failure = Failure::new(Exit::Unreachable, message)
            .with_help("run the same command again: what is stored is not sent again");
        Refusal::on_the_way(failure)
    }
}

impl Client {
    /// Sends bytes of a file: so many, as they come from `pieces`.
    pub(super) async fn send_bytes(
        &self,
        request: RequestBuilder,
        size_bytes: u64,
        pieces: impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let line = Line::new(size_bytes, self.patience);
        let taken = line.clone();
        let pieces = pieces.inspect_ok(move |piece| taken.takes(piece.len()));
        let request = request.header("content-length", size_bytes).body(Body::wrap_stream(pieces));
        let answer = line.wait_for(self.answer_to(request)).await;
        let response = answer.map_err(|late| line.refusal(late))??;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(refused(response).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use reqwest::Method;

    use super::super::stub::{Stub, Takes};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const PATIENCE: Patience = Patience {
        stall: Duration::from_secs(10),
        answer: Duration::from_secs(20),
        being_stored: SECOND,
    };

    /// How a request fares whose line takes a piece of a byte after each of these waits, and that is answered so long
    /// after the last; and how long that took.
    async fn fares(size_bytes: u64, waits: &[u64], answer_s: u64) -> (Result<(), Late>, u64) {
        let line = Line::new(size_bytes, PATIENCE);
        let began = Instant::now();
        let fared = line
            .wait_for(async {
                for wait in waits {
                    tokio::time::sleep(SECOND * u32::try_from(*wait).unwrap()).await;
                    line.takes(1);
                }
                tokio::time::sleep(SECOND * u32::try_from(answer_s).unwrap()).await;
            })
            .await;
        (fared, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_takes_some_now_and_then_may_take_as_long_as_it_takes() {
        assert_eq!(fares(100, &[9; 100], 19).await, (Ok(()), 919));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_takes_nothing_is_not_waited_for() {
        assert_eq!(fares(3, &[9, 11, 1], 0).await, (Err(Late::Line), 19));
        assert_eq!(fares(3, &[1, 1], 3_600).await, (Err(Late::Line), 12));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_from_the_last_byte_on() {
        assert_eq!(fares(2, &[9, 9], 21).await, (Err(Late::Answer), 38));
        assert_eq!(fares(0, &[], 19).await, (Ok(()), 19));
        assert_eq!(fares(0, &[], 21).await, (Err(Late::Answer), 20));
        // A long file takes time to be stored.
        let long = Line::new(STORED_BYTES_PER_S * 100, PATIENCE);
        long.takes(usize::try_from(long.size_bytes).unwrap());
        assert_eq!(long.limit(), (Late::Answer, Instant::now() + SECOND * 120));
    }

    /// What comes of a body of some MiB at a registry that takes it like this.
    async fn sent(takes: Takes, patience: Patience) -> Result<(), Refusal> {
        const PIECES: usize = 512;
        const PIECE_BYTES: usize = 64 << 10;
        let stub = Stub::start(takes, |_| Some(("200 OK".to_owned(), String::new()))).await;
        let client = stub.client(patience);
        let pieces = stream::iter((0..PIECES).map(|_| Ok(vec![0; PIECE_BYTES])));
        let request = client.sending(Method::PUT, "/a");
        client.send_bytes(request, (PIECES * PIECE_BYTES) as u64, pieces).await.map(drop)
    }

    #[tokio::test]
    async fn a_slow_line_may_take_longer_than_anything_is_waited_for() {
        let patience = Patience { stall: SECOND * 2, answer: SECOND * 2, being_stored: SECOND };
        let began = Instant::now();
        sent(Takes::Slowly(64 << 10, SECOND / 200), patience).await.unwrap();
        assert!(began.elapsed() > SECOND * 2, "it was no slow line: {:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_line_that_takes_nothing_is_told_as_that() {
        let patience = Patience { stall: SECOND, answer: SECOND * 60, being_stored: SECOND };
        let refused = sent(Takes::Nothing, patience).await.unwrap_err();
        assert!(refused.was_cut());
        let told = refused.failure.to_string();
        assert_eq!(told, "nothing of the file went over the line for 1 second");
    }
}
