//! A JSON body that may be left out, read field by field, so that an answer can name every bad
//! field and not only the first.

use std::marker::PhantomData;

use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{Json, Payload as _},
    registry::{MetaMediaType, MetaRequest, Registry},
    types::Type,
};
use serde_json::{Map, Value};

use super::{dto::problem::FieldError, error::ApiError, problem::ProblemKind};
use crate::domain::image::ImageName;

/// The fields of a body that the spec describes as `T`. An empty body has none.
pub struct JsonBody<T> {
    fields: Fields,
    schema: PhantomData<fn() -> T>,
}

/// Fields that are yet to be read, and what was bad about those that were.
#[derive(Debug, Default)]
pub struct Fields {
    unread: Map<String, Value>,
    problems: Vec<FieldError>,
}

impl<T> JsonBody<T> {
    /// The fields.
    #[must_use]
    pub fn into_fields(self) -> Fields {
        self.fields
    }
}

impl Fields {
    /// Takes a field out and reads it; `rule` is what it breaks when `read` cannot. A field that
    /// is `null` counts as left out.
    pub fn take<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.unread.remove(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.reject(FieldError::new(name, rule));
        }
        read
    }

    /// The same for a field that must be there.
    pub fn require<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let problems_before = self.problems.len();
        let read = self.take(name, rule, read);
        if read.is_none() && self.problems.len() == problems_before {
            self.reject(FieldError::new(name, "is required"));
        }
        read
    }

    /// Reads the file name of an image out of the path.
    pub fn image_name(&mut self, filename: &str) -> Option<ImageName> {
        ImageName::new(filename)
            .map_err(|rule| self.reject(FieldError::new("filename", rule.to_string())))
            .ok()
    }

    /// Notes a problem.
    pub fn reject(&mut self, problem: FieldError) {
        self.problems.push(problem);
    }

    /// Hands `read` back if nothing was bad; a field that nobody has read is: a misspelt
    /// `dry_run` must not publish.
    ///
    /// # Errors
    /// An `invalid-request` that names every bad field.
    pub fn finish_with<T>(mut self, read: Option<T>) -> Result<T, ApiError> {
        let unknown = self.unread.keys();
        let unknown = unknown.map(|name| FieldError::new(name, "is not a field of this request"));
        self.problems.extend(unknown);
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(ApiError::bad_fields(self.problems)),
        }
    }
}

impl<'a, T: Type> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: Json::<T>::CONTENT_TYPE,
                schema: T::schema_ref(),
            }],
            required: false,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let bytes = body.take()?.into_bytes().await?;
        let unread = if bytes.is_empty() {
            Map::new()
        } else {
            parse::<T>(request.content_type(), &bytes)?
        };
        Ok(Self {
            fields: Fields {
                unread,
                problems: Vec::new(),
            },
            schema: PhantomData,
        })
    }
}

fn parse<T: Type>(
    content_type: Option<&str>,
    bytes: &[u8],
) -> Result<Map<String, Value>, ApiError> {
    if !content_type.is_some_and(Json::<T>::check_content_type) {
        let detail = "A body must be sent as `Content-Type: application/json`.";
        return Err(ApiError::new(ProblemKind::UnsupportedMediaType, detail));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::new(
            ProblemKind::InvalidRequest,
            "The body must be a JSON object.",
        )),
        Err(error) => {
            // The line and column, and never what stands there.
            let detail = format!("The body is not valid JSON: {error}.");
            Err(ApiError::new(ProblemKind::InvalidRequest, detail))
        }
    }
}
