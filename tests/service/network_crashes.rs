//! `kill -9` at every call to a network, and answers that are lost: the next publish asks the network what it has, so
//! that in the end there is one post, and the ledger knows of it.

use std::time::Duration;

use futures_util::future::join_all;
use publisher::adapters::http_client::{self, ExtraRoots};
use publisher_sandbox::{
    Bluesky, DemoTenant, Fault, Network, Processing, Sample, Sandbox, Switches, TenantSpec,
};
use serde_json::json;

use crate::{
    crashes::{kill_at, publish_after_crash},
    database::Database,
    harness::Service,
};

pub(crate) const IMAGE: &str = "knot.jpg";

/// A sandbox with a tenant that has an account at this network and nothing else.
pub(crate) async fn with_account(network: Network) -> (Sandbox, DemoTenant) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let image = Sample::jpeg(IMAGE, 64, 48, 7).unwrap();
    let spec = TenantSpec::new("nora").telegram(false).network(network);
    let tenant = sandbox.add_tenant(spec.images([image]));
    (sandbox, tenant)
}

pub(crate) fn switches(sandbox: &Sandbox, network: Network) -> &Switches {
    match network {
        Network::Mastodon => sandbox.mastodon.switches(),
        Network::Bluesky => sandbox.bluesky.switches(),
    }
}

/// The call that makes a post visible.
pub(crate) fn posting(network: Network) -> &'static str {
    match network {
        Network::Mastodon => "post_status",
        Network::Bluesky => "createRecord",
    }
}

/// The ids of the posts of the tenant at the network.
pub(crate) fn posts(sandbox: &Sandbox, tenant: &DemoTenant, network: Network) -> Vec<String> {
    let name = &tenant.account(network).unwrap().name;
    match network {
        Network::Mastodon => {
            let statuses = sandbox.mastodon.statuses_of(name).into_iter();
            statuses.map(|it| it.id).collect()
        }
        Network::Bluesky => {
            let posts = sandbox.bluesky.posts_of(name).into_iter();
            posts.map(|it| it.uri).collect()
        }
    }
}

/// Where the process is when it is killed.
#[derive(Clone, Copy)]
struct Point {
    name: &'static str,
    network: Network,
    /// What happens for the call to be made at all.
    before: fn(&Sandbox),
    operation: &'static str,
    moment: Moment,
    /// What the next publish says.
    then: &'static str,
}

/// When, of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It has arrived, and never has an effect.
    Arrived,
    /// It has had its effect, and is not answered yet.
    Done,
}
use Moment::{Arrived, Done};
use Network::{Bluesky as B, Mastodon as M};

fn all_is_well(_: &Sandbox) {}

fn works_on_the_image(sandbox: &Sandbox) {
    sandbox.mastodon.set_processing(Processing::After(1));
}

/// The post is taken, and nobody hears of it.
fn loses_the_answer(sandbox: &Sandbox) {
    for network in [Network::Mastodon, Network::Bluesky] {
        switches(sandbox, network).inject(posting(network), Fault::ResetAfterRequest);
    }
}

fn ends_the_session(sandbox: &Sandbox) {
    let expired = Bluesky::refusal(400, "ExpiredToken", "Token has expired");
    sandbox.bluesky.switches().inject("uploadBlob", expired);
}

const fn point(
    name: &'static str,
    network: Network,
    before: fn(&Sandbox),
    operation: &'static str,
    moment: Moment,
    then: &'static str,
) -> Point {
    Point {
        name,
        network,
        before,
        operation,
        moment,
        then,
    }
}

/// Nothing had been posted.
const FRESH: &str = "published";
/// It had been posted, which the network tells.
const KNOWN: &str = "already_published";

/// One test for each database and each point.
macro_rules! points {
    ($($name:ident: $network:ident $before:ident $operation:literal $moment:ident -> $then:ident;)+) => {
        mod killed_on_sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let point = point(stringify!($name), $network, $before, $operation, $moment, $then);
                kill_at_point(Database::sqlite().await, point).await;
            })+
        }

        mod killed_on_postgres {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let point = point(stringify!($name), $network, $before, $operation, $moment, $then);
                kill_at_point(Database::postgres().await, point).await;
            })+
        }
    };
}

points! {
    before_the_instance_is_asked: M all_is_well "instance" Arrived -> FRESH;
    after_the_instance_is_asked: M all_is_well "instance" Done -> FRESH;
    before_the_image_is_uploaded: M all_is_well "upload_media" Arrived -> FRESH;
    after_the_image_is_uploaded: M all_is_well "upload_media" Done -> FRESH;
    before_the_image_is_processed: M works_on_the_image "get_media" Arrived -> FRESH;
    while_the_image_is_processed: M works_on_the_image "get_media" Done -> FRESH;
    after_the_status_is_posted: M all_is_well "post_status" Done -> KNOWN;
    before_the_upload_is_looked_for: M loses_the_answer "get_media" Arrived -> KNOWN;
    after_the_upload_is_looked_for: M loses_the_answer "get_media" Done -> KNOWN;
    before_the_account_is_asked_for: M loses_the_answer "verify_credentials" Arrived -> KNOWN;
    after_the_account_is_asked_for: M loses_the_answer "verify_credentials" Done -> KNOWN;
    before_the_status_is_looked_for: M loses_the_answer "list_statuses" Arrived -> KNOWN;
    after_the_status_is_looked_for: M loses_the_answer "list_statuses" Done -> KNOWN;
    before_the_login: B all_is_well "createSession" Arrived -> FRESH;
    after_the_login: B all_is_well "createSession" Done -> FRESH;
    after_the_record_is_made: B all_is_well "createRecord" Done -> KNOWN;
    before_the_record_is_looked_for: B loses_the_answer "getRecord" Arrived -> KNOWN;
    after_the_record_is_looked_for: B loses_the_answer "getRecord" Done -> KNOWN;
}

/// With the intent written and the post not there, a network is asked for nearly a minute: a request may still be on its
/// way. So these wait together.
const UNPOSTED: [Point; 6] = [
    point("M", M, all_is_well, "post_status", Arrived, FRESH),
    point("B1", B, all_is_well, "uploadBlob", Arrived, FRESH),
    point("B2", B, all_is_well, "uploadBlob", Done, FRESH),
    point("B3", B, ends_the_session, "refreshSession", Arrived, FRESH),
    point("B4", B, ends_the_session, "refreshSession", Done, FRESH),
    point("B5", B, all_is_well, "createRecord", Arrived, FRESH),
];

#[tokio::test]
async fn what_was_about_to_be_posted_is_posted_once_it_is_known_not_to_be_there_on_sqlite() {
    join_all(UNPOSTED.map(async |point| kill_at_point(Database::sqlite().await, point).await))
        .await;
}

#[tokio::test]
async fn what_was_about_to_be_posted_is_posted_once_it_is_known_not_to_be_there_on_postgres() {
    join_all(UNPOSTED.map(async |point| kill_at_point(Database::postgres().await, point).await))
        .await;
}

/// Has the service killed at this point of a publish.
async fn kill(database: &Database, point: Point, sandbox: &Sandbox, tenant: &DemoTenant) {
    let Point {
        operation, network, ..
    } = point;
    let service = database.start(sandbox).await;
    (point.before)(sandbox);
    let switches = switches(sandbox, network);
    if point.moment == Done {
        let held = switches.hold(operation);
        kill_at(held, service, sandbox, tenant, IMAGE).await;
        return;
    }
    switches.always(operation, Fault::Timeout);
    {
        let publish = service.publish(sandbox, tenant, IMAGE, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("{}: it was to hang: {answer:?}", point.name),
            () = switches.wait_for_calls(operation, 1) => {}
        }
    }
    service.kill().await;
    switches.clear(operation);
}

async fn kill_at_point(database: Option<Database>, point: Point) {
    let Some(database) = database else { return };
    let (sandbox, tenant) = with_account(point.network).await;
    kill(&database, point, &sandbox, &tenant).await;
    let service = database.start(&sandbox).await;
    let answer = publish_after_crash(&service, &sandbox, &tenant, IMAGE).await;
    assert_one_post(&service, &sandbox, &tenant, point.network).await;
    let result = &answer.json()["results"][point.network.id()];
    assert_eq!(result["outcome"], point.then, "{}: {answer:?}", point.name);
    assert_eq!(
        answer.json()["archived"],
        true,
        "{}: {answer:?}",
        point.name
    );
    service.kill().await;
    database.remove().await;
}

/// The network has one post of the image, and the ledger knows which.
pub(crate) async fn assert_one_post(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    network: Network,
) {
    let posts = posts(sandbox, tenant, network);
    assert_eq!(posts.len(), 1, "{posts:?}");
    let entries = service.publications(sandbox, tenant).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["outcome"], "published", "{entries:?}");
    assert_eq!(entries[0]["post_id"], posts[0], "{entries:?}");
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_and_not_sent_again() {
    for network in [Network::Mastodon, Network::Bluesky] {
        for fault in [
            Fault::ResetAfterRequest,
            Fault::TruncatedBody,
            Fault::text(504, "<html>").after_processing(),
        ] {
            let (sandbox, tenant) = with_account(network).await;
            let service = Service::start(&sandbox).await;
            let switches = switches(&sandbox, network);
            switches.inject(posting(network), fault);
            let answer = service.publish(&sandbox, &tenant, IMAGE, json!({})).await;
            let result = &answer.json()["results"][network.id()];
            assert_eq!(result["outcome"], "published", "{answer:?}");
            assert_eq!(switches.calls(posting(network)), 1);
            assert_one_post(&service, &sandbox, &tenant, network).await;
        }
    }
}

/// The network is still at work on the first request when it is asked.
pub(crate) async fn finish_late(sandbox: &Sandbox, network: Network) {
    let (switches, question) = match network {
        Network::Mastodon => (sandbox.mastodon.switches(), "get_media"),
        Network::Bluesky => (sandbox.bluesky.switches(), "getRecord"),
    };
    switches.wait_for_calls(question, 1).await;
    match network {
        Network::Mastodon => assert_eq!(sandbox.mastodon.finish_posts(), 1),
        Network::Bluesky => {
            let first = switches.requests("createRecord").remove(0);
            let url = format!("{}{}", sandbox.bluesky.server().url(), first.path_and_query);
            let client = http_client::build(Duration::from_secs(10), &ExtraRoots::default());
            let request = client.unwrap().post(url).body(first.body.clone());
            let header = |name| first.header(name).unwrap().to_owned();
            let request = request.header("authorization", header("authorization"));
            let request = request.header("content-type", header("content-type"));
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
    }
}

/// The first request is taken, and still at work when the answer is lost.
pub(crate) fn postpone(sandbox: &Sandbox, network: Network) {
    match network {
        Network::Mastodon => sandbox.mastodon.postpone_posts(),
        Network::Bluesky => {
            let lost = Fault::text(504, "<html>still at work");
            sandbox.bluesky.switches().inject("createRecord", lost);
        }
    }
}

#[tokio::test]
async fn a_post_that_the_network_is_still_at_work_on_is_waited_for() {
    join_all([Network::Mastodon, Network::Bluesky].map(async |network| {
        let (sandbox, tenant) = with_account(network).await;
        let service = Service::start(&sandbox).await;
        postpone(&sandbox, network);
        let publish = service.publish(&sandbox, &tenant, IMAGE, json!({}));
        let (answer, ()) = tokio::join!(publish, finish_late(&sandbox, network));
        let result = &answer.json()["results"][network.id()];
        assert_eq!(result["outcome"], "published", "{answer:?}");
        assert_one_post(&service, &sandbox, &tenant, network).await;
        let posted = switches(&sandbox, network).requests(posting(network));
        // Of Bluesky's, one is the first request as it comes to its end.
        let expected = if network == Network::Bluesky { 2 } else { 1 };
        assert_eq!(posted.len(), expected, "nothing was sent again");
    }))
    .await;
}

/// The process is killed while the network is at work, which it ends only when the next publish has asked once.
async fn a_crash_while_the_network_is_at_work(database: Option<Database>, network: Network) {
    let Some(database) = database else { return };
    let (sandbox, tenant) = with_account(network).await;
    let service = database.start(&sandbox).await;
    postpone(&sandbox, network);
    let held = switches(&sandbox, network).hold(posting(network));
    kill_at(held, service, &sandbox, &tenant, IMAGE).await;
    let service = database.start(&sandbox).await;
    let publish = publish_after_crash(&service, &sandbox, &tenant, IMAGE);
    let (answer, ()) = tokio::join!(publish, finish_late(&sandbox, network));
    let result = &answer.json()["results"][network.id()];
    assert_eq!(result["outcome"], "already_published", "{answer:?}");
    assert_one_post(&service, &sandbox, &tenant, network).await;
    service.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn after_a_crash_a_post_that_the_network_is_still_at_work_on_is_waited_for() {
    tokio::join!(
        a_crash_while_the_network_is_at_work(Database::sqlite().await, Network::Mastodon),
        a_crash_while_the_network_is_at_work(Database::sqlite().await, Network::Bluesky),
        a_crash_while_the_network_is_at_work(Database::postgres().await, Network::Mastodon),
        a_crash_while_the_network_is_at_work(Database::postgres().await, Network::Bluesky),
    );
}
