//! A JSON body that may be left out. It is read field by field, so that an answer can name every bad
//! field and not only the first.

mod object;

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

/// The fields that have not been read yet, and the problems of those that have.
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
    /// Removes a field and reads it; `rule` is the rule that it breaks when `read` fails. A field that
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

    /// The value of a field that is `true` or `false`; `false` without it.
    pub fn flag(&mut self, name: &str) -> bool {
        let value = self.take(name, "must be true or false", Value::as_bool);
        value.unwrap_or_default()
    }

    /// As [`take`](Self::take), for a required field.
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

    /// As [`require`](Self::require), for a field that may be `null`, which is `Some(None)`.
    pub fn require_nullable<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.take_null(name) {
            return Some(None);
        }
        self.require(name, rule, read).map(Some)
    }

    /// Removes a field that is `null`, and returns whether it was: where `null` takes back what was said before.
    pub fn take_null(&mut self, name: &str) -> bool {
        let is_null = self.unread.get(name).is_some_and(Value::is_null);
        if is_null {
            self.unread.remove(name);
        }
        is_null
    }

    /// Reads the file name of an image, a parameter of the path.
    pub fn image_name(&mut self, filename: &str) -> Option<ImageName> {
        ImageName::new(filename)
            .map_err(|rule| self.reject(FieldError::new("filename", rule.to_string())))
            .ok()
    }

    /// Records a problem.
    pub fn reject(&mut self, problem: FieldError) {
        self.problems.push(problem);
    }

    /// Returns `read` if there was no problem. A field that has not been read is one: a misspelled
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

/// The file name of an image, the only field of a request.
///
/// # Errors
/// An `invalid-request` that names it.
pub(super) fn image_name(filename: &str) -> Result<ImageName, ApiError> {
    let mut fields = Fields::default();
    let name = fields.image_name(filename);
    fields.finish_with(name)
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
        let fields = if bytes.is_empty() {
            Fields::default()
        } else {
            parse::<T>(request.content_type(), &bytes)?
        };
        Ok(Self {
            fields,
            schema: PhantomData,
        })
    }
}

fn parse<T: Type>(content_type: Option<&str>, bytes: &[u8]) -> Result<Fields, ApiError> {
    if !content_type.is_some_and(Json::<T>::check_content_type) {
        let detail = "A body must be sent as `Content-Type: application/json`.";
        return Err(ApiError::new(ProblemKind::UnsupportedMediaType, detail));
    }
    match object::parse(bytes) {
        Ok((Value::Object(unread), twice)) => {
            let twice = twice.into_iter();
            let problems = twice.map(|path| FieldError::new(path, "is given more than once"));
            Ok(Fields {
                unread,
                problems: problems.collect(),
            })
        }
        Ok(_) => Err(ApiError::new(
            ProblemKind::InvalidRequest,
            "The body must be a JSON object.",
        )),
        Err(error) => {
            // The error has the line and the column, and no content.
            let detail = format!("The body is not valid JSON: {error}.");
            Err(ApiError::new(ProblemKind::InvalidRequest, detail))
        }
    }
}
