//! Captions on the whole service: what the models are asked, which of their words are sent, and what is remembered.

mod angles;
mod choosing;
mod condensing;
mod given;
mod isolation;
mod limits;
mod openings;
mod sampling;
mod sd_captions;
mod size;

use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::{Value, json};

use crate::harness::Service;

/// No test is to wait for its turn at the model.
const RATE: (&str, &str) = ("AI_RATE_PER_MINUTE", "10000");

/// A tenant with so many small images, `00.jpg` and so on.
fn spec(name: &str, images: u8) -> TenantSpec {
    let image = |seed| Sample::jpeg(&image(seed), 40, 30, seed).unwrap();
    TenantSpec::new(name).images((0..images).map(image))
}

fn image(index: u8) -> String {
    format!("{index:02}.jpg")
}

async fn start(sandbox: &Sandbox) -> Service {
    Service::start_with(sandbox.environment(), &[RATE]).await
}

/// Has the caption model answer with these captions.
fn script(sandbox: &Sandbox, captions: &Value) {
    let content = json!({ "captions": captions }).to_string();
    sandbox.openai.answer_captions_with(Some(&content));
}

/// Publishes an image, and returns the outcome on each platform in the order of the request.
async fn publish(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    index: u8,
    platforms: &[&str],
) -> Vec<String> {
    let body = json!({ "platforms": platforms });
    let answer = service.publish(sandbox, tenant, &image(index), body).await;
    let answer = answer.json();
    let outcome = |platform: &&str| {
        let outcome = answer["results"][*platform]["outcome"].as_str();
        outcome.unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    platforms.iter().map(outcome).collect()
}

/// The requests of a tenant to the models, of this operation, in order.
fn asked(sandbox: &Sandbox, operation: &str, tenant: &DemoTenant) -> Vec<Value> {
    let requests = sandbox.openai.switches().requests(operation);
    let own = requests.iter();
    let own = own.filter(|it| it.bearer() == Some(&*tenant.api_key));
    own.map(|it| it.json().unwrap()).collect()
}

/// The JSON object in the message of the user.
fn material(request: &Value) -> Value {
    let content = &request["messages"][1]["content"];
    let text = content.as_str().or_else(|| content[0]["text"].as_str());
    serde_json::from_str(text.unwrap()).unwrap()
}

/// The material of the last request for captions.
fn last_material(sandbox: &Sandbox, tenant: &DemoTenant) -> Value {
    material(asked(sandbox, "caption", tenant).last().unwrap())
}

/// How often the models were called: for vision, for captions, and to shorten.
fn calls(sandbox: &Sandbox) -> [usize; 3] {
    ["vision", "caption", "condense"].map(|operation| sandbox.openai.switches().calls(operation))
}

/// The caption of the last photo that a tenant's bot has sent.
fn last_photo(sandbox: &Sandbox, tenant: &DemoTenant) -> String {
    let mut photos = sandbox.telegram.photos_of(&tenant.bot_token);
    photos.pop().unwrap().caption.unwrap()
}

/// The subject of the last mail to a tenant's recipient.
fn last_subject(sandbox: &Sandbox, tenant: &DemoTenant) -> String {
    let to = tenant.recipient.as_deref().unwrap();
    let mut mails = sandbox.smtp.mails_to(to);
    mails.pop().unwrap().header("subject").unwrap()
}
