//! Who gets the confirmation of a mail: those whom the config names, with one tenant those whom the environment names,
//! else the sender; and no log has their addresses.

use publisher_sandbox::{DemoTenant, ReceivedMail, Sandbox};
use serde_json::{Value, json};

use crate::harness::Service;

const ADMINS: (&str, &str) = (
    "ADMIN_LOGIN_EMAILS",
    "Canary-One@people.test, canary-two@people.test",
);
const IMAGE: &str = "harbour-dawn.jpg";

/// Publishes by mail, and returns the recipients of the confirmation; none where there is no such mail.
async fn confirmed_to(service: Service, sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<String> {
    let before = sandbox.smtp.mails().len();
    let body = json!({"platforms": ["email"], "caption": "Ahoy", "force": true});
    let answer = service.publish(sandbox, tenant, IMAGE, body).await;
    assert_eq!(
        answer.json()["results"]["email"]["outcome"],
        "published",
        "{answer:?}"
    );
    // What follows a publication has ended with the process.
    service.terminate().await;
    let (status, log) = service.ended().await;
    assert!(status.success());
    assert!(!log.to_lowercase().contains("canary-"), "{log}");
    let mails = sandbox.smtp.mails();
    let confirmation: Vec<&ReceivedMail> = mails.iter().skip(before + 1).collect();
    assert!(confirmation.len() <= 1, "one mail for all");
    confirmation
        .iter()
        .flat_map(|mail| mail.to.clone())
        .collect()
}

#[tokio::test]
async fn with_an_orchestrator_the_config_says_who_and_the_environment_never_does() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    let people = json!([
        "Canary-Jane@people.test",
        "canary-joe@people.test",
        "CANARY-JANE@people.test"
    ]);
    let sender = vec![tenant.sender.clone()];
    let both = ["Canary-Jane@people.test", "canary-joe@people.test"].map(str::to_owned);
    for (auth, expected) in [
        (Value::Null, sender.clone()),
        (json!({"enabled": false, "allowed_emails": people}), sender),
        (
            json!({"enabled": true, "allowed_emails": people}),
            both.into(),
        ),
        (json!({"enabled": "yes", "allowed_emails": people}), vec![]),
    ] {
        let change = |config: &mut Value| {
            config["auth"] = auth.clone();
            config["content"]["archive"] = false.into();
        };
        assert!(sandbox.orchestrator.edit_config(&tenant.host, change));
        let service = Service::start_with(sandbox.environment(), &[ADMINS]).await;
        let to = confirmed_to(service, &sandbox, tenant).await;
        assert_eq!(to, expected, "{auth}");
    }
}

#[tokio::test]
async fn with_one_tenant_the_environment_says_who() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    let both = ["Canary-One@people.test", "canary-two@people.test"].map(str::to_owned);
    let stays = |config: &mut Value| config["content"]["archive"] = false.into();
    assert!(sandbox.orchestrator.edit_config(&tenant.host, stays));
    for (more, expected) in [
        (&[][..], vec![tenant.sender.clone()]),
        (&[ADMINS], both.clone().into()),
        (&[("AUTH0_ADMIN_EMAIL_ALLOWLIST", ADMINS.1)], both.into()),
    ] {
        let environment = sandbox.standalone_environment(tenant);
        let service = Service::start_with(environment, more).await;
        let to = confirmed_to(service, &sandbox, tenant).await;
        assert_eq!(to, expected, "{more:?}");
    }
}
