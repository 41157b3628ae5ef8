//! [`S3Server`] and its builder.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;

use super::bucket::{BucketSettings, BucketView};
use super::fault::Faults;
use super::layer;
use super::lie::{Lie, Lies};
use super::request::{Op, SeenRequest};
use super::state::{Bucket, Shared, State, assert_distinct};
use super::tls::Tls;
use super::user::User;
use crate::TestClock;

/// The region that the server lives in, unless the test names another.
pub const REGION: &str = "us-east-1";
/// The access key of the user with every right.
pub const ACCESS_KEY: &str = "testaccess";
/// The secret of the user with every right.
pub const SECRET_KEY: &str = "testsecretkey";
/// S3's smallest part that is not the last one.
const PART_BYTES_MIN: usize = 5 << 20;

/// An S3 server on 127.0.0.1, with threads of its own: a test that blocks does not stop it. It
/// ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: Option<String>,
    runtime: Option<Runtime>,
}

/// A server being set up.
#[derive(Debug, Clone)]
pub struct S3ServerBuilder {
    buckets: Vec<(String, BucketSettings)>,
    users: Vec<User>,
    clock: TestClock,
    signature_clock: Option<TestClock>,
    region: String,
    redirects_wrong_region: bool,
    refuses_skewed_clocks: bool,
    upgrades_need_bypass: bool,
    part_bytes_min: usize,
    lies: Vec<Lie>,
    tls: bool,
}

impl S3Server {
    /// A server with one user of every right ([`ACCESS_KEY`], [`SECRET_KEY`]), in [`REGION`].
    pub fn builder() -> S3ServerBuilder {
        S3ServerBuilder {
            buckets: Vec::new(),
            users: vec![User::new(ACCESS_KEY, SECRET_KEY)],
            clock: TestClock::system(),
            signature_clock: None,
            region: REGION.to_owned(),
            redirects_wrong_region: false,
            refuses_skewed_clocks: false,
            upgrades_need_bypass: false,
            part_bytes_min: PART_BYTES_MIN,
            lies: Vec::new(),
            tls: false,
        }
    }

    /// `http://127.0.0.1:PORT`, or `https://…` with TLS.
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate, in PEM, that clients of a TLS server must trust.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The user with every right.
    pub fn owner(&self) -> &User {
        &self.shared.users[0]
    }

    /// The server's clock.
    pub fn clock(&self) -> &TestClock {
        &self.shared.clock
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How the server lies, always.
    pub fn lies(&self) -> &Lies {
        &self.shared.lies
    }

    /// A bucket, past every check.
    pub fn bucket(&self, name: &str) -> BucketView {
        BucketView { shared: Arc::clone(&self.shared), name: name.to_owned() }
    }

    /// Every request since the start or the last [`Self::reset_requests`], in order of arrival.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.log().clone()
    }

    /// How many requests of one operation came.
    pub fn count(&self, op: Op) -> usize {
        self.shared.log().iter().filter(|request| request.op == op).count()
    }

    /// Forgets the requests so far.
    pub fn reset_requests(&self) {
        self.shared.log().clear();
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // A plain drop would block, which a test that is `async` must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl S3ServerBuilder {
    /// Adds a bucket.
    pub fn bucket(mut self, name: &str, settings: BucketSettings) -> Self {
        self.buckets.push((name.to_owned(), settings));
        self
    }

    /// Adds a user.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Keeps time by a clock of the test: `Date` headers, dates of versions, expiry of locks.
    pub fn clock(mut self, clock: TestClock) -> Self {
        self.clock = clock;
        self
    }

    /// Lives in a region. Requests signed for another one are refused with 400
    /// `AuthorizationHeaderMalformed`, which names the right region.
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Refuses requests signed for another region with 301 `PermanentRedirect` instead.
    pub fn redirects_wrong_region(mut self) -> Self {
        self.redirects_wrong_region = true;
        self
    }

    /// Refuses requests signed more than 15 minutes off the server's clock, as real stores do, with
    /// 403 `RequestTimeTooSkewed`. (By default a test may turn the clock without that, and presigned
    /// URLs end by this machine's clock.)
    pub fn refuses_skewed_clocks(mut self) -> Self {
        self.refuses_skewed_clocks = true;
        self
    }

    /// Judges the dates of signatures by another clock than everything else, for tests that turn the
    /// server's clock to end a lock while their clients sign by this machine's.
    pub fn signature_clock(mut self, clock: TestClock) -> Self {
        self.signature_clock = Some(clock);
        self
    }

    /// Makes a GOVERNANCE lock a COMPLIANCE one for those only who may bypass governance, and say so
    /// (Ceph RGW, SeaweedFS, and by the word of Ceph's developers AWS).
    pub fn upgrades_need_bypass(mut self) -> Self {
        self.upgrades_need_bypass = true;
        self
    }

    /// Takes smaller parts than S3 does, for tests of many parts.
    pub fn part_bytes_min(mut self, bytes: usize) -> Self {
        self.part_bytes_min = bytes;
        self
    }

    /// Is not what it says, in one way. Several lies add up.
    pub fn lie(mut self, lie: Lie) -> Self {
        self.lies.push(lie);
        self
    }

    /// Speaks TLS, under a certificate authority of its own.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts the server.
    #[allow(clippy::unused_async)] // so that scripts read alike for servers that take their time
    pub async fn start(self) -> S3Server {
        self.start_blocking()
    }

    /// Starts the server, in a test that is not `async`.
    pub fn start_blocking(self) -> S3Server {
        assert_distinct(&self.users);
        let buckets = self.buckets.into_iter();
        let buckets = buckets.map(|(name, settings)| (name, Bucket::new(settings))).collect();
        let signature_clock = self.signature_clock.unwrap_or_else(|| {
            let by_the_server = self.refuses_skewed_clocks;
            if by_the_server { self.clock.clone() } else { TestClock::system() }
        });
        let lies = Lies::default();
        self.lies.iter().for_each(|lie| lies.begin(*lie));
        let shared = Arc::new(Shared {
            clock: self.clock,
            signature_clock,
            region: self.region,
            redirects_wrong_region: self.redirects_wrong_region,
            refuses_skewed_clocks: self.refuses_skewed_clocks,
            upgrades_need_bypass: self.upgrades_need_bypass,
            part_bytes_min: self.part_bytes_min,
            users: self.users,
            faults: Faults::default(),
            lies,
            log: Mutex::default(),
            state: Mutex::new(State { buckets }),
            ids: AtomicU64::new(1),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("s3-server")
            .enable_all()
            .build()
            .expect("a runtime for the server starts");
        let tls = self.tls.then(Tls::new);
        let ca_pem = tls.as_ref().map(|tls| tls.ca_pem.clone());
        let acceptor = tls.map(|tls| tls.acceptor);
        runtime.spawn(layer::listen(Arc::clone(&shared), listener, acceptor));
        S3Server { shared, address, ca_pem, runtime: Some(runtime) }
    }
}
