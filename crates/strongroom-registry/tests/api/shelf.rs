//! A registry on a bucket of the in-process S3 server, whose clock goes with the registry's.

use std::sync::Arc;

use jiff::SignedDuration;
use strongroom_registry::config::Settings;
use strongroom_storage::open::{Secret, StaticCredentials, StoreSettings, open};
use strongroom_storage::{Clock, Storage};
use strongroom_testkit::S3Server;
use strongroom_testkit::clock::TestClock;
use strongroom_testkit::s3::BucketSettings;
use strongroom_testkit::s3::server::REGION;

use crate::app::TestApp;
use crate::engines::Engine;
use crate::evidence::stepwise;

/// The bucket `shelf` of a server.
pub async fn store_on(server: &S3Server) -> Arc<dyn Storage> {
    let owner = server.owner();
    let settings = StoreSettings {
        url: "s3://shelf/team".to_owned(),
        endpoint: Some(server.endpoint()),
        region: Some(REGION.to_owned()),
        allow_http: true,
        credentials: Some(StaticCredentials {
            access_key: owner.access_key().to_owned(),
            secret_key: Secret(owner.secret_key().to_owned()),
            session_token: None,
        }),
        ..StoreSettings::default()
    };
    open(&settings, Clock::system()).await.unwrap()
}

/// A registry on a bucket; the server's clock is turned beside the registry's.
pub struct Shelf {
    pub server: S3Server,
    pub app: TestApp,
}

impl Shelf {
    pub async fn new(engine: &Engine, settings: BucketSettings) -> Self {
        Self::with(engine, settings, |_| {}).await
    }

    /// The same with other settings of the registry.
    pub async fn with(
        engine: &Engine,
        settings: BucketSettings,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let server =
            S3Server::builder().bucket("shelf", settings).clock(TestClock::system()).start().await;
        let store = store_on(&server).await;
        let change = |settings: &mut Settings| {
            stepwise(settings);
            change(settings);
        };
        let app = engine.start_on(store, change).await;
        Self { server, app }
    }

    pub fn turn(&self, by: SignedDuration) {
        self.server.clock().advance(by);
        self.app.clock.advance(by);
    }
}
