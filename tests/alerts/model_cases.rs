//! A model that ends, according to a tenant's config.

use serde_json::json;

use crate::service::Stage;

/// Has the config say that the vision model has ended.
pub(crate) fn end(stage: &Stage) {
    let orchestrator = &stage.sandbox.orchestrator;
    orchestrator.edit_config(&stage.tenant.host, |config| {
        config["ai"]["vision_model_lifecycle"] = json!({"shutdown_date": "2026-01-31"});
    });
}

/// Has the config name another vision model.
pub(crate) fn replace(stage: &Stage) {
    let orchestrator = &stage.sandbox.orchestrator;
    orchestrator.edit_config(&stage.tenant.host, |config| {
        config["ai"]["vision_model"] = "gpt-5".into();
        config["ai"]["vision_model_lifecycle"] = json!(null);
    });
}
