//! The `Idempotency-Key` of a request. The framework's own parameter ignores a value that is not
//! ASCII, so a request that is meant to be done once would be done without a key.

use poem::{Request, RequestBody, Result, http::HeaderValue};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchemaRef},
    types::Type as _,
};

use super::{dto::problem::FieldError, json_body::Fields};
use crate::domain::idempotency::IdempotencyKey;

const NAME: &str = "Idempotency-Key";

/// The values of the header, unchecked.
pub(super) struct SentKey(Vec<HeaderValue>);

impl SentKey {
    /// The key, if there is one. Any other value is recorded as a problem.
    pub(super) fn read(&self, fields: &mut Fields) -> Option<IdempotencyKey> {
        let rule = match &*self.0 {
            [] => return None,
            [value] => match IdempotencyKey::new(&String::from_utf8_lossy(value.as_bytes())) {
                Ok(key) => return Some(key),
                Err(rule) => rule.to_string(),
            },
            _ => "must be there once".to_owned(),
        };
        fields.reject(FieldError::new(NAME, rule));
        None
    }
}

impl<'a> ApiExtractor<'a> for SentKey {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = false;

    type ParamType = Option<String>;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(Self::ParamType::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let values = request.headers().get_all(NAME).iter();
        Ok(Self(values.cloned().collect()))
    }
}
