//! Every cell of `docs/ROLES.md`, asked of the running service: each route, by somebody of each role and by whoever has
//! no business here, about a package in each state. Whoever may not know of a thing gets, to the byte, the answer
//! about one that was never there.
//!
//! | module | what |
//! |---|---|
//! | [`page`] | the table, as the page has it |
//! | [`routes`] | every route, and which line of the table decides about it |
//! | [`made`] | packages in each state |

mod made;
mod page;
mod routes;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use strongroom_core::package::PackageStatus;
use strongroom_registry::api::router::document;
use strongroom_registry::auth::Role;
use uuid::Uuid;

use self::made::{Made, Pool};
use self::page::Page;
use self::routes::{About, Route, routes};
use crate::app::{Answer, Client, TestApp, on_both_with, token_for_tenant};
use crate::evidence::stepwise;
use crate::signing::signs;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The producer is the one that made the packages.
    Of(Role),
    /// A producer that made none of them.
    OtherProducer,
    /// An operator whose token is for the packages of another producer.
    Narrowed,
    /// An administrator of another tenant.
    OtherTenant,
    Nobody,
    Expired,
    Revoked,
}

/// What the page says that the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Allowed,
    Unauthenticated,
    Forbidden,
    /// Like something absent.
    Hidden,
    WrongState,
}

struct Asking {
    app: TestApp,
    page: Page,
    pool: Pool,
    people: Vec<(Who, Client)>,
}

async fn people(app: &TestApp) -> Vec<(Who, Client)> {
    let admin = app.as_(Role::Admin);
    let token = |body: serde_json::Value| {
        let admin = admin.clone();
        async move {
            let made = admin.post("/tokens", body).await;
            let id = made.field("token_id").as_str().unwrap().to_owned();
            (made.field("secret").as_str().unwrap().to_owned(), id)
        }
    };
    let (short, _) = token(json!({ "name": "short", "role": "admin", "days": 1 })).await;
    app.clock.advance(SignedDuration::from_hours(25));
    let (revoked, id) = token(json!({ "name": "gone", "role": "admin" })).await;
    assert_eq!(admin.delete(&format!("/tokens/{id}")).await.status, StatusCode::NO_CONTENT);
    let narrow = json!({ "name": "narrow", "role": "operator", "producer": "somebody-else" });
    let (narrowed, _) = token(narrow).await;
    let elsewhere = token_for_tenant(&app.registry, "elsewhere", Role::Admin).await;
    let mut people: Vec<_> = Role::ALL.map(|role| (Who::Of(role), app.as_(role))).into();
    people.extend([
        (Who::OtherProducer, app.another(Role::Producer).await),
        (Who::Narrowed, app.with_token(&narrowed)),
        (Who::OtherTenant, app.with_token(&elsewhere)),
        (Who::Nobody, app.stranger()),
        (Who::Expired, app.with_token(&short)),
        (Who::Revoked, app.with_token(&revoked)),
    ]);
    people
}

impl Asking {
    async fn new(app: TestApp) -> Self {
        let people = people(&app).await;
        let page = Page::read();
        let mut wanted = Vec::new();
        let routes = routes();
        for route in routes.iter().filter(|route| route.changes && route.about != About::Registry) {
            for role in Role::ALL {
                let line = page.line(route.line);
                let states = line.states.iter().filter(|_| line.allows(role));
                wanted.extend(states.map(|state| (*state, route.needs_hold)));
            }
        }
        let pool = Pool::make(&app, wanted).await;
        Self { app, page, pool, people }
    }

    fn expected(&self, route: &Route, who: Who, status: PackageStatus) -> Expected {
        let line = self.page.line(route.line);
        let is_of_one = route.about != About::Registry;
        let role = match who {
            Who::Nobody | Who::Expired | Who::Revoked => return Expected::Unauthenticated,
            Who::OtherTenant if is_of_one || route.names_one => return Expected::Hidden,
            Who::OtherProducer | Who::Narrowed if is_of_one => return Expected::Hidden,
            // Of others' packages it sees no job.
            Who::Narrowed if route.path.contains("{job_id}") => return Expected::Hidden,
            Who::OtherTenant => Role::Admin,
            Who::OtherProducer => Role::Producer,
            Who::Narrowed => Role::Operator,
            Who::Of(role) => role,
        };
        let is_open = is_of_one || !matches!(who, Who::Narrowed) || self.page.is_open(route.line);
        match line.allows(role) && is_open {
            false => Expected::Forbidden,
            true if is_of_one && !line.states.contains(&status) => Expected::WrongState,
            true => Expected::Allowed,
        }
    }

    async fn ask(&mut self, route: &Route, who: Who, client: &Client, status: PackageStatus) {
        let expected = self.expected(route, who, status);
        let spends =
            expected == Expected::Allowed && route.changes && route.about != About::Registry;
        let made = self.pool.take(status, route.needs_hold, spends);
        let token = match route.path.contains("{token_id}") && expected == Expected::Allowed {
            true => self.spare_token().await,
            false => self.pool.token,
        };
        let answer = send(client, route, &Made { token, ..made }).await;
        let cell = format!("{} {} by {who:?}, {status}: {answer:?}", route.method, route.path);
        let problem = (!answer.status.is_success()).then(|| problem_of(route, &answer));
        match expected {
            Expected::Allowed => {
                let allowed = route.answer_in(status);
                assert_eq!(problem.as_deref(), allowed, "{cell}");
            }
            Expected::Forbidden => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{cell}"),
            Expected::WrongState => assert_eq!(problem.as_deref(), Some("wrong-state"), "{cell}"),
            Expected::Unauthenticated => {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{cell}");
                self.is_as_of_nothing(client, route, &answer, &cell).await;
            }
            Expected::Hidden => {
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{cell}");
                self.is_as_of_nothing(client, route, &answer, &cell).await;
            }
        }
    }

    async fn spare_token(&self) -> Uuid {
        let ask = json!({ "name": "spare", "role": "auditor" });
        let made = self.app.as_(Role::Admin).post("/tokens", ask).await;
        made.field("token_id").as_str().unwrap().parse().unwrap()
    }

    /// The very same answer as about ids that nobody ever gave.
    async fn is_as_of_nothing(&self, client: &Client, route: &Route, answer: &Answer, cell: &str) {
        let id = || self.app.registry.clock().new_id();
        let nothing =
            Made { id: id(), file: id(), hold: id(), upload: id(), job: id(), token: id() };
        let absent = send(client, route, &nothing).await;
        assert_eq!((absent.status, &absent.body), (answer.status, &answer.body), "{cell}");
        assert_eq!(comparable(&absent), comparable(answer), "{cell}");
    }
}

/// The headers, but for what is each request's own.
fn comparable(answer: &Answer) -> HeaderMap {
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id");
    headers
}

async fn send(client: &Client, route: &Route, made: &Made) -> Answer {
    let path = route
        .path
        .replace("{package_id}", &made.id.to_string())
        .replace("{file_id}", &made.file.to_string())
        .replace("{hold_id}", &made.hold.to_string())
        .replace("{upload_id}", &made.upload.to_string())
        .replace("{job_id}", &made.job.to_string())
        .replace("{token_id}", &made.token.to_string())
        .replace("{producer}", "scanner")
        .replace("{path}", "another/file");
    let (media_type, body) = (route.body)();
    let mut request = client.request(route.method.clone(), &path);
    if !media_type.is_empty() {
        request = request.header("content-type", media_type);
    }
    for (name, value) in route.fields {
        request = request.header(*name, *value);
    }
    client.send(request.body(Body::from(body)).unwrap()).await
}

/// The problem's type. An answer to HEAD has no body: its status says as much.
fn problem_of(route: &Route, answer: &Answer) -> String {
    match (&route.method, answer.status) {
        (&Method::HEAD, StatusCode::CONFLICT) => "wrong-state".to_owned(),
        (&Method::HEAD, status) => status.to_string(),
        _ => answer.problem(),
    }
}

#[test]
fn every_route_of_the_document_is_asked() {
    let document = serde_json::to_value(document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"];
        for method in methods.iter().filter(|method| item.get(method).is_some()) {
            let path = path.strip_prefix("/api/v1").expect("a route of the API");
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let asked: BTreeSet<_> =
        routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(asked, documented);
}

#[tokio::test]
async fn each_cell_of_the_page_about_roles_is_what_the_service_answers() {
    on_both_with(stepwise_with_short_grace, |app| async move {
        let mut asking = Asking::new(app).await;
        for route in &routes() {
            for (who, client) in asking.people.clone() {
                // What is about no one package is asked once.
                let states = match route.about {
                    About::Registry => &[PackageStatus::Finalized],
                    About::Package => PackageStatus::ALL,
                };
                for status in states {
                    asking.ask(route, who, &client, *status).await;
                }
            }
        }
    })
    .await;
}

fn stepwise_with_short_grace(settings: &mut strongroom_registry::config::Settings) {
    stepwise(settings);
    settings.deletion.grace_ticks = 1;
    // Named, and not opened: nobody works on the jobs.
    settings.local_roots.insert("here".to_owned(), "/nowhere".into());
    signs(settings);
}
