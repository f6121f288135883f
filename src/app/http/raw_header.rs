//! Headers as they were sent. The framework's own parameter ignores a value that is not ASCII, as if the header were not
//! there: a request that is meant to be done once would be done without a key.

use poem::{Request, RequestBody, Result, http::HeaderValue};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchemaRef},
    types::Type as _,
};

/// What is read from a header, whatever it holds.
pub(super) trait FromHeader: Send {
    /// The name of the header.
    const NAME: &'static str;

    /// Reads all its values, of which there may be none.
    fn from_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self;
}

/// A header of a request. The document describes it as an optional text.
pub(super) struct RawHeader<T>(pub(super) T);

impl<'a, T: FromHeader> ApiExtractor<'a> for RawHeader<T> {
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
        let values = request.headers().get_all(T::NAME).iter();
        Ok(Self(T::from_values(values.map(HeaderValue::as_bytes))))
    }
}
