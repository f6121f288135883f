//! A parameter of the query as it was sent. The framework's own parameters end a request at the first that is bad; with these a
//! handler names all of them, in its own words.

use std::marker::PhantomData;

use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchemaRef, Registry},
    types::Type,
};
use url::form_urlencoded;

use super::super::{dto::problem::FieldError, json_body::Fields};

/// The value of a parameter that the spec describes as `T`, unchecked.
pub(super) struct SentParam<T> {
    name: &'static str,
    value: Option<String>,
    schema: PhantomData<fn() -> T>,
}

impl<T> SentParam<T> {
    /// The value, if there is one. One that `read` does not take breaks `rule`, and is recorded as a problem.
    pub(super) fn read<R>(
        self,
        fields: &mut Fields,
        rule: impl Into<String>,
        read: impl FnOnce(&str) -> Option<R>,
    ) -> Option<R> {
        let read = read(&self.value?);
        if read.is_none() {
            fields.reject(FieldError::new(self.name, rule));
        }
        read
    }
}

impl<'a, T: Type> ApiExtractor<'a> for SentParam<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = false;

    type ParamType = Option<T>;
    type ParamRawType = T::RawValueType;

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(T::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        let found = parameters.find(|(name, _)| name == options.name);
        Ok(Self {
            name: options.name,
            value: found.map(|(_, value)| value.into_owned()),
            schema: PhantomData,
        })
    }
}
