//! The longest captions, as descriptions of images and analyses tell them: those that hold for the tenant.

use publisher_sandbox::{DemoTenant, Network, Sandbox};
use serde_json::{Value, json};

use super::{image, last_subject, script, spec, start};
use crate::harness::Service;

const SENTENCE: &str = "She holds the third loop until it is warm.";

#[tokio::test]
async fn the_limits_that_are_told_are_those_that_hold() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(
        spec("carol", 1)
            .email(true)
            .network(Network::Mastodon)
            .network(Network::Bluesky),
    );
    // Carol's instance takes less than others. Whoever tells the limits does not ask it.
    sandbox.mastodon.edit_instance(|instance| {
        instance["configuration"]["statuses"]["max_characters"] = 100.into();
    });
    let warning = "NSFW".len();
    // A tenant's limit counts where it is the lower one; FetLife's is that of the title without its prefix.
    for (mode, captions, expected) in [
        ("normal", json!({}), [1_024, 240, 500 - warning, 300]),
        (
            "private",
            json!({
                "telegram": { "max_length": 90 }, "email": { "max_length": 235 },
                "mastodon": { "max_length": 70 }, "bluesky": { "max_length": 80 },
            }),
            [90, 240 - "Private: ".len(), 70, 80],
        ),
        (
            "avatar",
            json!({ "telegram": { "max_length": 5_000 } }),
            [1_024, 240 - "Avatar: ".len(), 500 - warning, 300],
        ),
    ] {
        sandbox.orchestrator.edit_config(&carol.host, |config| {
            let mut publishers = config["publishers"].as_array_mut().unwrap().iter_mut();
            let fetlife = publishers.find(|it| it["type"] == "fetlife").unwrap();
            fetlife["config"]["subject_mode"] = mode.into();
            config["platform_captions"] = captions.clone();
        });
        let service = start(&sandbox).await;
        let platforms = ["telegram", "email", "mastodon", "bluesky"];
        let expected: Value = platforms
            .into_iter()
            .zip(expected)
            .map(|(platform, limit)| (platform.to_owned(), json!(limit)))
            .collect();
        let long = [SENTENCE; 40].join(" ");
        let texts: Value = platforms
            .into_iter()
            .map(|platform| (platform.to_owned(), json!(long)))
            .collect();
        script(&sandbox, &texts);
        sandbox.openai.answer_condense_with(Some("no JSON at all"));
        let path = format!("/api/images/{}", image(0));
        let details = service.get_as_admin(&sandbox, &carol.host, &path).await;
        assert_eq!(details.json()["platform_limits"], expected, "{details:?}");
        let what = "analyze?force_refresh=true";
        let analysis = service.post(&sandbox, &carol, &image(0), what).await;
        let analysis = analysis.json();
        assert_eq!(analysis["platform_limits"], expected);
        for platform in platforms {
            let caption = analysis["platform_captions"][platform].as_str().unwrap();
            let limit = expected[platform].as_u64().unwrap();
            let length = u64::try_from(caption.chars().count()).unwrap();
            assert!(
                (limit - 50..=limit).contains(&length),
                "{platform}: {caption}"
            );
        }
        if mode == "avatar" {
            assert_sent_within_what_holds(&service, &sandbox, &carol).await;
        }
        service.kill().await;
    }
}

/// Publishes the image: what is sent is within the limits that were told, and what the instance takes.
async fn assert_sent_within_what_holds(service: &Service, sandbox: &Sandbox, carol: &DemoTenant) {
    let answer = service.publish(sandbox, carol, &image(0), json!({})).await;
    let answer = answer.json();
    assert_eq!(
        answer["results"]["mastodon"]["outcome"], "published",
        "{answer}"
    );
    let status = sandbox.mastodon.statuses().remove(0);
    assert_eq!(status.spoiler_text, "NSFW");
    assert_eq!(status.text, [SENTENCE; 2].join(" "));
    let subject = last_subject(sandbox, carol);
    let caption = subject.strip_prefix("Avatar: ").unwrap();
    assert_eq!(caption, [SENTENCE; 5].join(" "));
}
