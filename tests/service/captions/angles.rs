//! The angle of each caption: another one each time, for each tenant and platform, whoever serves the request.

use publisher_sandbox::{DemoTenant, Sandbox, TenantSpec};

use super::{RATE, last_material, publish, spec};
use crate::{database::Database, harness::Service};

const BOTH: [&str; 2] = ["telegram", "email"];
/// How many captions each angle is away from itself.
const ANGLES: usize = 6;

/// Carol has two platforms, and dave one of them.
fn specs() -> [TenantSpec; 2] {
    [spec("carol", 14).email(true), spec("dave", 7)]
}

async fn start(database: &Database, sandbox: &Sandbox) -> Service {
    let more = [("PUBLISH_LEDGER_URL", &*database.url()), RATE];
    Service::start_with(sandbox.environment(), &more).await
}

/// What a tenant's platforms were given so far.
#[derive(Default)]
struct Given {
    telegram: Vec<String>,
    email: Vec<String>,
}

impl Given {
    /// Publishes the next image, and notes the angles as they were sent to the model.
    async fn publish(
        &mut self,
        service: &Service,
        sandbox: &Sandbox,
        tenant: &DemoTenant,
        platforms: &[&str],
    ) {
        let index = u8::try_from(self.telegram.len()).unwrap();
        let outcomes = publish(service, sandbox, tenant, index, platforms).await;
        assert!(outcomes.iter().all(|it| it == "published"), "{outcomes:?}");
        let material = last_material(sandbox, tenant);
        for platform in platforms {
            let angle = material["platforms"][*platform]["angle"].as_str();
            let angle = angle.unwrap().to_owned();
            match *platform {
                "telegram" => self.telegram.push(angle),
                _ => self.email.push(angle),
            }
        }
    }

    /// Checks that no angle came again within six, and that the ledger has the same.
    async fn assert_rotates(&self, database: &mut Database, tenant: &DemoTenant) {
        for (platform, given) in [("telegram", &self.telegram), ("email", &self.email)] {
            for window in given.windows(ANGLES) {
                let different: std::collections::HashSet<_> = window.iter().collect();
                assert_eq!(different.len(), ANGLES, "{platform}: {given:?}");
            }
            let query = format!(
                "SELECT angle FROM ledger_caption_history WHERE tenant = '{}' AND platform = '{platform}'
                 AND unpublished IS NULL ORDER BY sent_at, id",
                tenant.name
            );
            assert_eq!(&database.texts(&query).await, given, "{platform}");
        }
    }
}

/// Two images of carol's go to Telegram alone, so that her platforms are not in step, and 12 to both.
fn platforms(round: usize) -> &'static [&'static str] {
    if round < 2 { &BOTH[..1] } else { &BOTH }
}

#[tokio::test]
async fn no_angle_returns_within_six_over_a_restart() {
    let mut database = Database::sqlite().await.unwrap();
    let sandbox = Sandbox::start_empty().await.unwrap();
    let [carol, dave] = specs().map(|spec| sandbox.add_tenant(spec));
    let (mut of_carol, mut of_dave) = (Given::default(), Given::default());
    let mut service = start(&database, &sandbox).await;
    for round in 0..14 {
        if round == 7 {
            service.kill().await;
            service = start(&database, &sandbox).await;
        }
        let platforms = platforms(round);
        of_carol
            .publish(&service, &sandbox, &carol, platforms)
            .await;
        if round % 2 == 0 {
            of_dave.publish(&service, &sandbox, &dave, &BOTH[..1]).await;
        }
    }
    service.kill().await;
    assert_eq!((of_carol.email.len(), of_dave.telegram.len()), (12, 7));
    assert_ne!(of_carol.telegram[2], of_carol.email[0]);
    of_carol.assert_rotates(&mut database, &carol).await;
    of_dave.assert_rotates(&mut database, &dave).await;
    // Each begins anew: what carol has published is nothing to dave.
    assert_eq!(of_dave.telegram[0], of_carol.telegram[0]);
}

#[tokio::test]
async fn no_angle_returns_within_six_whichever_replica_publishes() {
    let Some(mut database) = Database::postgres().await else {
        return;
    };
    let sandbox = Sandbox::start_empty().await.unwrap();
    let [carol, _] = specs().map(|spec| sandbox.add_tenant(spec));
    let replicas = [
        start(&database, &sandbox).await,
        start(&database, &sandbox).await,
    ];
    let mut given = Given::default();
    for round in 0..14 {
        let service = &replicas[round % 2];
        given
            .publish(service, &sandbox, &carol, platforms(round))
            .await;
    }
    given.assert_rotates(&mut database, &carol).await;
    drop(replicas);
    database.remove().await;
}
